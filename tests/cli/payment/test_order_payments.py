"""`payment p`: paying orders at the sandbox's gateways."""

import json

import pytest

from tests.support.shop_cli import run_later

CODE = "134567890123456700"  # its ending says what the sandbox's payer does: pays
DECLINED = "134567890123456702"


@pytest.fixture(scope="module")
def goods_made():
    return set()


@pytest.fixture
def store(payment, sandboxed, goods_made):
    """Goods in the sandbox's store; made once for the module."""
    if not goods_made:
        payment("store", "set", "sellers", '{"wx":"sandbox","zfb":"sandbox"}')
        payment("w", "add", "-nm", "cup", "--title", "Cup", "--price", "34.50")
        goods_made.add("cup")
    yield payment
    payment("store", "set", "order_callback", "")


@pytest.fixture
def order(store):
    return store("o", "create", "--anonymous", "--item", "cup:2", "-pt", "wx.qrcode").json["id"]


def paid_by_qr_code(store, sandboxed, order) -> str:
    """Pay the order at WeChat; the callback is lost, so that nobody here knows yet."""
    payment_id = store("p", "pay", order).json["payObjId"]
    sandboxed.sandbox.sandbox.control.scan(payment_id)
    return payment_id


def status(store, order) -> str:
    return store("o", "get", order).json["ord_status"]


def test_paying_sends_a_payment_of_the_orders_fee(store, pay, order):
    ran = store("p", "pay", order[-8:])
    result = ran.json
    assert (result["status"], result["type"]) == ("WAIT", "QRCODE")
    assert result["data"].startswith("weixin://")
    opened = pay("get", result["payObjId"]).json
    assert (opened["fee"], opened["or_id"], opened["pay_target"]) == (6900, order, "sandbox")
    assert ran.err == ""
    assert status(store, order) == "WT"


def test_asked_again_it_prints_the_stored_result(store, order):
    first = store("p", "pay", order).json
    again = store("p", "pay", order).json
    assert (again["payObjId"], again["data"]) == (first["payObjId"], first["data"])
    assert again["changedKeys"] == []


def test_the_qr_code_is_drawn_on_a_terminal_and_stdout_stays_data(store, order):
    ran = store("p", "pay", order, terminal=True, env={"COLUMNS": "100"})
    assert ran.json["status"] == "WAIT"
    assert "▀" in ran.err


def test_a_paid_order_moves_and_its_goods_leave_the_basket(store, sandboxed):
    store("basket", "it", "li", "cup", 3)
    order = store("o", "create", "--basket", "--buyer", "li", "-pt", "wx.qrcode").json["id"]
    paid_by_qr_code(store, sandboxed, order)
    store("basket", "it", "li", "cup", 1)
    assert store("p", "check", order, "--exit-status").json["status"] == "OK"
    assert status(store, order) == "OK"
    assert store("basket", "sum", "li").text == "1\n"
    assert store("tick").json["outbox"] == 0
    store("basket", "clean", "li")


def test_what_was_paid_leaves_the_basket_whichever_command_sees_it_first(store, pay, sandboxed):
    store("basket", "it", "wu", "cup", 2)
    order = store("o", "create", "--basket", "--buyer", "wu", "-pt", "wx.qrcode").json["id"]
    payment_id = paid_by_qr_code(store, sandboxed, order)
    pay("check", payment_id)
    assert store("basket", "sum", "wu").text == "0\n"


def test_the_stores_callback_runs_before_the_command_ends(store, sandboxed, order):
    folder = sandboxed.root / "home/demo/.payment/callback"
    folder.mkdir(exist_ok=True)
    (folder / "after").write_text('echo "$or_id" >> "$HOME/paid-orders"\n')
    store("store", "set", "order_callback", "after")
    paid_by_qr_code(store, sandboxed, order)
    store("p", "check", order)
    store("p", "check", order)
    assert (sandboxed.root / "home/demo/paid-orders").read_text() == f"{order}\n"


def test_a_scan_pays_at_once_and_the_code_is_read_from_stdin(store, order):
    assert store("p", "pay", order, "-pt", "wx.scan", "-", stdin=CODE).json["status"] == "OK"
    assert status(store, order) == "OK"


def test_a_declined_scan_exits_20_and_the_order_may_be_paid_again(store, order):
    ran = store("p", "pay", order, "-pt", "wx.scan", DECLINED, exit_code=20)
    assert ran.json["status"] == "FAIL"
    assert status(store, order) == "FA"
    assert store("p", "pay", order, "-pt", "wx.scan", CODE).json["status"] == "OK"
    assert [one["st"] for one in store("p", "list", order).json] == ["FAIL", "OK"]


def test_another_type_closes_the_first_payment_at_its_gateway(store, pay, order):
    first = store("p", "pay", order).json["payObjId"]
    second = store("p", "pay", order, "-pt", "zfb.qrcode").json["payObjId"]
    assert pay("get", first).json["st"] == "FAIL"
    assert pay("get", second).json["st"] == "WAIT"
    assert store("o", "get", order).json["pay_ids"] == [first, second]


@pytest.mark.parametrize(
    "kind", ["error-before", "wx-202-user-paying", "wx-200-system-error", "wx-500-system-error"]
)
def test_a_close_that_is_not_confirmed_refuses_the_second_unless_anyway(
    store, pay, sandboxed, order, kind
):
    first = store("p", "pay", order).json["payObjId"]
    sandboxed.sandbox.sandbox.control.misbehave(kind, operation="close", sticky=True)
    ran = store("p", "pay", order, "-pt", "zfb.qrcode", exit_code=21)
    assert "--anyway" in ran.err
    assert store("o", "get", order).json["pay_ids"] == [first]
    second = store("p", "pay", order, "-pt", "zfb.qrcode", "--anyway").json["payObjId"]
    for payment_id in (first, second):
        sandboxed.sandbox.sandbox.control.scan(payment_id)
        pay("check", payment_id)
    assert status(store, order) == "OK"
    flags = {one["id"]: one["flag"] for one in store("p", "list", order).json}
    assert flags == {first: "", second: "double"}


def test_cancelling_an_order_that_was_paid_meanwhile_settles_it(store, sandboxed):
    store("basket", "it", "ma", "cup", 1)
    order = store("o", "create", "--basket", "--buyer", "ma", "-pt", "wx.qrcode").json["id"]
    paid_by_qr_code(store, sandboxed, order)
    ran = store("o", "cancel", order, exit_code=12)
    assert "was paid before it could be closed" in ran.err
    assert status(store, order) == "OK"
    assert store("basket", "sum", "ma").text == "0\n"


def test_shipping_follows_the_order_to_its_end(store, order):
    store("p", "pay", order, "-pt", "wx.scan", CODE)
    assert "a shipment needs" in store("o", "ship", order, "SF", " ", exit_code=2).err
    store("o", "ship", order, "SF", "SF1", "--note", "first parcel")
    store("o", "ship", order, "SF", "SF2")
    assert (
        "has the shipment SF2 already" in store("o", "ship", order, "SF", "SF2", exit_code=12).err
    )
    assert "no shipment 'SF3'" in store("o", "track", order, "SF3", "lost", exit_code=2).err
    tracked = store("o", "track", order, "SF1", "arrived", "--note", "at the door").json
    trail = tracked["shipments"][0]["trail"]
    assert [(line["st"], line["note"]) for line in trail] == [
        ("sent", "first parcel"), ("arrived", "at the door"),
    ]  # fmt: skip
    assert tracked["ord_status"] == "SP"
    assert store("o", "done", order).json["ord_status"] == "DN"
    ran = store("o", "ship", order, "SF", "SF4", exit_code=12)
    assert "is DN: ship is not possible" in ran.err
    assert "is not possible" in store("o", "cancel", order, exit_code=12).err


def test_a_virtual_order_is_done_as_soon_as_it_is_paid(store):
    order = store("o", "create", "--anonymous", "--item", "cup", "--type", "Q").json["id"]
    store("p", "pay", order, "-pt", "wx.scan", CODE)
    assert status(store, order) == "DN"


def test_an_order_that_costs_nothing_is_paid_without_a_gateway(store):
    coupon = store("coupon", "add", "--title", "x", "--off", "100").json["id"]
    store("basket", "it", "he", "cup", 1)
    words = ("--basket", "--buyer", "he", "--coupon", coupon)
    order = store("o", "create", *words).json
    assert order["fee"] == 0
    assert store("p", "pay", order["id"]).json["status"] == "OK"
    assert status(store, order["id"]) == "OK"
    assert store("coupon", "get", coupon).json["cpn_stat"] == "used"
    assert store("basket", "sum", "he").text == "0\n"


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["-pt", "wx.app"], "is not a pay type", 2),
        (["-pt", "wx.scan"], "auth code", 2),
        (["-pt", "wx.qrcode", CODE], "takes no further argument", 2),
        (["-ta", "../x"], "is not a target", 2),
        (["-ta", "nowhere"], "wxpay/nowhere/wxpay.conf: no such file", 40),
    ],
)
def test_what_can_not_be_sent_is_refused_in_one_line(store, order, words, said, code):
    ran = store("p", "pay", order, *words, exit_code=code)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert ran.text == ""


def test_an_order_must_say_how_it_is_paid(store):
    order = store("o", "create", "--anonymous", "--item", "cup").json["id"]
    assert "-pt TYPE" in store("p", "pay", order, exit_code=2).err
    assert "has no payment yet" in store("p", "check", order, exit_code=12).err
    assert store("p", "list", order).json == []


def test_an_order_that_is_over_is_not_paid(store, order):
    store("o", "cancel", order)
    assert "is CA: pay is not possible" in store("p", "pay", order, exit_code=12).err
    assert "no order" in store("p", "pay", "ffffffff", exit_code=10).err


def test_an_overdue_order_whose_payment_can_not_be_closed_is_told_and_left(
    store, sandboxed, order, monkeypatch
):
    store("p", "pay", order)
    folder = sandboxed.root / "home/demo/.payment/wxpay"
    away = folder.rename(folder.with_name("away"))
    with monkeypatch.context() as patch:
        run_later(patch, 16)
        ran = store("tick", "--most", 1000, exit_code=24)
    away.rename(folder)
    assert order not in ran.json["cancelled"]
    # After three failures of the account its other orders are not even tried.
    assert "wxpay.conf: no such file" in str(ran.json["errors"])
    assert "e.pay.config: " in ran.err
    assert status(store, order) == "WT"


def test_a_callback_is_taken_by_its_order(store, sandboxed, order, monkeypatch):
    started = []
    monkeypatch.setattr("payment_cli.app.App.start", lambda _app, *words: started.append(words))
    folder = sandboxed.root / "home/demo/.payment/callback"
    folder.mkdir(exist_ok=True)
    (folder / "later").write_text("true\n")
    store("store", "set", "order_callback", "later")
    payment_id = paid_by_qr_code(store, sandboxed, order)
    callback = json.dumps({"id": "x", "out_trade_no": payment_id})
    ran = store("p", "re", order, "-", "-s", stdin=callback)
    assert ran.text == "success\n"
    assert status(store, order) == "OK"
    assert started == [("pay", "apply", payment_id)]
    assert store("p", "re", order, callback).json["status"] == "OK"


def test_a_callback_about_another_payment_is_not_taken(store, order):
    other = store("o", "create", "--anonymous", "--item", "cup", "-pt", "wx.qrcode").json["id"]
    payment_id = store("p", "pay", other).json["payObjId"]
    callback = json.dumps({"out_trade_no": payment_id})
    ran = store("p", "re", order, callback, exit_code=2)
    assert f"names no payment of order {order}" in ran.err
    assert "is not valid JSON" in store("p", "re", order, "{", exit_code=2).err


def test_payments_of_orders_are_listed(store, pay, order):
    lone = pay("create", "-fee", 1).json["id"]
    mine = store("p", "pay", order).json["payObjId"]
    listed = [one["id"] for one in store("p", "list", "-limit", 1000).json]
    assert mine in listed
    assert lone not in listed
    assert store("p", "list", "-match", f"{{or_id:'{order}'}}", "-t", "id").text == f"{mine}\n"
    # What a payment says about its order is data: only the order's own list counts.
    pay("create", "-fee", 0, "-meta", f'{{"or_id":"{order}"}}')
    assert [one["id"] for one in store("p", "list", order).json] == [mine]
