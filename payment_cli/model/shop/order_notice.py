"""What is told about an order: which events there are, and what is said of each.

A store's webhook hears of it, and the store's hook is run, which may write to the buyer.
"""

from collections.abc import Mapping
from enum import StrEnum

from payment_cli.model.events.hook import HookRun
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
    FAILED = "order.failed"  # its provider says that the payment will not be paid
    SHIPPED = "order.shipped"
    DONE = "order.done"  # the buyer has it all


def order_notice(
    what: NoticeType, order: Order, notice_id: str, now: int, *, payment: Payment | None = None
) -> Notice:
    """Return the notice of what happened to `order` just now, and by which payment.

    It tells ids, the state, and what is to be paid in fen; no names, addresses or phone numbers,
    and of the buyer only the id the store gave.
    """
    return Notice(
        id=notice_id,
        ct=now,
        lm=now,
        what=str(what),
        sto_nm=order.sto_nm,
        or_id=order.id,
        data=_facts(what, order, payment),
        since=now,
        next_at=now,
    )


def hook_run(
    what: NoticeType, order: Order, run_id: str, now: int, *, payment: Payment | None = None
) -> HookRun:
    """Return the run of the store's hook for what happened to `order` just now.

    Its document has what a webhook is told, and the buyer's name, phone and email as the order has
    them: the store's own script writes to its own customer. It is flat, so that each field is a
    variable of the script.
    """
    document: dict[str, Json] = {
        "id": run_id,
        "event": str(what),
        "at": now,
        **_facts(what, order, payment),
        "title": order.title,
        "pieces": sum(line.w_buy_num for line in order.ord_ws),
        "buyer_name": order.delivery.get("user_name", ""),
        "buyer_phone": order.delivery.get("user_phone", ""),
        "buyer_email": order.delivery.get("user_email", ""),
    }
    return HookRun(
        id=run_id,
        ct=now,
        lm=now,
        event=str(what),
        store=order.sto_nm,
        or_id=order.id,
        document=document,
    )


def _facts(what: NoticeType, order: Order, payment: Payment | None) -> dict[str, Json]:
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
        if what is NoticeType.FAILED:
            data["reason"] = payment.fail_re
    if what is NoticeType.SHIPPED:
        data |= _last_shipment(order)
    return data


def _last_shipment(order: Order) -> dict[str, Json]:
    rows = order.extra.get("shipments")
    last = rows[-1] if isinstance(rows, list | tuple) and rows else {}
    known = last if isinstance(last, Mapping) else {}
    return {"carrier": known.get("carrier", ""), "number": known.get("number", "")}
