"""How WeChat Pay is asked for each pay type: one row each, by which all orders are placed.

Provider documents: "H5下单" (doc/v3/merchant/4012791834), "Native下单", "JSAPI下单", "付款码支付".
"""

from collections.abc import Callable
from dataclasses import dataclass

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.base import SendRequest
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.gateways.wechat.words import rfc3339
from payment_cli.model.record import Record
from payment_cli.model.secret import Secret

#: What intents of older programs hold for a payer whose address is not known.
LOCAL_ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class OrderRow:
    """How an order of one pay type is placed over v3.

    `operation` is the last part of the path. `fields` makes what is sent beside the fields of every
    order. `shown` is the answer's field with what the payer needs; "" where the answer is the order
    itself, because the payer's code was charged. With `in_browser` what is shown is signed once
    more, for the page.
    """

    operation: str
    fields: Callable[[WechatAccount, SendRequest, Secret], Record]
    shown: str = ""
    in_browser: bool = False


def order_row(pay_tp: str) -> OrderRow:
    """Return the row of a pay type.

    Raises:
        InvalidValueError: WeChat Pay has no such type; it is never sent as another.
    """
    row = ORDER_ROWS.get(pay_tp)
    if row is None:
        raise InvalidValueError(f"{pay_tp[:40]!a} is not a pay type of WeChat Pay")
    return row


def known_address(request: SendRequest) -> str:
    """Return the payer's address, "" if nobody knows it."""
    return "" if request.client_ip == LOCAL_ADDRESS else request.client_ip


def _native(account: WechatAccount, request: SendRequest, code: Secret) -> Record:
    fields: Record = {
        "notify_url": request.notify_url,
        "time_expire": rfc3339(request.expires_at),
    }
    address = known_address(request)
    return {**fields, "scene_info": {"payer_client_ip": address}} if address else fields


def _jsapi(account: WechatAccount, request: SendRequest, code: Secret) -> Record:
    return {**_native(account, request, code), "payer": {"openid": request.openid}}


def _h5(account: WechatAccount, request: SendRequest, code: Secret) -> Record:
    # WeChat lets only the browser of this address open the page. Ours is a web page: "Wap".
    scene: Record = {"payer_client_ip": request.client_ip, "h5_info": {"type": "Wap"}}
    return {**_native(account, request, code), "scene_info": scene}


def _codepay(account: WechatAccount, request: SendRequest, code: Secret) -> Record:
    # The provider wants a shop; our own number for it may be any. The address is the till's.
    scene: Record = {"store_info": {"out_id": account.pay_mch_id}}
    address = known_address(request)
    if address:
        scene["device_ip"] = address
    return {"payer": {"auth_code": code.reveal()}, "scene_info": scene}


ORDER_ROWS = {
    "wx.qrcode": OrderRow("native", _native, "code_url"),
    "wx.jsapi": OrderRow("jsapi", _jsapi, "prepay_id", in_browser=True),
    "wx.h5": OrderRow("h5", _h5, "h5_url"),  # the link works for 5 minutes
    "wx.scan": OrderRow("codepay", _codepay),
}
