"""`payment tick`: what has to be done from time to time, for a crontab.

Overdue orders end, what commits owe to baskets is applied, scripts and hooks that are due run, and
stores are told of their orders.
Each run does a bounded amount of each, and what can't be done is told and left for the next one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from payment_cli.errors import ConfigError, PaymentError
from payment_cli.model.payments.payment import ApplyStatus
from payment_cli.model.record import Json, Record
from payment_cli.services.events.hooks import Hooks
from payment_cli.services.events.notices import Notices
from payment_cli.services.events.outbox import Outbox
from payment_cli.services.payments.apply import Applier
from payment_cli.services.payments.due import due_scripts
from payment_cli.services.shop.order_payments import OrderPayments

#: (id, reason) of what could not be done.
Errors = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick did. `cancelled`, `settled` and `held` are ids of overdue orders."""

    cancelled: tuple[str, ...]
    settled: tuple[str, ...]
    held: tuple[str, ...]
    outbox: int
    scripts: int
    scripts_failed: int
    hooks: int
    hooks_failed: int
    notices: int
    notices_missed: int
    errors: tuple[tuple[str, str], ...]

    def to_record(self) -> Record:
        """Return the summary as it is printed."""
        errors: list[Json] = [{"id": record_id, "msg": said} for record_id, said in self.errors]
        return {
            "cancelled": list(self.cancelled),
            "settled": list(self.settled),
            "held": list(self.held),
            "outbox": self.outbox,
            "scripts": self.scripts,
            "scripts_failed": self.scripts_failed,
            "hooks": self.hooks,
            "hooks_failed": self.hooks_failed,
            "notices": self.notices,
            "notices_missed": self.notices_missed,
            "errors": errors,
        }


@dataclass(frozen=True, slots=True)
class Ticker:
    """Does what is due, each thing by its own service. Services are made when they are needed."""

    order_payments: OrderPayments
    outbox: Outbox
    applier: Callable[[], Applier]
    notices: Callable[[], Notices]
    hooks: Callable[[], Hooks]

    def tick(self, most: int) -> Ticked:
        """Do what is due: at most `most` of orders, outbox rows, scripts, notices, hooks each.

        Raises:
            LockedError, StorageError: nothing can be written now.
        """
        orders = self.order_payments.tick(most)
        applied = self.outbox.apply(most)
        errors: Errors = [*orders.errors, *applied.errors]
        done, failed = self._run_scripts(most, errors)
        told = self.notices().drain(most)
        hooked = self.hooks().drain(most)
        return Ticked(
            cancelled=orders.cancelled,
            settled=orders.settled,
            held=orders.held,
            outbox=applied.count,
            scripts=done,
            scripts_failed=failed,
            hooks=hooked.done,
            hooks_failed=hooked.failed,
            notices=told.delivered,
            notices_missed=told.waiting + told.failed,
            errors=(*errors, *told.errors.items(), *hooked.errors.items()),
        )

    def _run_scripts(self, most: int, errors: Errors) -> tuple[int, int]:
        """Run what is due; return how many scripts were done and how many failed."""
        applier = self.applier()
        done = failed = 0
        try:
            due = due_scripts(applier.payments, most)
        except ConfigError as error:  # whose payments they are is in a file that can't be read
            errors.append((applier.payments.actor.domain, f"{error.code}: {error}"))
            return 0, 0
        for payment_id in due:
            try:
                after = applier.apply_if_due(applier.payments.get_committed(payment_id))
            except PaymentError as error:
                errors.append((payment_id, f"{error.code}: {error}"))
                continue
            done += after.apply_st == ApplyStatus.DONE
            failed += after.apply_st == ApplyStatus.FAILED
        return done, failed
