"""A payer's browser: what WeChat's own checks of a jsapi order, and what opens a link of Alipay."""

import json
from urllib.parse import urlsplit

from payment_cli.sandbox import keys
from payment_cli.sandbox.alipay import page
from payment_cli.sandbox.alipay.signing import read_parameters
from payment_cli.sandbox.exchange import Json, RefusalError, Request, SandboxError
from payment_cli.sandbox.ledger import Order
from payment_cli.sandbox.world import Call, World

NAMES = {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}


def order_of_browser(world: World, text: str) -> str:
    """Return the prepay_id of the parameters a page gives to `getBrandWCPayRequest`.

    Raises:
        SandboxError: not those parameters, an unknown prepay_id, or a wrong signature.
    """
    parameters = _parameters(text)
    prepay_id = str(parameters["package"]).removeprefix("prepay_id=")
    with world.ledger.changed:
        order = world.ledger.find(prepay_id, frozenset({"jsapi"}))
    _check(world, order, parameters)
    return prepay_id


def order_of_link(world: World, url: str) -> str:
    """Open a link of Alipay as a browser does; return the number of its trade.

    Raises:
        SandboxError: Alipay would show an error.
    """
    target = urlsplit(url)
    request = Request("GET", f"{target.path}?{target.query}", {}, b"")
    try:
        parameters = read_parameters(request)
        if parameters.get("method") not in page.METHODS:
            raise SandboxError("invalid", "that is no link of a payment")
        return page.open_trade(Call(world, request), parameters).trade_no
    except RefusalError as refusal:
        raise SandboxError("invalid", f"{refusal.extra['sub_code']}: {refusal}") from None


def _parameters(text: str) -> Json:
    try:
        parameters = json.loads(text)
    except ValueError:
        raise SandboxError("invalid", "the browser's parameters are not JSON") from None
    if set(parameters) != NAMES or not all(isinstance(v, str) for v in parameters.values()):
        raise SandboxError("invalid", f"the browser wants {', '.join(sorted(NAMES))}, all strings")
    if parameters["signType"] != "RSA" or not parameters["package"].startswith("prepay_id="):
        raise SandboxError("invalid", "the browser wants signType RSA and package prepay_id=…")
    checked: Json = parameters
    return checked


def _check(world: World, order: Order, parameters: Json) -> None:
    if parameters["appId"] != order.appid:
        raise SandboxError("invalid", "appId is not the one of the order")
    if not parameters["timeStamp"].isdigit() or len(parameters["timeStamp"]) != 10:
        raise SandboxError("invalid", "timeStamp is not in seconds")
    account = world.accounts.wechat(order.merchant)
    lines = (parameters[name] for name in ("appId", "timeStamp", "nonceStr", "package"))
    message = "".join(f"{line}\n" for line in lines).encode()
    key = keys.load_public(account.merchant_public_key)
    if not keys.is_signed(key, message, parameters["paySign"]):
        raise SandboxError("invalid", "paySign does not hold")
