"""`pay watch`: asking at the provider's pace until a payment is done, and reversing a slow scan."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import NotAllowedError, OutcomeUnknownError
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.payments.payment import Payment
from payment_cli.model.payments.result import Result, trouble_of
from payment_cli.services.payments.check import Checker
from payment_cli.services.payments.close import Closer
from payment_cli.services.payments.lookup import Payments


@dataclass(frozen=True, slots=True)
class Watcher:
    """Watches one payment. `sleep` takes seconds.

    A scan the payer has not confirmed `scan_reverse_s` after it was sent is reversed, as the
    providers demand (config/settings.py).
    """

    payments: Payments
    checker: Checker
    closer: Closer
    clock: Clock
    sleep: Callable[[float], None]
    scan_reverse_s: int

    def watch(self, fragment: str, reverse_after_s: int | None = None) -> Iterator[Result]:
        """Yield the result of each look, the last when the payment is OK or FAIL.

        A scan is reversed `reverse_after_s` seconds after it was sent (None: `scan_reverse_s`). A
        payment somebody else pays or closes ends the watch as well, and so does one that was paid
        with another amount: a person decides. Never ends on NEW by itself:
        a NEW payment yields one result.
        """
        payment = self.payments.get_committed(fragment)
        yield Result(payment)
        if not payment.is_awaited:
            return
        kind = pay_type(payment.pay_tp)
        while True:
            self.sleep(kind.poll_s)
            result = self.look(payment, reverse_after_s)
            yield result
            if not result.payment.is_awaited:
                return

    def look(self, payment: Payment, reverse_after_s: int | None = None) -> Result:
        """Ask once about a waiting payment; reverse a scan that is older than `reverse_after_s`.

        It is asked about before it is reversed: a reversal gives back money that came. What can't
        be found out now is a result with `unknown`, not an error.

        Raises:
            UntrustedError: the provider's answer does not fit the payment.
            ConfigError: the target's config is missing or wrong.
        """
        is_slow = pay_type(payment.pay_tp).is_scan and (
            self.reverse_in(payment, reverse_after_s) == 0
        )
        try:
            result = self.checker.check(payment.id)
            if is_slow and result.payment.is_awaited:
                result = self.closer.close(payment.id, "not confirmed in time")
        except (OutcomeUnknownError, NotAllowedError) as error:
            current = self.payments.get_committed(payment.id)
            said = trouble_of(current) or str(error)
            return Result(current, (), said, unknown=current.is_awaited)
        return result

    def reverse_in(self, payment: Payment, reverse_after_s: int | None = None) -> int:
        """Return how long (ms) a scan may still wait for its payer."""
        after_s = self.scan_reverse_s if reverse_after_s is None else reverse_after_s
        return max(payment.send_at + after_s * 1000 - self.clock(), 0)

    def look_if_due(self, payment: Payment) -> Result:
        """As `look`, if it is time to; else, and for one that waits no more, return it as it is.

        A scan has no callback: it is asked about each time. For the others it is time when
        `pay check --pending` would ask, too.
        """
        if not payment.is_awaited:
            return Result(payment)
        if not pay_type(payment.pay_tp).is_scan and self.clock() < payment.next_check_at:
            return Result(payment)
        return self.look(payment)

    def end_expired(self, payment: Payment) -> None:
        """Let a payment that outlived its time at the provider end, so that another may begin.

        Raises:
            UntrustedError, ConfigError, NotAllowedError, OutcomeUnknownError: as `pay check`.
        """
        if payment.is_awaited and self.clock() > payment.expi:
            self.checker.check(payment.id)
