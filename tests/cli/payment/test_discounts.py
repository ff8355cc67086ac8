"""`payment d`: discounts, and what they do to a cart."""

import pytest

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def cup(payment, shop):
    return payment("w", "add", "-nm", "cup", "--title", "Cup", "--price", "34.50").json["id"]


@pytest.fixture
def pot(payment, shop):
    return payment("w", "add", "-nm", "pot", "--title", "Pot", "--price", "100").json["id"]


def test_add_knows_the_mode_from_what_is_taken_off(payment, cup):
    percent = payment("d", "add", "--title", "Sale", "--off", "12.5%").json
    assert (percent["dis_mode"], percent["off_bp"], percent["dis_id"]) == (
        "percent", 1250, percent["id"],
    )  # fmt: skip
    amount = payment("d", "add", "--title", "x", "--off", "5", "--thres", "50", "--stack").json
    assert (amount["dis_mode"], amount["off"], amount["thres"]) == ("amount", 5, 50)
    assert amount["stack"] is True
    nth = payment(
        "d", "add", "--title", "x", "--off", "50%", "--nth", 2, "--goods", "cup",
        "--category", "c", "--priority", -3, "--from", "2026-01-01", "--until", "now+1d",
    ).json  # fmt: skip
    assert (nth["dis_mode"], nth["nth"], nth["goods"], nth["priority"]) == ("nth", 2, [cup], -3)
    assert 0 < nth["start_at"] < nth["dis_expi"]
    tiered = payment(
        "d", "add", "{dis_nm:'More', dis_mode:'tiered', tiers:[{count:3,off_bp:500}]}"
    ).json
    assert tiered["tiers"] == [{"count": 3, "off_bp": 500}]


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (["--title", "x"], "dis_mode must be one of", 2),
        (["--off", "5"], "dis_nm is missing", 2),
        (["--title", "x", "--off", "5.001"], "--off '5.001' is not an amount", 2),
        (["--title", "x", "--off", "101%"], "off_bp must be a whole number from 0 to 10000", 2),
        (["--title", "x", "--off", "a%"], "--off 'a%' is not a rate", 2),
        (["--title", "x", "--off", "0"], "off is missing", 2),
        (["--title", "x", "--off", "5", "--goods", "no"], "no product no", 10),
        (["--title", "x", "--off", "5", "--until", "x"], "--until 'x' is not a time", 2),
        (["--title", "x", "--off", "5", "--from", "now", "--until", "now-1d"], "before it sta", 2),
        (["{dis_nm:'x',dis_mode:'amount',off:5,tresh:10}"], "did you mean thres?", 2),
        (["{dis_nm:'x',dis_mode:'tiered',tiers:[]}"], "tiers is missing", 2),
    ],
)
def test_what_is_no_discount_is_refused_in_one_line(payment, words, said, code):
    ran = payment("d", "add", *words, exit_code=code)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert payment("d", "list").json == []


def test_discounts_are_listed_changed_and_deleted(payment, cup):
    late = payment("d", "add", "--title", "B", "--off", "5%", "--priority", 2).json["id"]
    first = payment("d", "add", "--title", "A", "--off", "5", "--priority", 1).json["id"]
    assert [one["dis_id"] for one in payment("d", "list").json] == [first, late]
    assert payment("d", "list", "-match", "{dis_mode:'percent'}", "-t", "dis_nm").text == "B\n"
    changed = payment("d", "set", late[-8:], "--off", "10%", "--goods", "cup").json
    assert (changed["off_bp"], changed["goods"], changed["rev"]) == (1000, [cup], 2)
    assert "goods" not in payment("d", "set", late, "goods:null").json
    assert "nothing to change" in payment("d", "set", late, exit_code=2).err
    payment("d", "set", late, "--goods", "no", exit_code=10)
    assert payment("d", "rm", late).json["th_live"] == -1
    assert [one["dis_id"] for one in payment("d", "list").json] == [first]
    assert "was deleted already" in payment("d", "rm", late, exit_code=12).err
    payment("d", "get", "ffffffff", exit_code=10)


def test_explain_says_line_by_line_which_rule_did_what(payment, cup, pot):
    payment("d", "add", "--title", "Sale", "--off", "10%", "--goods", "cup")
    payment("d", "add", "--title", "Big", "--off", "7", "--thres", "1000")
    payment("d", "add", "--title", "Stacked", "--off", "5", "--goods", "pot", "--stack")
    ran = payment("d", "explain", "--item", "cup:3", "--item", "pot", "--table")
    rows = [line.split() for line in ran.text.splitlines()[2:]]
    assert [row[:5] for row in rows if row[0] == "1"] == [
        ["1", "cup", "Cup", "3", "price"],
        ["1", "cup", "Cup", "3", "discount"],
    ]
    assert rows[1][5:8] == ["Sale", "10.35", "93.15"]
    assert rows[3][4:8] == ["discount", "Stacked", "5.00", "95.00"]
    assert any(row[:3] == ["discount", "Big", "0.00"] for row in rows)
    assert rows[-1] == ["fee", "15.35", "188.15"]


def test_explain_as_json_is_the_whole_calculation(payment, cup, pot):
    sale = payment("d", "add", "--title", "Sale", "--off", "10%").json
    priced = payment("d", "explain", "--item", "cup:3", "--item", "pot").json
    assert (priced["total"], priced["discount"], priced["fee"]) == (203.5, 20.35, 183.15)
    assert (priced["price"], priced["ord_price"], priced["freight"]) == (203.5, 183.15, 0)
    [step, freight] = priced["steps"]
    assert (step["kind"], step["id"], step["taken"]) == ("discount", sale["id"], 20.35)
    assert step["by_line"] == [10.35, 10.0]
    assert freight["kind"] == "freight"
    shop = payment("d", "explain", "--item", "cup", "--shop").json
    assert shop["products"][0]["amount"] == 1


def test_explain_takes_a_clients_document_and_a_basket(payment, cup, pot):
    document = f'{{"products":[{{"id":"{cup}","amount":2}}]}}'
    assert payment("d", "explain", "-", stdin=document).json["fee"] == 69
    payment("basket", "it", "li", "pot", 2)
    assert payment("d", "explain", "--basket", "--buyer", "li").json["fee"] == 200
    assert (
        "basket of xu is empty"
        in payment("d", "explain", "--basket", "--buyer", "xu", exit_code=2).err
    )
    assert "--basket needs a buyer" in payment("d", "explain", "--basket", exit_code=2).err
    assert (
        "either --item or --basket"
        in payment("d", "explain", "--basket", "--buyer", "li", "--item", "cup", exit_code=2).err
    )


def test_explain_records_nothing(payment, cup):
    payment("w", "stock", "cup", "=1")
    payment("d", "explain", "--item", "cup")
    assert payment("w", "get", "cup").json["sku"] == 1
    assert payment("o", "list").json == []


def test_a_sale_of_one_day_runs_that_day(payment, cup):
    sale = payment("d", "add", "--title", "x", "--off", 1, "--from", "today", "--until", "today")
    assert sale.json["dis_expi"] - sale.json["start_at"] == 86_400_000 - 1
    assert sale.err == ""
    assert payment("o", "price", "--item", "cup").json["fee"] == 33.5


def test_a_window_that_is_empty_is_refused_and_one_that_is_over_is_told(payment, cup):
    words = ("d", "add", "--title", "x", "--off", 1, "--from", "2030-01-02", "--until")
    assert "it ends (dis_expi) before it starts" in payment(*words, "2030-01-01", exit_code=2).err
    assert payment(*words, "2030-01-02").err == ""
    over = payment("d", "add", "--title", "x", "--off", 1, "--until", "2020-01-01")
    assert over.err == "the discount is over already: its end has passed\n"
    assert payment("d", "set", over.json["id"], "--title", "y").err == ""
    assert "over already" in payment("d", "set", over.json["id"], "--until", "2020-01-02").err


def test_deleted_discounts_are_listed_and_brought_back(payment, cup):
    ids = [payment("d", "add", "--title", "x", "--off", n).json["id"] for n in (1, 2)]
    payment("d", "rm", ids[0])
    assert [one["id"] for one in payment("d", "list", "--deleted").json] == [ids[0]]
    assert payment("d", "list", "--deleted", "-pager").json["pager"]["sum"] == 1
    assert [one["id"] for one in payment("d", "list").json] == [ids[1]]
    assert payment("d", "restore", ids[0]).json["th_live"] == 1
    assert len(payment("d", "list").json) == 2
    assert "is not deleted" in payment("d", "restore", ids[0], exit_code=12).err


def test_a_discount_from_json_takes_the_words_of_its_options(payment, shop):
    made = payment("d", "add", "{title:'A', mode:'amount', off:5, threshold:50, until:0}").json
    assert (made["dis_nm"], made["thres"], made["dis_expi"]) == ("A", 50, 0)
    assert payment("d", "add", "{title:'B', campaign:'x'}", "--off", "10%").json["campaign"] == "x"
    ran = payment("d", "set", made["id"], "treshold:60", exit_code=2)
    assert "did you mean threshold?" in ran.err
    ran = payment("d", "add", "{title:'C', mode:'percent', off_bp:5, nth:2}", exit_code=2)
    assert "'nth' is not a field of mode percent" in ran.err
    tiers = "tiers:[{count:3, off_bp:500, note:'x'}]"
    made = payment("d", "add", f"{{title:'D', mode:'tiered', {tiers}}}").json
    assert made["tiers"] == [{"note": "x", "count": 3, "off_bp": 500}]


@pytest.mark.parametrize("words", [("d", "explain"), ("o", "price")])
def test_values_and_templates_are_of_the_result_and_tables_of_its_rows(payment, cup, words):
    payment("d", "add", "--title", "x", "--off", "4.50")
    words = (*words, "--item", "cup")
    assert payment(*words, "-V", "-e", "^fee$").text == "30.00"
    assert payment(*words, "-tmpl", "@{fee} of @{price} @{products.0.title}").text == (
        "30.00 of 34.50 Cup\n"
    )
    assert payment(*words, "-t", "kind,left").text.split()[-2:] == ["fee", "30.00"]
    assert payment(*words, "-V", "-t", "kind", "-e", "^fee$").text == "30.00"
