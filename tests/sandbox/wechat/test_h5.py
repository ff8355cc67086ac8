"""Paying in a browser by WeChat: the order, its link, and what WeChat's page wants."""

import json
import time
from typing import Any
from urllib.parse import quote

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.server import Running, running_sandbox
from tests.support.receiver import Receiver
from tests.support.sandbox_clients import Browser, RawV3, Shop, sdk_wechat

SCENE = {"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}}


def h5_body(v3: RawV3, **scene: Any) -> dict[str, Any]:
    return v3.body(scene_info={k: v for k, v in (SCENE | scene).items() if v is not None})


def link_of(v3: RawV3, body: dict[str, Any] | None = None) -> str:
    answer = v3.order("h5", body or h5_body(v3))
    assert answer.status == 200, answer.json
    link: str = answer.json["h5_url"]
    return link


@pytest.mark.parametrize("target", ["sandbox", "sandbox-cert"])
def test_wechatpayv3_takes_an_h5_order_to_paid(
    shop: Shop, running: Running, receiver: Receiver, target: str
) -> None:
    receiver.default = (204, b"")
    sdk = sdk_wechat(shop.conf("wxpay", target), running.url, receiver.url, "H5")
    status, text = sdk.pay(
        description="tea", out_trade_no="order001", amount={"total": 5}, scene_info=SCENE
    )
    assert status == 200
    link = json.loads(text)["h5_url"]
    assert link.startswith(f"{running.url}/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx")
    browser = Browser("http://shop.example/")
    assert "¥0.05" in browser.open(link)
    assert json.loads(sdk.query(out_trade_no="order001")[1])["trade_state"] == "NOTPAY"
    assert "<h1>Paid</h1>" in browser.press("pay")
    client.drain(shop.state)
    [delivery] = receiver.deliveries
    headers = {name.title(): value for name, value in delivery.headers.items()}
    told = sdk.callback(headers, delivery.body)["resource"]
    assert (told["out_trade_no"], told["trade_type"]) == ("order001", "MWEB")
    assert json.loads(sdk.query(out_trade_no="order001")[1])["trade_state"] == "SUCCESS"


@pytest.mark.parametrize(
    ("scene", "field"),
    [
        ({"payer_client_ip": None}, "/scene_info/payer_client_ip"),
        ({"payer_client_ip": "somewhere"}, "/scene_info/payer_client_ip"),
        ({"payer_client_ip": "2001:db8::/64"}, "/scene_info/payer_client_ip"),
        ({"payer_client_ip": 1}, "/scene_info/payer_client_ip"),
        ({"h5_info": None}, "/scene_info/h5_info"),
        ({"h5_info": {}}, "/scene_info/h5_info/type"),
        ({"h5_info": {"type": "WAP"}}, "/scene_info/h5_info/type"),
        ({"h5_info": {"type": "Wap", "wap_url": "x"}}, "/scene_info/h5_info/wap_url"),
        ({"store_info": {"name": "x"}}, "/scene_info/store_info/id"),
        ({"device_ip": "203.0.113.7"}, "/scene_info/device_ip"),
    ],
)
def test_a_scene_that_breaks_a_rule_is_refused(
    v3: RawV3, scene: dict[str, Any], field: str
) -> None:
    answer = v3.order("h5", h5_body(v3, **scene))
    assert (answer.status, answer.json["code"]) == (400, "PARAM_ERROR")
    assert answer.json["detail"]["field"] == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scene_info": None}, "/scene_info"),
        ({"payer": {"openid": "oUpF8uMuAJO"}}, "/payer"),
        ({"notify_url": None}, "/notify_url"),
    ],
)
def test_an_order_without_its_own_fields_or_with_anothers_is_refused(
    v3: RawV3, change: dict[str, Any], field: str
) -> None:
    body = {k: v for k, v in (h5_body(v3) | change).items() if v is not None}
    answer = v3.order("h5", body)
    assert (answer.status, answer.json["detail"]["field"]) == (400, field)


@pytest.mark.parametrize("address", ["203.0.113.7", "2001:db8::7"])
@pytest.mark.parametrize("kind", ["iOS", "Android", "Wap"])
def test_these_addresses_and_scenes_are_known(v3: RawV3, address: str, kind: str) -> None:
    info = {"type": kind, "app_name": "shop"}
    assert link_of(v3, h5_body(v3, payer_client_ip=address, h5_info=info))


def test_a_link_lives_five_minutes_and_the_same_request_brings_a_new_one(shop: Shop) -> None:
    moment = time.time()
    with running_sandbox(shop.state, clock=lambda: int(moment * 1000)) as running:
        v3 = RawV3(running.url, shop.conf("wxpay"))
        body = h5_body(v3)
        browser = Browser("http://shop.example/")
        first = link_of(v3, body)
        moment += 299
        assert "Pay</button>" in browser.open(first)
        moment += 1
        assert "支付请求已失效" in browser.open(first)
        second = v3.send("POST", "/v3/pay/transactions/h5", body, at=moment).json["h5_url"]
        assert "Pay</button>" in browser.open(second)
        assert "支付请求已失效" in browser.open(first)


def test_wechat_wants_to_know_from_which_shop_the_browser_comes(v3: RawV3) -> None:
    link = link_of(v3)
    assert "商家参数格式有误" in Browser("").open(link)
    assert "Pay</button>" in Browser("http://shop.example/").open(link)


@pytest.mark.parametrize("button", ["pay", "leave"])
def test_afterwards_the_browser_goes_where_redirect_url_says(v3: RawV3, button: str) -> None:
    link = f"{link_of(v3)}&redirect_url=http%3A%2F%2Fshop.example%2Fdone%3Fa%3D1"
    browser = Browser("http://shop.example/")
    browser.open(link)
    browser.press(button)
    assert browser.gone_to == "http://shop.example/done?a=1"


@pytest.mark.parametrize("wanted", ["http://elsewhere.example/", "javascript:alert(1)"])
def test_redirect_url_leads_to_no_other_domain(v3: RawV3, wanted: str) -> None:
    browser = Browser("http://shop.example/")
    assert "商家存在未配置的参数" in browser.open(f"{link_of(v3)}&redirect_url={wanted}")


@pytest.mark.parametrize("end", ["%0d%0aSet-Cookie:%20a=b", "%0a", "%00", "%09", "%C2%85"])
def test_redirect_url_brings_no_line_of_its_own(v3: RawV3, end: str) -> None:
    """It would be a header, or a page, of whoever made the link."""
    browser = Browser("http://shop.example/")
    wanted = f"http://shop.example/done{end}"
    assert "商家存在未配置的参数" in browser.open(f"{link_of(v3)}&redirect_url={wanted}")


def test_redirect_url_may_be_in_chinese(v3: RawV3) -> None:
    wanted = "http://shop.example/茶?名=1%262"
    browser = Browser("http://shop.example/")
    browser.open(f"{link_of(v3)}&redirect_url={quote(wanted)}")
    browser.press("pay")
    assert browser.gone_to == "http://shop.example/%E8%8C%B6?%E5%90%8D=1%262"


@pytest.mark.parametrize("query", ["", "?prepay_id=", "?prepay_id=wx1", "?package=1"])
def test_a_link_of_nothing_shows_an_error(running: Running, v3: RawV3, query: str) -> None:
    link_of(v3)
    link = f"{running.url}/cgi-bin/mmpayweb-bin/checkmweb{query}"
    assert "商家参数格式有误" in Browser("http://shop.example/").open(link)


def test_a_closed_or_paid_order_shows_no_button(v3: RawV3, shop: Shop) -> None:
    body, other = h5_body(v3), h5_body(v3)
    browser = Browser("http://shop.example/")
    link = link_of(v3, body)
    browser.open(link)
    v3.act(body["out_trade_no"], "close")
    assert "<h1>Closed</h1>" in browser.press("pay"), "closed behind the page's back"
    assert "订单已关闭" in browser.open(link)
    link = link_of(v3, other)
    client.scan(shop.state, other["out_trade_no"])
    assert "该订单已支付" in browser.open(link)


def test_the_payer_may_be_played_without_a_browser(v3: RawV3, shop: Shop) -> None:
    by_number, by_link = h5_body(v3), h5_body(v3)
    link_of(v3, by_number)
    client.scan(shop.state, by_number["out_trade_no"], pay_tp="wx.h5")
    client.scan(shop.state, link_of(v3, by_link))
    for body in (by_number, by_link):
        assert v3.query(body["out_trade_no"]).json["trade_state"] == "SUCCESS"


def test_what_a_payer_reads_is_text(v3: RawV3) -> None:
    body = h5_body(v3) | {"description": "<script>alert(1)</script>"}
    shown = Browser("http://shop.example/").open(link_of(v3, body))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script" not in shown
