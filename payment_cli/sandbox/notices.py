"""What a provider writes to a merchant when an order was paid, in all its forms."""

import json
import secrets
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

from payment_cli.sandbox import keys
from payment_cli.sandbox.accounts import AlipayAccount, WechatAccount
from payment_cli.sandbox.alipay.signing import platform_key
from payment_cli.sandbox.alipay.words import notify_fields
from payment_cli.sandbox.exchange import Reply
from payment_cli.sandbox.ledger import Notice, Order, snapshot
from payment_cli.sandbox.misbehaviour import STALE_MS, distorted
from payment_cli.sandbox.wechat.signing import request_id, signed_headers
from payment_cli.sandbox.wechat.words import transaction, v2_notice_fields
from payment_cli.sandbox.wechat.xml import XmlError, parse_xml, signed_xml
from payment_cli.sandbox.world import World, beijing

#: WeChat's 15 retries after the first delivery: 24 hours and 4 minutes in all.
WECHAT_RETRIES_S = (
    *(15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600),
    *(10800, 10800, 10800, 21600, 21600),
)
#: Seconds from one failed delivery to the next, by form. Alipay: 8 deliveries in all.
RETRIES_S = {
    "v3": WECHAT_RETRIES_S,
    "v2": WECHAT_RETRIES_S,
    "alipay": (240, 600, 600, 3600, 7200, 21600, 54000),
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A notification ready to be posted."""

    content_type: str
    headers: dict[str, str]
    body: bytes


def announce(world: World, order: Order, form: str = "") -> str:
    """Write the notification of a payment; return its id, "" where nobody asked for one."""
    if not order.notify_url:
        return ""
    now = world.now()
    is_wechat = order.provider == "wechat"
    wechat_form = "v2" if form == "v2" else "v3"
    notice = Notice(
        id=f"EV-{secrets.token_hex(14)}" if is_wechat else secrets.token_hex(17),
        form=wechat_form if is_wechat else "alipay",
        url=order.notify_url,
        order=snapshot(order),
        created_at=now,
        next_at=now,
        keeps_sign_type=form == "sign-type",
    )
    world.ledger.save_notice(notice)
    return notice.id


def write_letter(world: World, notice: Notice, flaw: str) -> Letter:
    """Return what will be posted for `notice`, spoilt by `flaw` ("" for not at all)."""
    order = distorted(notice.order, flaw, world.ledger)
    if notice.form == "alipay":
        application = world.accounts.alipay(notice.order.merchant)
        return _alipay_letter(world, notice, order, application, flaw)
    merchant = world.accounts.wechat(notice.order.merchant)
    if notice.form == "v2":
        body = signed_xml(v2_notice_fields(order), merchant.pay_key, "MD5", flaw)
        return Letter("text/xml", {}, body)
    return _v3_letter(world, notice, order, merchant, flaw)


def is_acknowledged(form: str, reply: Reply) -> bool:
    """Tell whether the merchant's answer stops further deliveries, in the provider's exact form.

    v3: 200 or 204, and no other code than SUCCESS. v2: return_code SUCCESS in XML. Alipay: the
    seven characters `success`.
    """
    if form == "alipay":
        return reply.status == 200 and reply.body == b"success"
    if form == "v2":
        return reply.status == 200 and _return_code(reply.body) == "SUCCESS"
    return reply.status in (200, 204) and _v3_code(reply.body) == "SUCCESS"


def _v3_letter(
    world: World, notice: Notice, order: Order, account: WechatAccount, flaw: str
) -> Letter:
    plaintext = json.dumps(transaction(order), ensure_ascii=False, separators=(",", ":"))
    resource = keys.seal(account.api_v3_key, plaintext.encode(), "transaction")
    document = {
        "id": notice.id,
        "create_time": beijing(notice.created_at).isoformat(),
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": "支付成功",
        "resource": {"original_type": "transaction", **resource},
    }
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    headers = signed_headers(world.platform, account, body, world.now(), flaw)
    return Letter("application/json", {**headers, "Request-ID": request_id()}, body)


def _alipay_letter(
    world: World, notice: Notice, order: Order, account: AlipayAccount, flaw: str
) -> Letter:
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


def _v3_code(body: bytes) -> str:
    try:
        document = json.loads(body) if body.strip() else {}
    except ValueError:
        return "unreadable"
    return str(document.get("code", "SUCCESS")) if isinstance(document, dict) else "unreadable"


def _return_code(body: bytes) -> str:
    try:
        return parse_xml(body).get("return_code", "")
    except XmlError:
        return ""
