"""The cryptography of WeChat Pay APIv3: pure functions over keys and bytes.

Requests: five lines, SHA256withRSA (PKCS#1 v1.5) by the merchant's key. Answers and callbacks:
three lines by the platform's key. Callback contents: AES-256-GCM by the APIv3 key. (Provider
documents: signing and verification rules; callback decryption.)
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from payment_cli.errors import UntrustedError
from payment_cli.gateways.key_material import KeyMaterial
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.model.record import Json
from payment_cli.model.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

#: Messages whose time differs from ours by this much or more are refused as replayed.
WINDOW_S = 300

_SCHEME = "WECHATPAY2-SHA256-RSA2048"
#: Signatures that start so are the provider's probes: false by design.
_PROBE = "WECHATPAY/SIGNTEST/"

#: Finds the platform's key with a serial, None if there is none.
FindKey = Callable[[str], "RSAPublicKey | None"]


def authorization(
    account: WechatAccount, method: str, target: str, body: bytes, *, now_s: int, nonce: str
) -> str:
    """Return the Authorization header of a request; `target` is the path with its query."""
    text = f"{method}\n{target}\n{now_s}\n{nonce}\n".encode() + body + b"\n"
    signature = sign(account.private_key, text)
    return (
        f'{_SCHEME} mchid="{account.pay_mch_id}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{now_s}",serial_no="{account.serial_no}"'
    )


def browser_parameters(
    account: WechatAccount, prepay_id: str, *, now_s: int, nonce: str
) -> dict[str, Json]:
    """Return what the page hands to WeixinJSBridge or wx.requestPayment (wx.jsapi)."""
    package = f"prepay_id={prepay_id}"
    text = f"{account.appid}\n{now_s}\n{nonce}\n{package}\n"
    return {
        "appId": account.appid,
        "timeStamp": str(now_s),
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": sign(account.private_key, text.encode()),
    }


def sign(private_key: KeyMaterial, text: bytes) -> str:
    """Return the base64 signature of `text`.

    Raises:
        ConfigError: it is not an RSA private key.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    key = private_key.private_key
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(headers: Mapping[str, str]) -> bool:
    """Say whether a message claims any signature; many error answers carry none."""
    return bool(headers.get("wechatpay-signature"))


def check_signature(
    headers: Mapping[str, str], body: bytes, find_key: FindKey, *, now_s: int
) -> None:
    """Verify an answer or callback; `headers` have lower-case names, `body` is the very bytes.

    Raises:
        UntrustedError: unsigned, too old, by an unknown key, a probe, or a wrong signature.
    """
    signature = headers.get("wechatpay-signature", "")
    if not signature:
        raise UntrustedError("the message from WeChat Pay carries no signature")
    if signature.startswith(_PROBE):
        raise UntrustedError("a signature probe (SIGNTEST), which must be refused")
    if headers.get("wechatpay-signature-type", _SCHEME) != _SCHEME:
        raise UntrustedError("signed in another way than WECHATPAY2-SHA256-RSA2048")
    timestamp = headers.get("wechatpay-timestamp", "")
    _check_window(timestamp, now_s)
    serial = headers.get("wechatpay-serial", "")
    key = find_key(serial)
    if key is None:
        raise UntrustedError(
            f"no key of WeChat Pay with serial {serial[:80]!a}",
            hint="set public_key_id and public_key, or platform_certs, in wxpay.conf",
        )
    head = f"{timestamp}\n{headers.get('wechatpay-nonce', '')}\n"
    if not _verify(key, head, body, signature):
        raise UntrustedError("the signature of WeChat Pay is not right")


def decrypt(api_v3_key: Secret, resource: Json) -> bytes:
    """Return the plaintext of an encrypted resource (a callback's, or a platform certificate).

    Raises:
        UntrustedError: our APIv3 key does not open it.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    parts = _encrypted_parts(resource)
    try:
        key = AESGCM(api_v3_key.reveal().encode())
        return key.decrypt(parts["nonce"].encode(), _decoded(parts["ciphertext"]),
                           parts["associated_data"].encode())  # fmt: skip
    except (InvalidTag, ValueError):
        raise UntrustedError(
            "the APIv3 key does not decrypt this message", hint="check api_v3_key in wxpay.conf"
        ) from None


def _check_window(timestamp: str, now_s: int) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise UntrustedError("the message from WeChat Pay carries no time")
    away_s = abs(now_s - int(timestamp))
    if away_s >= WINDOW_S:
        raise UntrustedError(
            f"the message's time is {away_s} s away from ours",
            hint="a replay, or this machine's clock is wrong",
        )


def _verify(key: "RSAPublicKey", head: str, body: bytes, signature: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        text = head.encode() + body + b"\n"
        key.verify(_decoded(signature), text, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(text: str) -> bytes:
    """Return the bytes of strict base64.

    Raises:
        ValueError: it is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _encrypted_parts(resource: Json) -> dict[str, str]:
    names = ("algorithm", "nonce", "ciphertext", "associated_data")
    found = {name: resource.get(name) for name in names} if isinstance(resource, dict) else {}
    parts = {name: value for name, value in found.items() if isinstance(value, str)}
    if found.get("associated_data") is None:
        parts["associated_data"] = ""
    if len(parts) != len(names) or parts["algorithm"] != "AEAD_AES_256_GCM":
        raise UntrustedError("the message's content is not encrypted with AEAD_AES_256_GCM")
    return parts
