"""`pay close`: ending a payment at its provider before it is paid."""

from dataclasses import dataclass

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.model.payments.payment import Status
from payment_cli.model.payments.result import Result
from payment_cli.services.payments.ask import Asker
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.resolve import Resolver

#: The longest reason that `pay close` keeps.
REASON_MAX = 256


@dataclass(frozen=True, slots=True)
class Closer:
    """Closes payments."""

    payments: Payments
    asker: Asker
    resolver: Resolver

    def close(self, fragment: str, reason: str) -> Result:
        """Close (a scan: reverse) the payment at the provider, then FAIL with `reason`.

        Raises:
            InvalidValueError: the reason is not one line of REASON_MAX characters or less.
            NotAllowedError: it is paid.
            OutcomeUnknownError: a send is under way right now, or its outcome can't be known.
        """
        if len(reason) > REASON_MAX or not reason.isprintable():
            raise InvalidValueError(f"the reason must be one line, at most {REASON_MAX} characters")
        payment = self.payments.get_committed(fragment)
        if payment.st is Status.FAIL:
            return Result(payment)
        if payment.st is Status.OK:
            raise NotAllowedError(f"payment {payment.id} is OK: it was paid", hint="refund it")
        if payment.st is Status.NEW:
            return self.asker.record_end(payment, reason)
        gateway = self.asker.gateway(payment)
        result = Result(payment)
        if payment.intent is not None:
            result = self.resolver.resolve(gateway, payment)
        if result.payment.st is Status.WAIT:
            result = self.asker.end(gateway, payment, reason)
        if result.payment.st is Status.OK:
            raise NotAllowedError(
                f"payment {payment.id} was paid before it could be closed; it is OK now"
            )
        return result
