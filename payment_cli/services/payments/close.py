"""`pay close`: ending a payment at its provider before it is paid."""

from dataclasses import dataclass, replace

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.payments.result import Result, trouble_of
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

        While the provider has not closed it for sure it waits on, and the result is `unknown`: also
        when the provider knows no such order, which may yet begin with the payer's scan.

        Raises:
            InvalidValueError: the reason is not one line of REASON_MAX characters or less.
            NotAllowedError: it is paid, be it with another amount than was asked for.
            OutcomeUnknownError: a send is under way right now, or its outcome can't be known.
        """
        if len(reason) > REASON_MAX or not reason.isprintable():
            raise InvalidValueError(f"the reason must be one line, at most {REASON_MAX} characters")
        payment = self.payments.get_committed(fragment)
        if payment.st is Status.FAIL:
            return Result(payment)
        if payment.st is Status.OK:
            trouble = trouble_of(payment)
            raise NotAllowedError(
                f"payment {payment.id} is OK: {trouble or 'it was paid'}",
                hint="" if trouble else "refund it",
            )
        if payment.st is Status.NEW:
            return self.asker.record_end(payment, reason)
        result = self._close_at_provider(payment, reason)
        require_no_other_amount(result.payment)
        if result.payment.st is Status.OK:
            trouble = trouble_of(result.payment) or "it was paid before it could be closed"
            raise NotAllowedError(f"payment {payment.id} is OK now: {trouble}")
        return result

    def _close_at_provider(self, payment: Payment, reason: str) -> Result:
        require_no_other_amount(payment)
        gateway = self.asker.gateway(payment)
        result = Result(payment)
        if payment.intent is not None:
            result = self.resolver.resolve(gateway, payment)
        if result.payment.is_awaited:
            result = self.asker.end(gateway, payment, reason)
        return replace(result, unknown=True) if result.payment.is_awaited else result


def require_no_other_amount(payment: Payment) -> None:
    """See that no person must decide first what becomes of the money that came.

    Raises:
        NotAllowedError: the provider says another amount than was asked for; names both.
    """
    if payment.has_other_amount:
        raise NotAllowedError(
            f"payment {payment.id}: {payment.figures}",
            hint="look it up at the provider; pay check asks again, pay query --flagged lists it",
        )
