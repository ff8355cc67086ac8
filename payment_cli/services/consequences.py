"""What a payment's end means for its order: called by settlement, in the payment's transaction.

Metadata can't pay an order: only an order whose own `pay_ids` name the payment is touched, and
only with equal fee, currency and seller. `or_id` alone is data.
"""

from dataclasses import replace

from payment_cli.errors import CorruptRecordError, InvalidValueError, NotFoundError
from payment_cli.ids import new_id
from payment_cli.model.payments.payment import Flag, Payment
from payment_cli.model.shop.coupon import CouponEvent
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_notice import NoticeType
from payment_cli.model.shop.order_state import OrderEvent, OrderStatus
from payment_cli.model.shop.product import Product
from payment_cli.services.events.notice_records import queue_notice
from payment_cli.services.events.outbox import BASKET_TAKE, outbox_row
from payment_cli.services.shop.records import (
    load_coupons,
    load_order,
    save_coupon,
    save_order,
    save_product,
    things,
)
from payment_cli.storage.base import Collection, Transaction


def on_paid(tx: Transaction, payment: Payment, *, now: int, by: str) -> Flag | None:
    """Move the order that `payment` pays; return why its money can't settle it, None if it did.

    Moves the order, uses its coupons, and owes the removal of the bought lines from the buyer's
    basket (outbox) and a notice to its store. A payment no order owns settles by itself.
    """
    order = _owned_order(tx, payment)
    if order is None:
        return None
    flag = order.why_not_paid_by(payment)
    if flag is not None:
        save_order(tx, order.noted(f"money: {flag}", now, by, payment.id))
        on_flagged(tx, replace(payment, flag=str(flag)), now=now)
        return flag
    order = save_order(tx, order.on(OrderEvent.PAID, now, by, payment.id, pay_id=payment.id))
    queue_notice(tx, NoticeType.PAID, order, now=now, payment=payment)
    for coupon in load_coupons(tx, order.sto_nm, order.coupon_ids):
        save_coupon(tx, order.sto_nm, coupon.on(CouponEvent.USE, order.id, now))
    if order.buyer_id:
        amounts: dict[str, int] = {}
        for line in order.ord_ws:
            amounts[line.id] = amounts.get(line.id, 0) + line.w_buy_num
        row = outbox_row(
            new_id(now), now, BASKET_TAKE, domain=order.sto_nm, buyer=order.buyer_id, take=amounts
        )
        tx.insert(Collection("outbox"), row)
    return None


def on_flagged(tx: Transaction, payment: Payment, *, now: int) -> None:
    """Tell the store that money came for `payment` which can't settle its order.

    The order itself is not touched: a damaged one must not keep the money from being recorded.
    """
    try:
        order = _owned_order(tx, payment)
    except CorruptRecordError:
        return
    if order is not None:
        queue_notice(tx, NoticeType.FLAGGED, order, now=now, payment=payment)


def on_failed(tx: Transaction, payment: Payment, *, now: int, by: str) -> None:
    """Move the order whose current payment failed, so that another may be tried.

    Its store is not told: whether the order is paid after all, or ends, is told.
    """
    order = _owned_order(tx, payment)
    if order is not None and order.pay_id == payment.id and order.ord_status is OrderStatus.WAIT:
        save_order(tx, order.on(OrderEvent.FAIL, now, by, payment.fail_re))


def cancel_order(tx: Transaction, order: Order, reason: str, *, now: int, by: str) -> Order:
    """Cancel a pending order in `tx`: its stock and its coupons are free again.

    Raises:
        NotAllowedError: its state does not allow it.
    """
    what = NoticeType.EXPIRED if order.is_overdue(now) else NoticeType.CANCELLED
    cancelled = save_order(tx, order.on(OrderEvent.CANCEL, now, by, reason))
    queue_notice(tx, what, cancelled, now=now)
    for product_id, amount in order.stock.items():
        try:
            product = Product.from_record(tx.get(things(order.sto_nm), product_id))
        except NotFoundError:
            continue
        save_product(tx, order.sto_nm, product.given_back(amount, now))
    for coupon in load_coupons(tx, order.sto_nm, order.coupon_ids):
        save_coupon(tx, order.sto_nm, coupon.on(CouponEvent.RELEASE, order.id, now))
    return cancelled


def _owned_order(tx: Transaction, payment: Payment) -> Order | None:
    if not payment.or_id:
        return None
    try:
        order = load_order(tx, payment.seller_nm, payment.or_id)
    except (NotFoundError, InvalidValueError):
        return None
    return order if payment.id in order.pay_ids else None
