"""`pay check`, `pay watch`, `pay close`: asking, waiting, ending."""

import json
import shutil
import socket

import pytest

import payment_cli.app
from payment_cli.clock import system_clock
from payment_cli.files.run_lock import only_run


def open_with(monkeypatch, **changes):
    """Let the next commands see the tree with another clock, or without sleep."""
    real = payment_cli.app.open_app

    def opened(*where):
        app = real(*where)
        vars(app).update(changes)
        return app

    monkeypatch.setattr(payment_cli.app, "open_app", opened)


def paid(sandboxed, payment_id: str) -> None:
    sandboxed.sandbox.sandbox.control.scan(payment_id)


def test_check_of_a_waiting_payment_asks_the_gateway(pay, new, sandboxed):
    pay("send", new, "wx.qrcode", "sandbox")
    assert pay("check", new, "--exit-status", exit_code=3).json["status"] == "WAIT"
    paid(sandboxed, new)
    result = pay("check", new, "--exit-status").json
    assert result["status"] == "OK"
    assert {"st", "paid_fee", "trade_no", "close_at"} <= set(result["changedKeys"])
    assert pay("check", new).json["changedKeys"] == []


def test_check_of_a_new_payment_is_answered_from_the_tree(pay, new):
    assert pay("check", new, "--exit-status", exit_code=3).json["status"] == "NEW"


def test_a_gateway_that_does_not_answer_leaves_it_waiting_with_exit_21(pay, new, sandboxed):
    pay("send", new, "wx.qrcode", "sandbox")
    paid(sandboxed, new)
    sandboxed.sandbox.sandbox.control.misbehave("html", operation="query")
    ran = pay("check", new, exit_code=21)
    assert ran.json["status"] == "WAIT"
    assert ran.err.startswith("pay: e.pay.unknown: ")
    assert pay("check", new).json["status"] == "OK"


@pytest.mark.parametrize("pay_tp", ["wx.qrcode", "zfb.qrcode"])
def test_another_amount_is_told_listed_and_left_for_a_person(pay, new, sandboxed, pay_tp):
    pay("send", new, pay_tp, "sandbox")
    paid(sandboxed, new)
    control = sandboxed.sandbox.sandbox.control
    control.misbehave("wrong-amount", operation="query", sticky=True)
    for words in (["check", new], ["watch", new], ["check", new, "--exit-status"]):
        ran = pay(*words, exit_code=22)
        assert (ran.json["status"], "2301 fen" in ran.json["errMsg"]) == ("WAIT", True)
        assert "2300 fen" in ran.err
        assert "2301 fen" in ran.err
    refused = pay("close", new, exit_code=12).err
    assert "2300 fen" in refused
    assert "2301 fen" in refused
    [listed] = [one for one in pay("query", "--flagged").json if one["id"] == new]
    assert (listed["st"], listed["flag"], listed["paid_fee"]) == ("WAIT", "amount", 2301)
    control.behave()
    assert pay("check", new).json["status"] == "OK"
    assert new not in [one["id"] for one in pay("query", "--flagged").json]


def test_closing_a_code_nobody_has_scanned_says_that_it_may_still_be_paid(pay, new, sandboxed):
    pay("send", new, "zfb.qrcode", "sandbox")
    ran = pay("close", new, exit_code=21)
    assert ran.json["status"] == "WAIT"
    assert "may still be scanned and paid for 10 min" in ran.err
    assert "FAIL in about 17 min" in ran.err
    paid(sandboxed, new)
    assert pay("check", new).json["status"] == "OK"


def test_an_answer_about_another_order_is_not_trusted_and_changes_nothing(pay, new, sandboxed):
    pay("send", new, "wx.qrcode", "sandbox")
    paid(sandboxed, new)
    sandboxed.sandbox.sandbox.control.misbehave("other-order", operation="query")
    ran = pay("check", new, exit_code=22)
    assert ran.err.count("\n") == 1
    assert pay("get", new).json["st"] == "WAIT"


@pytest.mark.parametrize("words", [[], ["a1b2c3", "--pending"]])
def test_one_payment_or_all_that_are_due(pay, words):
    assert "name one payment" in pay("check", *words, exit_code=2).err


def test_pending_checks_what_is_due_and_prints_a_summary(pay, shop):
    ran = pay("check", "--pending")
    assert ran.json == {"checked": 0, "scripts": 0, "errors": []}
    assert ran.err == ""


def test_pending_is_bounded_by_the_settings_of_the_tree(pay, sandboxed, monkeypatch):
    for _ in range(2):
        pay("create", "-fee", 9, "-pt", "zfb.qrcode", "-ta", "sandbox")
    open_with(monkeypatch, clock=lambda: system_clock() + 20_000)
    settings = sandboxed.root / "etc/payment.toml"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("pending_max = 1\n")
    try:
        # Payments of other tests may be postponed, which is an exit code of its own.
        assert pay("check", "--pending", exit_code=None).json["checked"] == 1
    finally:
        settings.unlink()
    assert pay("check", "--pending", "--most", 1, exit_code=None).json["checked"] == 1


def test_pending_runs_scripts_that_are_due(pay, new, sandboxed):
    folder = sandboxed.root / "home/demo/.payment/callback"
    folder.mkdir(exist_ok=True)
    (folder / "note").write_text('echo "$id" >> noted.txt\n')
    made = pay("create", "-fee", 9, "-callback", "note", "-pt", "wx.qrcode", "-ta", "sandbox").json
    paid(sandboxed, made["id"])
    pay("check", made["id"])
    assert pay("get", made["id"]).json["apply_st"] == "done"
    assert (sandboxed.root / "home/demo/noted.txt").read_text() == made["id"] + "\n"


def test_watch_ends_when_it_is_paid(pay, new, sandboxed, monkeypatch):
    pay("send", new, "zfb.qrcode", "sandbox")
    paid(sandboxed, new)
    open_with(monkeypatch, sleep=lambda _s: None)
    ran = pay("watch", new, "--exit-status", terminal=True, env={"COLUMNS": "100"})
    assert ran.json["status"] == "OK"
    assert "▀" in ran.err
    assert f"{new}  WAIT  zfb.qrcode  23.00 RMB" in ran.err
    assert f"{new}  OK  zfb.qrcode  23.00 RMB" in ran.err


def test_watch_is_silent_where_nobody_looks_and_fails_with_20(pay, new, sandboxed):
    pay("send", new, "wx.qrcode", "sandbox")
    pay("close", new)
    ran = pay("watch", new, exit_code=20)
    assert ran.json["status"] == "FAIL"
    assert ran.err.count("\n") == 1


def test_there_is_nothing_to_watch_before_it_is_sent(pay, new):
    ran = pay("watch", new, exit_code=12)
    assert "there is nothing to watch" in ran.err
    assert ran.out == b""


def test_close_ends_it_at_the_gateway_with_a_reason(pay, new, sandboxed):
    pay("send", new, "wx.qrcode", "sandbox")
    result = pay("close", new, "-re", "the guest left").json
    assert (result["status"], result["errMsg"]) == ("FAIL", "the guest left")
    assert pay("close", new, "--exit-status", exit_code=20).json["status"] == "FAIL"


def test_a_payment_whose_account_is_gone_is_abandoned_and_its_money_is_late(pay, new, sandboxed):
    pay("send", new, "wx.qrcode", "sandbox")
    refused = pay("close", new, "--abandon", "--as", "root", exit_code=12).err
    assert "can be asked" in refused
    configs = sandboxed.root / "home/demo/.payment/wxpay/sandbox"
    away = configs.rename(configs.with_name("away"))
    try:
        pay("close", new, exit_code=40)
        assert "operator" in pay("close", new, "--abandon", exit_code=12).err
        ran = pay("close", new, "--abandon", "-re", "ended", "--as", "root")
        assert ran.json["status"] == "FAIL"
        assert "flagged late" in ran.err
        assert pay("check", new).json["status"] == "FAIL"
    finally:
        away.rename(configs)
    sandboxed.sandbox.sandbox.control.scan(new)
    checked = pay("check", new).json
    assert checked["status"] == "FAIL"
    stored = pay("get", new).json
    assert (stored["flag"], stored["fail_re"]) == ("late", "ended")
    assert [row["id"] for row in pay("query", "--flagged").json] == [new]


def test_close_of_a_new_payment_needs_no_gateway(pay, new):
    assert pay("close", new).json["status"] == "FAIL"
    assert "e.pay.conflict" in pay("send", new, "wx.qrcode", "sandbox", exit_code=11).err


def test_a_paid_payment_is_not_closed(pay, new, sandboxed):
    pay("send", new, "wx.qrcode", "sandbox")
    paid(sandboxed, new)
    assert "e.pay.nopvg" in pay("close", new, exit_code=12).err
    assert pay("get", new).json["st"] == "OK"


def test_a_gateway_that_never_answers_costs_three_questions_and_no_other_waits(
    pay, sandboxed, monkeypatch
):
    accounts = sandboxed.root / "home/demo/.payment/wxpay"
    shutil.copytree(accounts / "sandbox", accounts / "hole")
    silent = [
        pay("create", "-fee", 9, "-pt", "wx.qrcode", "-ta", "hole").json["id"] for _ in range(12)
    ]
    fine = pay("create", "-fee", 9, "-pt", "wx.qrcode", "-ta", "sandbox").json["id"]
    paid(sandboxed, fine)
    conf = accounts / "hole/wxpay.conf"
    with socket.create_server(("127.0.0.1", 0), backlog=64) as hole:  # nobody accepts
        config = json.loads(conf.read_text())
        config["api_base"] = f"http://127.0.0.1:{hole.getsockname()[1]}"
        conf.write_text(json.dumps(config))
        monkeypatch.setattr("payment_cli.gateways.wechat.v3.CALL_TIMEOUT_S", 0.2)
        open_with(monkeypatch, clock=lambda: system_clock() + 20_000)
        ran = pay("check", "--pending", "--most", 1000, "-c", exit_code=24)
        assert ran.json["postponed"] >= 9
        assert "account demo wx hole: e.pay.unknown: no answer" in ran.err
        assert ran.err.count("\n") == 1
        again = pay("check", "--pending", "--most", 1000, "-c", exit_code=24)
        assert (again.json["checked"], again.err) == (0, "")
    assert pay("get", fine).json["st"] == "OK"
    seen = [pay("get", one).json for one in silent]
    assert {one["st"] for one in seen} == {"WAIT"}
    assert sorted(one["check_count"] for one in seen) == [0] * 9 + [1] * 3
    shutil.rmtree(accounts / "hole")


def test_a_run_beside_another_one_does_nothing_and_says_so(pay, shop, root):
    with only_run(root, "check-demo"):
        assert pay("check", "--pending").json == {
            "checked": 0, "scripts": 0, "busy": True, "errors": [],
        }  # fmt: skip
    assert "busy" not in pay("check", "--pending").json
