"""Finding out what became of a call whose outcome is not known: the intent it left."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from payment_cli.errors import OutcomeUnknownError
from payment_cli.gateways.base import Answer, Gateway, Outcome
from payment_cli.model.payments.intent import INTENT_MS, IntentKind, is_send, make_intent
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.payments.payment import Payment
from payment_cli.model.payments.result import Result, result_of
from payment_cli.services.payments.ask import Asker
from payment_cli.services.payments.pace import bumped, left
from payment_cli.services.payments.records import load, save
from payment_cli.services.payments.send import Sender, intended_request

#: Answers that decide what became of a call, or that nothing can be known now.
_TELLING = (Outcome.PAID, Outcome.FAILED, Outcome.CLOSED, Outcome.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves intents, each by its kind."""

    asker: Asker
    sender: Sender
    new_token: Callable[[], str]

    def resolve(self, gateway: Gateway, payment: Payment) -> Result:
        """Ask what became of the payment's intent; an interrupted send may be sent again.

        Raises:
            OutcomeUnknownError: the call is under way right now; or the intent is of a kind that
                this program does not know, and the provider's answer decides nothing.
        """
        intent = payment.intent or {}
        require_no_send_under_way(payment, self.asker.clock())
        answer = self.asker.check(gateway, payment)
        if answer.outcome in _TELLING:
            return self.asker.note(gateway, payment, answer)
        if not is_send(intent):
            raise OutcomeUnknownError(
                f"payment {payment.id}: this program does not know an intent of the kind "
                f"{str(intent.get('kind'))[:40]!a}",
                hint="the version of payment-cli that wrote it resolves it",
            )
        if pay_type(payment.pay_tp).is_scan:
            return self._resolve_scan(gateway, payment, answer)
        if self.asker.clock() > payment.expi:
            return self.asker.end(gateway, payment, "expired")
        return self._send_again(gateway, payment)

    def _resolve_scan(self, gateway: Gateway, payment: Payment, answer: Answer) -> Result:
        """Ask about a scan, never send it again: its auth code is gone."""
        if answer.outcome is Outcome.NOT_FOUND or self.asker.clock() > payment.expi:
            return self.asker.end(gateway, payment, "the send was interrupted")
        return self.asker.note(gateway, payment, answer)

    def _send_again(self, gateway: Gateway, payment: Payment) -> Result:
        """Send the identical parameters under the same number, for the answer that was lost.

        A refusal of the repetition says nothing about the first send, which may have made an order:
        the payment waits on, and ends with its expiry at the latest.
        """
        actor = self.asker.actor
        owner = self.new_token()
        request = intended_request(payment)
        with self.asker.storage.transaction(actor, leaves_foreign=True) as tx:
            current = load(tx, payment.id)
            if current.intent != payment.intent:
                return result_of(payment, current)
            now = self.asker.clock()
            intent = make_intent(IntentKind.SEND, owner, now, asdict(request))
            claimed = save(tx, bumped(current.noted("again", now, actor, intent=intent), now))
        answer = gateway.send(request, None)
        if answer.outcome is Outcome.REFUSED:
            answer = replace(answer, outcome=Outcome.UNKNOWN)
        return self.sender.finish(gateway, payment, claimed, answer, owner)


def require_no_send_under_way(payment: Payment, now: int) -> None:
    """See that no other process is speaking with the provider about the payment right now.

    Raises:
        OutcomeUnknownError: its intent is younger than such a conversation may last.
    """
    intent = payment.intent or {}
    if left(int(str(intent.get("deadline", 0))), INTENT_MS, now):
        raise OutcomeUnknownError(
            f"payment {payment.id}: a send is under way", hint="try again in a minute"
        )
