"""A callback, from the WSGI call to the payment being OK, beside what can't be left out of it."""

import json
import sqlite3
import tempfile
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from payment_cli.app import App
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.web.shim import make_shim
from tests.bench.table import Row, interleaved

ROUNDS = 300
PATH = "/pay/re/wx.qrcode/bench/main"
NONCE = "bench0123456789bench0123456789ab"
API_V3_KEY = "0123456789abcdef0123456789abcdef"
BASELINE = "RSA verify + AES-GCM decrypt + one INSERT of the record, WAL, synchronous=FULL"


@dataclass(frozen=True)
class Callback:
    """One signed and sealed callback: its time, signature and body."""

    timestamp: str
    signature: str
    body: bytes


def measure() -> list[Row]:
    """Measure callbacks of WeChat Pay, each for a payment of its own."""
    with tempfile.TemporaryDirectory(prefix="payment-bench-") as place:
        app = App(Path(place) / "tree", "bench", {})
        key = generate_private_key(65537, 2048)
        _make_account(app, key)
        callbacks = [_callback(payment, key) for payment in _waiting(app, ROUNDS)]
        base, took = _measured(app, key, callbacks, Path(place))
        states = [app.storage.get(PAYMENTS, _order_no(one))["st"] for one in callbacks]
        app.close()
    assert states == ["OK"] * ROUNDS
    return [
        Row(
            "callbacks to OK through the shim",
            base / took,
            0.4,
            False,
            f"make_shim's WSGI application in this process: {1 / took:,.0f} callbacks/s",
            f"{BASELINE}: {1 / base:,.0f}/s",
        )
    ]


def _measured(
    app: App, key: RSAPrivateKey, callbacks: list[Callback], place: Path
) -> tuple[float, float]:
    shim, bare = make_shim(lambda: app), _Bare(key, place / "bare.db", _a_record(app, callbacks[0]))
    first, second = iter(callbacks), iter(callbacks)
    took, base = interleaved(
        lambda: _post(shim, next(first)), lambda: bare.take(next(second)), ROUNDS
    )
    return base, took


class _Bare:
    """The same work with nothing around it."""

    def __init__(self, key: RSAPrivateKey, path: Path, record: str) -> None:
        self._key = key.public_key()
        self._cipher = AESGCM(API_V3_KEY.encode())
        self._record = record
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("CREATE TABLE t (id TEXT PRIMARY KEY, doc TEXT)")

    def take(self, callback: Callback) -> None:
        text = f"{callback.timestamp}\n{NONCE}\n{callback.body.decode()}\n".encode()
        self._key.verify(b64decode(callback.signature), text, PKCS1v15(), SHA256())
        resource = json.loads(callback.body)["resource"]
        sealed = b64decode(resource["ciphertext"])
        opened = self._cipher.decrypt(resource["nonce"].encode(), sealed, b"transaction")
        order_no = json.loads(opened)["out_trade_no"]
        self._database.execute("INSERT INTO t VALUES (?, ?)", (order_no, self._record))


def _post(shim: Callable[..., Any], callback: Callback) -> None:
    answered: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": PATH,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(callback.body)),
        "HTTP_WECHATPAY_TIMESTAMP": callback.timestamp,
        "HTTP_WECHATPAY_NONCE": NONCE,
        "HTTP_WECHATPAY_SERIAL": "PUB_KEY_ID_1",
        "HTTP_WECHATPAY_SIGNATURE": callback.signature,
        "HTTP_WECHATPAY_SIGNATURE_TYPE": "WECHATPAY2-SHA256-RSA2048",
        "wsgi.input": BytesIO(callback.body),
    }
    body = shim(environ, lambda status, _headers: answered.append(status))
    assert (answered, b"".join(body)[:17]) == (["200 OK"], b'{"code":"SUCCESS"')
    body.close()


def _make_account(app: App, key: RSAPrivateKey) -> None:
    """Write a config in public-key mode; one key serves as the platform's and as ours."""
    app.merchants.init("bench")
    folder = app.root / "home/bench/.payment/wxpay/main"
    folder.mkdir(parents=True, mode=0o700)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    config = folder / "wxpay.conf"
    config.touch(mode=0o600)
    document = {
        "appid": "wx0000000000000001",
        "pay_mch_id": "1900000001",
        "api_v3_key": API_V3_KEY,
        "serial_no": "0" * 40,
        "private_key": private.decode(),
        "public_key_id": "PUB_KEY_ID_1",
        "public_key": public.decode(),
    }
    config.write_text(json.dumps(document))


def _waiting(app: App, count: int) -> list[Payment]:
    """Payments that were sent and wait for their money, as `pay send` leaves them."""
    now, merchant = app.clock(), app.merchants.get("bench")
    payments = [
        Payment(
            id=app.new_id(now), ct=now, lm=now, brief="Two coffees", fee=2300, cur="RMB",
            seller_id=merchant.id, seller_nm="bench", st=Status.WAIT, pay_tp="wx.qrcode",
            pay_target="main", re_tp="QRCODE", re_obj="weixin://wxpay/bizpayurl?pr=1",
            send_at=now, expi=now + 600_000, next_check_at=now + 15_000, view_key="0" * 64,
        ).noted("create", now, "bench").noted("send", now, "bench", "wx.qrcode main")
        for _ in range(count)
    ]  # fmt: skip
    with app.storage.transaction("bench") as tx:
        for payment in payments:
            tx.insert(PAYMENTS, payment.to_record())
    return payments


def _callback(payment: Payment, key: RSAPrivateKey) -> Callback:
    transaction = {
        "appid": "wx0000000000000001",
        "mchid": "1900000001",
        "out_trade_no": payment.id,
        "transaction_id": f"42000{payment.id[-20:]}",
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "trade_state_desc": "paid",
        "bank_type": "CMB_DEBIT",
        "success_time": "2026-09-21T22:13:25+08:00",
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "amount": {"total": payment.fee, "payer_total": payment.fee, "currency": "CNY"},
    }
    nonce = "bench0123456"
    sealed = AESGCM(API_V3_KEY.encode()).encrypt(
        nonce.encode(), json.dumps(transaction).encode(), b"transaction"
    )
    message = {
        "id": payment.id,
        "create_time": "2026-09-21T22:13:26+08:00",
        "resource_type": "encrypt-resource",
        "event_type": "TRANSACTION.SUCCESS",
        "summary": payment.id,
        "resource": {
            "original_type": "transaction",
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": b64encode(sealed).decode(),
            "associated_data": "transaction",
            "nonce": nonce,
        },
    }
    timestamp, body = str(int(time.time())), json.dumps(message).encode()
    text = f"{timestamp}\n{NONCE}\n{body.decode()}\n".encode()
    signature = key.sign(text, PKCS1v15(), SHA256())
    return Callback(timestamp, b64encode(signature).decode(), body)


def _order_no(callback: Callback) -> str:
    return str(json.loads(callback.body)["summary"])


def _a_record(app: App, callback: Callback) -> str:
    return (app.root / "var" / "payment" / f"{_order_no(callback)}.json").read_text()
