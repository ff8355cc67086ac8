"""What WeChat Pay may say, played by the sandbox over real HTTP, and what the user sees of it."""

from dataclasses import replace

import pytest

from tests.support.sandbox_shop import raw

PAYS, HESITATES = "134567890123456700", "134567890123456701"


@pytest.fixture
def says(sandboxed):
    """Let the sandbox say something else, once."""
    return sandboxed.sandbox.sandbox.control.misbehave


def state(pay, payment_id):
    return pay("get", payment_id).json["st"]


@pytest.mark.parametrize("kind", ["wx-202-user-paying", "wx-200-system-error"])
def test_a_close_that_closed_nothing_leaves_the_payment_waiting(pay, new, says, kind):
    pay("send", new, "wx.qrcode", "sandbox")
    says(kind, operation="close")
    ran = pay("close", new, exit_code=21)
    assert (ran.json["status"], state(pay, new)) == ("WAIT", "WAIT")
    assert pay("close", new).json["status"] == "FAIL"


def test_a_paid_scan_is_ok_without_an_app_id(pay, new, says):
    says("wx-no-appid")
    assert pay("send", new, "wx.scan", "sandbox", PAYS).json["status"] == "OK"


@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("kind", ["wx-paying-code", "wx-paying-400"])
def test_a_payer_who_types_the_password_is_waited_for(pay, new, says, sandboxed, kind, unsigned):
    says(kind, unsigned=unsigned)
    assert pay("send", new, "wx.scan", "sandbox", HESITATES).json["status"] == "WAIT"
    assert "intent" not in pay("get", new).json
    sandboxed.sandbox.sandbox.control.scan(new)
    assert pay("check", new).json["status"] == "OK"


@pytest.mark.parametrize("kind", ["wx-exists-paid", "wx-exists-paid-too", "wx-exists-201"])
def test_an_order_that_exists_keeps_its_payment(pay, new, says, kind):
    says(kind, operation="native")
    pay("send", new, "wx.qrcode", "sandbox", exit_code=21)
    assert state(pay, new) == "WAIT"


def test_an_openid_of_another_app_is_a_plain_refusal(pay, new, says):
    says("wx-500-openid-mismatch", operation="jsapi", unsigned=True)
    openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
    ran = pay("send", new, "wx.jsapi", "sandbox", openid, exit_code=23)
    assert "OPENID_MISMATCH" in ran.err
    assert state(pay, new) == "NEW"


def test_an_amount_that_wechat_never_takes_is_refused_before_it_is_sent(pay, sandboxed):
    payment_id = pay("create", "-fee", 1_000_000_001, "-br", "a house").json["id"]
    ran = pay("send", payment_id, "wx.qrcode", "sandbox", exit_code=2)
    assert "10000000 yuan at most" in ran.err
    assert state(pay, payment_id) == "NEW"
    asked = pay("sandbox", "ledger").json["requests"]
    assert payment_id not in [request["out_trade_no"] for request in asked]


@pytest.mark.parametrize("form", ["", "v2"])
@pytest.mark.parametrize("path", ["", "/pay/re"])
def test_true_money_that_names_no_order_is_in_the_doctors_count(
    pay, payment, new, says, sandboxed, path, form
):
    pay("send", new, "wx.qrcode", "sandbox-v2" if form else "sandbox")
    says("wx-no-order-number")
    delivery = sandboxed.callback(pay, new, notice=form)
    delivery = replace(delivery, path=path or delivery.path)
    ran = pay("re", "--http", stdin=raw(delivery), exit_code=22)
    assert "names no order" in ran.err
    assert ("<return_code>FAIL</return_code>" if form else '"code":"FAIL"') in ran.text
    found = [row["sentence"] for row in payment("doctor").json if row["subject"] == "storage"]
    assert "names no order (its trade is '42" in found[0]
    assert state(pay, new) == "WAIT"
