"""`pay check`: asking the provider, resolving intents, ending what is not paid in time."""

from contextlib import suppress
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import ConfigError, CorruptRecordError, PaymentError
from payment_cli.gateways.base import Outcome
from payment_cli.model.payments.pay_type import family_of
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.payments.result import Result
from payment_cli.model.record import Record
from payment_cli.services.payments.ask import Asker
from payment_cli.services.payments.due import Sweep, due_payments
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.pace import SILENCE_MAX, SILENCE_MS, bumped
from payment_cli.services.payments.records import load, save
from payment_cli.services.payments.resolve import Resolver
from payment_cli.storage.base import Storage


@dataclass(frozen=True, slots=True)
class Checker:
    """Asks providers about payments."""

    storage: Storage
    payments: Payments
    asker: Asker
    resolver: Resolver
    clock: Clock

    def check(self, fragment: str) -> Result:
        """Ask the provider about a waiting payment; a final one is answered from the tree.

        A payment past its expiry is closed at the provider, then FAIL. `unknown` is set when no
        answer could be had: the state is unchanged. One that was abandoned is asked about if that
        can be done again: nobody had closed it, and money may have come.

        Raises:
            OutcomeUnknownError: a send of it is under way right now.
            UntrustedError: the provider's answer does not fit the payment.
            ConfigError: the target's config is missing or wrong.
        """
        payment = self.payments.get_committed(fragment)
        if payment.st is Status.FAIL and payment.next_check_at:
            return self.asker.reverse_owed(payment)
        if payment.st is Status.FAIL and payment.abandoned_at:
            return self._check_abandoned(payment)
        if payment.st is not Status.WAIT:
            return Result(payment)
        gateway = self.asker.gateway(payment)
        if payment.intent is not None:
            return self.resolver.resolve(gateway, payment)
        answer = self.asker.check(gateway, payment)
        is_unpaid = answer.outcome in (Outcome.WAITING, Outcome.NOT_FOUND)
        if is_unpaid and payment.is_awaited and self.clock() > payment.expi:
            return self.asker.end(gateway, payment, "expired")
        return self.asker.note(gateway, payment, answer)

    def _check_abandoned(self, payment: Payment) -> Result:
        with suppress(ConfigError):
            gateway = self.asker.gateway(payment)
            return self.asker.note(gateway, payment, self.asker.check(gateway, payment))
        return Result(payment)

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
        pending = due_payments(self.payments, self.clock(), limit)
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
            is_silent = result.unknown and not result.is_answered
            silence[account] = silence.get(account, 0) + 1 if is_silent else 0
            word = "unknown" if result.unknown else str(result.payment.st)
            if result.payment.has_other_amount:
                word = str(result.payment.flag)
            by_status[word] = by_status.get(word, 0) + 1
            if result.payment.is_final or result.payment.flag:
                settled.append(result.payment)
        return Sweep(len(pending), by_status, tuple(errors), tuple(settled))

    def _postpone(self, payment_id: str, wait_ms: int = 0) -> None:
        """Look at it again after `wait_ms`; 0 is the usual wait, which grows every time."""
        # A damaged record can't be put back in the queue; it stays first, and the others follow.
        actor = self.payments.actor.domain
        with (
            suppress(CorruptRecordError),
            self.storage.transaction(actor, leaves_foreign=True) as tx,
        ):
            current = load(tx, payment_id)
            now = self.clock()
            if current.next_check_at and wait_ms:
                save(tx, current._replace(next_check_at=now + wait_ms))
            elif current.next_check_at:
                save(tx, bumped(current, now))


def _account_of(record: Record) -> tuple[str, ...]:
    """Return what tells apart who is asked about a payment."""
    family = family_of(str(record.get("pay_tp")))
    return str(record.get("seller_nm")), family, str(record.get("pay_target"))
