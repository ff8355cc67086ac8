"""Asking a provider about a payment and recording what it said: what check and close share."""

from dataclasses import dataclass
from typing import Any

from payment_cli.clock import Clock
from payment_cli.errors import ConflictError, OutcomeUnknownError
from payment_cli.gateways.base import Answer, Gateway, OrderRef, Outcome
from payment_cli.model.money import wire_currency
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.payments.payment import Event, Payment, Status
from payment_cli.model.payments.result import Result, result_of
from payment_cli.services.payments.accounts import (
    ELSEWHERE,
    Accounts,
    believed,
    is_where_it_was_sent,
    own_gateway,
    with_account,
)
from payment_cli.services.payments.answers import Recorder, reason_of
from payment_cli.services.payments.pace import absent, bumped, gone_in, is_gone, left
from payment_cli.services.payments.records import load, save
from payment_cli.services.payments.settlement import Moment
from payment_cli.storage.base import Storage


def order_ref(payment: Payment) -> OrderRef:
    """Return the payment as its provider knows it."""
    return OrderRef(
        payment_id=payment.id,
        pay_tp=payment.pay_tp,
        fee=payment.fee,
        cur=wire_currency(payment.cur),
        send_at=payment.send_at,
    )


@dataclass(frozen=True, slots=True)
class Asker:
    """Speaks with providers about payments that were sent. `actor` is the domain that asks."""

    storage: Storage
    actor: str
    accounts: Accounts
    recorder: Recorder
    clock: Clock

    def gateway(self, payment: Payment) -> Gateway:
        """Return the gateway that a payment was sent to.

        Raises:
            ConfigError: its config is missing or wrong, or is another account's by now.
        """
        return own_gateway(self.accounts, payment)

    def check(self, gateway: Gateway, payment: Payment) -> Answer:
        """Ask about the payment; UNKNOWN where nobody is known to have been asked (accounts.py)."""
        return believed(payment, gateway, gateway.check(order_ref(payment)))

    def close(self, gateway: Gateway, payment: Payment) -> Answer:
        """Close it (a scan: reverse) at the provider, or say why not.

        Where it may not have been sent it is asked about first: only who knows it can close it.
        """
        if not is_where_it_was_sent(payment, gateway):
            known = self.check(gateway, payment)
            if known.outcome is Outcome.UNKNOWN:
                return known
        answer = believed(payment, gateway, gateway.close(order_ref(payment)))
        if answer.outcome is Outcome.PAID and answer.paid is None:
            return self.check(gateway, payment)
        return answer

    def note(self, gateway: Gateway, payment: Payment, answer: Answer) -> Result:
        """Record an answer, and when to look again if it decided nothing."""
        now = self.clock()
        with self.storage.transaction(self.actor, leaves_foreign=True) as tx:
            current = with_account(load(tx, payment.id), gateway, answer)
            after = self.recorder.record(tx, current, answer, now=now, by=self.actor)
            if after.is_awaited:
                after = save(tx, bumped(_told(after, answer, now, self.actor), now))
        is_unknown = answer.outcome is Outcome.UNKNOWN and after.st is Status.WAIT
        message = reason_of(answer) if is_unknown else ""
        is_answered = is_unknown and answer.code == ELSEWHERE
        return result_of(payment, after, message, unknown=is_unknown, is_answered=is_answered)

    def end(self, gateway: Gateway, payment: Payment, reason: str) -> Result:
        """Close (a scan: reverse) at the provider; FAIL only when it says so.

        A provider that knows no such order has closed nothing; the result says when it is FAIL.

        Raises:
            OutcomeUnknownError: the provider forbids to reverse the scan yet.
        """
        wait_ms = self.wait_to_reverse(gateway, payment)
        if pay_type(payment.pay_tp).is_scan and wait_ms:
            raise OutcomeUnknownError(
                f"payment {payment.id}: the provider lets a scan be reversed in "
                f"{-(-wait_ms // 1000)} s",
                hint="pay watch waits for it",
            )
        answer = self.close(gateway, payment)
        if answer.outcome is Outcome.CLOSED:
            return self.record_end(payment, reason, answer)
        result = self.note(gateway, payment, answer)
        if answer.outcome is Outcome.NOT_FOUND and result.payment.st is Status.WAIT:
            return result_of(payment, result.payment, self._said_absent(result.payment))
        return result

    def _said_absent(self, payment: Payment) -> str:
        """Return what "no such order" means for a payment that is to end, and when it will."""
        now = self.clock()
        can = "by now it can't be paid"
        if now < payment.expi:
            can = f"it may still be scanned and paid for {minutes(payment.expi - now)}"
        return (
            f"the provider knows no such order (yet): {can}; if it stays so, it is FAIL in about "
            f"{minutes(gone_in(payment, now))}"
        )

    def record_end(self, payment: Payment, reason: str, answer: Answer | None = None) -> Result:
        """Record that the payment is closed for `reason`, unless it is final by now.

        `answer` is what the provider said to it, None if nobody had to be asked.
        What a provider closed is recorded whatever a foreign hand did to the file; of a payment
        that was never sent nothing has happened yet, and such a file refuses.

        Raises:
            ConflictError: it was sent (again) meanwhile.
        """
        was_sent = payment.st is not Status.NEW
        with self.storage.transaction(self.actor, leaves_foreign=was_sent) as tx:
            current = load(tx, payment.id)
            if current.is_final:
                return result_of(payment, current)
            if current.send_at != payment.send_at:
                raise ConflictError(f"payment {payment.id} was sent meanwhile", hint="pay check")
            closed = self.recorder.settlement.fail(
                tx,
                current,
                Event.CLOSE,
                reason,
                now=self.clock(),
                by=self.actor,
                moment=Moment.CLOSED,
                **({} if answer is None else _ended(current, answer, self.clock())),
            )
            return result_of(payment, closed)

    def record_abandoned(self, payment: Payment, reason: str, why: str) -> Result:
        """Record that an operator ends the payment for `reason` though nobody can close it: `why`.

        Raises:
            ConflictError: it was sent (again) meanwhile.
        """
        with self.storage.transaction(self.actor, leaves_foreign=True) as tx:
            current = load(tx, payment.id)
            now = self.clock()
            if current.st is Status.OK:
                return result_of(payment, current)
            if (current.send_at, current.intent) != (payment.send_at, payment.intent):
                raise ConflictError(f"payment {payment.id} was sent meanwhile", hint="pay check")
            current = current.noted(
                "abandoned", now, self.actor, why, next_check_at=0, abandoned_at=now
            )
            if current.st is Status.FAIL:
                return result_of(payment, save(tx, current))
            settlement, closed = self.recorder.settlement, Moment.CLOSED
            ended = settlement.fail(
                tx, current, Event.CLOSE, reason, now=now, by=self.actor, moment=closed
            )
            return result_of(payment, ended)

    def reverse_owed(self, payment: Payment) -> Result:
        """Reverse a scan that failed before the provider allowed its reversal."""
        gateway = self.gateway(payment)
        if self.wait_to_reverse(gateway, payment):
            return Result(payment)
        answer = self.close(gateway, payment)
        is_done = answer.outcome in (Outcome.CLOSED, Outcome.PAID)
        with self.storage.transaction(self.actor, leaves_foreign=True) as tx:
            now = self.clock()
            current = _told(load(tx, payment.id), answer, now, self.actor)
            after = self.recorder.record(tx, current, answer, now=now, by=self.actor)
            if answer.outcome is Outcome.NOT_FOUND:
                after = absent(after, now)
            if answer.outcome is Outcome.NOT_FOUND and is_gone(after):
                after = save(
                    tx, after.noted("nothing to reverse", now, self.actor, next_check_at=0)
                )
            elif not is_done:
                after = save(tx, bumped(after, now))
            elif answer.outcome is Outcome.PAID:
                after = save(tx, after.noted("not reversed", now, self.actor, next_check_at=0))
            else:
                ended = _ended(after, answer, now)
                after = save(tx, after.noted("reversed", now, self.actor, next_check_at=0, **ended))
        return result_of(payment, after, "" if is_done else reason_of(answer))

    def wait_to_reverse(self, gateway: Gateway, payment: Payment) -> int:
        """Return how long (ms) the provider still forbids to reverse this scan."""
        earliest = payment.send_at + gateway.reverse_after_ms
        return left(earliest, gateway.reverse_after_ms, self.clock())


def _ended(payment: Payment, answer: Answer, now: int) -> dict[str, Any]:
    """Return what a payment keeps of the provider's "closed": a scan was reversed."""
    changes: dict[str, Any] = {"extra": {**payment.extra, **answer.extra}}
    return {**changes, "reversed_at": now} if pay_type(payment.pay_tp).is_scan else changes


def _told(payment: Payment, answer: Answer, now: int, by: str) -> Payment:
    """Return the payment with a line of history, once, that `answer` came from elsewhere."""
    what = "not known there"
    lines = [line.get("what") for line in payment.history if isinstance(line, dict)]
    if answer.code != ELSEWHERE or what in lines:
        return payment
    return payment.noted(what, now, by, answer.message)


def minutes(ms: int) -> str:
    """Return a time (ms) as a sentence says it: whole minutes, the last one counted."""
    return f"{-(-ms // 60_000)} min"
