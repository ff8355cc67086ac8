"""Which account a callback may be for, before anything of it is verified. Pure.

A v3 callback names no merchant in the open, but its content opens with one account's APIv3 key
alone, and names merchant and order. AES-GCM opens nothing that was made without the key, so a
stranger's message is nobody's, and costs no fetch of certificates and no RSA. Its serial number is
the verification's business: a key that we lack is a fault of ours, and is to be said.
"""

from payment_cli.errors import InvalidValueError, UntrustedError
from payment_cli.gateways.base import HttpRequest
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.gateways.wechat.signature import decrypt
from payment_cli.gateways.wechat.v3_documents import text_of
from payment_cli.gateways.wechat.xml import looks_like_xml, read_xml
from payment_cli.model.codec import decode_foreign_object
from payment_cli.model.record import Record

#: More than any callback has; of a stranger's no more is decrypted for each account.
BODY_BYTES_MAX = 64 * 1024


def order_no_for(account: WechatAccount, request: HttpRequest) -> str | None:
    """Return the order number of a message that may be for `account`, "" if it names none.

    None: it is not for it.
    """
    if looks_like_xml(request.body):
        return _v2_order_no(account, request)
    content = opened(account, request.body)
    if content is None or not _is_named(account, content.get("mchid"), content.get("appid")):
        return None
    return text_of(content.get("out_trade_no"))


def opened(account: WechatAccount, body: bytes) -> Record | None:
    """Return what a v3 callback holds, None if this account's APIv3 key doesn't open it."""
    if len(body) > BODY_BYTES_MAX:
        return None
    try:
        message = decode_foreign_object(body, "the callback")
        content = decrypt(account.api_v3_key, message.get("resource"))
        return decode_foreign_object(content, "the callback's content")
    except (InvalidValueError, UntrustedError):
        return None


def _v2_order_no(account: WechatAccount, request: HttpRequest) -> str | None:
    try:
        fields = read_xml(request.body)
    except InvalidValueError:
        return None
    if not _is_named(account, fields.get("mch_id"), fields.get("appid")):
        return None
    return fields.get("out_trade_no", "")


def _is_named(account: WechatAccount, mch_id: object, appid: object) -> bool:
    """Whether what a message names is this account; not every message names both."""
    return mch_id in (None, account.pay_mch_id) and appid in (None, "", account.appid)
