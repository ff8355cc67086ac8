"""WeChat Pay v3 signatures: the merchant's, checked; the platform's, made."""

import re
import secrets

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from payment_cli.sandbox import keys
from payment_cli.sandbox.accounts import CERTIFICATE_MODE, WechatAccount
from payment_cli.sandbox.exchange import RefusalError, Request
from payment_cli.sandbox.misbehaviour import STALE_MS
from payment_cli.sandbox.platform_keys import Platform
from payment_cli.sandbox.world import Call

SCHEMA = "WECHATPAY2-SHA256-RSA2048"
CREDENTIALS = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}
#: A request is refused when its clock and WeChat's differ by more than this.
WINDOW_S = 300
#: WeChat's own numbers of errors, the tail of every Request-ID.
SIGNATURE_ERROR = 268443699
PARAMETER_ERROR = 268435461


def authenticate(call: Call) -> WechatAccount:
    """Return the merchant whose key signed the request.

    Raises:
        RefusalError: 401 for a signature that does not hold, 400 for missing headers.
    """
    request = call.request
    _check_headers(request)
    credentials = _credentials(request.headers.get("authorization", ""))
    try:
        account = call.world.accounts.wechat(credentials["mchid"])
    except KeyError:
        raise _unsigned("商户号不存在") from None
    if credentials["serial_no"] != account.merchant_serial:
        raise _unsigned("商户证书序列号有误。请使用签名私钥匹配的证书序列号")
    _check_time(credentials["timestamp"], call.world.now())
    message = "\n".join(
        (request.method, request.target, credentials["timestamp"], credentials["nonce_str"], "")
    )
    key = keys.load_public(account.merchant_public_key)
    if not keys.is_signed(key, message.encode() + request.body + b"\n", credentials["signature"]):
        raise _unsigned("签名错误，请检查后再试", truncated_sign_message=message)
    _check_asked_key(call.world.platform, account, request)
    return account


def signed_headers(
    platform: Platform, account: WechatAccount, body: bytes, now: int, flaw: str, asked: str = ""
) -> dict[str, str]:
    """Return the headers that prove `body` comes from WeChat Pay.

    In certificate mode an `asked` serial number chooses among the certificates; without one the
    newest signs.
    """
    if flaw == "unsigned":
        return {}
    serial, key = _signer(platform, account, asked)
    timestamp = str((now - (STALE_MS if flaw == "stale" else 0)) // 1000)
    nonce = secrets.token_hex(16)
    message = f"{timestamp}\n{nonce}\n".encode() + body + b"\n"
    return {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": _signature(key, message, flaw),
        "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": SCHEMA,
    }


def request_id(number: int = 0) -> str:
    """Return a Request-ID whose tail is WeChat's number of the error, 0 for none."""
    return f"{secrets.token_hex(20).upper()}-{number}"


def _check_headers(request: Request) -> None:
    accept = request.headers.get("accept", "")
    if not any(kind in accept for kind in ("application/json", "*/*")):
        raise RefusalError(400, "PARAM_ERROR", "Http头缺少Accept或其值不是application/json")
    if not request.headers.get("user-agent"):
        raise RefusalError(400, "PARAM_ERROR", "Http头缺少User-Agent")
    content_type = request.headers.get("content-type", "")
    if request.method == "POST" and not content_type.startswith("application/json"):
        raise RefusalError(415, "PARAM_ERROR", "Content-Type必须是application/json")


def _credentials(header: str) -> dict[str, str]:
    schema, _, rest = header.partition(" ")
    pairs = re.findall(r'([a-z_]+)="([^"]*)"(?:,|$)', rest)
    written = ",".join(f'{name}="{value}"' for name, value in pairs)
    if schema != SCHEMA or written != rest or {name for name, _ in pairs} != CREDENTIALS:
        raise _unsigned("Http头Authorization值格式错误，请参考《微信支付商户REST API签名规则》")
    return dict(pairs)


def _check_time(timestamp: str, now: int) -> None:
    if not re.fullmatch(r"[0-9]{10}", timestamp):
        raise _unsigned("timestamp is not in seconds")
    if abs(now // 1000 - int(timestamp)) > WINDOW_S:
        raise _unsigned("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")


def _check_asked_key(platform: Platform, account: WechatAccount, request: Request) -> None:
    asked = request.headers.get("wechatpay-serial", "")
    known = {c.serial for c in platform.wechat_certificates}
    if account.mode != CERTIFICATE_MODE:
        known = {account.public_key_id}
    if asked and asked not in known:
        raise RefusalError(
            400, "PARAM_ERROR", f"Wechatpay-Serial {asked} 不是本商户可用的平台证书或公钥"
        )


def _signer(platform: Platform, account: WechatAccount, asked: str) -> tuple[str, RSAPrivateKey]:
    if account.mode != CERTIFICATE_MODE:
        return account.public_key_id, platform.wechat_key
    for certificate in platform.wechat_certificates:
        if certificate.serial == asked:
            return certificate.serial, certificate.key
    newest = platform.wechat_certificates[-1]
    return newest.serial, newest.key


def _signature(key: RSAPrivateKey, message: bytes, flaw: str) -> str:
    if flaw == "signtest":
        return f"WECHATPAY/SIGNTEST/{secrets.token_urlsafe(192)}"
    if flaw == "bad-signature":
        return keys.sign(key, message + b"what somebody else wrote")
    return keys.sign(key, message)


def _unsigned(message: str, **detail: str) -> RefusalError:
    return RefusalError(401, "SIGN_ERROR", message, number=SIGNATURE_ERROR, detail=detail)
