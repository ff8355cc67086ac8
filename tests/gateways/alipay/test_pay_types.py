"""Pages: links that are signed here and opened by the payer (zfb.page, zfb.wap)."""

import json

import pytest

from payment_cli.gateways.base import OrderRef, Outcome, SendRequest
from payment_cli.model.payments.pay_type import ReturnType
from tests.support import alipay as side

ID = "01990b5e6f7a7000a0b0c0d0e0f00102"
NOW = 1_790_000_000_000  # 2026-09-21 22:13:20 in Beijing
PAGES = {
    "zfb.page": ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
    "zfb.wap": ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
}
RETURN_URL = "https://shop.example.com/thanks"
NO_TRADE = {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST", "sub_msg": "交易不存在"}


def page_of(pay_tp, brief="two cups"):
    return SendRequest(
        payment_id=ID,
        pay_tp=pay_tp,
        brief=brief,
        fee=1234,
        cur="CNY",
        notify_url=f"https://shop.example.com/pay/re/{pay_tp}/demo/main",
        expires_at=NOW + 600_000,
    )


def order(pay_tp):
    return OrderRef(ID, pay_tp, 1234, "CNY", NOW)


@pytest.mark.parametrize("pay_tp", PAGES)
def test_a_page_waits_at_once_with_a_link_that_alipay_can_verify(alipay, gateway, pay_tp):
    answer = gateway.send(page_of(pay_tp), None)
    assert (answer.outcome, answer.re_tp) == (Outcome.WAITING, ReturnType.LINK)
    assert alipay.forms == []  # nobody was asked
    fields = side.verified_link(answer.re_obj, alipay.url)
    method, product_code = PAGES[pay_tp]
    assert (fields["method"], fields["timestamp"]) == (method, "2026-09-21 22:13:20")
    assert fields["notify_url"] == f"https://shop.example.com/pay/re/{pay_tp}/demo/main"
    assert "return_url" not in fields
    assert json.loads(fields["biz_content"]) == {
        "out_trade_no": ID,
        "total_amount": "12.34",
        "subject": "two cups",
        "product_code": product_code,
        "time_expire": "2026-09-21 22:23:20",  # the link dies with the payment
    }


@pytest.mark.parametrize("pay_tp", PAGES)
def test_a_page_is_the_one_that_an_independent_client_links_to(open_gateway, pay_tp):
    account = side.account(return_url=RETURN_URL)
    settled = page_of(pay_tp, brief="两杯 coffee + cake = 好")
    answer = open_gateway(account).send(settled, None)
    fields = side.verified_link(answer.re_obj, account.gateway_url)
    content = json.loads(fields["biz_content"])
    theirs = side.sdk_page(
        fields["method"], content, notify_url=settled.notify_url, return_url=RETURN_URL
    )
    assert set(fields) - {"format"} == set(theirs)
    same = set(theirs) - {"timestamp", "biz_content"}
    assert {name: fields[name] for name in same} == {name: theirs[name] for name in same}
    assert json.loads(theirs["biz_content"]) == content


def test_a_payer_who_leaves_a_page_comes_back_to_the_shop(open_gateway):
    gateway = open_gateway(side.account(return_url=RETURN_URL))
    for pay_tp, quit_url in (("zfb.page", None), ("zfb.wap", RETURN_URL)):
        link = gateway.send(page_of(pay_tp), None).re_obj
        fields = side.verified_link(link, side.account().gateway_url)
        assert fields["return_url"] == RETURN_URL
        assert json.loads(fields["biz_content"]).get("quit_url") == quit_url


@pytest.mark.parametrize("pay_tp", PAGES)
def test_a_page_in_certificate_mode_names_its_certificates(open_gateway, certified, pay_tp):
    answer = open_gateway(certified).send(page_of(pay_tp), None)
    fields = side.verified_link(answer.re_obj, certified.gateway_url)
    assert fields["app_cert_sn"]
    assert fields["alipay_root_cert_sn"]


@pytest.mark.parametrize("pay_tp", PAGES)
def test_a_page_nobody_opened_is_not_found_and_closing_it_ends_it(alipay, gateway, pay_tp):
    alipay.says(NO_TRADE)
    assert gateway.check(order(pay_tp)).outcome is Outcome.NOT_FOUND
    assert gateway.close(order(pay_tp)).outcome is Outcome.NOT_FOUND
    assert alipay.methods == ["alipay.trade.query", "alipay.trade.close"]


@pytest.mark.parametrize("pay_tp", PAGES)
def test_a_page_that_was_opened_is_closed_without_touching_paid_money(alipay, gateway, pay_tp):
    alipay.says({"code": "10000"})
    assert gateway.close(order(pay_tp)).outcome is Outcome.CLOSED
    assert alipay.methods == ["alipay.trade.close"]
