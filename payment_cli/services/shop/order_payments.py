"""`payment p`: paying orders, cancelling them, and the clock tick that ends what is overdue."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from payment_cli.clock import Clock
from payment_cli.errors import (
    ConfigError,
    ConflictError,
    ElsewhereError,
    LockedError,
    NotAllowedError,
    OutcomeUnknownError,
    PaymentError,
)
from payment_cli.ids import NewId
from payment_cli.model.names import check_name
from payment_cli.model.payments.buyer import STORE_USER, Buyer
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.payments.result import Result
from payment_cli.model.query.match import all_of, between, one_of
from payment_cli.model.record import Record
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.shop.order_notice import NoticeType
from payment_cli.model.shop.order_state import PENDING, OrderEvent
from payment_cli.model.stores.merchant import Merchant
from payment_cli.services.events.postponements import Postponements
from payment_cli.services.events.rounds import DONE, Due, End, Round
from payment_cli.services.payments.check import Checker, account_of
from payment_cli.services.payments.close import Closer, require_no_other_amount
from payment_cli.services.payments.create import Creator, NewPayment
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.pace import ASTRAY_MS, is_astray
from payment_cli.services.payments.send import SendArguments, Sender
from payment_cli.services.payments.settlement import Owed
from payment_cli.services.shop.orders import Buying, Orders
from payment_cli.services.shop.records import load_order, save_order
from payment_cli.services.stores.records import load_settings
from payment_cli.storage.base import Query, Storage, Transaction


@dataclass(frozen=True, slots=True)
class Paying:
    """How an order is to be paid. `target` "" is the store's default for the pay type."""

    pay_tp: str = ""
    target: str = ""
    arguments: SendArguments = field(default_factory=SendArguments)
    anyway: bool = False


#: What the sweep of overdue orders is called where it remembers what it could not do.
OVERDUE = "order"

#: What to do where it is not known whom a payment was sent to.
_LOOK_IT_UP = (
    "look it up at the provider; if it is not paid there, `payment o cancel {} --abandon --as "
    "root` ends it and frees its stock, though it may be paid later"
)

#: An order that waits for a person's decision is looked at again after that time.
PERSON_MS = 600_000


@dataclass(frozen=True, slots=True)
class Tick:
    """What one `payment tick` did to overdue orders; `held` wait for a payment of theirs to end.

    `undone` and `news` are those of the round (services/events/rounds.py).
    """

    cancelled: tuple[str, ...]
    settled: tuple[str, ...]
    held: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]
    undone: int
    news: tuple[str, ...]


class OrderEffects(Protocol):
    """What the end of an order means for others, as `app` hands it over."""

    def cancelled(
        self, tx: Transaction, order: Order, told: NoticeType, *, now: int, by: str
    ) -> tuple[Owed, ...]:
        """Do what follows from the end of `order`; return what is owed from now on.

        Raises:
            StorageError, LockedError: nothing can be read or written now.
        """


@dataclass(frozen=True, slots=True)
class OrderPayments:
    """Pays and ends orders."""

    storage: Storage
    orders: Orders
    payments: Payments
    creator: Creator
    sender: Sender
    checker: Checker
    closer: Closer
    effects: Callable[[], OrderEffects]
    clock: Clock
    new_id: NewId
    find_merchant: Callable[[str], Merchant]

    def place(self, wanted: OrderInput, buying: Buying) -> Payment:
        """Record an order and return the payment it is to be paid by, opened.

        Raises:
            InvalidValueError, NotFoundError, NotAllowedError, ConfigError: as `Orders.create`.
        """
        return self.open(self.orders.create(wanted, buying).id)

    def open(self, fragment: str) -> Payment:
        """Return the payment an order is to be paid by, made if there is none; `pay` sends it.

        A new one has no pay type yet (NEW), unless it is free: then it is paid. The order owns it
        from now on. A paid order's is the one that paid it.

        Raises:
            NotAllowedError: the order is over, or in a state that can't be paid.
        """
        order = self.orders.get(fragment)
        current = self._current(order)
        if current is not None and current.st is not Status.FAIL and not current.went_back:
            return current
        order.require(OrderEvent.OPEN)
        pay_tp, target = ("free", "free") if order.fee == 0 else (order.pay_tp, order.seller)
        return self._open(order, pay_tp, target)

    def pay(self, fragment: str, paying: Paying) -> Result:
        """Create and send the payment of an order; asked twice, return the stored result.

        Another pay type closes every earlier payment at its gateway before the next is opened. If
        a close can't be confirmed the next is refused, unless `anyway`: should two be paid then,
        the second is flagged `double`.

        Raises:
            NotAllowedError: the order is paid, over, or in a state that can't be paid; or another
                amount than was asked for came for it.
            OutcomeUnknownError: an earlier payment could not be closed for sure.
            ProviderRefusedError, ConfigError, InvalidValueError: as `pay send`.
        """
        order = self.orders.get(fragment)
        pay_tp, target = self._how(order, paying)
        if order.fee == 0:  # a till may have scanned a code before anybody saw that
            paying = replace(paying, arguments=SendArguments())
        current = self._current(order)
        if current is not None and current.st is Status.OK and not current.went_back:
            return Result(current)
        if current is not None:
            require_no_other_amount(current)
        if current is not None and _is_open_for(current, pay_tp, target):
            self._choose(order, pay_tp, target)
            return self._send(current, pay_tp, target, paying)
        self.sender.require_sendable(self._draft(order), pay_tp, target, paying.arguments)
        for earlier in map(self.payments.get, order.pay_ids):
            if not earlier.is_final:
                self._end(earlier, pay_tp, anyway=paying.anyway)
        order.require(OrderEvent.OPEN)
        payment = self._open(order, pay_tp, target)
        if payment.is_final:
            return Result(payment)
        return self._send(payment, pay_tp, target, paying)

    def check(self, fragment: str) -> Result:
        """Ask the provider about the order's current payment.

        Raises:
            NotAllowedError: the order has no payment yet.
        """
        return self.checker.check(self._required(self.orders.get(fragment)).id)

    def list(self, fragment: str) -> list[Payment]:
        """Return all payments that the order owns, oldest first."""
        return [self.payments.get(pay_id) for pay_id in self.orders.get(fragment).pay_ids]

    def cancel(self, fragment: str, reason: str, *, abandon: bool = False) -> Order:
        """Cancel a pending order: its payments are closed first, then stock and coupons are free.

        With `abandon` those that can't be asked about are ended without their provider: see
        `Closer.abandon`.

        Raises:
            NotAllowedError: the order is paid, or was paid while it was being cancelled; or nothing
                of it is to be abandoned, or not by this caller.
            OutcomeUnknownError: a payment could not be closed for sure; the order is as it was.
        """
        order = self.orders.get_committed(fragment)
        order.require(OrderEvent.CANCEL)
        if abandon:
            self._abandon(order, reason)
        self._end_all(order, reason)
        by = self.orders.actor.domain
        with self.storage.transaction(by, leaves_foreign=True) as tx:
            current = load_order(tx, order.sto_nm, order.id)
            if current.pay_ids != order.pay_ids:
                raise ConflictError(f"order {order.id} got another payment meanwhile")
            return self._cancel_in(tx, current, reason, by)

    def _cancel_in(self, tx: Transaction, order: Order, reason: str, by: str) -> Order:
        """End the order, and do what follows; what can't be done is owed, and it says so."""
        now = self.clock()
        told = NoticeType.EXPIRED if order.is_overdue(now) else NoticeType.CANCELLED
        cancelled = order.on(OrderEvent.CANCEL, now, by, reason)
        for step, why in self.effects().cancelled(tx, cancelled, told, now=now, by=by):
            cancelled = cancelled.noted("owed", now, by, f"{step}: {why}")
        return save_order(tx, cancelled)

    def tick(self, limit: int, *, again: bool = False) -> Tick:
        """End overdue orders, at most `limit`: close their payments, then cancel them.

        One that was paid meanwhile is settled instead; one whose payment can't be closed for sure
        is postponed (services/events/rounds.py) and reported. Where a person must decide about
        another amount, or the provider must say more often that it knows no such order, the order
        is held: no error. `again`: also what is postponed.

        Raises:
            LockedError, StorageError: nothing can be written now.
        """
        cancelled: list[str] = []
        settled: list[str] = []
        postponements = Postponements(self.storage, self.orders.actor, self.clock)
        run = Round(postponements, OVERDUE, limit, again=again)

        def end_one(order_id: str) -> End:
            try:
                if held_until := self._redated_until(order_id) or self._held_until(order_id):
                    return End(held_until=held_until)
                self.cancel(order_id, "expired")
            except LockedError:
                raise
            except PaymentError:
                if self._is_over(order_id):
                    settled.append(order_id)
                    return DONE
                if held_until := self._held_until(order_id):
                    return End(held_until=held_until)
                raise
            cancelled.append(order_id)
            return DONE

        run.run(map(_due, self._overdue()), end_one)
        return Tick(
            tuple(cancelled),
            tuple(settled),
            tuple(run.held),
            tuple(run.errors),
            run.undone,
            run.news,
        )

    def _overdue(self) -> Iterator[Record]:
        """Yield the orders that are to end, and those that a clock far ahead of now made."""
        now = self.clock()
        is_pending = one_of("ord_status", [str(status) for status in PENDING])
        overdue = all_of(between("ord_expi", low=1, high=now - 1), is_pending)
        yield from self.orders.query(Query(overdue, (("ord_expi", 1),)))
        # Nothing has touched these since, or their `lm` would be of today.
        ahead = all_of(is_pending, between("lm", low=now + ASTRAY_MS + 1))
        for record in self.orders.query(Query(ahead, (("lm", 1),))):
            if not 0 < int(str(record.get("ord_expi"))) < now:
                yield record

    def _redated_until(self, order_id: str) -> int:
        """Return the new end of an order that a wrong clock made, and give it that; else 0."""
        now = self.clock()
        order = self.orders.get_committed(order_id)
        if not is_astray(order.ct, order.ord_expi, now):
            return 0
        by = self.orders.actor.domain
        with self.storage.transaction(by, leaves_foreign=True) as tx:
            current = load_order(tx, order.sto_nm, order.id)
            if not current.is_pending:
                return 0
            if not is_astray(current.ct, current.ord_expi, now):
                return current.ord_expi  # another process was faster
            end = now + current.ord_expi - current.ct
            note = "the clock had been ahead"
            save_order(tx, current.noted("redated", now, by, note, ord_expi=end))
        return end

    def _held_until(self, order_id: str) -> int:
        """Return until when (AMS) a payment of the order has to wait, 0 if none has.

        For a person, as another amount came for it; or before its provider is asked again, as that
        knows no such order (services/payments/pace.py: absent).
        """
        try:
            order = self.orders.get_committed(order_id)
            payments = [self.payments.get_committed(pay_id) for pay_id in order.pay_ids]
        except PaymentError:
            return 0
        now = self.clock()
        ends = [now + PERSON_MS for payment in payments if payment.has_other_amount]
        ends += [
            payment.next_check_at
            for payment in payments
            if payment.is_awaited and payment.absent_at and now < payment.next_check_at
        ]
        return max(ends, default=0)

    def _is_over(self, order_id: str) -> bool:
        """Whether an order that could not be ended needs no end any more; a damaged one does."""
        try:
            return not self.orders.get_committed(order_id).is_pending
        except PaymentError:
            return False

    def _how(self, order: Order, paying: Paying) -> tuple[str, str]:
        """Return pay type and target: as asked, else the order's, else the store's default."""
        if order.fee == 0:
            return "free", "free"
        pay_tp = pay_type(paying.pay_tp or order.pay_tp).name
        target = paying.target or (order.seller if pay_tp == order.pay_tp else "")
        target = target or self.find_merchant(order.sto_nm).target_for(pay_tp)
        return pay_tp, check_name("target", target)

    def _draft(self, order: Order) -> Payment:
        """Return the payment as far as its send depends on it; an order that is over has none.

        Raises:
            NotAllowedError: the order has expired.
        """
        now = self.clock()
        if order.is_overdue(now):
            raise NotAllowedError(f"order {order.id} has expired", hint="order again")
        return Payment(
            id=self.new_id(now),
            ct=now,
            lm=now,
            brief=order.title or order.id,
            fee=order.fee,
            cur=order.ord_currency,
            seller_id=order.sto_id,
            seller_nm=order.sto_nm,
            pay_by=order.ord_expi,
        )

    def _open(self, order: Order, pay_tp: str, target: str) -> Payment:
        """Record a new payment that the order owns, in one transaction.

        `order` is as it was before its earlier payments were closed for this one: that was no
        failure of the buyer's, and leaves no `fa_at`.
        """
        now = self.clock()
        by = self.orders.actor.domain
        if order.is_overdue(now):
            raise NotAllowedError(f"order {order.id} has expired", hint="order again")
        payment_id = self.new_id(now)
        with self.storage.transaction(by) as tx:
            current = load_order(tx, order.sto_nm, order.id)
            if current.pay_ids != order.pay_ids:
                raise ConflictError(f"order {order.id} got another payment meanwhile")
            opened = current.opened(payment_id, pay_tp, target, now, by)
            save_order(tx, replace(opened, fa_at=order.fa_at))
            new = NewPayment(
                fee=order.fee,
                cur=order.ord_currency,
                brief=order.title,
                buyer=Buyer(STORE_USER, order.buyer_id) if order.buyer_id else Buyer(),
                seller=order.sto_nm,
                meta={"or_id": order.id},
                callback=load_settings(tx, order.sto_nm).order_callback,
            )
            return self.creator.create_in(tx, new, payment_id=payment_id, pay_by=order.ord_expi)

    def _choose(self, order: Order, pay_tp: str, target: str) -> None:
        """Record on the order how its open payment, made without a type, is to be paid.

        Of an order that is over by now nothing changes; what its payment says is the answer.
        """
        if (order.pay_tp, order.seller) == (pay_tp, target):
            return
        by = self.orders.actor.domain
        with self.storage.transaction(by) as tx:
            current = load_order(tx, order.sto_nm, order.id)
            if current.pay_id != order.pay_id:
                raise ConflictError(f"order {order.id} got another payment meanwhile")
            if current.is_pending:
                now = self.clock()
                typed = current.noted("type", now, by, pay_tp, pay_tp=pay_tp, seller=target)
                save_order(tx, typed)

    def _send(self, payment: Payment, pay_tp: str, target: str, paying: Paying) -> Result:
        return self.sender.send(payment.id, pay_tp, target, paying.arguments)

    def _end(self, payment: Payment, pay_tp: str, *, anyway: bool) -> None:
        """Close the open payment before another type is opened.

        Raises:
            NotAllowedError: it is paid. OutcomeUnknownError: it could not be closed for sure.
        """
        try:
            result = self.closer.close(payment.id, f"paid by {pay_tp} instead")
        except (OutcomeUnknownError, ConfigError):
            if anyway:
                return
            raise
        if result.payment.st is Status.WAIT and not anyway:
            raise OutcomeUnknownError(
                f"payment {payment.id} could not be closed for sure: {result.err_msg}",
                hint="try again, or --anyway: a double payment is flagged for refund",
            )

    def _end_all(self, order: Order, reason: str) -> None:
        for payment_id in order.pay_ids:
            if self.payments.get_committed(payment_id).went_back:
                continue
            result = self.closer.close(payment_id, reason)
            if result.payment.st is Status.WAIT:
                sentence = f"payment {payment_id} could not be closed for sure: {result.err_msg}"
                if result.is_answered:
                    raise ElsewhereError(sentence, hint=_LOOK_IT_UP.format(order.id))
                raise OutcomeUnknownError(sentence, hint="try again")

    def _abandon(self, order: Order, reason: str) -> None:
        """End those payments of the order that can't be closed; what can be is left as it is.

        Raises:
            NotAllowedError: there are none.
        """
        self.closer.require_operator()
        refusal = NotAllowedError(f"no payment of order {order.id} waits", hint="payment o cancel")
        abandoned = 0
        for payment in map(self.payments.get_committed, order.pay_ids):
            if payment.is_final:
                continue
            try:
                self.closer.abandon(payment.id, reason)
                abandoned += 1
            except NotAllowedError as error:
                refusal = error
        if not abandoned:
            raise refusal

    def _current(self, order: Order) -> Payment | None:
        return self.payments.get(order.pay_id) if order.pay_id else None

    def _required(self, order: Order) -> Payment:
        payment = self._current(order)
        if payment is None:
            raise NotAllowedError(f"order {order.id} has no payment yet", hint="payment p pay")
        return payment


def _due(record: Record) -> Due:
    """Return an order as it is due, and who is asked about its payment."""
    store = str(record.get("sto_nm"))
    account = account_of(store, str(record.get("pay_tp") or ""), str(record.get("seller") or ""))
    return Due(str(record["id"]), store, account)


def _is_open_for(payment: Payment, pay_tp: str, target: str) -> bool:
    """Return whether it may still be paid, and was sent in this way or not at all."""
    sent = (payment.pay_tp or pay_tp, payment.pay_target or target)
    return not payment.is_final and sent == (pay_tp, target)
