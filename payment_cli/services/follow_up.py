"""What follows after a commit: what it owes to the outbox, the store's webhook, the script.

Every command and every answer on the web that may see a payment turn OK or FAIL ends here. The
payment stands whatever happens: what is not done now is done by `payment tick`.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from payment_cli.clock import Clock
from payment_cli.errors import PaymentError, StorageError
from payment_cli.model.payments.payment import ApplyStatus, Payment, Status
from payment_cli.services.events.outbox import Outbox
from payment_cli.services.payments.apply import Applier
from payment_cli.storage.base import Storage


class Followed(NamedTuple):
    """A payment after its follow-up; `script_failed` if its script ran now, and failed.

    `not_run` says why its script could not be run now; it is due still.
    """

    payment: Payment
    script_failed: bool
    not_run: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Follows up what commits settled. Services are made when they are needed.

    `payments_of` returns the payments of an order. `start` starts a command of ours, given by its
    words, in a process that nobody waits for.
    """

    storage: Storage
    clock: Clock
    outbox: Callable[[], Outbox]
    applier: Callable[[], Applier]
    payments_of: Callable[[str], Iterable[Payment]]
    start: Callable[..., None]

    def wait(self, payment: Payment) -> Followed:
        """Do what the payment calls for, and wait for its script; webhooks are not waited for."""
        self._settle_outside(payment)
        if payment.apply_st != ApplyStatus.DUE:
            return Followed(payment, script_failed=False)
        try:
            after = self.applier().apply_if_due(payment)
        except StorageError as error:
            return Followed(payment, script_failed=False, not_run=str(error))
        return Followed(after, after.apply_st == ApplyStatus.FAILED)

    def detach(self, payment: Payment) -> None:
        """As `wait`, but the script runs in a process of its own: for who must answer at once.

        If it can't be started the script stays due: `pay check --pending` finds it.
        """
        self._settle_outside(payment)
        if payment.apply_st == ApplyStatus.DUE:
            self.start("pay", "apply", payment.id)

    @contextmanager
    def settling(self, order_id: str, follow: Callable[[Payment], object]) -> Iterator[None]:
        """If the body fails, do first what follows from payments of the order that are paid.

        To close a payment is to ask about it, and the answer may be that it was paid: that is
        recorded, and then the command is refused.
        """
        try:
            yield
        except PaymentError:
            with suppress(PaymentError):
                for payment in self.payments_of(order_id):
                    follow(payment)
            raise

    def _settle_outside(self, payment: Payment) -> None:
        if not (payment.or_id and (payment.is_final or payment.flag)):
            return
        if payment.st is Status.OK:
            with suppress(PaymentError):
                self.outbox().apply()
        self.tell(payment.or_id, payment.seller_nm)

    def tell(self, order_id: str, store: str) -> None:
        """Start what tells of an order's event: its store's webhook, and the store's own hook.

        What can't be started now is done by `payment tick`.
        """
        from payment_cli.services.events.hooks import is_hook_due
        from payment_cli.services.events.notice_records import may_start_delivery

        with suppress(PaymentError):
            if may_start_delivery(self.storage, order_id, store, self.clock()):
                self.start("payment", "notify", "drain")
        with suppress(PaymentError):
            if is_hook_due(self.storage, order_id):
                self.start("payment", "hook", "drain")
