"""`pay watch`: asking at the provider's pace until a payment is done, and reversing a slow scan."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import NotAllowedError, OutcomeUnknownError
from payment_cli.model.pay_type import pay_type
from payment_cli.model.payment import Status
from payment_cli.model.result import Result
from payment_cli.services.checking import Checking
from payment_cli.services.payments import Payments


@dataclass(frozen=True, slots=True)
class Watching:
    """Watches one payment. `sleep` takes seconds."""

    payments: Payments
    checking: Checking
    clock: Clock
    sleep: Callable[[float], None]

    def watch(self, fragment: str, reverse_after_s: int) -> Iterator[Result]:
        """Yield the result of each look, the last when the payment is OK or FAIL.

        A scan is reversed `reverse_after_s` seconds after it was sent (providers demand 30). A
        payment somebody else pays or closes ends the watch as well. Never ends on NEW by itself:
        a NEW payment yields one result.
        """
        payment = self.payments.get(fragment)
        yield Result(payment)
        if payment.st is not Status.WAIT:
            return
        kind = pay_type(payment.pay_tp)
        reverse_at = payment.send_at + reverse_after_s * 1000
        while True:
            self.sleep(kind.poll_s)
            try:
                if kind.is_scan and self.clock() >= reverse_at:
                    result = self.checking.close(payment.id, "not confirmed in time")
                else:
                    result = self.checking.check(payment.id)
            except (OutcomeUnknownError, NotAllowedError) as error:
                current = self.payments.get(payment.id)
                result = Result(current, (), str(error), unknown=current.st is Status.WAIT)
            yield result
            if result.payment.st is not Status.WAIT:
                return
