"""Reads and verifies Alipay's callbacks ("asynchronous notify" of the provider documents). Pure.

The string that is signed comes in two flavours: without `sign` and `sign_type` (trades), or
without `sign` alone (notices of life accounts and the service market).
"""

from urllib.parse import parse_qsl

from payment_cli.errors import InvalidValueError, UnfitError, UntrustedError
from payment_cli.gateways.alipay.account import AlipayAccount
from payment_cli.gateways.alipay.charset import charset_of, codec_of
from payment_cli.gateways.alipay.sign import AlipayKeys, string_to_sign
from payment_cli.gateways.alipay.trade import trade_answer
from payment_cli.gateways.base import Answer, HttpRequest, Notice, Outcome

_FIELDS_MAX = 200


def read_notice(account: AlipayAccount, keys: AlipayKeys, request: HttpRequest) -> Notice:
    """Verify a callback against `account` and read it.

    A notice of another kind than a trade's gets the order number "".

    Raises:
        UntrustedError: signature, app id or seller id are not right; or money came for an order
            that it does not name, which must not be acknowledged and forgotten.
        InvalidValueError: it is not a form that was posted.
    """
    octets = _parse(request)
    _check_signature(keys, octets)
    fields = _decode(octets, charset_of(request.headers.get("content-type", "")))
    if fields.get("app_id") != account.app_id:
        raise UntrustedError(f"Alipay's callback is for another app than {account.app_id}")
    # Alipay's table of fields calls this one optional, as all that is not said to be required.
    if fields.get("seller_id") not in (None, "", account.seller_id):
        raise UntrustedError(f"Alipay's callback is for another seller than {account.seller_id}")
    if "trade_status" not in fields:
        return Notice("", Answer(Outcome.UNKNOWN, message="not about a trade"))
    answer = trade_answer(fields)
    if answer.outcome is Outcome.UNKNOWN and not fields.get("out_trade_no"):
        raise UnfitError("Alipay's callback tells of a trade without our number")
    return Notice(fields.get("out_trade_no", ""), answer)


def _parse(request: HttpRequest) -> dict[str, str]:
    """Return the form's fields as Latin-1, which stands for their octets.

    In which charset they are only the form itself can say, and it is not verified yet.
    """
    # Whatever type a proxy made of it: what is no form of Alipay's is not signed by it.
    if request.method != "POST" or not request.body:
        raise InvalidValueError("Alipay's callbacks are forms sent by POST")
    try:
        pairs = parse_qsl(
            request.body.decode("latin-1"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="latin-1",
            max_num_fields=_FIELDS_MAX,
        )
    except ValueError as error:
        raise InvalidValueError("the callback's body is not a form of Alipay's") from error
    if len(dict(pairs)) != len(pairs):
        raise UntrustedError("a field occurs twice in Alipay's callback")
    return dict(pairs)


def _decode(octets: dict[str, str], content_charset: str) -> dict[str, str]:
    """Return verified fields as text, in the charset they name, else that of the Content-Type.

    Letters that can't be read are marked: they are never worth refusing money for.
    """
    everything = "\n".join(octets.values()).encode("latin-1")
    codec = codec_of(everything, octets.get("charset", ""), content_charset)
    return {
        name: value.encode("latin-1").decode(codec, "replace") for name, value in octets.items()
    }


def _check_signature(keys: AlipayKeys, octets: dict[str, str]) -> None:
    """Try both flavours; RSA2 only, so that nobody can talk us down to SHA-1."""
    if octets.get("sign_type") != "RSA2" or not octets.get("sign"):
        raise UntrustedError("Alipay's callback is not signed with RSA2")
    for left_out in (("sign", "sign_type"), ("sign",)):
        signed = {name: value for name, value in octets.items() if name not in left_out}
        if keys.verify(string_to_sign(signed).encode("latin-1"), octets["sign"]):
            return
    raise UntrustedError("the signature of Alipay's callback is wrong")
