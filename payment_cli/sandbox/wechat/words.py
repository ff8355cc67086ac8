"""An order in the words of WeChat Pay, v3 and v2."""

from typing import Any

from payment_cli.sandbox.exchange import Json
from payment_cli.sandbox.ledger import Order, OrderState
from payment_cli.sandbox.tools import TOOLS
from payment_cli.sandbox.world import beijing

#: State -> (trade_state, trade_state_desc).
TRADE_STATES = {
    OrderState.WAITING: ("NOTPAY", "订单未支付"),
    OrderState.PAYING: ("USERPAYING", "需要用户输入支付密码"),
    OrderState.PAID: ("SUCCESS", "支付成功"),
    OrderState.FINISHED: ("SUCCESS", "支付成功"),
    OrderState.DECLINED: ("PAYERROR", "支付失败"),
    OrderState.CLOSED: ("CLOSED", "订单已关闭"),
    OrderState.REVOKED: ("REVOKED", "订单已撤销"),
}


#: Flaw -> the field that a message lacks.
LACKS = {
    "wx-no-appid": "appid",
    "wx-no-merchant": "mchid",
    "wx-no-transaction-id": "transaction_id",
    "wx-v2-no-recall": "recall",
}


def spoilt(fields: dict[str, Any], flaw: str) -> dict[str, Any]:
    """Return what is said about an order as a message with this flaw says it."""
    if flaw == "wx-no-order-number":
        return fields | {"out_trade_no": ""}
    if flaw == "wx-refunded" and fields.get("trade_state") == "SUCCESS":
        return fields | {"trade_state": "REFUND", "trade_state_desc": "转入退款"}
    return {name: value for name, value in fields.items() if name != LACKS.get(flaw)}


def transaction(order: Order, flaw: str = "") -> Json:
    """Return the v3 transaction object: of queries, scans and notifications alike."""
    state, description = TRADE_STATES[order.state]
    document: Json = {
        "appid": order.appid,
        "mchid": order.mch_shown,
        "out_trade_no": order.out_trade_no,
        "trade_state": state,
        "trade_state_desc": description,
        "promotion_detail": [],
        "amount": {"total": order.amount, "currency": order.currency},
    }
    if order.attach:
        document["attach"] = order.attach
    if state == "SUCCESS":
        document |= _paid_part(order)
    return spoilt(document, flaw)


def v2_fields(order: Order, flaw: str = "") -> dict[str, str]:
    """Return what v2 says about an order, beside codes and signature."""
    state, description = TRADE_STATES[order.state]
    fields = {
        "out_trade_no": order.out_trade_no,
        "trade_state": state,
        "trade_state_desc": description,
        "total_fee": str(order.amount),
        "fee_type": order.currency,
        "attach": order.attach,
    }
    return spoilt({**fields, **(_v2_paid_part(order) if state == "SUCCESS" else {})}, flaw)


def v2_notice_fields(order: Order, flaw: str = "") -> dict[str, str]:
    """Return the fields of a v2 payment notification."""
    fields = v2_fields(order, flaw)
    del fields["trade_state"], fields["trade_state_desc"]
    return {
        "return_code": "SUCCESS",
        "appid": order.appid,
        "mch_id": order.mch_shown,
        "result_code": "SUCCESS",
        **fields,
    }


def _paid_part(order: Order) -> Json:
    return {
        "transaction_id": order.trade_no,
        "trade_type": TOOLS[order.tool].trade_type,
        "bank_type": "OTHERS",
        "success_time": beijing(order.paid_at).isoformat(),
        "payer": {"openid": order.payer},
        "amount": {
            "total": order.paid_amount,
            "payer_total": order.paid_amount,
            "currency": order.currency,
            "payer_currency": order.currency,
        },
    }


def _v2_paid_part(order: Order) -> dict[str, str]:
    return {
        "transaction_id": order.trade_no,
        "trade_type": TOOLS[order.tool].trade_type,
        "bank_type": "OTHERS",
        "openid": order.payer,
        "is_subscribe": "N",
        "total_fee": str(order.paid_amount),
        "cash_fee": str(order.paid_amount),
        "cash_fee_type": order.currency,
        "time_end": beijing(order.paid_at).strftime("%Y%m%d%H%M%S"),
    }
