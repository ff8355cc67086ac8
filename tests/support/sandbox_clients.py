"""Merchants for the sandbox: two independent SDKs, and raw senders that can be wrong on purpose."""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit
from xml.etree import ElementTree

from alipay import AliPay, DCAliPay
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from wechatpayv3 import WeChatPay, WeChatPayType

SCHEMA = "WECHATPAY2-SHA256-RSA2048"
BEIJING = timezone(timedelta(hours=8))


@dataclass
class Http:
    """An answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def send(
    url: str, method: str, path: str, body: bytes, headers: dict[str, str], timeout: float = 20
) -> Http:
    target = urlsplit(url)
    connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=timeout)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if body or method == "POST":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
        return Http(response.status, {k.lower(): v for k, v in response.getheaders()}, content)
    finally:
        connection.close()


@dataclass
class Browser:
    """A payer's browser without a screen: follows redirects on the sandbox's own host.

    `comes_from` is the page whose link it opens, "" where that page does not say. `at` is the URL
    it is at, `gone_to` where it was sent on another host.
    """

    comes_from: str
    at: str = ""
    gone_to: str = ""

    def open(self, url: str, form: str | None = None) -> str:
        """Go there, with a form if one is given; return what is shown."""
        return self._go(url, form, self.comes_from)

    def press(self, button: str, at: str = "") -> str:
        """Press a button of the page it is at."""
        return self._go(at or self.at, f"act={button}", at or self.at)

    def _go(self, url: str, form: str | None, referer: str) -> str:
        target = urlsplit(url)
        headers = {"Referer": referer} if referer else {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        path = f"{target.path}?{target.query}" if target.query else target.path
        method = "GET" if form is None else "POST"
        answer = send(url, method, path, (form or "").encode(), headers)
        if answer.status in (302, 303):
            where = urljoin(url, answer.headers["location"])
            if urlsplit(where).netloc == target.netloc:
                return self._go(where, None, referer)
            self.gone_to = where
            return ""
        self.at = url
        return answer.body.decode()


@dataclass
class Conf:
    """A target as `init` wrote it; `text` follows its file: references."""

    path: Path

    def __getitem__(self, key: str) -> Any:
        return json.loads(self.path.read_text())[key]

    def text(self, key: str) -> str:
        value = self[key]
        value = value[0] if isinstance(value, list) else value
        return (self.path.parent / str(value).removeprefix("file:")).read_text()


@dataclass
class Shop:
    """A merchant's home with its sandbox targets, and the state of the sandbox."""

    home: Path
    state: Path

    def conf(self, provider: str, target: str = "sandbox") -> Conf:
        return Conf(self.home / ".payment" / provider / target / f"{provider}.conf")


def rsa_sign(pem: str, message: bytes) -> str:
    key = serialization.load_pem_private_key(
        pem.encode(), password=None, unsafe_skip_rsa_key_validation=True
    )
    assert isinstance(key, rsa.RSAPrivateKey)
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def rsa_holds(pem: str, message: bytes, signature: str) -> bool:
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    try:
        key.verify(base64.b64decode(signature), message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def sdk_wechat(conf: Conf, url: str, notify_url: str, kind: str = "NATIVE") -> WeChatPay:
    """PyPI wechatpayv3, pointed at the sandbox by its private attribute."""
    document = json.loads(conf.path.read_text())
    keys: dict[str, Any] = {"cert_dir": str(conf.path.parent)}
    if "public_key_id" in document:
        keys = {"public_key": conf.text("public_key"), "public_key_id": conf["public_key_id"]}
    client = WeChatPay(
        wechatpay_type=WeChatPayType[kind],
        mchid=conf["pay_mch_id"],
        private_key=conf.text("private_key"),
        cert_serial_no=conf["serial_no"],
        apiv3_key=conf.text("api_v3_key"),
        appid=conf["appid"],
        notify_url=notify_url,
        **keys,
    )
    client._core._gate_way = url
    return client


def sdk_alipay(conf: Conf, url: str, notify_url: str) -> AliPay:
    """PyPI python-alipay-sdk, pointed at the sandbox by its private attribute."""
    document = json.loads(conf.path.read_text())
    if "app_cert" in document:
        client = DCAliPay(
            appid=conf["app_id"],
            app_notify_url=notify_url,
            app_private_key_string=conf.text("private_key"),
            app_public_key_cert_string=conf.text("app_cert"),
            alipay_public_key_cert_string=conf.text("alipay_cert"),
            alipay_root_cert_string=conf.text("alipay_root_cert"),
        )
    else:
        client = AliPay(
            appid=conf["app_id"],
            app_notify_url=notify_url,
            app_private_key_string=conf.text("private_key"),
            alipay_public_key_string=conf.text("alipay_public_key"),
        )
    client._gateway = f"{url}/gateway.do"
    return client


@dataclass
class RawV3:
    """Signs WeChat v3 requests by itself, so that every part can be wrong on purpose."""

    url: str
    conf: Conf

    def send(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        raw: bytes | None = None,
        at: float | None = None,
        headers: dict[str, str | None] | None = None,
        authorization: dict[str, str] | None = None,
        signed_path: str | None = None,
        signed_body: bytes | None = None,
        timeout: float = 20,
    ) -> Http:
        body = (
            raw if raw is not None else b"" if document is None else json.dumps(document).encode()
        )
        timestamp = str(int(time.time() if at is None else at))
        nonce = secrets.token_hex(16)
        to_sign = body if signed_body is None else signed_body
        message = f"{method}\n{signed_path or path}\n{timestamp}\n{nonce}\n".encode()
        credentials = {
            "mchid": self.conf["pay_mch_id"],
            "serial_no": self.conf["serial_no"],
            "nonce_str": nonce,
            "timestamp": timestamp,
            "signature": rsa_sign(self.conf.text("private_key"), message + to_sign + b"\n"),
        } | (authorization or {})
        pairs = ",".join(f'{k}="{v}"' for k, v in credentials.items())
        sent: dict[str, str | None] = {
            "Authorization": f"{SCHEMA} {pairs}",
            "Accept": "application/json",
            "User-Agent": "raw",
            "Content-Type": "application/json",
        }
        sent |= headers or {}
        present = {k: v for k, v in sent.items() if v is not None}
        return send(self.url, method, path, body, present, timeout)

    def body(self, **changes: Any) -> dict[str, Any]:
        """A native order; None takes a field out."""
        document = {
            "appid": self.conf["appid"],
            "mchid": self.conf["pay_mch_id"],
            "description": "a cup of tea",
            "out_trade_no": secrets.token_hex(16),
            "notify_url": "http://127.0.0.1:9/pay/re/wx.qrcode/shop/sandbox",
            "amount": {"total": 100, "currency": "CNY"},
        } | changes
        return {k: v for k, v in document.items() if v is not None}

    def scan_body(self, auth_code: str, **changes: Any) -> dict[str, Any]:
        payment_code = {"payer": {"auth_code": auth_code}, "notify_url": None}
        shop = {"scene_info": {"store_info": {"id": "1"}}}
        return self.body(**payment_code, **shop, **changes)

    def order(self, tool: str, document: dict[str, Any]) -> Http:
        return self.send("POST", f"/v3/pay/transactions/{tool}", document)

    def query(self, number: str) -> Http:
        mchid = self.conf["pay_mch_id"]
        return self.send("GET", f"/v3/pay/transactions/out-trade-no/{number}?mchid={mchid}")

    def act(self, number: str, action: str, **document: Any) -> Http:
        body = {"mchid": self.conf["pay_mch_id"], **document}
        return self.send("POST", f"/v3/pay/transactions/out-trade-no/{number}/{action}", body)

    def reverse(self, number: str) -> Http:
        return self.act(number, "reverse", appid=self.conf["appid"])


@dataclass
class RawV2:
    """Signs WeChat v2 XML by itself."""

    url: str
    conf: Conf

    def send(self, path: str, sign_type: str = "MD5", **fields: str | None) -> dict[str, str]:
        document = {
            "appid": self.conf["appid"],
            "mch_id": self.conf["pay_mch_id"],
            "nonce_str": secrets.token_hex(16),
            "sign_type": sign_type,
        } | fields
        present = {k: v for k, v in document.items() if v is not None}
        present.setdefault("sign", self.sign(present, sign_type))
        root = ElementTree.Element("xml")
        for name, value in present.items():
            ElementTree.SubElement(root, name).text = value
        return self.post(path, ElementTree.tostring(root))

    def post(self, path: str, body: bytes) -> dict[str, str]:
        answer = send(self.url, "POST", path, body, {"Content-Type": "text/xml"})
        assert answer.status == 200
        return {e.tag: e.text or "" for e in ElementTree.fromstring(answer.body)}

    def sign(self, fields: dict[str, str], sign_type: str = "MD5") -> str:
        pairs = [f"{k}={v}" for k, v in sorted(fields.items()) if v and k != "sign"]
        key = self.conf.text("pay_key")
        message = "&".join([*pairs, f"key={key}"]).encode()
        if sign_type == "HMAC-SHA256":
            return hmac.new(key.encode(), message, "sha256").hexdigest().upper()
        return hashlib.md5(message).hexdigest().upper()

    def micropay(self, auth_code: str, **changes: str | None) -> dict[str, str]:
        fields: dict[str, Any] = {
            "body": "a cup of tea",
            "out_trade_no": secrets.token_hex(16),
            "total_fee": "100",
            "spbill_create_ip": "127.0.0.1",
            "auth_code": auth_code,
        }
        return self.send("/pay/micropay", **fields | changes)


@dataclass
class RawAlipay:
    """Signs gateway.do requests by itself."""

    url: str
    conf: Conf

    def send(
        self,
        method: str | None,
        content: dict[str, Any] | str,
        *,
        sign_over: dict[str, str] | None = None,
        **changes: str | None,
    ) -> Http:
        body = self.query(method, content, sign_over=sign_over, **changes).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"}
        return send(self.url, "POST", "/gateway.do", body, headers)

    def query(
        self,
        method: str | None,
        content: dict[str, Any] | str,
        *,
        sign_over: dict[str, str] | None = None,
        **changes: str | None,
    ) -> str:
        """Return signed parameters as a query or form has them."""
        text = content if isinstance(content, str) else json.dumps(content)
        parameters = {
            "app_id": self.conf["app_id"],
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "biz_content": text,
        } | changes
        present = {k: v for k, v in parameters.items() if v is not None}
        if "sign" not in changes:
            signed = sign_over or present
            message = "&".join(f"{k}={v}" for k, v in sorted(signed.items()) if v)
            present["sign"] = rsa_sign(self.conf.text("private_key"), message.encode())
        return urlencode(present)

    def node(self, method: str, content: dict[str, Any] | str, **changes: Any) -> dict[str, Any]:
        answer = self.send(f"alipay.trade.{method}", content, **changes)
        document: dict[str, Any] = answer.json[f"alipay_trade_{method}_response"]
        return document

    def content(self, **changes: Any) -> dict[str, Any]:
        """A precreate order; None takes a field out."""
        document = {
            "out_trade_no": secrets.token_hex(16),
            "total_amount": "1.00",
            "subject": "a cup of tea",
        } | changes
        return {k: v for k, v in document.items() if v is not None}

    def pay_content(self, auth_code: str, **changes: Any) -> dict[str, Any]:
        return self.content(scene="bar_code", auth_code=auth_code, **changes)
