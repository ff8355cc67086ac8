"""Alipay's gateway: the application's request, checked; the answer, signed."""

import json
import re
from decimal import Decimal
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric import rsa

from payment_cli.sandbox import keys
from payment_cli.sandbox.accounts import CERTIFICATE_MODE, AlipayAccount
from payment_cli.sandbox.alipay.words import read_time
from payment_cli.sandbox.exchange import Json, RefusalError, Request
from payment_cli.sandbox.platform_keys import Platform
from payment_cli.sandbox.world import Call

REQUIRED = ("method", "app_id", "charset", "sign_type", "sign", "timestamp", "version")
EXPECTED = {
    "charset": "utf-8",
    "sign_type": "RSA2",
    "version": "1.0",
    "format": "JSON",
}
#: Alipay says only "check the timestamp"; an hour finds every clock set to another zone.
WINDOW_MS = 3_600_000
MESSAGES = {
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
    "40006": "Insufficient Permissions",
}


def read_parameters(request: Request) -> dict[str, str]:
    """Return the parameters of query and form together; the signature covers both.

    Raises:
        RefusalError: not UTF-8, or a parameter that comes twice.
    """
    try:
        text = request.body.decode() if request.method == "POST" else ""
        query = request.target.partition("?")[2]
        pairs = [
            pair
            for part in (query, text)
            for pair in parse_qsl(part, keep_blank_values=True, errors="strict")
        ]
    except ValueError:
        raise wrong("isv.invalid-charset", "charset") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise wrong("isv.invalid-parameter", "a parameter comes twice")
    return parameters


def authenticate(call: Call, parameters: dict[str, str], *, is_link: bool = False) -> AlipayAccount:
    """Return the application whose key signed the parameters.

    A link (`is_link`) may have been signed long before it is opened.

    Raises:
        RefusalError: 40001 or 40002 with a sub_code. `extra["account"]` is set where the
            application is known, whose answer is signed then.
    """
    for name in REQUIRED:
        if not parameters.get(name):
            raise missing(name)
    try:
        account = call.world.accounts.alipay(parameters["app_id"])
    except KeyError:
        raise wrong("isv.invalid-app-id", "无效的AppID参数") from None
    try:
        _check_common(call, parameters, account, is_link=is_link)
    except RefusalError as refusal:
        refusal.extra["account"] = account
        raise
    return account


def read_biz_content(parameters: dict[str, str]) -> Json:
    """Return biz_content; decimals stay exact."""
    try:
        document = json.loads(parameters.get("biz_content", ""), parse_float=Decimal)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise wrong("isv.invalid-parameter", "biz_content is not a JSON object")
    return document


def signed_answer(
    platform: Platform,
    account: AlipayAccount | None,
    node_name: str,
    node: Json,
    flaw: str,
    codec: str,
) -> bytes:
    """Return the answer's text. The signature covers the node's very bytes.

    Slashes are escaped as Alipay escapes them. Unknown applications get no signature.
    """
    text = json.dumps(node, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    members = [f'"{node_name}":{text}']
    if account is None or flaw == "unsigned":
        return f"{{{','.join(members)}}}".encode(codec)
    message = text.encode(codec)
    if flaw in ("bad-signature", "signtest"):
        message += b"what somebody else wrote"
    if account.mode == CERTIFICATE_MODE:
        members.append(f'"alipay_cert_sn":"{platform.alipay_cert_sn}"')
    sign = keys.sign(platform_key(platform, account), message)
    members.append(f'"sign":{json.dumps(sign)}')
    return f"{{{','.join(members)}}}".encode(codec)


def charset_of(flaw: str) -> tuple[str, str]:
    """Return the charset of a message with this flaw: what it is called, and its codec.

    GB18030 writes all that GBK has as GBK does, and what it has not, too.
    """
    return ("GBK", "gb18030") if flaw == "zfb-gbk" else ("utf-8", "utf-8")


def platform_key(platform: Platform, account: AlipayAccount) -> rsa.RSAPrivateKey:
    """Return the key that Alipay signs with for this application."""
    is_certified = account.mode == CERTIFICATE_MODE
    return platform.alipay_cert_key if is_certified else platform.alipay_key


def missing(name: str) -> RefusalError:
    """Return Alipay's words about a parameter that is not there."""
    sub_code = "isv.missing-signature" if name == "sign" else f"isv.missing-{_dashed(name)}"
    return RefusalError(200, "40001", f"缺少{name}参数", sub_code=sub_code)


def wrong(sub_code: str, message: str) -> RefusalError:
    """Return Alipay's words about a parameter that is wrong."""
    return RefusalError(200, "40002", message, sub_code=sub_code)


def _check_common(
    call: Call, parameters: dict[str, str], account: AlipayAccount, *, is_link: bool
) -> None:
    for name, value in EXPECTED.items():
        if parameters.get(name, value).lower() != value.lower():
            raise wrong(f"isv.invalid-{_dashed(name)}", f"{name}必须是{value}")
    _check_time(parameters["timestamp"], call.world.now(), is_link=is_link)
    _check_certificates(parameters, account)
    pairs = [f"{k}={v}" for k, v in sorted(parameters.items()) if v and k != "sign"]
    key = keys.load_public(account.app_public_key)
    if not keys.is_signed(key, "&".join(pairs).encode(), parameters["sign"]):
        raise wrong(
            "isv.invalid-signature",
            "验签出错，建议检查签名字符串或签名私钥与应用公钥是否匹配",
        )
    if not re.fullmatch(r"(https?://[^\s/]+/\S*)?", parameters.get("notify_url", "")):
        raise wrong("isv.invalid-notify-url", "notify_url")
    if not re.fullmatch(r"(https?://[^\s/]+(/\S*)?)?", parameters.get("return_url", "")):
        raise wrong("isv.invalid-return-url", "return_url")


def _check_time(timestamp: str, now: int, *, is_link: bool) -> None:
    try:
        sent_at = read_time(timestamp)
    except ValueError:
        raise wrong("isv.invalid-timestamp", "非法的时间戳参数") from None
    if sent_at - now > WINDOW_MS or (now - sent_at > WINDOW_MS and not is_link):
        raise wrong("isv.invalid-timestamp", "非法的时间戳参数: 应为北京时间")


def _check_certificates(parameters: dict[str, str], account: AlipayAccount) -> None:
    if account.mode != CERTIFICATE_MODE:
        return
    for name in ("app_cert_sn", "alipay_root_cert_sn"):
        if not parameters.get(name):
            raise missing(name)
        if parameters[name] != getattr(account, name):
            raise wrong(f"isv.invalid-{_dashed(name)}", f"{name}不匹配")


def _dashed(name: str) -> str:
    return "signature-type" if name == "sign_type" else name.replace("_", "-")
