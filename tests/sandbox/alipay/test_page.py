"""Paying in a browser by Alipay: signed links, the trades they make, and the payer's page."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.exchange import SandboxError
from payment_cli.sandbox.server import Running, running_sandbox
from tests.support.receiver import Receiver
from tests.support.sandbox_clients import BEIJING, Browser, RawAlipay, Shop, sdk_alipay

pytestmark = pytest.mark.filterwarnings("ignore:X509:DeprecationWarning")

METHODS = {"page": "alipay.trade.page.pay", "wap": "alipay.trade.wap.pay"}
PRODUCTS = {"page": "FAST_INSTANT_TRADE_PAY", "wap": "QUICK_WAP_WAY"}
SHOP = "http://shop.example/"


@pytest.fixture(autouse=True)
def _beijing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """python-alipay-sdk writes the machine's local time, Alipay wants Beijing's."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def browser() -> Browser:
    return Browser(SHOP)


Sign = Callable[..., tuple[str, str]]


@pytest.fixture
def sign(alipay: RawAlipay) -> Sign:
    """Sign a link, with changes to its content and (`_…`) its parameters; return it, its number."""

    def sign(tool: str = "page", **changes: Any) -> tuple[str, str]:
        common = {k[1:]: v for k, v in changes.items() if k.startswith("_")}
        changes = {k: v for k, v in changes.items() if not k.startswith("_")}
        content = alipay.content(**{"product_code": PRODUCTS[tool], **changes})
        query = alipay.query(METHODS[tool], content, **common)
        return f"{alipay.url}/gateway.do?{query}", content.get("out_trade_no", "")

    return sign


def status(alipay: RawAlipay, number: str) -> str:
    node = alipay.node("query", {"out_trade_no": number})
    return str(node.get("trade_status") or node["sub_code"])


@pytest.mark.parametrize("target", ["sandbox", "sandbox-cert"])
@pytest.mark.parametrize("tool", ["page", "wap"])
def test_python_alipay_sdk_builds_a_link_that_is_paid(
    shop: Shop, running: Running, receiver: Receiver, browser: Browser, target: str, tool: str
) -> None:
    sdk = sdk_alipay(shop.conf("alipay", target), running.url, receiver.url)
    build = {"page": sdk.api_alipay_trade_page_pay, "wap": sdk.api_alipay_trade_wap_pay}[tool]
    query = build(
        subject="一杯茶", out_trade_no="order001", total_amount="12.30",
        return_url="http://shop.example/back?a=1", product_code=PRODUCTS[tool],
    )  # fmt: skip
    with pytest.raises(Exception, match=r"ACQ\.TRADE_NOT_EXIST"):
        raise_if_refused(sdk.api_alipay_trade_query("order001"))
    shown = browser.open(f"{running.url}/gateway.do?{query}")
    assert "¥12.30" in shown
    assert "一杯茶" in shown
    assert sdk.api_alipay_trade_query("order001")["trade_status"] == "WAIT_BUYER_PAY"
    browser.press("pay")
    assert browser.gone_to.startswith("http://shop.example/back?a=1&")
    told = dict(parse_qsl(urlsplit(browser.gone_to).query))
    assert told.pop("a") == "1"
    signature = told.pop("sign")
    assert sdk.verify(dict(told), signature)
    assert (told["out_trade_no"], told["total_amount"]) == ("order001", "12.30")
    assert told["method"] == f"{METHODS[tool]}.return"
    client.drain(shop.state)
    [delivery] = receiver.deliveries
    notice = dict(parse_qsl(delivery.body.decode()))
    signature = notice.pop("sign")
    assert sdk.verify(dict(notice), signature)
    assert (notice["trade_status"], notice["trade_no"]) == ("TRADE_SUCCESS", told["trade_no"])
    assert sdk.api_alipay_trade_query("order001")["trade_status"] == "TRADE_SUCCESS"


def raise_if_refused(node: dict[str, Any]) -> None:
    if node["code"] != "10000":
        raise ValueError(node["sub_code"])


def test_a_trade_exists_from_when_its_link_is_opened(
    alipay: RawAlipay, sign: Sign, browser: Browser, shop: Shop
) -> None:
    link, number = sign()
    for operation in ("query", "close"):
        node = alipay.node(operation, {"out_trade_no": number})
        assert node["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert client.ledger(shop.state)["orders"] == []
    browser.open(link)
    assert status(alipay, number) == "WAIT_BUYER_PAY"
    assert alipay.node("close", {"out_trade_no": number})["code"] == "10000"
    assert "交易已经关闭" in browser.open(link)


def test_the_same_link_again_is_the_same_trade(
    alipay: RawAlipay, sign: Sign, browser: Browser
) -> None:
    link, number = sign()
    browser.open(link)
    first, trade_no = browser.at, alipay.node("query", {"out_trade_no": number})["trade_no"]
    browser.open(link)
    assert browser.at == first
    assert alipay.node("query", {"out_trade_no": number})["trade_no"] == trade_no
    other, _ = sign(out_trade_no=number, total_amount="2.00")
    assert "CONTEXT_INCONSISTENT" in browser.open(other)
    browser.press("pay", at=first)
    assert "交易已被支付" in browser.open(link)


@pytest.mark.parametrize("where", ["query", "form", "both"])
def test_a_form_of_the_page_does_as_well_as_a_link(
    alipay: RawAlipay, sign: Sign, browser: Browser, where: str
) -> None:
    link, number = sign(subject="茶 + 水")
    query = link.partition("?")[2]
    pairs = query.split("&")
    in_form = [p for p in pairs if where == "form" or p.startswith("biz_content=")]
    in_query = [p for p in pairs if where == "query" or p not in in_form]
    if where == "query":
        in_form = []
    url = f"{alipay.url}/gateway.do?{'&'.join(in_query)}"
    assert "茶 + 水" in browser.open(url, form="&".join(in_form))
    assert status(alipay, number) == "WAIT_BUYER_PAY"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"_sign": "AAAA"}, "isv.invalid-signature"),
        ({"_sign": None}, "isv.missing-signature"),
        ({"_app_id": "2021000000000000"}, "isv.invalid-app-id"),
        ({"_timestamp": None}, "isv.missing-timestamp"),
        ({"_return_url": "javascript:alert(1)"}, "isv.invalid-return-url"),
        ({"_notify_url": "pay/re"}, "isv.invalid-notify-url"),
        ({"product_code": None}, "ACQ.INVALID_PARAMETER"),
        ({"product_code": "QUICK_WAP_PAY"}, "ACQ.INVALID_PARAMETER"),
        ({"product_code": "FACE_TO_FACE_PAYMENT"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": "0.001"}, "ACQ.INVALID_PARAMETER"),
        ({"total_amount": None}, "ACQ.INVALID_PARAMETER"),
        ({"subject": None}, "ACQ.INVALID_PARAMETER"),
        ({"out_trade_no": None}, "ACQ.INVALID_PARAMETER"),
        ({"time_expire": "2020-01-01 00:00:00"}, "ACQ.INVALID_PARAMETER"),
        ({"timeout_express": "1.5h"}, "ACQ.INVALID_PARAMETER"),
        ({"seller_id": "2088000000000000"}, "ACQ.INVALID_PARAMETER"),
    ],
)
@pytest.mark.parametrize("tool", ["page", "wap"])
def test_a_wrong_link_shows_an_error_and_makes_nothing(
    sign: Sign, browser: Browser, shop: Shop, tool: str, changes: dict[str, Any], code: str
) -> None:
    link, _ = sign(tool, **changes)
    shown = browser.open(link)
    assert code in shown
    assert "<button" not in shown
    assert client.ledger(shop.state)["orders"] == []
    assert client.ledger(shop.state)["requests"][-1]["outcome"] == code


def test_a_link_that_somebody_changed_shows_an_error(
    sign: Sign, browser: Browser, shop: Shop
) -> None:
    link, _ = sign()
    assert "%221.00%22" in link
    changed = link.replace("%221.00%22", "%220.01%22")
    assert "isv.invalid-signature" in browser.open(changed)
    assert client.ledger(shop.state)["orders"] == []


def test_quit_url_is_of_wap_and_where_a_payer_goes_who_leaves(
    alipay: RawAlipay, sign: Sign, browser: Browser
) -> None:
    link, number = sign("wap", quit_url="http://shop.example/cart")
    browser.open(link)
    browser.press("leave")
    assert browser.gone_to == "http://shop.example/cart"
    assert status(alipay, number) == "WAIT_BUYER_PAY"
    link, _ = sign("wap", quit_url="cart")
    assert "quit_url" in browser.open(link)


def test_who_leaves_without_paying_may_come_back_and_pay(
    alipay: RawAlipay, sign: Sign, browser: Browser, shop: Shop
) -> None:
    link, number = sign("page")
    browser.open(link)
    at = browser.at
    assert "<h1>Not paid</h1>" in browser.press("leave")
    assert status(alipay, number) == "WAIT_BUYER_PAY"
    assert "<h1>Paid</h1>" in browser.press("pay", at=at)
    assert status(alipay, number) == "TRADE_SUCCESS"
    assert "<h1>Paid</h1>" in browser.press("pay", at=at), "twice is once"
    outcomes = [p["outcome"] for p in client.ledger(shop.state)["payments"]]
    assert outcomes == ["declined", "paid"]


def test_a_link_has_no_age_but_its_end_is_the_trades(shop: Shop, browser: Browser) -> None:
    moment = time.time()
    with running_sandbox(shop.state, clock=lambda: int(moment * 1000)) as running:
        alipay = RawAlipay(running.url, shop.conf("alipay"))

        def link(**spans: str) -> str:
            content = alipay.content(product_code=PRODUCTS["page"], **spans)
            return f"{running.url}/gateway.do?{alipay.query(METHODS['page'], content)}"

        end = datetime.fromtimestamp(moment + 3 * 3600, BEIJING).strftime("%Y-%m-%d %H:%M:%S")
        absolute, relative = link(time_expire=end), link(timeout_express="10m")
        moment += 2 * 3600
        assert "Pay</button>" in browser.open(absolute)
        at = browser.at
        moment += 3600
        assert "<h1>Closed</h1>" in browser.press("pay", at=at)
        assert "交易已经关闭" in browser.open(absolute)
        assert "Pay</button>" in browser.open(relative), "its ten minutes begin when it is opened"
        moment += 600
        assert "<h1>Closed</h1>" in browser.press("pay")


def test_a_timestamp_that_is_still_to_come_is_refused(sign: Sign, browser: Browser) -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=16)).strftime("%Y-%m-%d %H:%M:%S")
    assert "isv.invalid-timestamp" in browser.open(sign(_timestamp=ahead)[0])


def test_the_payer_may_be_played_without_a_browser(
    alipay: RawAlipay, sign: Sign, shop: Shop
) -> None:
    link, number = sign("wap")
    with pytest.raises(SandboxError, match="knows no order"):
        client.scan(shop.state, number)
    assert client.scan(shop.state, link)["order"]["tool"] == "wap"
    assert status(alipay, number) == "TRADE_SUCCESS"
    with pytest.raises(SandboxError, match="TRADE_HAS_SUCCESS"):
        client.scan(shop.state, link)
    with pytest.raises(SandboxError, match="invalid-signature"):
        client.scan(shop.state, sign(_sign="AAAA")[0])
    query = alipay.query("alipay.trade.query", {"out_trade_no": number})
    with pytest.raises(SandboxError, match="no link"):
        client.scan(shop.state, f"{alipay.url}/gateway.do?{query}")


def test_a_page_of_nothing_is_not_found(running: Running, browser: Browser) -> None:
    assert browser.open(f"{running.url}/cashier/x") == "no such page\n"
    assert browser.open(f"{running.url}/cashier/") == "no such page\n"


@pytest.mark.parametrize("kind", ["error-before", "error-after", "html"])
def test_opening_can_go_wrong_before_or_after_the_trade_is_made(
    alipay: RawAlipay, sign: Sign, browser: Browser, shop: Shop, kind: str
) -> None:
    link, number = sign()
    client.misbehave(shop.state, kind, operation="open", order=number)
    assert "Pay</button>" not in browser.open(link)
    is_made = kind != "error-before"
    assert status(alipay, number) == ("WAIT_BUYER_PAY" if is_made else "ACQ.TRADE_NOT_EXIST")
    assert "Pay</button>" in browser.open(link)


def test_a_flaw_of_signatures_waits_for_a_message_that_has_one(
    alipay: RawAlipay, sign: Sign, browser: Browser, shop: Shop
) -> None:
    link, number = sign()
    client.misbehave(shop.state, "unsigned")
    browser.open(link)
    browser.press("pay")
    answer = alipay.send("alipay.trade.query", {"out_trade_no": number})
    assert "sign" not in answer.json
