from typing import Any

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.exchange import SandboxError
from payment_cli.sandbox.payer import CodeOutcome, outcome_of
from payment_cli.sandbox.server import Running
from tests.support.sandbox_clients import RawAlipay, RawV3, Shop

CODE = "1345678901234567"


@pytest.mark.parametrize(
    ("ending", "status", "code", "trade_state"),
    [
        ("00", 200, "", "SUCCESS"),
        ("77", 200, "", "SUCCESS"),
        ("01", 202, "", "USERPAYING"),
        ("02", 403, "NOT_ENOUGH", "PAYERROR"),
        ("03", 400, "AUTH_CODE_INVALID", ""),
        ("04", 500, "SYSTEM_ERROR", "SUCCESS"),
        ("05", 500, "SYSTEM_ERROR", "PAYERROR"),
        ("06", 202, "USER_PAYING", "USERPAYING"),
    ],
)
def test_the_ending_of_a_code_decides(
    v3: RawV3, ending: str, status: int, code: str, trade_state: str
) -> None:
    body = v3.scan_body(CODE + ending)
    answer = v3.order("codepay", body)
    assert (answer.status, answer.json.get("code", "")) == (status, code)
    assert ("wechatpay-signature" in answer.headers) is (status < 500)
    assert v3.query(body["out_trade_no"]).json.get("trade_state", "") == trade_state


def test_other_endings_pay() -> None:
    assert outcome_of("130000000000000099") is CodeOutcome.PAYS


@pytest.mark.parametrize(("fail", "state"), [(False, "SUCCESS"), (True, "PAYERROR")])
def test_a_payer_who_hesitated_decides(v3: RawV3, shop: Shop, fail: bool, state: str) -> None:
    body = v3.scan_body(f"{CODE}01")
    v3.order("codepay", body)
    client.scan(shop.state, body["out_trade_no"], fail=fail)
    assert v3.query(body["out_trade_no"]).json["trade_state"] == state


def test_a_payer_who_declines_leaves_a_code_open(v3: RawV3, shop: Shop) -> None:
    body = v3.body()
    v3.order("native", body)
    number = body["out_trade_no"]
    assert client.scan(shop.state, number, fail=True)["notification"] is None
    assert v3.query(number).json["trade_state"] == "NOTPAY"
    client.scan(shop.state, number, userpaying=True)
    assert v3.query(number).json["trade_state"] == "NOTPAY"
    client.scan(shop.state, number, wait_s=0)
    assert v3.query(number).json["trade_state"] == "SUCCESS"
    outcomes = [p["outcome"] for p in client.ledger(shop.state)["payments"]]
    assert outcomes == ["declined", "paid"]


def test_an_order_is_found_by_anything_that_names_it(v3: RawV3, shop: Shop) -> None:
    for pick in (
        lambda o: o["out_trade_no"],
        lambda o: o["out_trade_no"][:6],
        lambda o: o["out_trade_no"][-6:],
        lambda o: o["code"],
    ):
        body = v3.body()
        v3.order("native", body)
        order = client.ledger(shop.state)["orders"][-1]
        paid = client.scan(shop.state, pick(order), wait_s=0)["order"]
        assert paid["out_trade_no"] == body["out_trade_no"]
        assert (paid["state"], paid["paid_amount"]) == ("paid", 100)


@pytest.mark.parametrize(
    ("ref", "how", "kind"),
    [
        ("nothing", {}, "not found"),
        ("rder1", {}, "not found"),
        ("shared", {}, "conflict"),
        ("shared-order1", {"amount": 0}, "invalid"),
        ("shared-order1", {"pay_tp": "cash"}, "invalid"),
        ("shared-order1", {"pay_tp": "wx.jsapi"}, "not found"),
        ("shared-order1", {"notice": "v9"}, "invalid"),
        ("shared-order1", {"finish": True}, "conflict"),
        ("{", {}, "invalid"),
        ('{"appId": "wx"}', {}, "invalid"),
    ],
)
def test_a_scan_that_means_nothing_is_refused(
    v3: RawV3, shop: Shop, ref: str, how: dict[str, Any], kind: str
) -> None:
    for number in ("shared-order1", "shared-order2"):
        v3.order("native", v3.body(out_trade_no=number))
    with pytest.raises(SandboxError) as caught:
        client.scan(shop.state, ref, **how)
    assert caught.value.kind == kind
    assert client.ledger(shop.state)["payments"] == []


def test_nobody_pays_twice(v3: RawV3, shop: Shop) -> None:
    v3.order("native", v3.body(out_trade_no="order001"))
    client.scan(shop.state, "order001", wait_s=0)
    for late in (False, True):
        with pytest.raises(SandboxError, match="paid already"):
            client.scan(shop.state, "order001", late=late)


def test_money_may_arrive_after_a_close(v3: RawV3, shop: Shop) -> None:
    v3.order("native", v3.body(out_trade_no="order001"))
    v3.act("order001", "close")
    with pytest.raises(SandboxError, match="closed"):
        client.scan(shop.state, "order001")
    client.scan(shop.state, "order001", late=True, wait_s=0)
    assert v3.query("order001").json["trade_state"] == "SUCCESS"


def test_a_number_of_both_providers_needs_the_pay_type(running: Running, shop: Shop) -> None:
    v3 = RawV3(running.url, shop.conf("wxpay"))
    alipay = RawAlipay(running.url, shop.conf("alipay"))
    v3.order("native", v3.body(out_trade_no="order001"))
    alipay.node("precreate", alipay.content(out_trade_no="order001"))
    with pytest.raises(SandboxError, match="say which pay type"):
        client.scan(shop.state, "order001")
    paid = client.scan(shop.state, "order001", pay_tp="zfb.qrcode")["order"]
    assert paid["provider"] == "alipay"
