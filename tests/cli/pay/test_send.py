"""`pay send`: what is printed, the exit codes, and where auth codes never show up."""

import json

import pytest

CODE = "134567890123456700"  # its ending says what the sandbox's payer does: pays
DECLINED = "281234567890123402"
HESITATES = "134567890123456701"


def test_a_qr_code_payment_waits_and_the_code_is_printed(pay, new):
    ran = pay("send", new, "wx.qrcode", "sandbox")
    result = ran.json
    assert result["payObjId"] == new
    assert result["status"] == "WAIT"
    assert result["type"] == "QRCODE"
    assert result["data"].startswith("weixin://")
    assert {"st", "send_at", "re_obj"} <= set(result["changedKeys"])
    assert ran.err == ""


def test_sending_twice_returns_the_stored_result(pay, new):
    first = pay("send", new, "wx.qrcode", "sandbox").json
    again = pay("send", new[-8:], "wx.qrcode", "sandbox").json
    assert again["data"] == first["data"]
    assert again["changedKeys"] == []


def test_another_type_or_target_for_a_sent_payment_is_a_conflict(pay, new):
    pay("send", new, "wx.qrcode", "sandbox")
    assert "e.pay.conflict" in pay("send", new, "zfb.qrcode", "sandbox", exit_code=11).err
    assert "e.pay.conflict" in pay("send", new, "wx.qrcode", "sandbox-cert", exit_code=11).err


def test_the_qr_code_is_drawn_on_a_terminal_and_stdout_stays_data(pay, new):
    ran = pay("send", new, "wx.qrcode", "sandbox", terminal=True, env={"COLUMNS": "100"})
    assert ran.json["status"] == "WAIT"
    assert "▀" in ran.err


def test_jsapi_needs_the_openid_and_prints_what_the_browser_needs(pay, new):
    assert "openid" in pay("send", new, "wx.jsapi", "sandbox", exit_code=2).err
    result = pay("send", new, "wx.jsapi", "sandbox", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").json
    assert result["type"] == "JSON"
    assert result["data"]["package"].startswith("prepay_id=")


@pytest.mark.parametrize("target", ["sandbox", "sandbox-cert", "sandbox-v2"])
@pytest.mark.parametrize("by", ["argument", "stdin"])
def test_a_scan_is_paid_at_once(pay, new, target, by):
    words = ["-"] if by == "stdin" else [CODE]
    stdin = f"{CODE}\n" if by == "stdin" else ""
    ran = pay("send", new, "wx.scan", target, *words, "--exit-status", stdin=stdin)
    assert ran.json["status"] == "OK"


@pytest.mark.parametrize(
    ("pay_tp", "target", "code"),
    [
        (pay_tp, target, f"{start}{ending}")
        for pay_tp, target, start in (
            ("wx.scan", "sandbox", "1345678901234567"),
            ("wx.scan", "sandbox-v2", "1345678901234567"),
            ("zfb.scan", "sandbox", "2812345678901234"),
        )
        for ending in ("00", "01", "02")
    ],
)
def test_a_scan_has_json_to_show_however_soon_it_is_decided(pay, new, pay_tp, target, code):
    expected = {"00": ("OK", 0), "01": ("WAIT", 0), "02": ("FAIL", 20)}[code[-2:]]
    result = pay("send", new, pay_tp, target, code, exit_code=expected[1]).json
    assert (result["status"], result["type"]) == (expected[0], "JSON")
    assert isinstance(result["data"], dict)
    assert any(result["data"].values())


def test_a_declined_scan_prints_the_result_and_exits_20(pay, new):
    ran = pay("send", new, "zfb.scan", "sandbox", DECLINED, exit_code=20)
    assert ran.json["status"] == "FAIL"
    assert "BUYER_BALANCE_NOT_ENOUGH" in ran.json["errMsg"]
    assert ran.err.startswith("pay: e.pay.declined: ")
    assert ran.err.count("\n") == 1


def test_a_payer_who_hesitates_leaves_it_waiting_with_exit_status_3(pay, new):
    ran = pay("send", new, "wx.scan", "sandbox", HESITATES, "--exit-status", exit_code=3)
    assert ran.json["status"] == "WAIT"


def test_an_auth_code_is_nowhere_afterwards(pay, new, sandboxed):
    outputs = [pay("send", new, "wx.scan", "sandbox", HESITATES)]
    outputs.append(pay("check", new))
    outputs.append(pay("get", new, "-H"))
    for ran in outputs:
        assert HESITATES not in ran.text + ran.err
    kept = [p for p in sandboxed.root.rglob("*") if p.is_file() and ".sandbox" not in p.parts]
    assert not [p for p in kept if HESITATES.encode() in p.read_bytes()]


@pytest.mark.parametrize("code", ["12", "abc", "9" * 18, "1" * 40])
def test_a_malformed_auth_code_is_refused_unsent_and_not_echoed(pay, new, code):
    ran = pay("send", new, "wx.scan", "sandbox", code, exit_code=2)
    assert code not in ran.err or len(code) < 3
    assert pay("get", new).json["st"] == "NEW"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["wx.app", "sandbox"], 2, "'wx.app' is not a pay type"),
        (["wx.qrcode", "nowhere"], 40, "nowhere"),
        (["wx.qrcode", "../sandbox"], 2, "is not a target"),
        (["wx.qrcode", "/etc"], 2, "is not a target"),
        (["wx.qrcode", "x" * 300], 2, "is not a target"),
        (["wx.qrcode", "sand\nbox"], 2, "is not a target"),
        (["wx.qrcode", "sandbox", "extra"], 2, "takes no further argument"),
        (["wx.scan", "sandbox"], 2, "auth code"),
        (["free"], 2, "is not free"),
        (["wx.h5", "sandbox"], 2, "wx.h5 needs the payer's address (--client-ip ADDRESS"),
        (["wx.h5", "sandbox", "--client-ip", "14.23.150"], 2, "'14.23.150' is not an IP address"),
        (["wx.palm", "sandbox"], 2, "is not a pay type"),
        (["wx.qrcode"], 40, "sellers has no target for wx.qrcode"),
    ],
)
def test_bad_types_targets_and_arguments_leave_it_new(pay, new, words, code, said):
    ran = pay("send", new, *words, exit_code=code)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert ran.out == b""
    assert pay("get", new).json["st"] == "NEW"


def test_without_a_target_the_one_of_the_store_is_taken(pay, payment, new, sandboxed):
    payment("store", "set", "sellers", '{"zfb":"sandbox"}')
    assert pay("send", new, "zfb.qrcode").json["type"] == "QRCODE"
    assert pay("get", new).json["pay_target"] == "sandbox"
    made = pay("create", "-fee", 5, "-pt", "zfb.qrcode").json
    assert (made["st"], made["re_tp"]) == ("WAIT", "QRCODE")
    payment("store", "set", "sellers", "{}")


@pytest.mark.parametrize("kind", ["error-before", "error-after", "html", "unsigned", "truncated"])
def test_an_answer_that_decides_nothing_exits_21_and_check_resolves_it(pay, new, sandboxed, kind):
    sandboxed.sandbox.sandbox.control.misbehave(kind, operation="native")
    ran = pay("send", new, "wx.qrcode", "sandbox", exit_code=21)
    assert ran.json["status"] == "WAIT"
    assert "pay check" in ran.err
    resolved = pay("check", new).json
    assert (resolved["status"], resolved["type"]) == ("WAIT", "QRCODE")


def test_a_gateway_that_nobody_serves_created_nothing(pay, new, sandboxed):
    conf = sandboxed.root / "home/demo/.payment/wxpay/sandbox/wxpay.conf"
    whole = conf.read_text()
    document = json.loads(whole)
    conf.write_text(json.dumps({**document, "api_base": "http://127.0.0.1:1"}))
    try:
        pay("send", new, "wx.qrcode", "sandbox", exit_code=23)
    finally:
        conf.write_text(whole)
    assert pay("get", new).json["st"] == "NEW"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:40], "wxpay.conf"),
        (lambda text: text.replace("appid", "appidd"), "appid"),
        (lambda text: text.replace("file:", "file:no-"), "no-"),
    ],
)
def test_a_damaged_config_is_named_by_file_and_key(pay, new, sandboxed, damage, said):
    conf = sandboxed.root / "home/demo/.payment/wxpay/sandbox/wxpay.conf"
    whole = conf.read_text()
    conf.write_text(damage(whole))
    try:
        ran = pay("send", new, "wx.qrcode", "sandbox", exit_code=40)
    finally:
        conf.write_text(whole)
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_a_key_that_others_can_read_is_refused(pay, new, sandboxed):
    (key, *_) = (sandboxed.root / "home/demo/.payment/wxpay/sandbox").glob("*key*.pem")
    key.chmod(0o644)
    try:
        assert key.name in pay("send", new, "wx.qrcode", "sandbox", exit_code=40).err
    finally:
        key.chmod(0o600)


def test_create_sends_at_once_when_a_type_is_given(pay, sandboxed):
    ran = pay("create", "-fee", 7, "-pt", "wx.scan", "-ta", "sandbox", CODE, "--exit-status")
    assert (ran.json["st"], ran.json["paid_fee"]) == ("OK", 7)
    assert CODE not in ran.text
    ran = pay("create", "-fee", 7, "-pt", "zfb.scan", "-ta", "sandbox", DECLINED, exit_code=20)
    assert ran.json["st"] == "FAIL"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-pt", "wx.h5", "-ta", "sandbox"], "--client-ip"),
        (["-pt", "wx.h5", "-ta", "sandbox", "--client-ip", "nowhere"], "not an IP address"),
        (["-pt", "wx.scan", "-ta", "sandbox"], "auth code"),
        (["-pt", "wx.jsapi", "-ta", "sandbox"], "openid"),
        (["--client-ip", "203.0.113.7"], "no type"),
    ],
)
def test_create_makes_nothing_that_could_not_be_sent(pay, sandboxed, words, said):
    before = pay("query", "-cV", "-limit", 1, "-pager").text
    assert said in pay("create", "-fee", 7, *words, exit_code=2).err
    assert pay("query", "-cV", "-limit", 1, "-pager").text == before


def test_a_page_of_alipay_is_a_link_that_waits_at_once(pay, new):
    result = pay("send", new, "zfb.page", "sandbox").json
    assert (result["status"], result["type"]) == ("WAIT", "LINK")
    assert "method=alipay.trade.page.pay" in result["data"]
    assert pay("send", new, "zfb.page", "sandbox").json["data"] == result["data"]
    assert pay("check", new).json["status"] == "WAIT"  # nobody opened it
    assert pay("close", new, exit_code=21).json["status"] == "WAIT"  # somebody still may


def test_a_key_makes_create_with_send_repeatable(pay, sandboxed):
    words = ("create", "-fee", 8, "-pt", "wx.qrcode", "-ta", "sandbox", "--idempotency-key", "s1")
    first, again = pay(*words).json, pay(*words).json
    assert (again["id"], again["re_obj"]) == (first["id"], first["re_obj"])


def test_metadata_and_code_cannot_both_come_from_stdin(pay, sandboxed):
    words = ("-fee", 1, "-pt", "wx.scan", "-ta", "sandbox", "-meta", "-", "-")
    assert "can't both be read from stdin" in pay("create", *words, exit_code=2).err
