"""What the webhook of a store is told about an order: which events there are, and what they say."""

from enum import StrEnum

from payment_cli.model.events.notice import Notice
from payment_cli.model.money import wire_currency
from payment_cli.model.payments.payment import Payment
from payment_cli.model.record import Json
from payment_cli.model.shop.order import Order


class NoticeType(StrEnum):
    """What happened to the order."""

    PAID = "order.paid"
    CANCELLED = "order.cancelled"
    EXPIRED = "order.expired"
    FLAGGED = "order.flagged"  # money arrived that can't settle it, and is to be refunded


def order_notice(
    what: NoticeType, order: Order, notice_id: str, now: int, *, payment: Payment | None = None
) -> Notice:
    """Return the notice of what happened to `order` just now, and by which payment.

    It tells ids, the state, and what is to be paid in fen; no names, addresses or phone numbers,
    and of the buyer only the id the store gave.
    """
    data: dict[str, Json] = {
        "store": order.sto_nm,
        "order_id": order.id,
        "status": str(order.ord_status),
        "fee": order.fee,
        "currency": wire_currency(order.ord_currency),
        "buyer_id": order.buyer_id,
    }
    if payment is not None:
        data |= {
            "payment_id": payment.id,
            "pay_tp": payment.pay_tp,
            "trade_no": payment.trade_no,
        }
        if payment.flag:
            data |= {"flag": payment.flag, "paid_fee": payment.paid_fee}
    return Notice(
        id=notice_id,
        ct=now,
        lm=now,
        what=str(what),
        sto_nm=order.sto_nm,
        or_id=order.id,
        data=data,
        since=now,
        next_at=now,
    )
