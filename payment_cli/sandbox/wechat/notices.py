"""What WeChat Pay writes to a merchant when an order was paid, in both versions of its API."""

import json

from payment_cli.sandbox import keys
from payment_cli.sandbox.exchange import Reply
from payment_cli.sandbox.ledger import Notice, Order
from payment_cli.sandbox.notices import Form, Letter
from payment_cli.sandbox.wechat.signing import request_id, signed_headers
from payment_cli.sandbox.wechat.words import transaction, v2_notice_fields
from payment_cli.sandbox.wechat.xml import XmlError, parse_xml, signed_xml
from payment_cli.sandbox.world import World, beijing

#: WeChat's 15 retries after the first delivery: 24 hours and 4 minutes in all.
RETRIES_S = (
    *(15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600),
    *(10800, 10800, 10800, 21600, 21600),
)


def _write_v3(world: World, notice: Notice, order: Order, flaw: str) -> Letter:
    account = world.accounts.wechat(notice.order.merchant)
    plaintext = json.dumps(transaction(order, flaw), ensure_ascii=False, separators=(",", ":"))
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


def _write_v2(world: World, notice: Notice, order: Order, flaw: str) -> Letter:
    account = world.accounts.wechat(notice.order.merchant)
    body = signed_xml(v2_notice_fields(order, flaw), account.pay_key, "MD5", flaw)
    return Letter("text/xml", {}, body)


def _is_v3_acknowledged(reply: Reply) -> bool:
    """Tell whether it is 200 or 204, and no other code than SUCCESS."""
    return reply.status in (200, 204) and _v3_code(reply.body) == "SUCCESS"


def _is_v2_acknowledged(reply: Reply) -> bool:
    """Tell whether it is return_code SUCCESS in XML."""
    return reply.status == 200 and _return_code(reply.body) == "SUCCESS"


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


V3 = Form(_write_v3, _is_v3_acknowledged, RETRIES_S)
V2 = Form(_write_v2, _is_v2_acknowledged, RETRIES_S)
