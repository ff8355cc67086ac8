"""An order in the words of Alipay."""

import json
from datetime import datetime

from payment_cli.sandbox.exchange import Json
from payment_cli.sandbox.ledger import Order, OrderState
from payment_cli.sandbox.world import BEIJING, beijing

TRADE_STATUSES = {
    OrderState.WAITING: "WAIT_BUYER_PAY",
    OrderState.PAYING: "WAIT_BUYER_PAY",
    OrderState.PAID: "TRADE_SUCCESS",
    OrderState.FINISHED: "TRADE_FINISHED",
    OrderState.DECLINED: "TRADE_CLOSED",
    OrderState.CLOSED: "TRADE_CLOSED",
    OrderState.REVOKED: "TRADE_CLOSED",
}
IS_PAID = (OrderState.PAID, OrderState.FINISHED)


def yuan(fen: int) -> str:
    """Write an amount of fen as Alipay does: yuan with two decimals."""
    return f"{fen // 100}.{fen % 100:02}"


def alipay_time(ams: int) -> str:
    """Write a time as Alipay does, in Beijing's time."""
    return beijing(ams).strftime("%Y-%m-%d %H:%M:%S")


def read_time(text: str) -> int:
    """Read a time as Alipay writes it; return AMS.

    Raises:
        ValueError: not such a time.
    """
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    return int(moment.timestamp()) * 1000


def query_fields(order: Order) -> Json:
    """Return the answer to alipay.trade.query.

    A trade that was paid says so for ever by `send_pay_date`, also closed by a refund.
    """
    left = 0 if order.state is OrderState.REVOKED else order.paid_amount
    document: Json = {
        "buyer_logon_id": "san***@sandbox.example",
        "buyer_pay_amount": yuan(left),
        "buyer_user_id": order.payer,
        "buyer_user_type": "PRIVATE",
        "invoice_amount": yuan(left),
        "out_trade_no": order.out_trade_no,
        "point_amount": "0.00",
        "receipt_amount": yuan(left),
        "total_amount": yuan(order.paid_amount if order.paid_at else order.amount),
        "trade_no": order.trade_no,
        "trade_status": TRADE_STATUSES[order.state],
    }
    if order.paid_at:
        document["send_pay_date"] = alipay_time(order.paid_at)
        document["fund_bill_list"] = [{"amount": yuan(left), "fund_channel": "ALIPAYACCOUNT"}]
    return document | _foreign_currency(order)


def pay_fields(order: Order) -> Json:
    """Return the answer to a scan; `gmt_payment` only if it has paid."""
    document = query_fields(order)
    del document["trade_status"]
    if "send_pay_date" in document:
        document["gmt_payment"] = document.pop("send_pay_date")
    return document


def notify_fields(order: Order, notify_id: str, sent_at: int) -> dict[str, str]:
    """Return the form of a notification, without signature; values are plain text."""
    bills = [{"amount": yuan(order.paid_amount), "fundChannel": "ALIPAYACCOUNT"}]
    return {
        "notify_time": alipay_time(sent_at),
        "notify_type": "trade_status_sync",
        "notify_id": notify_id,
        "charset": "utf-8",
        "version": "1.0",
        "app_id": order.appid,
        "auth_app_id": order.appid,
        "trade_no": order.trade_no,
        "out_trade_no": order.out_trade_no,
        "buyer_id": order.payer,
        "buyer_logon_id": "san***@sandbox.example",
        "seller_id": order.mch_shown,
        "trade_status": TRADE_STATUSES[order.state],
        "total_amount": yuan(order.paid_amount),
        "receipt_amount": yuan(order.paid_amount),
        "invoice_amount": yuan(order.paid_amount),
        "buyer_pay_amount": yuan(order.paid_amount),
        "point_amount": "0.00",
        "subject": order.subject,
        "gmt_create": alipay_time(order.created_at),
        "gmt_payment": alipay_time(order.paid_at),
        "fund_bill_list": json.dumps(bills, separators=(",", ":")),
        **_refund(order, sent_at),
        **_foreign_currency(order),
    }


def _refund(order: Order, at: int) -> dict[str, str]:
    """Return what a notification says of money that went back, all of it."""
    if order.state is not OrderState.REVOKED:
        return {}
    when = alipay_time(at)
    return {"refund_fee": yuan(order.paid_amount), "gmt_refund": f"{when}.000", "gmt_close": when}


def _foreign_currency(order: Order) -> dict[str, str]:
    # Within China an answer names no currency; only cross-border trades do.
    if order.currency == "CNY":
        return {}
    return {"trans_currency": order.currency, "pay_currency": order.currency}
