"""Reads and verifies Alipay's callbacks ("asynchronous notify" of the provider documents). Pure.

The string that is signed comes in two flavours: without `sign` and `sign_type` (trades), or
without `sign` alone (notices of life accounts and the service market).
"""

from urllib.parse import parse_qsl

from payment_cli.errors import InvalidValueError, UntrustedError
from payment_cli.gateways.alipay.account import AlipayAccount
from payment_cli.gateways.alipay.sign import AlipayKeys, string_to_sign
from payment_cli.gateways.alipay.trade import trade_answer
from payment_cli.gateways.base import Answer, HttpRequest, Notice, Outcome

_FIELDS_MAX = 200

#: What Alipay may say in `charset`. We ask for utf-8 in every request, and get it.
_CHARSETS = {"utf-8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}


def read_notice(account: AlipayAccount, keys: AlipayKeys, request: HttpRequest) -> Notice:
    """Verify a callback against `account` and read it.

    A notice of another kind than a trade's gets the order number "".

    Raises:
        UntrustedError: signature, app id or seller id are not right.
        InvalidValueError: it is not a form that was posted.
    """
    fields, charset = _parse(request)
    _check_signature(keys, fields, charset)
    if fields.get("app_id") != account.app_id:
        raise UntrustedError(f"Alipay's callback is for another app than {account.app_id}")
    if "trade_status" not in fields or "out_trade_no" not in fields:
        return Notice("", Answer(Outcome.UNKNOWN, message="not about a trade"))
    if fields.get("seller_id") != account.seller_id:
        raise UntrustedError(f"Alipay's callback is for another seller than {account.seller_id}")
    return Notice(fields["out_trade_no"], trade_answer(fields))


def _parse(request: HttpRequest) -> tuple[dict[str, str], str]:
    content_type = request.headers.get("content-type", "application/x-www-form-urlencoded")
    is_form = "x-www-form-urlencoded" in content_type.lower() and request.body
    if request.method != "POST" or not is_form:
        raise InvalidValueError("Alipay's callbacks are forms sent by POST")
    try:
        # As Latin-1 the octets survive until the form itself has said which charset it is in.
        pairs = parse_qsl(
            request.body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="latin-1",
            max_num_fields=_FIELDS_MAX,
        )
        octets = dict(pairs)
        charset = _CHARSETS[octets.get("charset", "utf-8").lower()]
        fields = {_decode(name, charset): _decode(octets[name], charset) for name in octets}
    except (ValueError, KeyError) as error:
        raise InvalidValueError("the callback's body is not a form of Alipay's") from error
    if len(fields) != len(pairs):
        raise UntrustedError("a field occurs twice in Alipay's callback")
    return fields, charset


def _decode(octets: str, charset: str) -> str:
    return octets.encode("latin-1").decode(charset)


def _check_signature(keys: AlipayKeys, fields: dict[str, str], charset: str) -> None:
    """Try both flavours; RSA2 only, so that nobody can talk us down to SHA-1."""
    if fields.get("sign_type") != "RSA2" or not fields.get("sign"):
        raise UntrustedError("Alipay's callback is not signed with RSA2")
    for left_out in (("sign", "sign_type"), ("sign",)):
        signed = {name: value for name, value in fields.items() if name not in left_out}
        if keys.verify(string_to_sign(signed).encode(charset), fields["sign"]):
            return
    raise UntrustedError("the signature of Alipay's callback is wrong")
