"""`payment coupon`: coupons from the command line."""

import pytest

pytestmark = pytest.mark.usefixtures("shop")


def test_coupons_are_cash_or_a_rate(payment):
    cash = payment(
        "coupon", "add", "--title", "20 off", "--off", "20", "--thres", "100",
        "--expires", "2030-01-01", "--owner", "li",
    ).json  # fmt: skip
    assert (cash["type"], cash["value"], cash["thres"], cash["owner"]) == (1, 20, 100, "li")
    assert (cash["cpn_stat"], cash["cpn_orid"]) == ("free", "")
    rate = payment("coupon", "add", "--title", "friends", "--rate", "0.8").json
    assert (rate["type"], rate["value"], rate["cpn_expi"]) == (2, 0.8, 0)
    shop = payment("coupon", "add", "{title:'x',type:1,value:5,expi:9}", "--shop")
    assert (shop.json["cpn_expi"], shop.json["value"]) == (9, 5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--title", "x"], "type"),
        (["--off", "5"], "title is missing"),
        (["--title", "x", "--off", "5", "--rate", "0.8"], "either --off YUAN or --rate RATE"),
        (["--title", "x", "--rate", "80"], "--rate '80' is not a rate"),
        (["--title", "x", "--rate", "1.1"], "value must be 0 to 1"),
        (["--title", "x", "--off", "0"], "value must be above 0"),
        (["--title", "x", "--off", "5.005"], "--off '5.005' is not an amount"),
        (["{title:'x',type:3,value:5}"], "type must be a whole number from 1 to 2"),
        (["{title:'x',type:1,value:5,tres:5}"], "did you mean thres?"),
    ],
)
def test_what_is_no_coupon_is_refused_in_one_line(payment, words, said):
    ran = payment("coupon", "add", *words, exit_code=2)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert payment("coupon", "list").json == []


def test_coupons_are_listed_and_deleted(payment):
    ids = [
        payment("coupon", "add", "--title", owner, "--off", 1, "--owner", owner).json["id"]
        for owner in ("li", "xu")
    ]
    assert [one["id"] for one in payment("coupon", "list").json] == ids
    assert payment("coupon", "list", "-match", "{owner:'xu'}", "-t", "id").text == ids[1] + "\n"
    assert payment("coupon", "get", ids[0][-8:]).json["owner"] == "li"
    assert payment("coupon", "rm", ids[0]).json["th_live"] == -1
    assert payment("coupon", "list", "-pager").json["pager"]["sum"] == 1
    payment("coupon", "rm", ids[0], exit_code=12)
    payment("coupon", "get", "ffffffff", exit_code=10)


def test_a_coupon_that_an_order_holds_is_not_deleted(payment):
    payment("w", "add", "-nm", "cup", "--title", "Cup", "--price", 30)
    made = payment("coupon", "add", "--title", "x", "--off", 1).json["id"]
    order = payment("o", "create", "--anonymous", "--item", "cup", "--coupon", made).json["id"]
    ran = payment("coupon", "rm", made, exit_code=12)
    assert f"is held by order {order}" in ran.err
    payment("o", "cancel", order)
    assert payment("coupon", "get", made).json["cpn_stat"] == "free"
    payment("coupon", "rm", made)


def test_a_coupon_expires_at_the_end_of_its_last_day(payment):
    payment("w", "add", "-nm", "cup", "--title", "Cup", "--price", 30)
    made = payment("coupon", "add", "--title", "x", "--off", 1, "--expires", "today")
    assert made.err == ""
    words = ("--item", "cup", "--coupon", made.json["id"])
    assert payment("o", "price", *words).json["fee"] == 29
    over = payment("coupon", "add", "--title", "x", "--off", 1, "--expires", "2020-01-01")
    assert over.err == "the coupon is over already: its end has passed\n"


def test_deleted_coupons_are_listed_and_brought_back(payment):
    made = payment("coupon", "add", "--title", "x", "--off", 1).json["id"]
    payment("coupon", "rm", made)
    assert payment("coupon", "list").json == []
    assert [one["id"] for one in payment("coupon", "list", "--deleted").json] == [made]
    assert payment("coupon", "list", "--deleted", "-pager").json["pager"]["sum"] == 1
    assert payment("coupon", "restore", made).json["cpn_stat"] == "free"
    assert [one["id"] for one in payment("coupon", "list").json] == [made]
    assert "is not deleted" in payment("coupon", "restore", made, exit_code=12).err


def test_a_coupon_keeps_fields_of_ones_own_but_no_misspelled_threshold(payment):
    made = payment("coupon", "add", "{title:'A gift', off:5, batch:'spring'}").json
    assert (made["type"], made["value"], made["batch"]) == (1, 5, "spring")
    assert payment("coupon", "add", "{name:'A', rate:0.8, expires:9}").json["type"] == 2
    for word in ("thress", "tresh", "treshold", "cpn_min"):
        ran = payment("coupon", "add", f"{{title:'A', off:5, {word}:50}}", exit_code=2)
        assert f"'{word}' is not a field" in ran.err
        kept = payment("coupon", "add", f"{{title:'A', off:5, {word}:50}}", "--keep", word).json
        assert (kept[word], kept["thres"]) == (50, 0)
