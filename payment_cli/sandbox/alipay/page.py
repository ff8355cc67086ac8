"""Alipay in a browser: alipay.trade.page.pay and .wap.pay (电脑网站支付, 手机网站支付).

The merchant calls nothing: it signs a URL, or a form, and the payer's browser brings it to
gateway.do. So a trade exists from when its link was opened, not before. What is wrong with it is
told to the payer on a page, and nothing is created.

Where documents are silent: a link has no age of its own (time_expire is what ends it), only a
timestamp that is still to come is refused. quit_url, which older documents require and the gateway
does without, may be left out.
"""

from urllib.parse import urlencode

from payment_cli.sandbox import keys, pages
from payment_cli.sandbox.alipay.signing import authenticate, platform_key
from payment_cli.sandbox.alipay.trade import ORDER, checked_content, place
from payment_cli.sandbox.alipay.words import alipay_time, yuan
from payment_cli.sandbox.exchange import RefusalError, Reply
from payment_cli.sandbox.fields import Group, Text
from payment_cli.sandbox.ledger import Order
from payment_cli.sandbox.world import Call, World

#: Method -> the tool that the trade is placed with.
METHODS = {"alipay.trade.page.pay": "page", "alipay.trade.wap.pay": "wap"}
URL = r"https?://[^\s/]+(/\S*)?"
CONTENTS = {
    "page": Group(ORDER | {"product_code": Text(64, "FAST_INSTANT_TRADE_PAY")}, is_open=True),
    "wap": Group(
        ORDER
        | {
            "product_code": Text(64, "QUICK_WAP_WAY"),
            "quit_url": Text(400, URL, required=False),
        },
        is_open=True,
    ),
}


def answer(call: Call, parameters: dict[str, str]) -> Reply:
    """Open the trade that a browser brought and send it to its page, or say what is wrong."""
    try:
        return pages.go_to(open_trade(call, parameters))
    except RefusalError as refusal:
        return pages.refused("alipay", refusal.extra["sub_code"], refusal.message)


def open_trade(call: Call, parameters: dict[str, str]) -> Order:
    """Return the trade that these parameters ask for; it exists from now on.

    Raises:
        RefusalError: signature, parameters or trade are not right.
    """
    account = authenticate(call, parameters, is_link=True)
    tool = METHODS[parameters["method"]]
    content = checked_content(parameters, account, CONTENTS[tool])
    with call.world.ledger.changed:
        order = place(call, account, tool, content, parameters.get("notify_url", ""))
        order.return_url = parameters.get("return_url", "")
        order.quit_url = content.get("quit_url", "")
        pages.open_order(call.world, order)
    return order


def address_after_paying(world: World, order: Order) -> str:
    """Return return_url with what Alipay adds for the merchant to verify: signed as a callback.

    It is not the word that money arrived, and has no trade_status: the callback is.
    """
    account = world.accounts.alipay(order.merchant)
    method = next(method for method, tool in METHODS.items() if tool == order.tool)
    fields = {
        "app_id": order.appid,
        "auth_app_id": order.appid,
        "charset": "utf-8",
        "method": f"{method}.return",
        "out_trade_no": order.out_trade_no,
        "seller_id": order.mch_shown,
        "timestamp": alipay_time(world.now()),
        "total_amount": yuan(order.amount),
        "trade_no": order.trade_no,
        "version": "1.0",
    }
    message = "&".join(f"{name}={fields[name]}" for name in sorted(fields))
    sign = keys.sign(platform_key(world.platform, account), message.encode())
    query = urlencode({**fields, "sign_type": "RSA2", "sign": sign})
    return f"{order.return_url}{'&' if '?' in order.return_url else '?'}{query}"
