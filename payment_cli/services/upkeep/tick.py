"""`payment tick`: what has to be done from time to time, for a crontab.

Overdue orders end, what commits owe to baskets is applied, scripts and hooks that are due run, and
stores are told of their orders. Each is a round of its own sweep (services/events/rounds.py), and
does a bounded amount; what can't be done is postponed. A later sweep is one more row of `_sweeps`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from payment_cli.model.payments.payment import ApplyStatus
from payment_cli.model.record import Json, Record
from payment_cli.services.events.hooks import Hooks
from payment_cli.services.events.notices import Notices
from payment_cli.services.events.outbox import Outbox
from payment_cli.services.events.postponements import Postponements
from payment_cli.services.events.rounds import DONE, Due, End, Round
from payment_cli.services.payments.apply import Applier
from payment_cli.services.shop.order_payments import OrderPayments


class Part(NamedTuple):
    """What one sweep of a tick did: `counts` as they are printed, the rest as a `Round` has it."""

    counts: Mapping[str, Json]
    errors: tuple[tuple[str, str], ...] = ()
    undone: int = 0
    news: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick did. `undone` counts what is postponed because it failed."""

    parts: tuple[Part, ...]

    @property
    def errors(self) -> tuple[tuple[str, str], ...]:
        """(id, reason) of what could not be done in this tick."""
        return tuple(error for part in self.parts for error in part.errors)

    @property
    def undone(self) -> int:
        """How many things and accounts are postponed by now because they failed."""
        return sum(part.undone for part in self.parts)

    @property
    def news(self) -> tuple[str, ...]:
        """What a person is to be told, because it is not as it was at the last tick."""
        return tuple(dict.fromkeys(line for part in self.parts for line in part.news))

    def to_record(self) -> Record:
        """Return the summary as it is printed; `cancelled`, `settled` and `held` are orders."""
        errors: list[Json] = [{"id": record_id, "msg": said} for record_id, said in self.errors]
        counts = {key: value for part in self.parts for key, value in part.counts.items()}
        return {**NOTHING, **counts, "postponed": self.undone, "errors": errors}


#: What a tick counts, as it is printed where a sweep could not even begin.
NOTHING: Mapping[str, Json] = {
    "cancelled": [], "settled": [], "held": [], "outbox": 0, "scripts": 0, "scripts_failed": 0,
    "hooks": 0, "hooks_failed": 0, "notices": 0, "notices_missed": 0,
}  # fmt: skip


class _Sweep(Protocol):
    def __call__(self, most: int, *, again: bool) -> Part: ...


@dataclass(frozen=True, slots=True)
class Ticker:
    """Does what is due, each thing by its own service. Services are made when they are needed."""

    order_payments: OrderPayments
    outbox: Outbox
    applier: Callable[[], Applier]
    notices: Callable[[], Notices]
    hooks: Callable[[], Hooks]

    def tick(self, most: int, *, again: bool = False) -> Ticked:
        """Do what is due: at most `most` of orders, outbox rows, scripts, notices, hooks each.

        With `again` also what is postponed. A sweep that can't even begin stops no other, and is
        postponed like anything else.

        Raises:
            LockedError, StorageError: nothing can be written now.
        """
        sweeps = self._sweeps()
        parts: list[Part] = []
        actor = self.order_payments.orders.actor
        postponements = Postponements(self.outbox.storage, actor, self.outbox.clock)
        # Two callers' ticks are two sweeps: what fails in one need not in the other.
        run = Round(postponements, f"tick as {actor.domain}", len(sweeps), again=again)

        def sweep(name: str) -> End:
            parts.append(sweeps[name](most, again=again))
            return DONE

        run.run([Due(name, actor.domain) for name in sweeps], sweep)
        parts.append(Part({}, tuple(run.errors), run.undone, run.news))
        return Ticked(tuple(parts))

    def _sweeps(self) -> Mapping[str, _Sweep]:
        return {
            "orders": self._end_orders,
            "outbox": self._apply_outbox,
            "scripts": self._run_scripts,
            "notices": self._tell,
            "hooks": self._run_hooks,
        }

    def _end_orders(self, most: int, *, again: bool) -> Part:
        done = self.order_payments.tick(most, again=again)
        counts: dict[str, Json] = {
            "cancelled": list(done.cancelled),
            "settled": list(done.settled),
            "held": list(done.held),
        }
        return Part(counts, done.errors, done.undone, done.news)

    def _apply_outbox(self, most: int, *, again: bool) -> Part:
        done = self.outbox.apply(most, again=again)
        return Part({"outbox": done.count}, done.errors, done.undone, done.news)

    def _run_scripts(self, most: int, *, again: bool) -> Part:
        done = self.applier().run_due(most, again=again)
        states = [payment.apply_st for payment in done.after]
        counts: dict[str, Json] = {
            "scripts": states.count(ApplyStatus.DONE),
            "scripts_failed": states.count(ApplyStatus.FAILED),
        }
        return Part(counts, done.errors, done.undone, done.news)

    def _tell(self, most: int, *, again: bool) -> Part:
        done = self.notices().drain(most, again=again)
        counts: dict[str, Json] = {
            "notices": done.delivered,
            "notices_missed": done.waiting + done.failed,
        }
        return Part(counts, done.errors, done.undone, done.news)

    def _run_hooks(self, most: int, *, again: bool) -> Part:
        done = self.hooks().drain(most, again=again)
        counts: dict[str, Json] = {"hooks": done.done, "hooks_failed": done.failed}
        return Part(counts, done.errors, done.undone, done.news)
