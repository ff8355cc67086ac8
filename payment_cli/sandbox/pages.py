"""The pages of the sandbox: what a payer sees in a browser, of either provider.

A link of a provider *opens* an order (wechat/h5, alipay/page), which sends the browser on to
`/cashier/PAGE`; what can be done there is in `cashier`. Every text is escaped, nothing is loaded,
no script runs.
"""

import secrets
from html import escape
from string import punctuation
from urllib.parse import quote

from payment_cli.sandbox import payer
from payment_cli.sandbox.exchange import Reply
from payment_cli.sandbox.ledger import Order, OrderState
from payment_cli.sandbox.world import World

PATH = "/cashier/"
NAMES = {"wechat": "WeChat Pay", "alipay": "Alipay"}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Cache-Control": "no-store",
}
STYLE = """
*{box-sizing:border-box;margin:0}
body{min-height:100vh;display:grid;place-items:start center;padding:16px;background:#f2f3f5;
color:#1c2430;font:16px/1.5 system-ui,-apple-system,"PingFang SC","Microsoft YaHei",sans-serif}
main{width:100%;max-width:400px;overflow:hidden;border-radius:14px;background:#fff;
text-align:center}
header{padding:14px 20px;color:#fff;font-weight:600}
.wechat header{background:#07a555}.alipay header{background:#1677ff}
header small{display:block;font-weight:400}
section{padding:28px 24px}
h1{font-size:20px}
.amount{font-size:40px;font-weight:650;line-height:1.3;overflow-wrap:anywhere}
p{overflow-wrap:anywhere}
.quiet{margin-top:8px;color:#5c6675;font-size:14px}
form{display:grid;gap:12px;margin-top:28px}
button,.button{display:grid;place-items:center;width:100%;min-height:52px;padding:12px;border:0;border-radius:10px;
font:inherit;font-weight:600;color:#fff;text-decoration:none;cursor:pointer}
.wechat .button{background:#07a555}.alipay .button{background:#1677ff}
button.other{background:#fff;color:#1c2430;border:1px solid #c9d0da}
a.button{margin-top:28px}
button:focus-visible,.button:focus-visible{outline:3px solid #9cc2ff;outline-offset:2px}
"""


def open_order(world: World, order: Order) -> None:
    """Let the payer see an order: it exists from now on. Under the ledger's lock.

    The same order opened again is the same page.
    """
    payer.meet(world, order)
    order.page = order.page or secrets.token_urlsafe(18)
    world.ledger.save_order(order)


def go_to(order: Order) -> Reply:
    """Send the browser to the page of an order that was opened."""
    return go(f"{PATH}{order.page}")


def go(url: str) -> Reply:
    """Send the browser to `url`, with a GET; not if a line of it could become a header."""
    if not url.isprintable():
        return Reply(400, "text/plain", b"no such address\n", outcome="BAD_ADDRESS")
    location = quote(url, safe=punctuation)
    return Reply(303, "text/plain", b"", {"Location": location, "Cache-Control": "no-store"})


def show_order(order: Order) -> Reply:
    """Return the payer's page of an order in its present state."""
    if order.state in (OrderState.WAITING, OrderState.PAYING):
        return _page(
            order.provider,
            f'{_what(order)}<form method="post">'
            '<button class="button" name="act" value="pay">Pay</button>'
            '<button class="other" name="act" value="leave">Cancel</button></form>',
        )
    is_paid = order.state in (OrderState.PAID, OrderState.FINISHED)
    says = ("Paid", "You can close this window.") if is_paid else ("Closed", "It can't be paid.")
    return _page(order.provider, f'<h1>{says[0]}</h1><p class="quiet">{says[1]}</p>{_what(order)}')


def show_left(order: Order) -> Reply:
    """Return what a payer sees who left without paying, and has nowhere to go."""
    return _page(
        order.provider,
        '<h1>Not paid</h1><p class="quiet">You can close this window, or go back and pay.</p>'
        f'<a class="button" href="{PATH}{escape(order.page)}">Back</a>',
    )


def refused(provider: str, code: str, message: str, hint: str = "") -> Reply:
    """Return the page that says why there is nothing to pay; `hint` is what to do about it."""
    said = "".join(f'<p class="quiet">{escape(text)}</p>' for text in (code, hint) if text)
    reply = _page(provider, f"<h1>{escape(message)}</h1>{said}")
    reply.outcome = code
    return reply


def _what(order: Order) -> str:
    amount = f"{order.amount // 100:,}.{order.amount % 100:02}"
    return (
        f'<p class="amount">¥{amount}</p><p>{escape(order.subject)}</p>'
        f'<p class="quiet">{escape(order.out_trade_no)}</p>'
    )


def _page(provider: str, content: str) -> Reply:
    name = NAMES[provider]
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{name} (sandbox)</title>'
        f"<style>{STYLE}</style></head>"
        f'<body><main class="{provider}"><header>{name}<small>Sandbox: no real money</small>'
        f"</header><section>{content}</section></main></body></html>"
    )
    body = text.encode("utf-8", "replace")
    return Reply(200, "text/html; charset=utf-8", body, dict(HEADERS))
