"""`pay check` and `pay close`: asking the provider, resolving intents, ending what is not paid."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from payment_cli.clock import Clock
from payment_cli.errors import (
    ConflictError,
    CorruptRecordError,
    InvalidValueError,
    NotAllowedError,
    OutcomeUnknownError,
    PaymentError,
)
from payment_cli.gateways.base import Answer, Gateway, Outcome
from payment_cli.model.payments.pay_type import family_of, pay_type
from payment_cli.model.payments.payment import Event, Payment, Status
from payment_cli.model.payments.result import Result, result_of
from payment_cli.model.query.match import between
from payment_cli.model.record import Record
from payment_cli.services.payments.accounts import Accounts
from payment_cli.services.payments.answers import Recorder, reason_of
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.pace import (
    BACK_OFF_MAX_MS,
    SILENCE_MAX,
    SILENCE_MS,
    bumped,
    left,
)
from payment_cli.services.payments.records import load, save
from payment_cli.services.payments.send import (
    INTENT_MS,
    Sender,
    intended_request,
    make_intent,
    order_ref,
)
from payment_cli.storage.base import Query, Storage

#: The longest reason that `pay close` keeps.
REASON_MAX = 256


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one `pay check --pending` did; `settled` are the payments that are final by now."""

    checked: int
    by_status: dict[str, int]
    errors: tuple[tuple[str, str], ...]
    settled: tuple[Payment, ...] = ()


@dataclass(frozen=True, slots=True)
class Checker:
    """Asks providers about payments."""

    storage: Storage
    payments: Payments
    accounts: Accounts
    recorder: Recorder
    sender: Sender
    clock: Clock
    new_token: Callable[[], str]

    def check(self, fragment: str) -> Result:
        """Ask the provider about a waiting payment; a final one is answered from the tree.

        A payment past its expiry is closed at the provider, then FAIL. `unknown` is set when no
        answer could be had: the state is unchanged.

        Raises:
            OutcomeUnknownError: a send of it is under way right now.
            UntrustedError: the provider's answer does not fit the payment.
            ConfigError: the target's config is missing or wrong.
        """
        payment = self.payments.get(fragment)
        if payment.st is Status.FAIL and payment.next_check_at:
            return self._owed_reverse(payment)
        if payment.st is not Status.WAIT:
            return Result(payment)
        gateway = self._gateway(payment)
        if payment.intent is not None:
            return self._resolve(gateway, payment)
        answer = gateway.check(order_ref(payment))
        if answer.outcome in (Outcome.WAITING, Outcome.NOT_FOUND) and self.clock() > payment.expi:
            return self._close(gateway, payment, "expired")
        return self._note(payment, answer)

    def check_pending(self, limit: int) -> Sweep:
        """Check the payments that are due by `next_check_at`, oldest first, at most `limit`.

        One that can't be checked is counted with its error and looked at again later; it never
        stops the others. Nor does a provider that is down: an account that gives no answer a few
        times in a row is left alone for the rest of the sweep.

        Raises:
            StorageError, LockedError: nothing at all can be written.
        """
        by_status: dict[str, int] = {}
        errors: list[tuple[str, str]] = []
        settled: list[Payment] = []
        silence: dict[tuple[str, ...], int] = {}
        pending = self._pending(limit)
        for record in pending:
            payment_id, account = str(record["id"]), _account_of(record)
            if silence.get(account, 0) >= SILENCE_MAX:
                self._postpone(payment_id, SILENCE_MS)
                by_status["postponed"] = by_status.get("postponed", 0) + 1
                continue
            try:
                result = self.check(payment_id)
            except PaymentError as error:
                errors.append((payment_id, f"{error.code}: {error}"))
                self._postpone(payment_id)
                continue
            silence[account] = silence.get(account, 0) + 1 if result.unknown else 0
            word = "unknown" if result.unknown else str(result.payment.st)
            by_status[word] = by_status.get(word, 0) + 1
            if result.payment.is_final:
                settled.append(result.payment)
        return Sweep(len(pending), by_status, tuple(errors), tuple(settled))

    def close(self, fragment: str, reason: str) -> Result:
        """Close (a scan: reverse) the payment at the provider, then FAIL with `reason`.

        Raises:
            InvalidValueError: the reason is not one line of REASON_MAX characters or less.
            NotAllowedError: it is paid.
            OutcomeUnknownError: a send is under way right now.
        """
        if len(reason) > REASON_MAX or not reason.isprintable():
            raise InvalidValueError(f"the reason must be one line, at most {REASON_MAX} characters")
        payment = self.payments.get(fragment)
        if payment.st is Status.FAIL:
            return Result(payment)
        if payment.st is Status.OK:
            raise NotAllowedError(f"payment {payment.id} is OK: it was paid", hint="refund it")
        if payment.st is Status.NEW:
            return self._finish_close(payment, reason)
        gateway = self._gateway(payment)
        result = Result(payment)
        if payment.intent is not None:
            result = self._resolve(gateway, payment)
        if result.payment.st is Status.WAIT:
            result = self._close(gateway, payment, reason)
        if result.payment.st is Status.OK:
            raise NotAllowedError(
                f"payment {payment.id} was paid before it could be closed; it is OK now"
            )
        return result

    def _pending(self, limit: int) -> list[Record]:
        """Return what is due; and what is planned further ahead than anything ever is."""
        now = self.clock()
        due = between("next_check_at", low=1, high=now)
        # The clock was wrong when these were planned, and was set back since.
        astray = between("next_check_at", low=now + BACK_OFF_MAX_MS + 1)
        order = (("next_check_at", 1),)
        found = [
            record
            for match in (due, astray)
            for record in self.payments.query(Query(match=match, sort=order, limit=limit))
        ]
        return found[:limit]

    def _gateway(self, payment: Payment) -> Gateway:
        provider = pay_type(payment.pay_tp).provider
        return self.accounts.gateway(payment.seller_nm, provider, payment.pay_target)

    def _note(self, payment: Payment, answer: Answer) -> Result:
        """Record an answer, and when to look again if it decided nothing."""
        actor = self.payments.actor.domain
        now = self.clock()
        with self.storage.transaction(actor) as tx:
            current = load(tx, payment.id)
            after = self.recorder.record(tx, current, answer, now=now, by=actor)
            if after.st is Status.WAIT:
                after = save(tx, bumped(after, now))
        is_unknown = answer.outcome is Outcome.UNKNOWN and after.st is Status.WAIT
        message = reason_of(answer) if is_unknown else ""
        return result_of(payment, after, message, unknown=is_unknown)

    def _close(self, gateway: Gateway, payment: Payment, reason: str) -> Result:
        """Close at the provider; FAIL only when it says so."""
        wait_ms = self._wait_to_reverse(gateway, payment)
        if pay_type(payment.pay_tp).is_scan and wait_ms:
            raise OutcomeUnknownError(
                f"payment {payment.id}: the provider lets a scan be reversed in "
                f"{-(-wait_ms // 1000)} s",
                hint="pay watch waits for it",
            )
        answer = gateway.close(order_ref(payment))
        if answer.outcome in (Outcome.CLOSED, Outcome.NOT_FOUND):
            return self._finish_close(payment, reason)
        if answer.outcome is Outcome.PAID and answer.paid is None:
            answer = gateway.check(order_ref(payment))
        return self._note(payment, answer)

    def _finish_close(self, payment: Payment, reason: str) -> Result:
        actor = self.payments.actor.domain
        with self.storage.transaction(actor) as tx:
            current = load(tx, payment.id)
            if current.is_final:
                return result_of(payment, current)
            if current.send_at != payment.send_at:
                raise ConflictError(f"payment {payment.id} was sent meanwhile", hint="pay check")
            closed = self.recorder.settlement.fail(
                tx, current, Event.CLOSE, reason, now=self.clock(), by=actor
            )
            return result_of(payment, closed)

    def _resolve(self, gateway: Gateway, payment: Payment) -> Result:
        """Find out what became of a send that has no outcome."""
        intent = payment.intent or {}
        if left(int(str(intent.get("deadline", 0))), INTENT_MS, self.clock()):
            raise OutcomeUnknownError(
                f"payment {payment.id}: a send is under way", hint="try again in a minute"
            )
        answer = gateway.check(order_ref(payment))
        if answer.outcome in (Outcome.PAID, Outcome.FAILED, Outcome.CLOSED, Outcome.UNKNOWN):
            return self._note(payment, answer)
        if pay_type(payment.pay_tp).is_scan:
            return self._resolve_scan(gateway, payment, answer)
        if self.clock() > payment.expi:
            return self._close(gateway, payment, "expired")
        return self._send_again(gateway, payment)

    def _resolve_scan(self, gateway: Gateway, payment: Payment, answer: Answer) -> Result:
        """Ask about a scan, never send it again: its auth code is gone."""
        if answer.outcome is Outcome.NOT_FOUND or self.clock() > payment.expi:
            return self._close(gateway, payment, "the send was interrupted")
        return self._note(payment, answer)

    def _send_again(self, gateway: Gateway, payment: Payment) -> Result:
        """Send the identical parameters under the same number, for the answer that was lost.

        A refusal of the repetition says nothing about the first send, which may have made an order:
        the payment waits on, and ends with its expiry at the latest.
        """
        actor = self.payments.actor.domain
        owner = self.new_token()
        request = intended_request(payment)
        with self.storage.transaction(actor) as tx:
            current = load(tx, payment.id)
            if current.intent != payment.intent:
                return result_of(payment, current)
            now = self.clock()
            again = current.noted("again", now, actor, intent=make_intent(owner, now, request))
            claimed = save(tx, bumped(again, now))
        answer = gateway.send(request, None)
        if answer.outcome is Outcome.REFUSED:
            answer = replace(answer, outcome=Outcome.UNKNOWN)
        return self.sender.finish(gateway, payment, claimed, answer, owner)

    def _owed_reverse(self, payment: Payment) -> Result:
        """Reverse a scan that failed before the provider allowed its reversal."""
        actor = self.payments.actor.domain
        gateway = self._gateway(payment)
        if self._wait_to_reverse(gateway, payment):
            return Result(payment)
        answer = gateway.close(order_ref(payment))
        if answer.outcome is Outcome.PAID and answer.paid is None:
            answer = gateway.check(order_ref(payment))
        is_done = answer.outcome in (Outcome.CLOSED, Outcome.NOT_FOUND, Outcome.PAID)
        with self.storage.transaction(actor) as tx:
            current = load(tx, payment.id)
            now = self.clock()
            after = self.recorder.record(tx, current, answer, now=now, by=actor)
            if not is_done:
                after = save(tx, bumped(after, now))
            elif answer.outcome is Outcome.PAID:
                after = save(tx, after.noted("not reversed", now, actor, next_check_at=0))
            else:
                after = save(tx, after.noted("reversed", now, actor, next_check_at=0))
        return result_of(payment, after, "" if is_done else reason_of(answer))

    def _wait_to_reverse(self, gateway: Gateway, payment: Payment) -> int:
        """Return how long (ms) the provider still forbids to reverse this scan."""
        earliest = payment.send_at + gateway.reverse_after_ms
        return left(earliest, gateway.reverse_after_ms, self.clock())

    def _postpone(self, payment_id: str, wait_ms: int = 0) -> None:
        """Look at it again after `wait_ms`; 0 is the usual wait, which grows every time."""
        # A damaged record can't be put back in the queue; it stays first, and the others follow.
        actor = self.payments.actor.domain
        with suppress(CorruptRecordError), self.storage.transaction(actor) as tx:
            current = load(tx, payment_id)
            now = self.clock()
            if current.next_check_at and wait_ms:
                save(tx, replace(current, next_check_at=now + wait_ms))
            elif current.next_check_at:
                save(tx, bumped(current, now))


def _account_of(record: Record) -> tuple[str, ...]:
    """Return what tells apart who is asked about a payment."""
    family = family_of(str(record.get("pay_tp")))
    return str(record.get("seller_nm")), family, str(record.get("pay_target"))
