"""`pay re`: callbacks as raw HTTP and as JSON."""

import json
import os
import select
from dataclasses import replace

import pytest

from payment_cli.app import App
from payment_cli.clock import system_clock
from tests.cli.pay.test_check import open_with
from tests.support.sandbox_shop import raw

TYPES = [("wx.qrcode", "sandbox"), ("wx.qrcode", "sandbox-cert"), ("zfb.qrcode", "sandbox"),
         ("zfb.qrcode", "sandbox-cert")]  # fmt: skip


@pytest.fixture(params=TYPES, ids=" ".join)
def delivery(request, pay, new, sandboxed):
    """The callback of the payment `new`, which was just paid."""
    pay("send", new, *request.param)
    return sandboxed.callback(pay, new)


def test_a_true_callback_is_acknowledged_and_settles(pay, new, delivery):
    ran = pay("re", "--http", stdin=raw(delivery))
    if "zfb" in delivery.path:
        assert ran.out == b"success"
    else:
        assert ran.json["code"] == "SUCCESS"
    assert ran.err == ""
    after = pay("get", new).json
    assert (after["st"], after["paid_fee"]) == ("OK", 2300)


def test_the_same_callback_again_is_acknowledged_again_and_changes_nothing(pay, new, delivery):
    first = pay("re", "--http", stdin=raw(delivery))
    before = pay("get", new).text
    assert pay("re", "--http", stdin=raw(delivery)).out == first.out
    assert pay("get", new).text == before


def test_the_bare_path_works_too(pay, new, delivery):
    pay("re", "--http", stdin=raw(replace(delivery, path="/pay/re")))
    assert pay("get", new).json["st"] == "OK"


def test_with_i_a_status_line_and_headers_come_first(pay, delivery):
    body = pay("re", "--http", stdin=raw(delivery)).out
    ran = pay("re", "--http", "-i", stdin=raw(delivery))
    head, _, rest = ran.out.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 20")
    assert f"Content-Length: {len(body)}".encode() in head
    assert rest == body


def changed(data: bytes) -> list[bytes]:
    """Return the body with one byte changed, here and there."""
    places = range(10, len(data), max(1, len(data) // 6))
    return [data[:n] + bytes([data[n] ^ 1]) + data[n + 1 :] for n in places]


def test_a_changed_body_is_refused_with_22_and_changes_nothing(pay, new, delivery):
    before = pay("get", new).text
    for body in changed(delivery.body):
        ran = pay("re", "--http", "-i", stdin=raw(replace(delivery, body=body)), exit_code=22)
        assert ran.err.startswith("pay: e.pay.untrusted: ")
        assert ran.err.count("\n") == 1
        assert not ran.out.startswith(b"HTTP/1.1 2") or b"fail" in ran.out
    assert pay("get", new).text == before


def test_another_accounts_path_does_not_vouch(pay, new, delivery):
    other = "sandbox-cert" if delivery.path.endswith("/sandbox") else "sandbox"
    path = delivery.path.rpartition("/")[0] + f"/{other}"
    pay("re", "--http", stdin=raw(replace(delivery, path=path)), exit_code=22)
    assert pay("get", new).json["st"] == "WAIT"


def test_a_script_is_started_and_not_waited_for(pay, sandboxed, monkeypatch):
    folder = sandboxed.root / "home/demo/.payment/callback"
    folder.mkdir(exist_ok=True)
    (folder / "later").write_text("echo done\n")
    made = pay("create", "-fee", 3, "-callback", "later", "-pt", "wx.qrcode", "-ta", "sandbox").json
    started = []
    monkeypatch.setattr("payment_cli.app.App.start", lambda _app, *words: started.append(words))
    pay("re", "--http", stdin=raw(sandboxed.callback(pay, made["id"])))
    assert started == [("pay", "apply", made["id"])]
    assert pay("get", made["id"]).json["apply_st"] == "due"
    assert pay("apply", made["id"]).json["apply_st"] == "done"


@pytest.mark.parametrize("heard_by", ["callback", "check", "check --pending"])
def test_another_amount_than_an_order_asked_for_is_told_to_its_store_at_once(
    pay, payment, sandboxed, monkeypatch, heard_by
):
    hook = sandboxed.root / "home/demo/.payment/hook/order.flagged"
    hook.parent.mkdir(mode=0o700, exist_ok=True)
    hook.write_text("cat\n")
    nm = f"odd-{len(heard_by)}"
    payment("w", "add", "-nm", nm, "--title", "Odd", "--price", 3)
    order = payment("o", "create", "--anonymous", "--item", nm, "--type", "Q").json["id"]
    paying = payment("p", "pay", order, "-pt", "wx.qrcode", "-ta", "sandbox").json["payObjId"]
    started = []
    monkeypatch.setattr(App, "start", lambda _app, *words: started.append(words))
    delivery = sandboxed.callback(pay, paying, amount=1)
    if heard_by == "callback":
        pay("re", "--http", stdin=raw(delivery))
    elif heard_by == "check":
        pay("check", paying, exit_code=22)
    else:
        open_with(monkeypatch, clock=lambda: system_clock() + 20_000)
        pay("check", "--pending")
    assert pay("get", paying).json["flag"] == "amount"
    assert ("payment", "hook", "drain") in started
    hook.unlink()


def test_the_detached_script_really_runs(pay, sandboxed):
    folder = sandboxed.root / "home/demo/.payment/callback"
    folder.mkdir(exist_ok=True)
    (folder / "detached").write_text('echo "$id" > told\n')
    told = sandboxed.root / "home/demo/told"
    os.mkfifo(told)
    words = ("-callback", "detached", "-pt", "wx.qrcode", "-ta", "sandbox")
    made = pay("create", "-fee", 3, *words).json
    reader = os.open(told, os.O_RDONLY | os.O_NONBLOCK)
    try:
        pay("re", "--http", stdin=raw(sandboxed.callback(pay, made["id"])))
        assert select.select([reader], [], [], 60)[0], "the script never ran"
        assert os.read(reader, 100).decode().strip() == made["id"]
    finally:
        os.close(reader)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", 2),
        (b"hello", 2),
        (b"POST /pay/re/wx.qrcode/demo/sandbox HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}", 2),
        (b"POST /pay/re HTTP/1.1\r\n\r\n" + b"x" * (10 << 20), 2),
        (b"POST /elsewhere HTTP/1.1\r\n\r\n{}", 2),
        (b"POST /pay/re/wx.qrcode/../x HTTP/1.1\r\n\r\n{}", 2),
        (b"POST /pay/re/wx.app/demo/sandbox HTTP/1.1\r\n\r\n{}", 2),
        (b"POST /pay/re/wx.qrcode/demo/nowhere HTTP/1.1\r\n\r\n{}", 22),
    ],
)
def test_what_is_no_callback_is_refused_in_one_line(pay, sandboxed, data, code):
    ran = pay("re", "--http", stdin=data, exit_code=code)
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["--http", "-idkey", "id"], ["-s"], ["--http", "{}"],
                                   ["--http", "-s"], ["-idkey", "id", "-i", "{}"]])  # fmt: skip
def test_http_or_json_but_not_both_and_not_neither(pay, words):
    ran = pay("re", *words, exit_code=2)
    assert ran.out == b""


def test_json_is_a_hint_the_gateway_is_asked(pay, new, sandboxed):
    pay("send", new, "wx.qrcode", "sandbox")
    claim = json.dumps({"out_trade_no": new, "trade_state": "SUCCESS"})
    assert pay("re", claim, "-idkey", "out_trade_no").json["status"] == "WAIT"
    sandboxed.callback(pay, new)
    ran = pay("re", "-idkey", "out_trade_no", "-s", stdin=claim)
    assert ran.text == "success\n"
    assert pay("get", new).json["st"] == "OK"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ("{}", 2),
        ('{"id":7}', 2),
        ('{"id":"../../x"}', 2),
        ('{"id":"ffffffffffffffffffffffffffffffff"}', 10),
        ("not json", 2),
        ("<xml/>", 2),
    ],
)
def test_json_that_names_no_payment_is_refused(pay, sandboxed, fields, code):
    ran = pay("re", "-idkey", "id", fields, exit_code=code)
    assert ran.err.count("\n") == 1
    assert ran.out == b""


def test_a_tree_whose_settings_are_broken_answers_the_gateway_5xx(pay, shop, root):
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/payment.toml").write_text("lock_timeout_s = ")
    request = b"POST /pay/re/wx.qrcode/demo/main HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"
    ran = pay("re", "--http", "-i", stdin=request, exit_code=40)
    assert ran.text.startswith("HTTP/1.1 500 ")


def test_such_a_tree_answers_xml_in_xml(pay, shop, root):
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/payment.toml").write_text("lock_timeout_s = ")
    request = b"POST /pay/re HTTP/1.1\r\ncontent-length: 6\r\n\r\n<xml/>"
    ran = pay("re", "--http", "-i", stdin=request, exit_code=40)
    assert ran.text.startswith("HTTP/1.1 500 ")
    assert ran.text.endswith(
        "<return_code>FAIL</return_code><return_msg>refused</return_msg></xml>"
    )


def test_what_is_no_http_at_all_is_answered_4xx(pay, shop):
    assert pay("re", "--http", "-i", stdin=b"hello", exit_code=2).text.startswith("HTTP/1.1 400 ")
