"""`pay check`: asking the provider, resolving intents, ending what is not paid in time."""

from contextlib import suppress
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import ConfigError
from payment_cli.gateways.base import Outcome
from payment_cli.model.payments.pay_type import family_of
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.payments.result import Result
from payment_cli.model.record import Record
from payment_cli.services.events.postponements import Postponements
from payment_cli.services.events.rounds import DONE, SILENT, Due, End, Round
from payment_cli.services.payments.ask import Asker
from payment_cli.services.payments.due import PENDING, Sweep, due_payments
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.pace import redated
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
        payment = self._redated(payment)
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

    def _redated(self, payment: Payment) -> Payment:
        """Give a payment that a wrong clock sent its time from now on, or it would never expire."""
        now = self.clock()
        if redated(payment, now) == payment:
            return payment
        by = self.payments.actor.domain
        with self.storage.transaction(by, leaves_foreign=True) as tx:
            current = redated(load(tx, payment.id), now)
            return save(tx, current.noted("redated", now, by, "the clock had been ahead"))

    def check_pending(self, limit: int, *, again: bool = False) -> Sweep:
        """Check the payments that are due by `next_check_at`, at most `limit`.

        It is a round of a sweep (services/events/rounds.py): one that can't be checked is counted
        with its error and postponed; it never stops the others. Nor does a provider that is down.
        `again`: also what is postponed.

        Raises:
            StorageError, LockedError: nothing at all can be written.
        """
        by_status: dict[str, int] = {}
        settled: list[Payment] = []
        postponements = Postponements(self.storage, self.payments.actor, self.clock)
        run = Round(postponements, PENDING, limit, again=again)

        def check_one(payment_id: str) -> End:
            result = self.check(payment_id)
            word = "unknown" if result.unknown else str(result.payment.st)
            if result.payment.has_other_amount:
                word = str(result.payment.flag)
            by_status[word] = by_status.get(word, 0) + 1
            if result.payment.is_final or result.payment.flag:
                settled.append(result.payment)
            return SILENT if result.unknown and not result.is_answered else DONE

        run.run(map(_due, due_payments(self.payments, self.clock())), check_one)
        if run.passed:
            by_status["postponed"] = run.passed
        return Sweep(run.tried, by_status, tuple(run.errors), tuple(settled), run.undone, run.news)


def account_of(store: str, pay_tp: str, target: str) -> str:
    """Return what tells apart who is asked about a payment; "" if nobody is yet."""
    return f"{store} {family_of(pay_tp)} {target}" if pay_tp and target else ""


def _due(record: Record) -> Due:
    """Return a payment as it is due, and who is asked about it."""
    store = str(record.get("seller_nm"))
    account = account_of(store, str(record.get("pay_tp")), str(record.get("pay_target")))
    return Due(str(record["id"]), store, account)
