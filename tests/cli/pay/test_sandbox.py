"""`pay sandbox`: targets, the payer, misbehaviour; served by a process of its own."""

import json
import os
import signal
import subprocess
import sys

import pytest


def test_targets_are_written_and_named(pay, payment, sandboxed):
    rows = pay("sandbox", "init", "--notify", "http://127.0.0.1:1/pay/re", "-c").json
    assert {(row["provider"], row["target"]) for row in rows} == {
        ("wxpay", "sandbox"), ("wxpay", "sandbox-v2"), ("wxpay", "sandbox-cert"),
        ("alipay", "sandbox"), ("alipay", "sandbox-cert"),
    }  # fmt: skip
    port = sandboxed.sandbox.url.rpartition(":")[2]
    pay("sandbox", "init", "--port", port, "--notify", sandboxed.receiver.url)


def test_a_domain_without_a_store_gets_no_targets(pay):
    assert "payment store init demo" in pay("sandbox", "init", exit_code=10).err


def test_the_payer_scans_declines_or_pays_something_else(pay, new):
    pay("send", new, "wx.qrcode", "sandbox")
    assert pay("sandbox", "scan", new, "--fail").json["order"]["out_trade_no"] == new
    assert pay("sandbox", "scan", new[-8:], "--amount", 2300).json["order"]["amount"] == 2300
    assert pay("check", new).json["status"] == "OK"


def test_a_code_url_can_be_scanned_as_it_is(pay, new):
    url = pay("send", new, "wx.qrcode", "sandbox").json["data"]
    assert pay("sandbox", "scan", url).json["order"]["out_trade_no"] == new


def test_the_order_of_nobody_is_not_found(pay, sandboxed):
    ran = pay("sandbox", "scan", "f" * 32, exit_code=10)
    assert ran.err.count("\n") == 1


def test_without_a_server_it_says_how_to_start_one(pay, shop):
    assert "pay sandbox serve" in pay("sandbox", "ledger", exit_code=23).err


def test_misbehaviours_are_listed_asked_for_and_dropped(pay, sandboxed):
    kinds = {row["kind"] for row in pay("sandbox", "misbehave", "--list").json}
    assert {"timeout-after", "bad-signature", "duplicate"} <= kinds
    assert pay("sandbox", "misbehave").json == pay("sandbox", "misbehave", "--list").json
    rule = pay("sandbox", "misbehave", "html", "--operation", "query").json
    assert rule["kind"] == "html"
    assert pay("sandbox", "behave").json == {"dropped": 1}
    pay("sandbox", "misbehave", "rudeness", exit_code=2)


def test_the_books_and_the_schedule_can_be_looked_at(pay, sandboxed):
    assert {"orders", "payments", "notifications"} <= set(pay("sandbox", "ledger").json)
    assert pay("sandbox", "drain", "--timeout", 1).json["drained"] in (True, False)


def test_serve_answers_until_it_is_told_to_stop(pay, shop, root):
    process = subprocess.Popen(
        [sys.executable, "-m", "payment_cli.cli.main", "pay", "sandbox", "serve", "--port", "0"],
        env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        assert process.stderr.readline().startswith("sandbox at http://127.0.0.1:")
        assert pay("sandbox", "ledger").json["orders"] in ([], {})
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("host_taken", [True])
def test_a_port_that_is_taken_is_a_conflict(pay, sandboxed, tmp_path, payment, host_taken):
    port = sandboxed.sandbox.url.rpartition(":")[2]
    ran = pay("sandbox", "serve", "--port", port, "--root", tmp_path / "other", exit_code=11)
    assert ran.err.count("\n") == 1


def test_the_ledger_is_strict_json(pay, sandboxed):
    assert json.loads(pay("sandbox", "ledger", "-c").text).keys() >= {"orders", "requests"}
