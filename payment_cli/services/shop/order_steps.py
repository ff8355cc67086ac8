"""The steps that the end of a payment or of an order means for the shop: each plans, none writes.

A step reads its `Scene` and returns what is to be written: the order moves, coupons are used or
free again, stock returns, the basket and the store's notice are owed. Which follow when is the
table of services/consequences.py.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from payment_cli.errors import CorruptRecordError, InvalidValueError, NotFoundError
from payment_cli.ids import NewId
from payment_cli.model.payments.payment import Event, Payment, Status
from payment_cli.model.record import Record
from payment_cli.model.shop.coupon import CouponEvent, CouponStatus
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_notice import NoticeType, hook_run, order_notice
from payment_cli.model.shop.order_state import PAID, OrderEvent, OrderStatus
from payment_cli.model.shop.product import Product
from payment_cli.services.events.notice_records import NOTICES
from payment_cli.services.events.outbox import BASKET_TAKE, OUTBOX, outbox_row
from payment_cli.services.payments.records import PAYMENTS, load
from payment_cli.services.shop.records import coupons, load_coupons, load_order, orders, products
from payment_cli.services.stores.records import wants_notices
from payment_cli.storage.base import Collection, Reader

#: Whether a store, by its domain, has a hook for an event.
HasHook = Callable[[str, str], bool]


class Write(NamedTuple):
    """One change of a plan: a record that is put, or added if it `is_new`; `order` if it is one."""

    collection: Collection
    record: Record
    is_new: bool = False
    order: Order | None = None


@dataclass(slots=True)
class Scene:
    """What a step reads: the order as it is by now, and the payment, if there is one.

    `told` is the event that the store hears of an order that ends, or is moved by its store.
    `has_hook` says whether a store has a script for an event.
    """

    reader: Reader
    store: str
    order_id: str
    now: int
    by: str
    new_id: NewId
    has_hook: HasHook
    payment: Payment | None = None
    told: NoticeType = NoticeType.CANCELLED
    known: Order | None = None

    @property
    def order(self) -> Order:
        """The order, read once.

        Raises:
            NotFoundError, CorruptRecordError: it is missing or damaged.
        """
        if self.known is None:
            order = load_order(self.reader, self.store, self.order_id)
            if order.sto_nm != self.store:
                raise CorruptRecordError(
                    f"order {order.id} is kept for {self.store}, and says it is of {order.sto_nm}"
                )
            self.known = order
        return self.known

    def concerns_an_order(self) -> bool:
        """Whether an order owns the payment; what metadata says of an order is data.

        Raises:
            NotFoundError: an order opened the payment, and is missing, or does not name it.
            CorruptRecordError: the order is damaged.
        """
        payment = self.payment
        if payment is None:
            return True
        try:
            is_named = payment.id in self.order.pay_ids
        except (NotFoundError, InvalidValueError):
            if payment.is_of_order:
                raise
            return False
        if payment.is_of_order and not is_named:
            raise NotFoundError("payment", f"{payment.id} among those of order {self.order_id}")
        return is_named


#: Reads and decides; returns what is to be written. Raises a PaymentError if it can't.
Plan = Callable[[Scene], Iterable[Write]]


def move_order(scene: Scene) -> Iterable[Write]:
    """Let the payment pay its order."""
    order, payment = scene.order, _payment(scene)
    if order.ord_status in PAID and order.pay_id == payment.id:
        return ()
    moved = order.on(OrderEvent.PAID, scene.now, scene.by, payment.id, pay_id=payment.id)
    return (_order_write(moved),)


def reopen_order(scene: Scene) -> Iterable[Write]:
    """Let the order whose current payment failed be paid by another."""
    reopened = _reopened(scene, _payment(scene).fail_re)
    return () if reopened is None else (_order_write(reopened),)


def note_order(scene: Scene) -> Iterable[Write]:
    """Note on the order that money came which can't settle it; if it went back, reopen the order.

    For another amount than was asked for the order waits: a person decides.
    """
    payment = _payment(scene)
    reopened = _reopened(scene, payment.flag) if payment.went_back else None
    order = reopened or scene.order
    note = f"money: {payment.flag}"
    return (_order_write(order.noted(note, scene.now, scene.by, payment.id)),)


def _reopened(scene: Scene, reason: str) -> Order | None:
    """Return the order after its current payment came to nothing; None if it waits for none."""
    order, payment = scene.order, _payment(scene)
    if order.pay_id != payment.id or order.ord_status is not OrderStatus.WAIT:
        return None
    return order.on(OrderEvent.FAIL, scene.now, scene.by, reason)


def end_unsent(scene: Scene) -> Iterable[Write]:
    """Close the order's other payments that were never sent: sent now, they would pay it twice.

    One that was sent ends at its provider, by `pay check`.
    """
    paid_by = _payment(scene)
    others = (other for other in scene.order.pay_ids if other != paid_by.id)
    return [
        Write(PAYMENTS, _ended(payment, paid_by, scene).to_record())
        for payment in (load(scene.reader, other) for other in others)
        if payment.st is Status.NEW
    ]


def use_coupons(scene: Scene) -> Iterable[Write]:
    """Use the coupons that the order reserved."""
    order = scene.order
    return tuple(
        Write(coupons(order.sto_nm), coupon.on(CouponEvent.USE, order.id, scene.now).to_record())
        for coupon in load_coupons(scene.reader, order.sto_nm, order.coupon_ids)
        if (coupon.cpn_stat, coupon.cpn_orid) != (CouponStatus.USED, order.id)
    )


def free_coupons(scene: Scene) -> Iterable[Write]:
    """Free the coupons that the order reserved."""
    order = scene.order
    return tuple(
        Write(
            coupons(order.sto_nm), coupon.on(CouponEvent.RELEASE, order.id, scene.now).to_record()
        )
        for coupon in load_coupons(scene.reader, order.sto_nm, order.coupon_ids)
        if coupon.cpn_stat is not CouponStatus.FREE
    )


def free_stock(scene: Scene) -> Iterable[Write]:
    """Give back what the order took."""
    place = products(scene.store)
    return [
        Write(place, product.given_back(amount, scene.now).to_record())
        for product_id, amount in scene.order.stock.items()
        for product in (Product.from_record(scene.reader.get(place, product_id)),)
    ]


def owe_basket(scene: Scene) -> Iterable[Write]:
    """Owe the removal of the bought lines from the buyer's basket."""
    order = scene.order
    if not order.buyer_id:
        return ()
    amounts: dict[str, int] = {}
    for line in order.ord_ws:
        amounts[line.id] = amounts.get(line.id, 0) + line.w_buy_num
    row = outbox_row(
        scene.new_id(scene.now), scene.now, BASKET_TAKE,
        domain=order.sto_nm, buyer=order.buyer_id, take=amounts,
    )  # fmt: skip
    return (Write(OUTBOX, row, is_new=True),)


def tell(what: NoticeType | None) -> Plan:
    """Return the step that owes what tells of an event, in the order's store's own way.

    A notice if the store has a webhook, a run of its hook if it has one for the event. `what` None
    is the event that the scene names.
    """

    def plan(scene: Scene) -> Iterable[Write]:
        event = what or scene.told
        has_webhook = wants_notices(scene.reader, scene.store)
        has_hook = scene.has_hook(scene.store, str(event))
        if not (has_webhook or has_hook) or not _happened(scene, event):
            return
        if has_webhook:
            notice = order_notice(
                event, scene.order, scene.new_id(scene.now), scene.now, payment=scene.payment
            )
            yield Write(NOTICES, notice.to_record(), is_new=True)
        if has_hook:
            run = hook_run(
                event, scene.order, scene.new_id(scene.now), scene.now, payment=scene.payment
            )
            yield Write(OUTBOX, run.to_row(), is_new=True)

    return plan


def _happened(scene: Scene, event: NoticeType) -> bool:
    """Whether the event is one: of a payment that failed only if its order was to be paid by it."""
    if event is not NoticeType.FAILED:
        return True
    is_current = scene.order.pay_id == _payment(scene).id
    return is_current and scene.order.ord_status in (OrderStatus.WAIT, OrderStatus.FAIL)


def _ended(payment: Payment, paid_by: Payment, scene: Scene) -> Payment:
    reason = f"paid by {paid_by.id}"
    return payment.on(Event.CLOSE, scene.now, scene.by, reason, fail_re=reason)


def _payment(scene: Scene) -> Payment:
    if scene.payment is None:
        raise CorruptRecordError(f"order {scene.order_id}: this step is a payment's")
    return scene.payment


def _order_write(order: Order) -> Write:
    return Write(orders(order.sto_nm), order.to_record(), order=order)
