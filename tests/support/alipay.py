"""The other side of Alipay's wire, spoken by python-alipay-sdk: it checks what we sign, and signs
what we are to believe. Nothing here uses the code under test but its account type."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from alipay import AliPay
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from payment_cli.gateways.alipay.account import AlipayAccount
from payment_cli.gateways.base import HttpRequest
from tests.support.http_server import Heard, Said, ScriptedServer, scripted_server
from tests.support.keys import material

APP_ID = "2021000116662345"
SELLER_ID = "2088621956000001"
KEYS = {"private_key", "alipay_public_key", "app_cert", "alipay_cert", "alipay_root_cert"}

Fields = dict[str, str]


@cache
def private_key(owner: str) -> rsa.RSAPrivateKey:
    """The key of "app", "alipay" or a stranger; one per test run."""
    return rsa.generate_private_key(65537, 2048)


def private_pem(owner: str, form: PrivateFormat = PrivateFormat.PKCS8) -> str:
    return private_key(owner).private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def public_pem(owner: str) -> str:
    key = private_key(owner).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@cache
def _sdk(signer: str, trusted: str) -> AliPay:
    return AliPay(
        APP_ID,
        app_private_key_string=private_pem(signer),
        alipay_public_key_string=public_pem(trusted),
    )


def sign(text: str, signer: str = "alipay", encoding: str = "utf-8") -> str:
    if encoding == "utf-8":
        return str(_sdk(signer, "app")._sign(text))
    # The SDK signs UTF-8 only.
    signature = private_key(signer).sign(text.encode(encoding), PKCS1v15(), SHA256())
    return b64encode(signature).decode()


def _settings() -> dict[str, object]:
    return {
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "private_key": private_pem("app"),
        "alipay_public_key": public_pem("alipay"),
    }


def write_target(folder: Path) -> None:
    """Write the config of `account` into the folder of a target."""
    folder.mkdir(parents=True, mode=0o700)
    path = folder / "alipay.conf"
    path.touch(mode=0o600)
    path.write_text(json.dumps(_settings()))


def account(**changes: object) -> AlipayAccount:
    settings = {**_settings(), **changes}
    for key in set(settings) & KEYS:
        settings[key] = material(f"alipay.conf: {key}", settings[key])
    return AlipayAccount(**settings)  # type: ignore[arg-type]


def reply(
    method: str,
    node: dict[str, object],
    *,
    signer: str = "alipay",
    encoding: str = "utf-8",
    **extra: str,
) -> bytes:
    """A signed answer to `method`; `signer` "" leaves it unsigned."""
    raw = json.dumps(node, ensure_ascii=False, separators=(",", ":"))
    name = json.dumps(method.replace(".", "_") + "_response")
    members = [f"{name}:{raw}"]
    if signer:
        members.append(f'"sign":{json.dumps(sign(raw, signer, encoding))}')
    members += [f"{json.dumps(key)}:{json.dumps(value)}" for key, value in extra.items()]
    return ("{" + ",".join(members) + "}").encode(encoding)


def notice_fields(**changes: str) -> Fields:
    """What a trade's notify says, unsigned."""
    fields = {
        "gmt_create": "2026-09-21 22:13:18",
        "charset": "utf-8",
        "subject": "两杯 coffee + cake = 好",
        "buyer_id": "2088102534368455",
        "fund_bill_list": '[{"amount":"12.34","fundChannel":"ALIPAYACCOUNT"}]',
        "notify_id": "2026092100222221318068450559358070",
        "notify_type": "trade_status_sync",
        "trade_status": "TRADE_SUCCESS",
        "receipt_amount": "12.00",
        "sign_type": "RSA2",
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "gmt_payment": "2026-09-21 22:13:20",
        "version": "1.0",
        "out_trade_no": "0198c0ffee",
        "total_amount": "12.34",
        "trade_no": "2026092122001468450512505578",
        **changes,
    }
    return {name: value for name, value in fields.items() if value != "(absent)"}


def signed_form(
    fields: Fields,
    *,
    left_out: tuple[str, ...] = ("sign_type",),
    signer: str = "alipay",
    encoding: str = "utf-8",
) -> bytes:
    signed = {name: value for name, value in fields.items() if name not in left_out}
    text = "&".join(f"{name}={value}" for name, value in sorted(signed.items()))
    signature = sign(text, signer, encoding)
    return urlencode({**fields, "sign": signature}, encoding=encoding).encode()


def posted(body: bytes, **headers: str) -> HttpRequest:
    return HttpRequest(
        method="POST",
        path="/pay/re/zfb.qrcode/demo/main",
        query="",
        headers={"content-type": "application/x-www-form-urlencoded; charset=utf-8", **headers},
        body=body,
    )


def verified_link(link: str, gateway_url: str) -> Fields:
    """The parameters of a page's link, if it is signed and leads to `gateway_url`."""
    place, _, query = link.partition("?")
    assert place == gateway_url
    pairs = parse_qsl(query, strict_parsing=True)
    fields = dict(pairs)
    assert len(fields) == len(pairs)
    signature = fields.pop("sign")
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    assert _sdk("alipay", "app")._verify(text, signature)
    return fields


def sdk_page(method: str, content: dict[str, object], **urls: str) -> Fields:
    """The parameters with which python-alipay-sdk leads a payer to such a page."""
    fields = dict(parse_qsl(_sdk("app", "alipay").client_api(method, content, **urls)))
    del fields["sign"]
    return fields


Answer = Callable[[str, Fields], Said]


class AlipayServer:
    """gateway.do on loopback: checks every request as python-alipay-sdk would, and keeps it.

    `answer(method, biz_content)` decides what is said; a fault found in a request ends the block.
    """

    def __init__(self, script: ScriptedServer) -> None:
        self.script = script
        self.url = f"{script.url}/gateway.do"
        self.forms: list[Fields] = []
        self.faults: list[str] = []
        self.answer: Answer = lambda _method, _order: Said(500, b"no answer set")
        script.answer = self._receive

    @property
    def methods(self) -> list[str]:
        return [form["method"] for form in self.forms]

    @property
    def order(self) -> dict[str, object]:
        """The biz_content of the last request."""
        return dict(json.loads(self.forms[-1]["biz_content"]))

    def says(self, *nodes: dict[str, object], **how: str) -> None:
        """Answer with these nodes, signed, about the order asked for; the last one for ever."""
        left = list(nodes)

        def answer(method: str, order: Fields) -> Said:
            node = left.pop(0) if len(left) > 1 else left[0]
            return Said(body=reply(method, {"out_trade_no": order["out_trade_no"], **node}, **how))

        self.answer = answer

    def _receive(self, heard: Heard) -> Said:
        if heard.headers["content-type"] != "application/x-www-form-urlencoded;charset=utf-8":
            self.faults.append("the content type")
        pairs = parse_qsl(heard.body.decode("ascii"), strict_parsing=True)
        form = dict(pairs)
        if len(form) != len(pairs):
            self.faults.append("a field twice")
        signature = form.pop("sign")
        self.forms.append(form)
        text = "&".join(f"{name}={value}" for name, value in sorted(form.items()))
        if not _sdk("alipay", "app")._verify(text, signature):
            self.faults.append("the signature is wrong")
        return self.answer(form["method"], json.loads(form["biz_content"]))


@contextmanager
def alipay_server() -> Iterator[AlipayServer]:
    with scripted_server() as script:
        side = AlipayServer(script)
        yield side
    assert side.faults == []
