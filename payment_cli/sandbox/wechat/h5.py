"""WeChat's page between a shop in a browser and the WeChat app (h5_url).

It is refused as WeChat refuses it (FAQ of H5 payments): after five minutes; when the browser does
not say from which shop's page it comes, as WeChat takes links from registered domains only; when
redirect_url, which the merchant may append, leads to another domain than that. WeChat also compares
the browser's address with payer_client_ip: not here, where every browser is on 127.0.0.1.
"""

import secrets
from urllib.parse import parse_qs, urlsplit

from payment_cli.sandbox import pages
from payment_cli.sandbox.exchange import RefusalError, Reply, Request
from payment_cli.sandbox.ledger import Order, OrderState
from payment_cli.sandbox.world import Call, World

PATH = "/cgi-bin/mmpayweb-bin/checkmweb"
#: A link lives five minutes, whatever time_expire says; the same request again brings a new one.
LINK_LIFE_S = 300


def link(call: Call, prepay_id: str) -> str:
    """Return the h5_url of a new order, on the very host this request came to."""
    host = call.request.headers.get("host", "127.0.0.1")
    package = secrets.randbelow(10**10)
    return f"http://{host}{PATH}?prepay_id={prepay_id}&package={package:010}"


def identify(world: World, request: Request) -> tuple[str, str]:
    """Return what the browser does and with which order, as far as that can be seen."""
    with world.ledger.changed:
        order, _ = _find(world, request.query.get("prepay_id", ""))
        return "open", order.out_trade_no if order else ""


def answer(call: Call) -> Reply:
    """Send the browser on to the payer's page, or say in WeChat's words why not."""
    world = call.world
    try:
        with world.ledger.changed:
            order = _usable(world, call.request.query.get("prepay_id", ""))
            order.return_url = order.quit_url = _redirect_url(call.request)
            pages.open_order(world, order)
            return pages.go_to(order)
    except RefusalError as refusal:
        hint = refusal.extra.get("hint", "")
        return pages.refused("wechat", refusal.code, refusal.message, hint)


def _find(world: World, prepay_id: str) -> tuple[Order | None, str]:
    """Return the order one of whose links has this prepay_id, and that link."""
    for order in world.ledger.orders.values():
        if order.tool == "h5":
            for url in (order.code, *order.old_codes):
                if prepay_id in parse_qs(urlsplit(url).query)["prepay_id"]:
                    return order, url
    return None, ""


def _usable(world: World, prepay_id: str) -> Order:
    order, url = _find(world, prepay_id)
    if order is None:
        raise RefusalError(200, "PARAM_ERROR", "商家参数格式有误，请联系商家解决")
    world.ledger.expire(order, world.now())
    if order.state in (OrderState.PAID, OrderState.FINISHED):
        raise RefusalError(200, "ORDERPAID", "该订单已支付")
    if order.state is not OrderState.WAITING:
        raise RefusalError(200, "ORDER_CLOSED", "订单已关闭")
    if url != order.code or world.now() >= order.code_expires_at:
        raise RefusalError(200, "LINK_EXPIRED", "支付请求已失效，请重新发起支付")
    return order


def _redirect_url(request: Request) -> str:
    """Return where the payer goes afterwards; the browser must come from that very domain."""
    shop = urlsplit(request.headers.get("referer", ""))
    if not shop.hostname:
        raise RefusalError(
            200,
            "REFERER_MISSING",
            "商家参数格式有误，请联系商家解决",
            hint="No Referer came. Open the link from the shop's page: WeChat takes it only from a"
            " domain that the merchant has registered.",
        )
    wanted = request.query.get("redirect_url", "")
    if not wanted:
        return ""
    target = urlsplit(wanted)
    is_shops = target.scheme in ("http", "https") and target.hostname == shop.hostname
    if not is_shops or not wanted.isprintable():  # urlsplit overlooks line ends
        raise RefusalError(200, "DOMAIN_MISMATCH", "商家存在未配置的参数，请联系商家解决")
    return wanted
