"""What Alipay writes to a merchant when an order was paid."""

from urllib.parse import quote_plus, urlencode

from payment_cli.sandbox import keys
from payment_cli.sandbox.alipay.signing import platform_key
from payment_cli.sandbox.alipay.words import notify_fields
from payment_cli.sandbox.exchange import Reply
from payment_cli.sandbox.ledger import Notice, Order
from payment_cli.sandbox.misbehaviour import STALE_MS
from payment_cli.sandbox.notices import Form, Letter
from payment_cli.sandbox.world import World

#: Alipay's 8 deliveries: seconds from one failed one to the next.
RETRIES_S = (240, 600, 600, 3600, 7200, 21600, 54000)


def _write(world: World, notice: Notice, order: Order, flaw: str) -> Letter:
    account = world.accounts.alipay(notice.order.merchant)
    sent_at = world.now() - (STALE_MS if flaw == "stale" else 0)
    fields = notify_fields(order, notice.id, sent_at)
    signed = {**fields, "sign_type": "RSA2"} if notice.keeps_sign_type else fields
    message = "&".join(f"{name}={signed[name]}" for name in sorted(signed) if signed[name])
    if flaw in ("bad-signature", "signtest"):
        message += "&what=somebody else wrote"
    fields["sign_type"] = "RSA2"
    if flaw != "unsigned":
        fields["sign"] = keys.sign(platform_key(world.platform, account), message.encode())
    body = urlencode(fields, quote_via=quote_plus).encode()
    return Letter("application/x-www-form-urlencoded; charset=utf-8", {}, body)


def _is_acknowledged(reply: Reply) -> bool:
    """Tell whether it is the seven characters `success`."""
    return reply.status == 200 and reply.body == b"success"


FORM = Form(_write, _is_acknowledged, RETRIES_S)
