"""Recording what a provider answered: one rule per outcome, for every conversation."""

from dataclasses import dataclass

from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.payments.intent import is_owned_by
from payment_cli.model.payments.payment import Event, Payment, Status
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

        Unknown and not-found answers change nothing. `owner` names the intent that this answer
        belongs to: it ends with the answer, but never somebody else's, and what a send brings that
        was repeated meanwhile is void. A final payment changes only through verified money
        (`settle`).

        Raises:
            UntrustedError: PAID, but not for this payment's number, amount and currency.
        """
        is_ours = is_owned_by(payment.intent, owner)
        if is_ours and answer.re_tp is not None and payment.st is Status.WAIT:
            # What a send brings for the screen stands, whether it waits or was paid at once.
            payment = payment._replace(re_tp=str(answer.re_tp), re_obj=answer.re_obj)
        if answer.outcome is Outcome.PAID and answer.paid is not None:
            return self.settlement.settle(
                tx, payment, answer.paid, now=now, by=by, extra=dict(answer.extra)
            )
        if payment.st is not Status.WAIT:
            return payment
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
                return payment


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
