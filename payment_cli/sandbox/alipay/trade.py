"""A trade as a merchant's request asks for it: its fields, its life, the same request again."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

from payment_cli.sandbox.accounts import AlipayAccount
from payment_cli.sandbox.alipay.signing import read_biz_content
from payment_cli.sandbox.alipay.words import IS_PAID, read_time
from payment_cli.sandbox.exchange import Json, RefusalError
from payment_cli.sandbox.fields import Anything, FieldError, Group, Spec, Text, Yuan
from payment_cli.sandbox.ledger import Order, OrderState
from payment_cli.sandbox.world import Call, beijing

OUT_TRADE_NO = Text(64, "[0-9A-Za-z_]+")
SPAN = r"[1-9][0-9]*[mhd]|1c"
ORDER: dict[str, Spec] = {
    "out_trade_no": OUT_TRADE_NO,
    "total_amount": Yuan("0.01", "100000000"),
    # The documents forbid these characters in a title.
    "subject": Text(256, "[^/=&]+"),
    "seller_id": Text(28, "2088[0-9]{12}", required=False),
    "timeout_express": Text(6, SPAN, required=False),
    "time_expire": Text(32, r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", required=False),
    "product_code": Text(64, "FACE_TO_FACE_PAYMENT|QR_CODE_OFFLINE", required=False),
    "body": Text(128, required=False),
    "extend_params": Anything(),
}
#: A trade lives fifteen days, unless the merchant says less.
TRADE_LIFE_S = 15 * 24 * 3600


def checked_content(parameters: dict[str, str], account: AlipayAccount, group: Group) -> Json:
    """Return biz_content, checked against its table and its merchant.

    Raises:
        RefusalError: INVALID_PARAMETER naming the field.
    """
    content = read_biz_content(parameters)
    try:
        group.check(content)
    except FieldError as error:
        raise business("INVALID_PARAMETER", f"{error.path[1:]} {error.message}") from None
    if content.get("seller_id", account.seller_id) != account.seller_id:
        raise business("INVALID_PARAMETER", "seller_id不是本商户")
    return content


def place(call: Call, account: AlipayAccount, tool: str, content: Json, notify_url: str) -> Order:
    """Return the new trade a request asks for, or the open one that it repeats word for word.

    Under the ledger's lock; a new one is not saved.

    Raises:
        RefusalError: it is paid or closed, or the request is not the same.
    """
    world = call.world
    parameters = _parameters(content)
    order = world.ledger.order("alipay", account.app_id, content["out_trade_no"], world.now())
    if order is None:
        return _new_order(world.now(), account, tool, content, notify_url, parameters)
    if order.state in IS_PAID:
        raise business("TRADE_HAS_SUCCESS", "交易已被支付")
    if order.state not in (OrderState.WAITING, OrderState.PAYING):
        raise business("TRADE_HAS_CLOSE", "交易已经关闭")
    if order.tool != tool or order.parameters != parameters:
        raise business("CONTEXT_INCONSISTENT", "交易信息被篡改")
    return order


def _new_order(
    now: int,
    account: AlipayAccount,
    tool: str,
    content: Json,
    notify_url: str,
    parameters: str,
) -> Order:
    return Order(
        provider="alipay",
        merchant=account.app_id,
        out_trade_no=content["out_trade_no"],
        tool=tool,
        amount=int(Decimal(str(content["total_amount"])) * 100),
        created_at=now,
        expires_at=_expires_at(now, content),
        appid=account.app_id,
        mch_shown=account.seller_id,
        subject=content["subject"],
        parameters=parameters,
        notify_url=notify_url,
    )


def _parameters(content: Json) -> str:
    """Return what makes two requests the same; a payment code is never kept."""
    kept: dict[str, Any] = {k: v for k, v in content.items() if k != "auth_code"}
    return json.dumps(kept, sort_keys=True, default=str)


def _expires_at(now: int, content: Json) -> int:
    if "time_expire" in content:
        try:
            expires_at = read_time(content["time_expire"])
        except ValueError:
            raise business("INVALID_PARAMETER", "time_expire") from None
        if expires_at <= now:
            raise business("INVALID_PARAMETER", "time_expire已过")
        return expires_at
    span = content.get("timeout_express", "")
    return after(now, span) if span else now + TRADE_LIFE_S * 1000


def after(now: int, span: str) -> int:
    """Return when a span such as 90m, 2h, 1d ends; 1c is the end of Beijing's day."""
    if span == "1c":
        midnight = beijing(now).replace(hour=0, minute=0, second=0) + timedelta(days=1)
        return int(midnight.timestamp()) * 1000
    minutes = {"m": 1, "h": 60, "d": 1440}[span[-1]]
    return now + int(span[:-1]) * minutes * 60_000


def business(sub_code: str, message: str) -> RefusalError:
    """Return Alipay's words about a trade that can't be had."""
    return RefusalError(200, "40004", message, sub_code=f"ACQ.{sub_code}")
