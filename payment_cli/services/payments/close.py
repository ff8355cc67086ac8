"""`pay close`: ending a payment at its provider before it is paid; or, `--abandon`, without it.

A payment whose account is gone can't be closed by anybody, and no answer will ever end it. An
operator may end it all the same (docs/decisions/0018): it is FAIL and what it holds is free, but
nobody has closed it, so that it may still be paid. Such money is flagged `late`, as any other.
"""

from dataclasses import dataclass, replace

from payment_cli.errors import ConfigError, InvalidValueError, NotAllowedError
from payment_cli.gateways.base import Outcome
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.payments.result import Result, trouble_of
from payment_cli.services.payments.accounts import ELSEWHERE
from payment_cli.services.payments.answers import reason_of
from payment_cli.services.payments.ask import Asker, minutes
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.pace import ABSENT_MARGIN_MS
from payment_cli.services.payments.resolve import Resolver, require_no_send_under_way

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
        _check_reason(reason)
        payment = self.payments.get_committed(fragment)
        if payment.st is Status.FAIL:
            return Result(payment)
        _require_not_ok(payment)
        if payment.st is Status.NEW:
            return self.asker.record_end(payment, reason)
        result = self._close_at_provider(payment, reason)
        require_no_other_amount(result.payment)
        _require_not_ok_now(result.payment)
        return result

    def abandon(self, fragment: str, reason: str) -> Result:
        """End a payment that its provider can't be asked about: FAIL with `reason`; nobody is told.

        A scan that failed and is still to be reversed is given up. Where the account can be asked,
        its answer is recorded, and this is refused: closing does the work.

        Raises:
            InvalidValueError: the reason is not one line of REASON_MAX characters or less.
            NotAllowedError: the caller is no operator; it is paid; or its account can be asked, or
                gives no answer while the payer may still be paying.
            OutcomeUnknownError: a send is under way right now.
        """
        self.require_operator()
        _check_reason(reason)
        payment = self.payments.get_committed(fragment)
        if payment.st is Status.FAIL and not payment.next_check_at:
            return Result(payment)
        _require_not_ok(payment)
        require_no_other_amount(payment)
        if payment.st is Status.NEW:
            raise NotAllowedError(f"payment {payment.id} was never sent", hint="pay close ends it")
        require_no_send_under_way(payment, self.asker.clock())
        result = self.asker.record_abandoned(payment, reason, self._why_not_asked(payment))
        _require_not_ok_now(result.payment)
        return result

    def require_operator(self) -> None:
        """See that the caller may abandon what a store's account holds.

        Raises:
            NotAllowedError: only operators may.
        """
        if not self.payments.actor.is_operator:
            raise NotAllowedError("only an operator abandons a payment", hint="--as root")

    def _why_not_asked(self, payment: Payment) -> str:
        """Return why nobody can say what became of the payment.

        Raises:
            NotAllowedError: its account said it now; or gives no answer, and it may yet be paid.
        """
        try:
            gateway = self.asker.gateway(payment)
            answer = self.asker.check(gateway, payment)
        except (ConfigError, InvalidValueError) as error:
            return f"{error.code}: {error}"
        if answer.outcome is not Outcome.UNKNOWN:
            after = self.asker.note(gateway, payment, answer).payment
            _require_not_ok_now(after)
            raise NotAllowedError(
                f"payment {payment.id} is {after.st}: its account can be asked",
                hint="pay close ends it",
            )
        left_ms = payment.expi + ABSENT_MARGIN_MS - self.asker.clock()
        if answer.code != ELSEWHERE and left_ms > 0:
            raise NotAllowedError(
                f"payment {payment.id} may still be paid, and its account gives no answer now "
                f"({reason_of(answer)})",
                hint=f"pay close asks again; if it stays silent: --abandon in {minutes(left_ms)}",
            )
        return reason_of(answer)

    def _close_at_provider(self, payment: Payment, reason: str) -> Result:
        require_no_other_amount(payment)
        gateway = self.asker.gateway(payment)
        result = Result(payment)
        if payment.intent is not None:
            result = self.resolver.resolve(gateway, payment)
        if result.payment.is_awaited:
            result = self.asker.end(gateway, payment, reason)
        return replace(result, unknown=True) if result.payment.is_awaited else result


def _check_reason(reason: str) -> None:
    if len(reason) > REASON_MAX or not reason.isprintable():
        raise InvalidValueError(f"the reason must be one line, at most {REASON_MAX} characters")


def _require_not_ok(payment: Payment) -> None:
    if payment.st is not Status.OK:
        return
    trouble = trouble_of(payment)
    raise NotAllowedError(
        f"payment {payment.id} is OK: {trouble or 'it was paid'}",
        hint="" if trouble else "refund it",
    )


def _require_not_ok_now(payment: Payment) -> None:
    if payment.st is Status.OK:
        trouble = trouble_of(payment) or "it was paid before it could be closed"
        raise NotAllowedError(f"payment {payment.id} is OK now: {trouble}")


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
