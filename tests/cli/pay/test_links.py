"""Paying by a link, from the shell: wx.h5, zfb.page and zfb.wap, against the sandbox's pages."""

import pytest

from payment_cli.cli.pay import watch as watching
from payment_cli.sandbox import client
from tests.support.receiver import Delivery
from tests.support.sandbox_clients import Browser
from tests.support.sandbox_shop import raw

LINKS = {
    "wx.h5": ("--client-ip", "203.0.113.7"),
    "zfb.page": (),
    "zfb.wap": (),
}
TARGETS = ["sandbox", "sandbox-cert"]


@pytest.fixture
def browser() -> Browser:
    return Browser("http://shop.example/")


@pytest.fixture
def acknowledged(sandboxed):
    """What stops the provider of a type from calling back again."""

    def acknowledged(pay_tp):
        sandboxed.receiver.default = (204, b"") if pay_tp == "wx.h5" else (200, b"success")

    return acknowledged


def delivered(sandboxed) -> Delivery:
    """Return the callback that the payer's press on the page caused."""
    client.drain(sandboxed.sandbox.state)
    return sandboxed.receiver.deliveries[-1]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("pay_tp", LINKS)
def test_a_link_is_sent_opened_paid_called_back_and_ok(
    pay, new, sandboxed, browser, acknowledged, pay_tp, target
):
    acknowledged(pay_tp)
    sent = pay("send", new, pay_tp, target, *LINKS[pay_tp])
    assert (sent.json["status"], sent.json["type"]) == ("WAIT", "LINK")
    assert sent.json["data"].startswith(sandboxed.sandbox.url)
    assert sent.err == ""
    assert "¥23.00" in browser.open(sent.json["data"])
    assert pay("check", new).json["status"] == "WAIT"
    browser.press("pay")
    callback = delivered(sandboxed)
    assert callback.path == f"/pay/re/{pay_tp}/demo/{target}"
    pay("re", "--http", "-i", stdin=raw(callback))
    stored = pay("get", new).json
    assert (stored["st"], stored["paid_fee"], stored["pay_tp"]) == ("OK", 2300, pay_tp)


@pytest.mark.parametrize("pay_tp", LINKS)
def test_a_link_is_said_on_a_terminal_and_stdout_stays_data(pay, new, pay_tp):
    ran = pay("send", new, pay_tp, "sandbox", *LINKS[pay_tp], terminal=True)
    assert ran.err == f"Link: {ran.json['data']}\n"


def test_watch_says_the_link_and_sees_it_paid(pay, new, sandboxed, browser, monkeypatch):
    link = pay("send", new, "zfb.page", "sandbox").json["data"]

    def pay_when_shown(payment):
        shown(payment)
        browser.open(link)
        browser.press("pay")

    shown = watching.show_to_payer
    monkeypatch.setattr(watching, "show_to_payer", pay_when_shown)
    ran = pay("watch", new, "--exit-status", terminal=True)
    assert f"Link: {link}" in ran.err
    assert ran.json["status"] == "OK"


@pytest.mark.parametrize("pay_tp", LINKS)
def test_the_sandbox_plays_the_payer_of_a_link_by_its_id(pay, new, acknowledged, pay_tp):
    acknowledged(pay_tp)
    pay("send", new, pay_tp, "sandbox", *LINKS[pay_tp])
    assert pay("sandbox", "scan", new[-8:]).json["order"]["out_trade_no"] == new
    assert pay("check", new).json["status"] == "OK"
    pay("sandbox", "scan", new, exit_code=11)


def test_the_payer_of_a_payment_that_was_not_sent_is_not_found(pay, new):
    pay("sandbox", "scan", new, exit_code=10)


@pytest.mark.parametrize("pay_tp", ["zfb.page", "zfb.wap"])
def test_a_page_of_alipay_that_nobody_opened_waits_on(pay, new, pay_tp):
    pay("send", new, pay_tp, "sandbox")
    assert pay("check", new).json["status"] == "WAIT"


@pytest.mark.parametrize("pay_tp", LINKS)
def test_a_page_that_was_closed_can_not_be_paid(pay, new, browser, pay_tp):
    link = pay("send", new, pay_tp, "sandbox", *LINKS[pay_tp]).json["data"]
    browser.open(link)
    assert pay("close", new).json["status"] == "FAIL"
    assert "<h1>Closed</h1>" in browser.press("pay")
    assert "Pay</button>" not in browser.open(link)
