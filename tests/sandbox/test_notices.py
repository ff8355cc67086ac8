"""Notifications held against the SDKs that would receive them."""

import json
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.exchange import Reply
from payment_cli.sandbox.notifier import FORMS
from payment_cli.sandbox.server import Running
from tests.support.receiver import Delivery, Receiver
from tests.support.sandbox_clients import RawAlipay, RawV2, RawV3, Shop, sdk_alipay, sdk_wechat

# python-alipay-sdk reads certificates by what pyOpenSSL calls outdated.
pytestmark = pytest.mark.filterwarnings("ignore:X509:DeprecationWarning")

ACK_V2 = b"<xml><return_code>SUCCESS</return_code><return_msg>OK</return_msg></xml>"


def native(shop: Shop, running: Running, receiver: Receiver, target: str = "sandbox") -> str:
    v3 = RawV3(running.url, shop.conf("wxpay", target))
    body = v3.body(notify_url=receiver.url, attach="附")
    assert v3.order("native", body).status == 200
    return str(body["out_trade_no"])


def precreate(shop: Shop, running: Running, receiver: Receiver, target: str = "sandbox") -> str:
    sdk = sdk_alipay(shop.conf("alipay", target), running.url, receiver.url)
    alipay = RawAlipay(running.url, shop.conf("alipay", target))
    content = alipay.content(subject="茶 + 杯")
    extra = {}
    if target == "sandbox-cert":
        extra = {
            "app_cert_sn": sdk.app_cert_sn,
            "alipay_root_cert_sn": sdk.alipay_root_cert_sn,
        }
    assert alipay.node("precreate", content, notify_url=receiver.url, **extra)["code"] == "10000"
    return str(content["out_trade_no"])


def form(delivery: Delivery) -> dict[str, str]:
    return dict(parse_qsl(delivery.body.decode(), keep_blank_values=True))


@pytest.mark.parametrize("target", ["sandbox", "sandbox-cert"])
def test_wechatpayv3_accepts_our_callback(
    shop: Shop, running: Running, receiver: Receiver, target: str
) -> None:
    receiver.default = (204, b"")
    number = native(shop, running, receiver, target)
    result = client.scan(shop.state, number)
    assert result["notification"]["state"] == "acknowledged"
    delivery = receiver.deliveries[0]
    sdk = sdk_wechat(shop.conf("wxpay", target), running.url, receiver.url)
    headers = {k.title(): v for k, v in delivery.headers.items()}
    told: Any = sdk.callback(headers, delivery.body)
    assert told["event_type"] == "TRANSACTION.SUCCESS"
    assert told["resource"]["out_trade_no"] == number
    assert told["resource"]["amount"]["total"] == 100
    assert told["resource"]["attach"] == "附"


def test_wechatpayv3_refuses_a_callback_that_was_changed(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    number = native(shop, running, receiver)
    client.scan(shop.state, number)
    delivery = receiver.deliveries[0]
    sdk = sdk_wechat(shop.conf("wxpay"), running.url, receiver.url)
    headers = {k.title(): v for k, v in delivery.headers.items()}
    assert sdk.callback(headers, delivery.body.replace(b"EV-", b"EW-")) is None


@pytest.mark.parametrize("target", ["sandbox", "sandbox-cert"])
def test_python_alipay_sdk_accepts_our_callback(
    shop: Shop, running: Running, receiver: Receiver, target: str
) -> None:
    number = precreate(shop, running, receiver, target)
    result = client.scan(shop.state, number)
    assert result["notification"]["state"] == "acknowledged"
    fields = form(receiver.deliveries[0])
    assert (fields["out_trade_no"], fields["trade_status"]) == (number, "TRADE_SUCCESS")
    assert fields["subject"] == "茶 + 杯"
    assert fields["seller_id"] == shop.conf("alipay", target)["seller_id"]
    sdk = sdk_alipay(shop.conf("alipay", target), running.url, receiver.url)
    signature = fields.pop("sign")
    assert sdk.verify(dict(fields), signature)
    assert not sdk.verify(fields | {"total_amount": "0.01"}, signature)


def test_alipays_second_flavour_signs_sign_type_too(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    number = precreate(shop, running, receiver)
    client.scan(shop.state, number, notice="sign-type")
    fields = form(receiver.deliveries[0])
    sdk = sdk_alipay(shop.conf("alipay"), running.url, receiver.url)
    signature = fields.pop("sign")
    message = "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if v)
    assert sdk._verify(message, signature)
    assert not sdk.verify(fields, signature)


def test_a_finished_trade_is_notified_a_second_time(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    number = precreate(shop, running, receiver)
    client.scan(shop.state, number)
    client.scan(shop.state, number, finish=True)
    statuses = [form(d)["trade_status"] for d in receiver.deliveries]
    assert statuses == ["TRADE_SUCCESS", "TRADE_FINISHED"]
    assert len({form(d)["notify_id"] for d in receiver.deliveries}) == 2


def test_wechat_can_write_as_v2(shop: Shop, running: Running, receiver: Receiver) -> None:
    receiver.default = (200, ACK_V2)
    number = native(shop, running, receiver)
    result = client.scan(shop.state, number, notice="v2")
    assert result["notification"]["state"] == "acknowledged"
    fields = {e.tag: e.text or "" for e in ElementTree.fromstring(receiver.deliveries[0].body)}
    v2 = RawV2(running.url, shop.conf("wxpay"))
    assert fields["sign"] == v2.sign(fields)
    assert (fields["out_trade_no"], fields["total_fee"]) == (number, "100")


def test_a_payer_can_pay_another_amount(shop: Shop, running: Running, receiver: Receiver) -> None:
    number = precreate(shop, running, receiver)
    client.scan(shop.state, number, amount=1)
    assert form(receiver.deliveries[0])["total_amount"] == "0.01"
    alipay = RawAlipay(running.url, shop.conf("alipay"))
    assert alipay.node("query", {"out_trade_no": number})["total_amount"] == "0.01"


@pytest.mark.parametrize(
    ("form_of", "status", "body", "stops"),
    [
        ("v3", 200, b"", True),
        ("v3", 204, b"", True),
        ("v3", 200, json.dumps({"code": "SUCCESS", "message": "成功"}).encode(), True),
        ("v3", 200, b'{"code":"FAIL"}', False),
        ("v3", 200, b"success", False),
        ("v3", 201, b"", False),
        ("v3", 302, b"", False),
        ("v3", 500, b'{"code":"SUCCESS"}', False),
        ("v2", 200, ACK_V2, True),
        ("v2", 200, b"<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>", True),
        ("v2", 200, b"<xml><return_code>FAIL</return_code></xml>", False),
        ("v2", 200, b'{"code":"SUCCESS"}', False),
        ("v2", 204, b"", False),
        ("alipay", 200, b"success", True),
        ("alipay", 200, b"SUCCESS", False),
        ("alipay", 200, b"success\n", False),
        ("alipay", 200, b"<html>success</html>", False),
        ("alipay", 204, b"", False),
        ("alipay", 302, b"success", False),
    ],
)
def test_only_the_exact_answer_stops_further_deliveries(
    form_of: str, status: int, body: bytes, stops: bool
) -> None:
    assert FORMS[form_of].is_acknowledged(Reply(status, "text/plain", body)) is stops
