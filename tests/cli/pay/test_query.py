"""`pay query`: the filters of the man page, the match, the page, the printing flags."""

import json
import sqlite3

import pytest

from tests.support.cli import Runner

ROWS = (
    ("-fee", 100, "-br", "red tea (a.b)", "-bu", "walnut:u1:xiaobai"),
    ("-fee", 200, "-br", "green tea", "-bu", "dusr:u2:dahei"),
    ("-fee", 300, "-br", "coffee", "-cur", "usd"),
    ("-fee", 0, "-br", "a gift of tea"),
)


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """A tree of four payments, three open, one free and done; nobody changes it."""
    root = tmp_path_factory.mktemp("four")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYMENT_ROOT", str(root))
        patch.setenv("PAYMENT_DOMAIN", "demo")
        Runner("payment", patch)("store", "init", "demo")
        ids = [Runner("pay", patch)("create", *row).json["id"] for row in ROWS]
    return root, ids


@pytest.fixture
def pay_of_four(pay, four, monkeypatch):
    monkeypatch.setenv("PAYMENT_ROOT", str(four[0]))
    return pay


def fees(ran) -> set[int]:
    return {record["fee"] for record in ran.json}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {0, 100, 200, 300}),
        (["tea"], {0, 100, 200}),
        (["(a.b)"], {100}),
        (["a.b.$"], set()),
        (["^(red|green)"], {100, 200}),
        (["-br", "tea"], {0, 100, 200}),
        (["-br", "^green"], {200}),
        (["-bu", "@wn::"], {100}),
        (["-bu", "dusr::"], {200}),
        (["-bu", ":u1:"], {100}),
        (["-bu", "::dahei"], {200}),
        (["-se", "demo"], {0, 100, 200, 300}),
        (["-se", ":demo"], {0, 100, 200, 300}),
        (["-se", "nobody:"], set()),
        (["-st", "NEW"], {100, 200, 300}),
        (["-st", "NEW,OK"], {0, 100, 200, 300}),
        (["-st", "^(OK|FAIL)"], {0}),
        (["-st", "!OK"], {100, 200, 300}),
        (["-fee", "200"], {200}),
        (["-fee", "[100,200]"], {100, 200}),
        (["-fee", "(100,]"], {200, 300}),
        (["-fee", "0"], {0}),
        (["-cur", "usd"], {300}),
        (["-pt", "free"], {0}),
        (["-pt", "wx.*"], set()),
        (["-c_at", "0"], {100, 200, 300}),
        (["-c_at", "[1,]"], {0}),
        (["-c_at", "[,%ms:now-1h]"], {100, 200, 300}),
        (["-c_at", "[now-1h,now+1h]"], {0}),
        (["-s_at", "0"], {0, 100, 200, 300}),
        (["-ct", "[now-1h,]"], {0, 100, 200, 300}),
        (["-lm", "[,2001-01-01]"], set()),
        (["-st", "NEW", "-fee", "[,150]"], {100}),
        (["--flagged"], set()),
        (["-match", "{tp:'wn_payment'}"], {0, 100, 200, 300}),
        (["-match", "{pay_st:'OK'}"], {0}),
        (["-match", "{fee:'[200,)'}", "-st", "NEW"], {200, 300}),
        (["-match", "[{fee:100},{fee:300}]"], {100, 300}),
    ],
)
def test_each_filter_finds_what_it_says(pay_of_four, words, expected):
    assert fees(pay_of_four("query", *words)) == expected


def test_the_line_at_the_end_of_the_seed_works(pay_of_four, four):
    ran = pay_of_four(
        "query", "-match", "{tp:'wn_payment'}", "-bish",
        "-t", "id,buyer_nm,seller_nm,fee,cur,st,pay_tp,pay_target,re_tp,ct,lm,brief",
        "-sort", "lm:-1", "-limit", "10",
    )  # fmt: skip
    lines = ran.text.splitlines()
    assert lines[0].startswith("+---+-")
    assert lines[1].split() == [
        word for name in ("#", "id", "buyer_nm", "seller_nm", "fee", "cur", "st", "pay_tp",
                          "pay_target", "re_tp", "ct", "lm", "brief") for word in ("|", name)
    ] + ["|"]  # fmt: skip
    assert len(lines) == 4 + 4 + 1
    assert all(payment_id in ran.text for payment_id in four[1])
    assert lines[-1] == "total 4 items"


def test_the_match_comes_from_stdin_when_it_has_no_value(pay_of_four):
    assert fees(pay_of_four("query", "-match", "-c", stdin="{fee:100}")) == {100}
    assert fees(pay_of_four("query", "-c", "-match", stdin="{fee:100}")) == {100}


@pytest.mark.usefixtures("shop")
def test_what_never_had_a_time_counts_as_0(pay, payment, root):
    made = pay("create", "-fee", 5).json
    file = root / "var/payment" / f"{made['id']}.json"
    file.write_text(json.dumps({k: v for k, v in made.items() if k not in ("close_at", "send_at")}))
    payment("fsck", "--adopt")
    assert fees(pay("query", "-c_at", "0")) == {5}
    assert fees(pay("query", "-s_at", "0")) == {5}


@pytest.mark.usefixtures("shop")
def test_ten_at_most_unless_told_otherwise(pay):
    for number in range(12):
        pay("create", "-fee", number + 1)
    assert len(pay("query").json) == 10
    assert len(pay("query", "-limit", 11).json) == 11
    assert [r["fee"] for r in pay("query", "-sort", "fee:-1", "-skip", 2, "-limit", 3).json] == [
        10, 9, 8,
    ]  # fmt: skip


def test_the_pager_counts_all_that_match(pay_of_four):
    words = ("-st", "NEW", "-sort", "fee:1", "-limit", 2, "-skip", 2, "-pager")
    page = pay_of_four("query", *words).json
    assert [record["fee"] for record in page["list"]] == [300]
    assert page["pager"] == {
        "pn": 2, "pgsz": 2, "pgnb": 2, "sum": 3, "skip": 2, "nb": 1, "pgc": 2, "count": 1,
    }  # fmt: skip


@pytest.mark.usefixtures("shop")
def test_nothing_found_is_an_empty_array(pay):
    assert pay("query").text == "[]\n"
    assert pay("query", "-t", "id").text == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-match", "{a"], "does not parse"),
        (["-match", "{a:'^('}"], ""),
        (["-match", "7"], "the match"),
        (["-st", "^("], ""),
        (["-fee", "lots"], "-fee 'lots' is neither a number nor a range"),
        (["-fee", "[a,b]"], "-fee '[a,b]' is neither"),
        (["-fee", "*1"], "is neither"),
        (["-c_at", "yesterday"], "-c_at 'yesterday' is neither"),
        (["-cur", "JPY"], "not a currency"),
        (["-bu", "xiaobai"], "not a filter for buyers"),
        (["-se", ":"], "names nobody"),
        (["-sort", "lm"], "the sort"),
        (["-sort", "lm:2"], "the sort"),
        (["-e", "("], "not a regular expression"),
        (["-t", ""], "-t names no column"),
        (["-tmpl", "@{}"], "not a placeholder"),
        (["-stOK"], "did you mean -st OK?"),
        (["-match", "{a:'x\0'}"], "NUL"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_is_printed(pay_of_four, words, said):
    ran = pay_of_four("query", *words, exit_code=2)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert ran.out == b""


@pytest.mark.usefixtures("shop")
def test_a_regular_expression_never_runs_away(pay):
    pay("create", "-fee", 1, "-br", "a" * 200 + "!")
    assert pay("query", "-match", "{brief:'^(a+)+$'}").json == []


@pytest.mark.usefixtures("shop")
def test_a_merchant_sees_its_own_and_an_operator_all(pay, payment):
    payment("store", "init", "other", "--as", "other")
    pay("create", "-fee", 7, "--as", "other")
    pay("create", "-fee", 8)
    assert fees(pay("query", "--as", "other")) == {7}
    assert fees(pay("query", "--as", "root")) == {7, 8}
    assert fees(pay("query", "-se", "demo", "--as", "other")) == set()


def test_piped_to_jq_it_is_one_json_document_in_one_line_with_c(pay_of_four):
    text = pay_of_four("query", "-c").text
    assert text.count("\n") == 1
    assert len(json.loads(text)) == 4


def test_a_record_that_is_damaged_in_the_journal_is_named_and_the_others_are_printed(
    pay, payment, shop, root
):
    made = [pay("create", "-fee", n).json["id"] for n in (1, 2, 3)]
    with sqlite3.connect(root / ".journal/payment.db") as conn:
        conn.execute("UPDATE records SET doc = '{' WHERE id = ?", (made[1],))
    conn.close()
    ran = pay("query", exit_code=32)
    assert {row["id"] for row in ran.json} == {made[0], made[2]}
    assert f"payment {made[1]} is damaged in the journal, and left out" in ran.err
    assert "rebuild" not in ran.err
    assert pay("get", made[0]).json["fee"] == 1
    payment("fsck", "--adopt")
    assert len(pay("query").json) == 3
