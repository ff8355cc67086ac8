"""What is another's is answered as what does not exist, by every command that takes a name."""

from dataclasses import replace

import pytest

from payment_cli.app import App
from payment_cli.model.actor import Actor

NOBODY = "0" * 31 + "1"

PLACE = (
    "--country", "CN", "--code", "110108017000", "--street", "x", "--consignee", "Li",
    "--phone", "13800138000",
)  # fmt: skip

#: Commands that take the id of a payment, of an order, of a thing of the shop, of a row.
PAYMENTS = (
    "pay get ID", "pay send ID wx.qrcode main", "pay check ID", "pay watch ID", "pay close ID",
    "pay apply ID", "pay apply ID --again", "pay apply ID --skip",
    """pay re {"out_trade_no":"ID"} -idkey out_trade_no""",
)  # fmt: skip
ORDERS = (
    "payment o get ID", "payment o history ID", "payment o cancel ID", "payment o ship ID SF 1",
    "payment o track ID 1 lost", "payment o done ID", "payment p pay ID", "payment p check ID",
    "payment p list ID", "payment web token --order ID", """payment p re ID {"a":1}""",
)  # fmt: skip
GOODS = (
    "payment w get ID", "payment w set ID --price 1", "payment w stock ID +1", "payment w rm ID",
    "payment w restore ID", "payment o create --anonymous --item ID",
)  # fmt: skip
DISCOUNTS = (
    "payment d get ID", "payment d set ID --priority 1", "payment d rm ID", "payment d restore ID",
)  # fmt: skip
COUPONS = (
    "payment coupon get ID", "payment coupon rm ID", "payment coupon restore ID",
    "payment o create --anonymous --item mine --coupon ID",
)  # fmt: skip
ADDRESSES = (
    "payment address get ID", "payment address set ID --street x", "payment address rm ID",
    "payment address default ID", "payment o create --buyer li --item mine --address ID",
)  # fmt: skip
NOTICES = ("payment notify retry ID",)
OWED = ("payment owed drop ID -reason lost", "payment hook again ID")
STORES = (
    "payment store show ID", "payment store set title x -se ID",
    "payment store set order_minutes 30 -se ID", "payment stats -se ID",
    "payment web token --role cashier -se ID", "payment web rotate -se ID",
    "payment notify key -se ID",
)  # fmt: skip
SELLING = (
    "pay create -fee 1 -se ID", "payment o create --anonymous --item x -se ID",
    "payment d explain --anonymous --item x -se ID", "payment store init ID",
)  # fmt: skip


@pytest.fixture
def theirs(payment, pay, root):
    """What the store `redfox` has, one of each kind; and `demo` has a product."""
    for name in ("demo", "redfox"):
        payment("store", "init", name, "--as", name)
    payment("w", "add", "-nm", "mine", "--title", "Mine", "--price", 5)

    def other(*words):
        return payment(*words, "--as", "redfox").json["id"]

    made = {
        "goods": other("w", "add", "-nm", "tea", "--title", "Tea", "--price", 3),
        "discount": other("d", "add", "--title", "off", "--off", "10%"),
        "coupon": other("coupon", "add", "--title", "off", "--off", 1),
        "address": other("address", "add", "--buyer", "li", *PLACE),
        "order": other("o", "create", "--anonymous", "--item", "tea"),
        "payment": pay("create", "-fee", 5, "--as", "redfox").json["id"],
        "store": "redfox",
    }
    app = App(root, "root", {})
    with app.storage.transaction("test") as tx:
        made["notice"] = notice_of(tx, made["order"])
        made["owed"] = owed_of(tx, "redfox")
    app.close()
    return made


def notice_of(tx, order_id):
    from payment_cli.model.events.notice import Notice
    from payment_cli.services.events.notice_records import NOTICES as PLACE

    record = Notice(
        id="a" * 31 + "b", ct=1, lm=1, what="order.paid", or_id=order_id, sto_nm="redfox", data={}
    ).to_record()
    return tx.insert(PLACE, record)["id"]


def owed_of(tx, store):
    from payment_cli.services.events.outbox import OUTBOX, OWED, outbox_row

    return tx.insert(OUTBOX, outbox_row("c" * 31 + "d", 1, OWED, store=store, step="x"))["id"]


def answer(payment, line, name, exit_code):
    program, *words = [word.replace("ID", name) for word in line.split(" ")]
    ran = replace(payment, program=program)(*words, exit_code=exit_code)
    return ran.out, ran.err.replace(name, "ID")


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (kind, line)
        for kind, lines in {
            "payment": PAYMENTS, "order": ORDERS, "goods": GOODS, "discount": DISCOUNTS,
            "coupon": COUPONS, "address": ADDRESSES, "notice": NOTICES, "owed": OWED,
        }.items()
        for line in lines
    ],
)  # fmt: skip
def test_the_id_of_anothers_record_is_answered_like_one_that_is_not_there(
    payment, theirs, kind, line
):
    nothing = answer(payment, line, NOBODY, 10)
    assert answer(payment, line, theirs[kind], 10) == nothing
    if "out_trade_no" not in line:  # the ends of ids are for people
        assert answer(payment, line, theirs[kind][-12:], 10) == answer(
            payment, line, NOBODY[-12:], 10
        )


@pytest.mark.parametrize("line", STORES)
def test_another_store_is_answered_like_one_that_is_not_there(payment, theirs, line):
    assert answer(payment, line, "redfox", 10) == answer(payment, line, "nosuch", 10)


@pytest.mark.parametrize("line", SELLING)
def test_nobody_sells_as_another_and_is_not_told_whether_that_one_is_there(payment, theirs, line):
    assert answer(payment, line, "redfox", 12) == answer(payment, line, "nosuch", 12)


def test_an_operator_sees_and_changes_all_of_it(payment, theirs):
    payment("store", "show", "redfox", "--as", "root")
    payment("o", "cancel", theirs["order"], "--as", "root")
    payment("owed", "drop", theirs["owed"], "-reason", "lost", "--as", "root")


def test_anothers_payment_makes_no_end_of_an_id_ambiguous(payment, pay, theirs, root):
    mine = pay("create", "-fee", 5).json["id"]
    start = mine[:6]
    assert theirs["payment"].startswith(start), "both are of one afternoon"
    assert pay("get", start).json["id"] == mine
    pay("create", "-fee", 6)
    assert "fits more than one payment" in pay("get", start, exit_code=10).err
    assert "e.pay.noexists" in pay("get", start, "--as", "nobody", exit_code=10).err


def test_a_copied_id_of_another_store_shows_none_of_its_payments(payment, pay, theirs, root):
    place = root / "home/demo/.store/store_info.json"
    ids = [payment("store", "show", "--as", name).json["id"] for name in ("demo", "redfox")]
    place.write_text(place.read_text().replace(*ids))
    assert payment("store", "show").json["id"] == ids[1]
    assert pay("query").json == []
    assert pay("query", "-match", f"{{seller_id:'{ids[1]}'}}").json == []
    pay("get", theirs["payment"], exit_code=10)
    assert payment("stats", "--by", "pay_type").json == []
    mine = pay("create", "-fee", 7).json["id"]
    assert [found["id"] for found in pay("query").json] == [mine]
    said = [row["sentence"] for row in payment("doctor", "--as", "root").json]
    assert f"demo, redfox say the same id, '{ids[1]}', in store_info.json" in said


def test_a_store_that_gets_a_new_id_keeps_its_payments_and_they_pay_its_orders(
    payment, pay, theirs, root
):
    order = payment("o", "create", "--anonymous", "--item", "mine").json["id"]
    place = root / "home/demo/.store/store_info.json"
    before = payment("store", "show").json["id"]
    made = pay("create", "-fee", 7).json["id"]
    place.write_text(place.read_text().replace(before, "another"))
    assert [found["id"] for found in pay("query").json] == [made]
    assert payment("o", "get", order).json["sto_nm"] == "demo"


def test_an_actor_sees_its_own_and_an_operator_all():
    assert (Actor("demo").sight, Actor("root", is_operator=True).sight) == ("demo", None)
