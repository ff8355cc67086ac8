"""`payment owed`: over the sandbox, with real files harmed by a foreign hand."""

import sqlite3

import pytest

from tests.support.sandbox_shop import raw


@pytest.fixture(scope="module")
def goods_made():
    return set()


@pytest.fixture
def store(payment, sandboxed, goods_made):
    if not goods_made:
        payment("store", "set", "sellers", '{"wx":"sandbox","zfb":"sandbox"}')
        payment("w", "add", "-nm", "cup", "--title", "Cup", "--price", "34.50")
        goods_made.add("cup")
    return payment


@pytest.fixture
def coupon(store):
    return store("coupon", "add", "--title", "1 off", "--off", 1).json["id"]


@pytest.fixture
def order(store, coupon):
    words = ("--anonymous", "--item", "cup", "--coupon", coupon, "-pt", "wx.qrcode")
    return store("o", "create", *words).json["id"]


def journal(sandboxed, sql, *params):
    conn = sqlite3.connect(sandboxed.root / ".journal" / "payment.db")
    with conn:
        conn.execute(sql, params)
    conn.close()


def damage(sandboxed, record_id):
    journal(sandboxed, "UPDATE records SET doc = '{' || doc WHERE id = ?", record_id)


def repair(sandboxed, record_id):
    journal(sandboxed, "UPDATE records SET doc = substr(doc, 2) WHERE id = ?", record_id)


def test_money_for_an_order_with_a_damaged_coupon_is_ok_told_and_made_good(
    store, pay, sandboxed, order, coupon
):
    payment_id = store("p", "pay", order).json["payObjId"]
    damage(sandboxed, coupon)
    answer = pay("re", "--http", "-i", stdin=raw(sandboxed.callback(pay, payment_id)))
    assert answer.text.startswith("HTTP/1.1 200 ")
    assert pay("get", payment_id).json["st"] == "OK"
    assert store("o", "get", order).json["ord_status"] == "OK"
    notes = [line.get("note", "") for line in pay("get", payment_id).json["history"]]
    assert any(note.startswith("use_coupons: e.pay.corrupt: ") for note in notes)
    [step] = store("owed", "list").json
    assert (step["what"], step["payment"], step["or_id"]) == ("use_coupons", payment_id, order)
    assert step["id"] in store("doctor").text
    ticked = store("tick", "--all", exit_code=24)
    assert [error["id"] for error in ticked.json["errors"]] == [step["id"]]
    assert store("owed", "list").json[0]["tries"] > step["tries"]
    repair(sandboxed, coupon)
    assert store("tick", "--all").json["errors"] == []
    assert store("owed", "list", "--all").json == []
    assert store("coupon", "get", coupon).json["cpn_stat"] == "used"
    assert pay("get", payment_id).json["history"][-1]["what"] == "done"


def test_a_step_is_given_up_by_an_operators_word_and_the_payment_says_so(
    store, pay, sandboxed, order, coupon
):
    payment_id = store("p", "pay", order).json["payObjId"]
    damage(sandboxed, coupon)
    pay("re", "--http", stdin=raw(sandboxed.callback(pay, payment_id)))
    [step] = store("owed", "list").json
    store("owed", "drop", step["id"], "--reason", "two\nlines", exit_code=2)
    assert "no owed step ffffffff" in store("owed", "drop", "ffffffff", exit_code=10).err
    store("--as", "root", "store", "init", "other")
    store("--as", "other", "owed", "drop", step["id"], exit_code=10)
    assert store("--as", "other", "owed", "list").json == []
    dropped = store("owed", "drop", step["id"], "--reason", "the coupon is lost").json
    assert dropped["id"] == step["id"]
    assert store("owed", "list", "--all").json == []
    last = pay("get", payment_id).json["history"][-1]
    assert (last["what"], last["note"]) == ("given up", "use_coupons: the coupon is lost")
    repair(sandboxed, coupon)
    assert store("tick", "--all").json["errors"] == []
    assert store("coupon", "get", coupon).json["cpn_stat"] == "reserved"


def test_money_for_an_order_that_can_not_be_read_waits_for_its_verdict(
    store, pay, sandboxed, order
):
    payment_id = store("p", "pay", order).json["payObjId"]
    damage(sandboxed, order)
    pay("re", "--http", stdin=raw(sandboxed.callback(pay, payment_id)))
    seen = pay("get", payment_id).json
    assert (seen["st"], seen["flag"], seen["apply_st"]) == ("OK", "order_unread", "")
    assert [one["id"] for one in pay("query", "--flagged").json] == [payment_id]
    repair(sandboxed, order)
    assert store("tick", "--all").json["errors"] == []
    assert (pay("get", payment_id).json["flag"], pay("query", "--flagged").json) == ("", [])
    assert store("o", "get", order).json["ord_status"] == "OK"


@pytest.mark.parametrize("record", ["order", "coupon", "payment"])
def test_a_newline_in_a_file_refuses_no_money(store, pay, sandboxed, order, coupon, record):
    payment_id = store("p", "pay", order).json["payObjId"]
    file = (
        sandboxed.root
        / {
            "order": f"sys/order/ord_demo_{order}.json",
            "coupon": f"home/demo/.store/coupon/{coupon}.json",
            "payment": f"var/payment/{payment_id}.json",
        }[record]
    )
    by_hand = file.read_text() + "\n"
    file.write_text(by_hand)
    pay("re", "--http", stdin=raw(sandboxed.callback(pay, payment_id)))
    assert file.read_text() == by_hand
    assert pay("get", payment_id).json["st"] == "OK"
    assert store("o", "get", order).json["ord_status"] == "OK"
    assert store("coupon", "get", coupon).json["cpn_stat"] == "used"
    assert file.name in store("doctor").text
    assert file.name in store("fsck", exit_code=32).text
    store("fsck", "--restore")
    assert file.read_text() != by_hand
    assert file.name not in store("doctor").text
