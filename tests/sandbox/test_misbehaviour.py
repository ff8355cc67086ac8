"""Every way to go wrong, seen from the merchant's side of the wire."""

import base64
import http.client
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.exchange import SandboxError
from payment_cli.sandbox.kinds import KINDS
from payment_cli.sandbox.misbehaviour import ANYWHERE, FOREIGN_MCHID
from payment_cli.sandbox.server import Running
from tests.support.receiver import Receiver
from tests.support.sandbox_clients import (
    RawAlipay,
    RawV2,
    RawV3,
    Shop,
    rsa_holds,
    sdk_alipay,
    sdk_wechat,
)

CODE = "134567890123456700"


def v3_holds(v3: RawV3, answer: Any) -> bool:
    headers = answer.headers
    message = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n".encode()
    key = v3.conf.text("public_key")
    return rsa_holds(key, message + answer.body + b"\n", headers["wechatpay-signature"])


def alipay_holds(alipay: RawAlipay, answer: Any, node: str) -> bool:
    text = answer.body.decode()
    content = text[text.index(":") + 1 : text.index(',"sign"')]
    assert json.loads(content) == answer.json[node]
    return rsa_holds(alipay.conf.text("alipay_public_key"), content.encode(), answer.json["sign"])


def test_a_well_behaved_answer_is_signed(v3: RawV3, alipay: RawAlipay) -> None:
    assert v3_holds(v3, v3.order("native", v3.body()))
    node = "alipay_trade_precreate_response"
    assert alipay_holds(alipay, alipay.send("alipay.trade.precreate", alipay.content()), node)


@pytest.mark.parametrize(
    ("kind", "was_done"),
    [
        ("timeout-before", False),
        ("timeout-after", True),
        ("error-before", False),
        ("error-after", True),
        ("html", True),
        ("truncated", True),
    ],
)
def test_an_answer_can_be_lost_before_or_after_the_deed(
    v3: RawV3, shop: Shop, kind: str, was_done: bool
) -> None:
    client.misbehave(shop.state, kind, operation="native", hold_s=0)
    body = v3.body()
    outcomes: dict[str, Callable[[], Any]] = {
        "timeout-before": lambda: pytest.raises((http.client.HTTPException, ConnectionError)),
        "timeout-after": lambda: pytest.raises((http.client.HTTPException, ConnectionError)),
        "truncated": lambda: pytest.raises(http.client.IncompleteRead),
    }
    if kind in outcomes:
        with outcomes[kind]():
            v3.order("native", body)
    else:
        answer = v3.order("native", body)
        assert answer.status == (200 if kind == "html" else 500)
        assert "wechatpay-signature" not in answer.headers
        assert (b"<html>" in answer.body) is (kind == "html")
    assert v3.query(body["out_trade_no"]).status == (200 if was_done else 404)


def test_a_timeout_lasts_until_the_client_gives_up(v3: RawV3, shop: Shop) -> None:
    client.misbehave(shop.state, "timeout-after")
    body = v3.body()
    with pytest.raises(TimeoutError):
        v3.send("POST", "/v3/pay/transactions/native", body, timeout=0.2)
    assert v3.query(body["out_trade_no"]).status == 200


def test_a_slow_answer_is_whole_in_the_end(v3: RawV3, shop: Shop) -> None:
    client.misbehave(shop.state, "slow", hold_s=0.05)
    answer = v3.order("native", v3.body())
    assert answer.json["code_url"]
    assert v3_holds(v3, answer)


@pytest.mark.parametrize("kind", ["bad-signature", "signtest", "unsigned", "stale"])
def test_a_v3_answer_can_be_signed_wrongly(v3: RawV3, shop: Shop, kind: str) -> None:
    client.misbehave(shop.state, kind, where="answer")
    answer = v3.order("native", v3.body())
    assert answer.status == 200
    if kind == "unsigned":
        assert "wechatpay-signature" not in answer.headers
        return
    assert v3_holds(v3, answer) is (kind == "stale")
    signature = answer.headers["wechatpay-signature"]
    assert signature.startswith("WECHATPAY/SIGNTEST/") is (kind == "signtest")
    age = time.time() - int(answer.headers["wechatpay-timestamp"])
    assert (age > 300) is (kind == "stale")


def test_wechatpayv3_is_not_fooled(shop: Shop, running: Running, receiver: Receiver) -> None:
    sdk = sdk_wechat(shop.conf("wxpay"), running.url, receiver.url)
    client.misbehave(shop.state, "bad-signature")
    with pytest.raises(Exception, match="failed to verify the signature"):
        sdk.pay(description="tea", out_trade_no="order001", amount={"total": 5})


@pytest.mark.parametrize("kind", ["bad-signature", "signtest", "unsigned"])
def test_v2_and_alipay_answers_can_be_signed_wrongly(
    v2: RawV2, alipay: RawAlipay, shop: Shop, kind: str
) -> None:
    client.misbehave(shop.state, kind, operation="micropay")
    answer = v2.micropay(CODE)
    assert ("sign" in answer) is (kind != "unsigned")
    assert answer.get("sign") != v2.sign(answer)
    client.misbehave(shop.state, kind, operation="precreate")
    placed = alipay.send("alipay.trade.precreate", alipay.content())
    assert ("sign" in placed.json) is (kind != "unsigned")
    if kind != "unsigned":
        assert not alipay_holds(alipay, placed, "alipay_trade_precreate_response")


def test_a_v3_scan_can_tell_lies_that_are_truly_signed(v3: RawV3, shop: Shop) -> None:
    def told(kind: str) -> tuple[dict[str, Any], Any]:
        client.misbehave(shop.state, kind, operation="codepay")
        body = v3.scan_body(CODE)
        answer = v3.order("codepay", body)
        assert v3_holds(v3, answer)
        return body, answer.json

    assert told("wrong-amount")[1]["amount"]["total"] == 101
    assert told("wrong-currency")[1]["amount"]["currency"] == "USD"
    body, answer = told("other-order")
    assert answer["out_trade_no"] != body["out_trade_no"]
    assert v3.query(answer["out_trade_no"]).status == 200
    assert told("foreign-merchant")[1]["mchid"] == FOREIGN_MCHID


def test_queries_of_v2_and_alipay_can_lie(v2: RawV2, alipay: RawAlipay, shop: Shop) -> None:
    v2.micropay(CODE, out_trade_no="order001")
    client.misbehave(shop.state, "wrong-amount", operation="query")
    lie = v2.send("/pay/orderquery", out_trade_no="order001")
    assert lie["total_fee"] == "101"
    assert lie["sign"] == v2.sign(lie)
    alipay.node("pay", alipay.pay_content("28763443825664" + "00", out_trade_no="order002"))
    client.misbehave(shop.state, "wrong-amount", operation="query")
    assert alipay.node("query", {"out_trade_no": "order002"})["total_amount"] == "1.01"
    client.misbehave(shop.state, "wrong-currency", operation="query")
    assert alipay.node("query", {"out_trade_no": "order002"})["trans_currency"] == "USD"
    assert alipay.node("query", {"out_trade_no": "order002"})["total_amount"] == "1.00"


def notify(shop: Shop, running: Running, receiver: Receiver, provider: str) -> str:
    """Place an order that will be notified; return its number."""
    if provider == "wechat":
        v3 = RawV3(running.url, shop.conf("wxpay"))
        body = v3.body(notify_url=receiver.url)
        v3.order("native", body)
        return str(body["out_trade_no"])
    alipay = RawAlipay(running.url, shop.conf("alipay"))
    content = alipay.content()
    alipay.node("precreate", content, notify_url=receiver.url)
    return str(content["out_trade_no"])


def open_v3(shop: Shop, running: Running, delivery: Any) -> Any:
    """Return what wechatpayv3 makes of a callback: None where the signature does not hold."""
    sdk = sdk_wechat(shop.conf("wxpay"), running.url, "http://127.0.0.1:9/pay/re")
    headers = {name.title(): value for name, value in delivery.headers.items()}
    return sdk.callback(headers, delivery.body)


@pytest.mark.parametrize("kind", ["bad-signature", "signtest"])
def test_a_v3_callback_can_be_signed_wrongly_and_comes_right_later(
    shop: Shop, running: Running, receiver: Receiver, kind: str
) -> None:
    number = notify(shop, running, receiver, "wechat")
    receiver.script = [(500, b"")]
    receiver.default = (204, b"")
    client.misbehave(shop.state, kind, where="notice")
    client.scan(shop.state, number)
    client.drain(shop.state)
    wrong, right = receiver.deliveries
    assert open_v3(shop, running, wrong) is None
    assert open_v3(shop, running, right)["resource"]["out_trade_no"] == number


def test_a_v3_callback_can_be_unsigned(shop: Shop, running: Running, receiver: Receiver) -> None:
    client.misbehave(shop.state, "unsigned", where="notice")
    client.scan(shop.state, notify(shop, running, receiver, "wechat"))
    assert not [h for h in receiver.deliveries[0].headers if h.startswith("wechatpay")]


def test_a_v3_callback_can_be_stale_and_true(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    client.misbehave(shop.state, "stale", where="notice")
    client.scan(shop.state, notify(shop, running, receiver, "wechat"))
    (delivery,) = receiver.deliveries[:1]
    assert time.time() - int(delivery.headers["wechatpay-timestamp"]) > 300
    assert open_v3(shop, running, delivery), "wechatpayv3 has no window"


def test_a_v3_callback_can_lie(shop: Shop, running: Running, receiver: Receiver) -> None:
    receiver.default = (204, b"")

    def told(kind: str) -> tuple[str, Any]:
        number = notify(shop, running, receiver, "wechat")
        client.misbehave(shop.state, kind, where="notice")
        client.scan(shop.state, number)
        return number, open_v3(shop, running, receiver.deliveries[-1])["resource"]

    assert told("wrong-amount")[1]["amount"]["total"] == 101
    assert told("wrong-currency")[1]["amount"]["currency"] == "USD"
    number, resource = told("other-order")
    assert resource["out_trade_no"] != number
    assert told("foreign-merchant")[1]["mchid"] == FOREIGN_MCHID


def test_an_alipay_callback_can_lie(shop: Shop, running: Running, receiver: Receiver) -> None:
    def told(kind: str) -> tuple[str, dict[str, str], bool]:
        number = notify(shop, running, receiver, "alipay")
        client.misbehave(shop.state, kind, where="notice")
        client.scan(shop.state, number)
        fields = dict(parse_qsl(receiver.deliveries[-1].body.decode()))
        sdk = sdk_alipay(shop.conf("alipay"), running.url, receiver.url)
        signature = fields.pop("sign", base64.b64encode(b"none").decode())
        return number, fields, sdk.verify(dict(fields), signature)

    assert told("wrong-amount")[1]["total_amount"] == "1.01"
    assert told("wrong-currency")[1]["trans_currency"] == "USD"
    number, fields, holds = told("other-order")
    assert fields["out_trade_no"] != number
    assert holds
    _, fields, holds = told("foreign-merchant")
    assert fields["seller_id"] == FOREIGN_MCHID
    assert fields["app_id"] != shop.conf("alipay")["app_id"]
    assert holds
    for kind in ("bad-signature", "unsigned", "signtest"):
        assert not told(kind)[2]


def test_a_callback_can_come_twice(shop: Shop, running: Running, receiver: Receiver) -> None:
    client.misbehave(shop.state, "duplicate")
    client.scan(shop.state, notify(shop, running, receiver, "alipay"))
    client.drain(shop.state)
    first, second = (dict(parse_qsl(d.body.decode())) for d in receiver.deliveries)
    assert first["notify_id"] == second["notify_id"]


def test_a_callback_can_come_in_chunks(shop: Shop, running: Running, receiver: Receiver) -> None:
    client.misbehave(shop.state, "chunked")
    number = notify(shop, running, receiver, "alipay")
    client.scan(shop.state, number)
    client.drain(shop.state)
    [delivery] = receiver.deliveries
    assert delivery.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in delivery.headers
    assert dict(parse_qsl(delivery.body.decode()))["out_trade_no"] == number


def test_callbacks_can_change_their_order(shop: Shop, running: Running, receiver: Receiver) -> None:
    early, late = (notify(shop, running, receiver, "alipay") for _ in range(2))
    client.misbehave(shop.state, "reordered", order=early)
    assert client.scan(shop.state, early)["notification"]["state"] == "held"
    client.scan(shop.state, late)
    client.drain(shop.state)
    numbers = [dict(parse_qsl(d.body.decode()))["out_trade_no"] for d in receiver.deliveries]
    assert numbers == [late, early]


def test_a_callback_can_get_lost_and_the_schedule_goes_on(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    client.misbehave(shop.state, "lost")
    client.scan(shop.state, notify(shop, running, receiver, "alipay"))
    client.drain(shop.state)
    (notice,) = client.ledger(shop.state)["notifications"]
    assert ["error" in d for d in notice["deliveries"]] == [True, False]
    assert len(receiver.deliveries) == 1


def test_a_rule_is_used_once_unless_it_is_sticky(v3: RawV3, shop: Shop) -> None:
    client.misbehave(shop.state, "error-before")
    assert v3.order("native", v3.body()).status == 500
    assert v3.order("native", v3.body()).status == 200
    client.misbehave(shop.state, "error-before", sticky=True)
    assert [v3.order("native", v3.body()).status for _ in range(3)] == [500] * 3
    assert len(client.ledger(shop.state)["rules"]) == 1
    assert client.behave(shop.state) == {"dropped": 1}
    assert v3.order("native", v3.body()).status == 200


def test_a_rule_waits_for_its_order_and_operation(v3: RawV3, shop: Shop) -> None:
    body, other = v3.body(), v3.body()
    number = body["out_trade_no"]
    client.misbehave(shop.state, "error-before", order=number, operation="query")
    assert v3.order("native", body).status == 200
    assert v3.order("native", other).status == 200
    assert v3.query(other["out_trade_no"]).status == 200
    assert v3.query(number).status == 500
    (spoilt,) = [r for r in client.ledger(shop.state)["requests"] if r["flaw"]]
    assert (spoilt["operation"], spoilt["out_trade_no"]) == ("query", number)


def test_a_lie_waits_for_a_message_that_says_something(v3: RawV3, shop: Shop) -> None:
    client.misbehave(shop.state, "wrong-amount")
    body = v3.body()
    v3.order("native", body)
    assert v3.query(body["out_trade_no"]).json["amount"]["total"] == 101
    assert v3.query(body["out_trade_no"]).json["amount"]["total"] == 100


def test_a_rule_for_callbacks_leaves_answers_alone(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    client.misbehave(shop.state, "bad-signature", where="notice")
    v3 = RawV3(running.url, shop.conf("wxpay"))
    assert v3_holds(v3, v3.order("native", v3.body()))


@pytest.mark.parametrize(
    ("kind", "where"), [("nonsense", ""), ("timeout-before", "notice"), ("lost", "answer")]
)
def test_what_cannot_happen_is_refused(running: Running, shop: Shop, kind: str, where: str) -> None:
    with pytest.raises(SandboxError) as caught:
        client.misbehave(shop.state, kind, where=where)
    assert caught.value.kind == "invalid"


def test_every_kind_says_what_it_does() -> None:
    for row in KINDS.values():
        assert row.where
        assert row.where <= ANYWHERE
        assert row.what
