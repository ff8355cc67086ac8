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
    """Return the answer to alipay.trade.query."""
    amount = order.paid_amount if order.state in IS_PAID else order.amount
    document: Json = {
        "buyer_logon_id": "san***@sandbox.example",
        "buyer_pay_amount": yuan(order.paid_amount),
        "buyer_user_id": order.payer,
        "buyer_user_type": "PRIVATE",
        "invoice_amount": yuan(order.paid_amount),
        "out_trade_no": order.out_trade_no,
        "point_amount": "0.00",
        "receipt_amount": yuan(order.paid_amount),
        "total_amount": yuan(amount),
        "trade_no": order.trade_no,
        "trade_status": TRADE_STATUSES[order.state],
    }
    if order.state in IS_PAID:
        document["send_pay_date"] = alipay_time(order.paid_at)
        document["fund_bill_list"] = [
            {"amount": yuan(order.paid_amount), "fund_channel": "ALIPAYACCOUNT"}
        ]
    return document | _foreign_currency(order)


def pay_fields(order: Order) -> Json:
    """Return the answer to a scan; `gmt_payment` only if it has paid."""
    document = query_fields(order)
    del document["trade_status"]
    if "send_pay_date" in document:
        document["gmt_payment"] = document.pop("send_pay_date")
    return document


def notify_fields(order: Order, notify_id: str, sent_at: int) -> dict[str, str]:
    """Return the form of a payment notification, without signature; values are plain text."""
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
        **_foreign_currency(order),
    }


def _foreign_currency(order: Order) -> dict[str, str]:
    # Within China an answer names no currency; only cross-border trades do.
    if order.currency == "CNY":
        return {}
    return {"trans_currency": order.currency, "pay_currency": order.currency}
