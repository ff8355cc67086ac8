"""Recording what a provider answered: one rule per outcome, for every conversation."""

from dataclasses import dataclass

from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.payments.intent import is_owned_by
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.payments.payment import Event, Payment, Status
from payment_cli.model.record import Json
from payment_cli.services.payments.pace import absent, is_gone
from payment_cli.services.payments.records import save
from payment_cli.services.payments.settlement import Settlement
from payment_cli.storage.base import Transaction


@dataclass(frozen=True, slots=True)
class Recorder:
    """Turns an `Answer` into the next version of a payment, inside the caller's transaction."""

    settlement: Settlement

    def record(
        self,
        tx: Transaction,
        payment: Payment,
        answer: Answer,
        *,
        now: int,
        by: str,
        owner: str = "",
    ) -> Payment:
        """Record `answer` on the payment just read in `tx`; return it as stored.

        An unknown answer changes nothing; "no such order" ends the payment when it was said often
        enough after its time (pace.py: is_gone). `owner` names the intent that this answer belongs
        to: it ends with the answer, but never somebody else's, and what a send brings that was
        repeated meanwhile is void. A final payment changes only through verified money (`settle`).

        Raises:
            UntrustedError: PAID, but of another payment.
        """
        is_ours = is_owned_by(payment.intent, owner)
        payment = _shown(payment, answer, is_ours=is_ours)
        if answer.outcome is Outcome.PAID and answer.paid is not None:
            return self.settlement.settle(
                tx, payment, answer.paid, now=now, by=by, extra=dict(answer.extra)
            )
        if payment.st is not Status.WAIT:
            return payment
        if answer.outcome is Outcome.NOT_FOUND:
            return self._absent(tx, payment, answer, now=now, by=by)
        was_absent = bool(payment.absent_at)
        payment = payment._replace(absent_count=0, absent_at=0)
        extra = {**payment.extra, **answer.extra}
        match answer.outcome:
            case Outcome.WAITING if answer.re_tp is not None and is_ours:
                return save(tx, payment.noted("waiting", now, by, extra=extra, intent=None))
            case Outcome.FAILED | Outcome.CLOSED:
                event = Event.FAIL if answer.outcome is Outcome.FAILED else Event.CLOSE
                reason = reason_of(answer)
                return self.settlement.fail(tx, payment, event, reason, now=now, by=by, extra=extra)
            case Outcome.REFUSED if is_ours:
                return save(tx, _refused(payment, answer, now, by))
            case _:
                return save(tx, payment) if was_absent else payment

    def _absent(
        self, tx: Transaction, payment: Payment, answer: Answer, *, now: int, by: str
    ) -> Payment:
        """Count "no such order"; money that came says more than that."""
        if payment.has_other_amount:
            return payment
        payment = absent(payment, now)
        if not is_gone(payment):
            return save(tx, payment)
        reason = f"no such order at the provider: {reason_of(answer)}"
        return self.settlement.fail(tx, payment, Event.FAIL, reason, now=now, by=by)


def reason_of(answer: Answer) -> str:
    """Return the provider's own words about a failure, or the outcome's name."""
    words = " ".join(part for part in (answer.code, answer.message) if part)
    return words or str(answer.outcome)


def _refused(payment: Payment, answer: Answer, now: int, by: str) -> Payment:
    """Return the payment as it was before the send: nothing exists at the provider."""
    return payment.on(
        Event.REFUSE, now, by, reason_of(answer),
        send_at=0, expi=0, next_check_at=0, check_count=0, intent=None,
    )  # fmt: skip


def _shown(payment: Payment, answer: Answer, *, is_ours: bool) -> Payment:
    """Return the payment with what the answer brings for the screen.

    What a send brings stands, whether it waits or was paid at once. A scan that is decided shows
    how: what the provider brought for the screen, or its words.
    """
    if payment.st is not Status.WAIT:
        return payment
    if answer.re_tp is not None and is_ours:
        return payment._replace(re_tp=str(answer.re_tp), re_obj=answer.re_obj)
    is_decided = answer.outcome in (Outcome.PAID, Outcome.FAILED)
    if not is_decided or payment.re_tp or not pay_type(payment.pay_tp).is_scan:
        return payment
    words: Json = {"code": answer.code, "message": answer.message}
    shown = answer.re_obj if answer.re_tp is not None else words
    return payment._replace(re_tp=str(pay_type(payment.pay_tp).re_tp), re_obj=shown)
