"""What Alipay writes to a merchant when an order was paid."""

from dataclasses import replace
from urllib.parse import quote_plus, urlencode

from payment_cli.sandbox import keys, payer
from payment_cli.sandbox.alipay.signing import charset_of, platform_key
from payment_cli.sandbox.alipay.words import notify_fields
from payment_cli.sandbox.exchange import Reply
from payment_cli.sandbox.ledger import Notice, Order, OrderState
from payment_cli.sandbox.misbehaviour import STALE_MS
from payment_cli.sandbox.notices import Form, Letter
from payment_cli.sandbox.world import World

#: Alipay's 8 deliveries: seconds from one failed one to the next.
RETRIES_S = (240, 600, 600, 3600, 7200, 21600, 54000)


#: What the documents promise in every notification of a trade; anything else may be missing.
REQUIRED = frozenset(
    {
        "notify_time", "notify_type", "notify_id", "app_id", "trade_no", "out_trade_no",
        "trade_status", "total_amount",
    }
)  # fmt: skip


def _write(world: World, notice: Notice, order: Order, flaw: str) -> Letter:
    account = world.accounts.alipay(notice.order.merchant)
    sent_at = world.now() - (STALE_MS if flaw == "stale" else 0)
    if flaw == "zfb-refunded":
        payer.take_back(world, world.ledger.orders[notice.order.key])
        order = replace(order, state=OrderState.REVOKED)
    fields = notify_fields(order, notice.id, sent_at)
    if flaw == "zfb-required-only":
        fields = {name: value for name, value in fields.items() if name in REQUIRED}
    charset, codec = charset_of(flaw)
    if "charset" in fields:
        fields["charset"] = charset
    signed = {**fields, "sign_type": "RSA2"} if notice.keeps_sign_type else fields
    message = "&".join(f"{name}={signed[name]}" for name in sorted(signed) if signed[name])
    if flaw in ("bad-signature", "signtest"):
        message += "&what=somebody else wrote"
    fields["sign_type"] = "RSA2"
    if flaw != "unsigned":
        key = platform_key(world.platform, account)
        fields["sign"] = keys.sign(key, message.encode(codec))
    body = urlencode(fields, quote_via=quote_plus, encoding=codec).encode()
    return Letter(f"application/x-www-form-urlencoded; charset={charset}", {}, body)


def _is_acknowledged(reply: Reply) -> bool:
    """Tell whether it is the seven characters `success`."""
    return reply.status == 200 and reply.body == b"success"


FORM = Form(_write, _is_acknowledged, RETRIES_S)
