"""The other side of WeChat Pay's wire. v3 signatures and decryption are wechatpayv3's; v2's rules
are written down again here. Nothing here uses the code under test but its account type."""

import hashlib
import hmac
import json
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from wechatpayv3.utils import rsa_sign, rsa_verify

from payment_cli.gateways.base import HttpRequest
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.model.secret import Secret
from tests.support.certificates import certificate_pem
from tests.support.http_server import Heard, Said
from tests.support.keys import material

APPID = "wxd678efh567hg6787"
MCHID = "1900007291"
API_V3_KEY = "a7cde1ZJB1kG2e7VfTs3jQzaWizur8Gb"
PAY_KEY = "192006250b4c09247ec02edce69f6a2d"
SERIAL = "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000072912026112200"
CERT_SERIAL = 0x0D7CE59D1F522D701AA
CERT_SERIAL_HEX = "0D7CE59D1F522D701AA"
OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
AUTH_CODE = "134567890123456789"
NOW = 1_790_000_000_000  # 2026-09-21T22:13:20+08:00

Document = dict[str, object]
Fields = dict[str, str]


@cache
def private_key(owner: str) -> rsa.RSAPrivateKey:
    """The key of "merchant", "platform", "certificate" or a stranger; one per test run."""
    return rsa.generate_private_key(65537, 2048)


def private_pem(owner: str, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return private_key(owner).private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def public_pem(owner: str) -> str:
    key = private_key(owner).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@cache
def platform_cert(serial: int = CERT_SERIAL, owner: str = "certificate", days: int = 1825) -> str:
    return certificate_pem(private_key(owner), serial=serial, days=days)


def account(**changes: object) -> WechatAccount:
    """An account in public-key mode."""
    settings: dict[str, object] = {
        "appid": APPID,
        "pay_mch_id": MCHID,
        "api_v3_key": Secret(API_V3_KEY),
        "serial_no": SERIAL,
        "private_key": private_pem("merchant"),
        "public_key_id": PUBLIC_KEY_ID,
        "public_key": public_pem("platform"),
        "pay_key": Secret(PAY_KEY),
        **changes,
    }
    for key in ("private_key", "public_key", "client_cert", "client_key", "platform_certs"):
        if key in settings:
            settings[key] = material(f"wxpay.conf: {key}", settings[key])
    return WechatAccount(**settings)  # type: ignore[arg-type]


# ---- v3: what the platform sends


def v3_headers(
    body: bytes,
    *,
    at_s: int = NOW // 1000,
    signer: str = "platform",
    serial: str = PUBLIC_KEY_ID,
    nonce: str = "EcZ9Cmy4Xyx1i6RlJQzLcCyEqDa26NBz",
) -> dict[str, str]:
    text = f"{at_s}\n{nonce}\n{body.decode()}\n"
    return {
        "wechatpay-timestamp": str(at_s),
        "wechatpay-nonce": nonce,
        "wechatpay-serial": serial,
        "wechatpay-signature": rsa_sign(private_key(signer), text),
        "wechatpay-signature-type": "WECHATPAY2-SHA256-RSA2048",
        "content-type": "application/json",
        "request-id": "08F7A1B2C3-0",
    }


def said(document: Document | None, status: int = 200, **how: object) -> Said:
    """A signed answer."""
    body = b"" if document is None else json.dumps(document, ensure_ascii=False).encode()
    return Said(status, body, v3_headers(body, **how))  # type: ignore[arg-type]


def unsigned(document: Document, status: int, *, number: str = "0") -> Said:
    headers = {"content-type": "application/json", "request-id": f"08F7A1B2C3-{number}"}
    return Said(status, json.dumps(document, ensure_ascii=False).encode(), headers)


def error(code: str, message: str = "原因") -> Document:
    return {"code": code, "message": message}


def transaction(order_no: str, **changes: object) -> Document:
    """What the platform knows of an order that was paid."""
    document: Document = {
        "appid": APPID,
        "mchid": MCHID,
        "out_trade_no": order_no,
        "transaction_id": "4200001234202609210123456789",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "CMB_DEBIT",
        "success_time": "2026-09-21T22:13:25+08:00",
        "payer": {"openid": OPENID},
        "amount": {"total": 2300, "payer_total": 2300, "currency": "CNY", "payer_currency": "CNY"},
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def sealed(plain: bytes, *, aad: str = "transaction", key: str = API_V3_KEY) -> Document:
    nonce = "wCq51qZv4Yfg"
    cipher = AESGCM(key.encode()).encrypt(nonce.encode(), plain, aad.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": b64encode(cipher).decode(),
        "associated_data": aad,
        "nonce": nonce,
    }


def callback_body(
    content: Document, *, event: str = "TRANSACTION.SUCCESS", key: str = API_V3_KEY
) -> bytes:
    resource = {
        "original_type": "transaction",
        **sealed(json.dumps(content, ensure_ascii=False).encode(), key=key),
    }
    message = {
        "id": "3119dfba-e649-5eec-ab1e-3412bc4d2e17",
        "create_time": "2026-09-21T22:13:26+08:00",
        "resource_type": "encrypt-resource",
        "event_type": event,
        "summary": "支付成功",
        "resource": resource,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def posted(body: bytes, headers: dict[str, str], pay_tp: str = "wx.qrcode") -> HttpRequest:
    return HttpRequest("POST", f"/pay/re/{pay_tp}/demo/main", "", headers, body)


def callback(
    content: Document, *, event: str = "TRANSACTION.SUCCESS", **how: object
) -> HttpRequest:
    """A genuine v3 callback."""
    body = callback_body(content, event=event)
    return posted(body, v3_headers(body, **how))  # type: ignore[arg-type]


def certificates(*pems: str) -> Document:
    """The list that /v3/certificates answers with."""
    return {
        "data": [
            {
                "serial_no": f"{number}",
                "effective_time": "2026-01-01T00:00:00+08:00",
                "expire_time": "2030-12-31T00:00:00+08:00",
                "encrypt_certificate": sealed(pem.encode(), aad="certificate"),
            }
            for number, pem in enumerate(pems)
        ]
    }


# ---- v3: what the merchant sends


def check_authorization(heard: Heard) -> dict[str, str]:
    """Verify a request's signature and return the five pairs of its header."""
    scheme, _, rest = heard.headers["authorization"].partition(" ")
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    pairs = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    assert set(pairs) == {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}
    # wechatpayv3 verifies three lines; the first two of a request's five go before them.
    head = f"{heard.method}\n{heard.target}\n{pairs['timestamp']}"
    key = private_key("merchant").public_key()
    body = heard.body.decode()
    assert rsa_verify(head, pairs["nonce_str"], body, pairs["signature"], key)
    assert heard.headers["accept"] == "application/json"
    assert heard.headers["user-agent"]
    return pairs


# ---- v2


def v2_sign(fields: Fields, sign_type: str = "MD5", key: str = PAY_KEY) -> str:
    pairs = [f"{name}={fields[name]}" for name in sorted(fields) if fields[name] and name != "sign"]
    text = "&".join([*pairs, f"key={key}"])
    if sign_type == "MD5":
        return hashlib.md5(text.encode()).hexdigest().upper()
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()


def v2_xml(fields: Fields) -> bytes:
    inner = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return f"<xml>{inner}</xml>".encode()


def v2_fields(**changes: str) -> Fields:
    fields = {
        "return_code": "SUCCESS",
        "return_msg": "OK",
        "appid": APPID,
        "mch_id": MCHID,
        "nonce_str": "5K8264ILTKCH16CQ2502SI8ZNMTM67VS",
        "result_code": "SUCCESS",
        **changes,
    }
    return {name: value for name, value in fields.items() if value != "(absent)"}


def v2_paid(order_no: str, **changes: str) -> Fields:
    paid = {
        "openid": OPENID,
        "trade_type": "MICROPAY",
        "bank_type": "CMB_DEBIT",
        "total_fee": "2300",
        "fee_type": "CNY",
        "transaction_id": "4200001234202609210123456789",
        "out_trade_no": order_no,
        "time_end": "20260921221325",
        **changes,
    }
    return v2_fields(**paid)


def v2_signed(fields: Fields, sign_type: str = "MD5", key: str = PAY_KEY) -> Said:
    """A signed v2 answer."""
    return Said(200, v2_xml({**fields, "sign": v2_sign(fields, sign_type, key)}))


def v2_heard(heard: Heard, sign_type: str = "MD5") -> Fields:
    """Verify a v2 request's signature and return its fields."""
    fields = dict(re.findall(r"<(\w+)>([^<]*)</\1>", heard.body.decode().removeprefix("<xml>")))
    assert fields["sign"] == v2_sign(fields, sign_type)
    return fields


def rfc3339(at: int) -> str:
    beijing = datetime.fromtimestamp(at / 1000, UTC) + timedelta(hours=8)
    return beijing.strftime("%Y-%m-%dT%H:%M:%S+08:00")
