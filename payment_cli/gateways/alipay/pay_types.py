"""How Alipay is asked for each pay type: one row each, by which all orders are placed.

Provider documents: alipay.trade.precreate, .pay, .page.pay ("统一收单下单并支付页面接口") and
.wap.pay ("手机网站支付接口2.0").
"""

from collections.abc import Callable
from dataclasses import dataclass

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.alipay.account import AlipayAccount
from payment_cli.gateways.alipay.answer import Reply, precreate_answer, scan_answer
from payment_cli.gateways.base import Answer, SendRequest
from payment_cli.model.record import Json
from payment_cli.model.secret import Secret

Fields = dict[str, Json]


@dataclass(frozen=True, slots=True)
class OrderRow:
    """How an order of one pay type is placed.

    `fields` makes what is sent beside the fields of every order. `read` says what the answer means;
    None for a page: nothing is asked, the payer's browser carries the signed request there, and
    until it did, Alipay knows no such trade.
    """

    method: str
    product_code: str
    fields: Callable[[AlipayAccount, SendRequest, Secret], Fields]
    read: Callable[[Reply], Answer] | None


def order_row(pay_tp: str) -> OrderRow:
    """Return the row of a pay type.

    Raises:
        InvalidValueError: Alipay has no such type; it is never sent as another.
    """
    row = ORDER_ROWS.get(pay_tp)
    if row is None:
        raise InvalidValueError(f"{pay_tp[:40]!a} is not a pay type of Alipay")
    return row


def _nothing(account: AlipayAccount, request: SendRequest, code: Secret) -> Fields:
    return {}


def _bar_code(account: AlipayAccount, request: SendRequest, code: Secret) -> Fields:
    return {"scene": "bar_code", "auth_code": code.reveal()}


def _wap(account: AlipayAccount, request: SendRequest, code: Secret) -> Fields:
    # Where a payer goes who leaves without having paid.
    return {"quit_url": account.return_url} if account.return_url else {}


ORDER_ROWS = {
    "zfb.qrcode": OrderRow(
        "alipay.trade.precreate", "FACE_TO_FACE_PAYMENT", _nothing, precreate_answer
    ),
    "zfb.scan": OrderRow("alipay.trade.pay", "FACE_TO_FACE_PAYMENT", _bar_code, scan_answer),
    "zfb.page": OrderRow("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY", _nothing, None),
    "zfb.wap": OrderRow("alipay.trade.wap.pay", "QUICK_WAP_WAY", _wap, None),
}
