"""`pay create`: options, refusals, free payments, metadata, idempotency."""

import errno
import os

import pytest

pytestmark = pytest.mark.usefixtures("shop")

MADE = ("create", "-bu", "walnut:45g67q:Li", "-fee", "2300")


def test_a_payment_is_made_and_printed(pay):
    made = pay(*MADE, "-br", "Two coffees").json
    assert made["st"] == "NEW"
    assert made["fee"] == 2300
    assert made["cur"] == "RMB"
    assert made["brief"] == "Two coffees"
    assert (made["buyer_tp"], made["buyer_id"], made["buyer_nm"]) == (1, "45g67q", "Li")
    assert made["seller_nm"] == "demo"
    assert made["tp"] == "wn_payment"
    assert pay("get", made["id"]).json == made


def test_long_spellings_mean_the_same(pay):
    made = pay(
        "create", "--brief=Tea", "--buyer=dusr:9ha", "--fee=99", "--currency=usd", "--seller=demo",
        "--meta={}",
    ).json  # fmt: skip
    assert (made["brief"], made["fee"], made["cur"], made["buyer_tp"]) == ("Tea", 99, "USD", 2)


def test_the_fee_may_carry_the_currency(pay):
    assert pay("create", "-fee", "2300USD").json["cur"] == "USD"


def test_fee_and_currency_may_not_contradict_each_other(pay):
    ran = pay("create", "-fee", "2300USD", "-cur", "EUR", exit_code=2)
    assert "-fee says USD, -cur says EUR" in ran.err


@pytest.mark.parametrize("seller", ["-se", "-sl", "--seller"])
def test_a_brief_is_made_up_where_none_is_given(pay, seller):
    made = pay("create", "-fee", 1, seller, "demo").json
    assert made["brief"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "the fee is missing"),
        (["-fee", "-5"], "'-5' is not a fee"),
        (["-fee", "1.5"], "'1.5' is not a fee"),
        (["-fee", "9999999999999"], "the fee is too large"),
        (["-fee", ""], "'' is not a fee"),
        (["-fee", "1", "-cur", "JPY"], "'JPY' is not a currency"),
        (["-fee", "1", "-bu", "xiaobai"], "'xiaobai' is not a buyer"),
        (["-fee", "1", "-bu", "root:1"], "'root:1' is not a buyer"),
        (["-fee", "1", "-pt", "wx.app", "-ta", "main"], "'wx.app' is not a pay type"),
        (["-fee", "1", "-ta", "main"], "no type"),
        (["-fee", "1", "134567890123456789"], "no type"),
        (["-fee", "1", "-pt", "wx.qrcode", "-ta", "main", "x"], "takes no further argument"),
        (["-fee", "1", "-meta", "{a:"], "the metadata is not valid JSON"),
        (["-fee", "1", "-meta", "[1]"], "the metadata must be"),
        (["-fee", "1", "-callback", "../../etc/passwd"], "is not a script"),
        (["-fee", "1", "-callback", "/bin/sh"], "is not a script"),
        (["-fee", "1", "-br", "x" * 300], "brief"),
        (["-fee", "1", "-br", "a\nb"], "brief"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_made(pay, words, said):
    ran = pay("create", *words, exit_code=2)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert ran.out == b""
    assert pay("query").json == []


@pytest.mark.parametrize(
    "name", ["../demo", "/etc", "-demo", "de/mo", "x" * 300, "demo\n", "Demo", "..", "."]
)
def test_a_seller_that_is_no_domain_name_is_refused(pay, name):
    ran = pay("create", "-fee", 1, f"-se={name}", "--as", "root", exit_code=2)
    assert "is not a domain" in ran.err


def test_a_domain_without_a_store_is_told_how_to_make_one(pay):
    ran = pay("create", "-fee", 1, "--as", "lonely", exit_code=10)
    assert "payment store init lonely" in ran.err


def test_nobody_but_an_operator_sells_for_another(pay):
    assert "e.pay.nopvg" in pay("create", "-fee", 1, "-se", "other", exit_code=12).err
    assert pay("create", "-fee", 1, "-se", "demo", "--as", "root").json["seller_nm"] == "demo"


def test_metadata_is_kept_and_a_core_field_in_it_is_ignored_with_a_note(pay):
    ran = pay(*MADE, "-meta", "{table:7, note:'x', fee:1, st:'OK', price:0.10}")
    assert ran.json["table"] == 7
    assert ran.json["fee"] == 2300
    assert ran.json["st"] == "NEW"
    assert '"price": 0.1' in ran.text
    assert "fee, st: ignored" in ran.err


@pytest.mark.parametrize("meta", [["-meta"], ["-meta", "-"], ["--meta=-"], ["-meta", "-c"]])
def test_metadata_comes_from_stdin_when_no_value_is_given(pay, meta):
    assert pay(*MADE, *meta, stdin='{"table":7}').json["table"] == 7


@pytest.mark.parametrize(
    "data", [b"\xff\xfe{}", b"[" * 2_000_000, b'{"a":"\\ud800"}', b'{"a":"\0"}']
)
def test_bad_metadata_on_stdin_is_refused(pay, data):
    ran = pay(*MADE, "-meta", stdin=data, exit_code=2)
    assert ran.err.count("\n") == 1


def test_a_fee_of_0_is_free_and_done_at_once(pay):
    made = pay("create", "-fee", 0, "--exit-status").json
    assert (made["st"], made["pay_tp"]) == ("OK", "free")
    assert made["close_at"] > 0


def test_the_same_key_and_input_make_one_payment_and_other_input_is_refused(pay):
    first = pay(*MADE, "--idempotency-key", "k1").json
    assert pay(*MADE, "--idempotency-key", "k1").json["id"] == first["id"]
    ran = pay("create", "-fee", 1, "--idempotency-key", "k1", exit_code=11)
    assert "e.pay.conflict" in ran.err
    assert len(pay("query").json) == 1


def test_exit_status_of_a_new_payment_is_3(pay):
    pay(*MADE, "--exit-status", exit_code=3)


def test_the_script_is_copied_into_the_payment(pay, root):
    scripts = root / "home/demo/.payment/callback"
    scripts.mkdir(parents=True)
    (scripts / "after").write_text("echo paid > $HOME/paid.txt\n")
    made = pay(*MADE, "-callback", "after").json
    assert (root / "var/payment" / made["id"]).read_text() == "echo paid > $HOME/paid.txt\n"
    assert "no script" in pay(*MADE, "-callback", "never", exit_code=10).err


def test_the_script_of_a_free_payment_runs_before_the_command_ends(pay, root):
    scripts = root / "home/demo/.payment/callback"
    scripts.mkdir(parents=True)
    (scripts / "after").write_text('echo "$id" > paid.txt\n')
    made = pay("create", "-fee", 0, "-callback", "after").json
    assert pay("get", made["id"]).json["apply_st"] == "done"
    assert (root / "home/demo/paid.txt").read_text().strip() == made["id"]


def test_a_script_that_fails_is_told_and_the_payment_stands(pay, root):
    scripts = root / "home/demo/.payment/callback"
    scripts.mkdir(parents=True)
    (scripts / "after").write_text("exit 7\n")
    ran = pay("create", "-fee", 0, "-callback", "after")
    assert "failed with exit code 7" in ran.err
    assert pay("get", ran.json["id"]).json["st"] == "OK"


@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        (["-pt", "wx.qrcode", "-ta", "nowhere"], 40),
        (["-pt", "wx.scan", "-ta", "sandbox", "123"], 2),
        (["-pt", "wx.jsapi", "-ta", "sandbox", "no openid!"], 2),
        (["-pt", "wx.qrcode", "-ta", "sandbox", "-cur", "USD"], 2),
        (["-pt", "free", "-ta", "free"], 2),
    ],
)
def test_a_payment_that_could_not_be_sent_is_not_made(pay, sandboxed, words, exit_code):
    before = len(pay("query", "-limit", 1000).json)
    ran = pay(*MADE, *words, exit_code=exit_code)
    assert ran.out == b""
    assert ran.err.count("\n") == 1
    assert len(pay("query", "-limit", 1000).json) == before


def test_a_payment_that_the_provider_refuses_is_printed_all_the_same(pay, sandboxed):
    sandboxed.sandbox.sandbox.control.misbehave("error-before", operation="native")
    ran = pay(*MADE, "-pt", "wx.qrcode", "-ta", "sandbox", exit_code=21)
    assert pay("get", ran.json["id"]).json["st"] == ran.json["st"] == "WAIT"


def test_what_is_stored_is_printed_though_the_disk_refused_its_file(pay, root, mocker):
    pay("create", "-fee", 1)
    refused = mocker.patch.object(os, "rename", side_effect=OSError(errno.EIO, "I/O error"))
    ran = pay("create", "-fee", 2300, exit_code=30)
    mocker.stop(refused)
    made = ran.json
    assert "is stored, but its file is not written yet: I/O error" in ran.err
    assert "don't do it again" in ran.err
    assert pay("get", made["id"]).json == made
    pay("create", "-fee", 2)
    assert (root / "var" / "payment" / f"{made['id']}.json").exists()
