"""`payment w`: goods from the command line."""

import json

import pytest

from tests.support.cli import Runner

CUP = ("w", "add", "-nm", "cup-01", "--title", "Blue cup", "--price", "34.50")


def test_a_product_is_added_from_options_and_printed_as_stored(payment, root, shop):
    made = payment(
        *CUP, "--stock", 20, "--retail", 40, "--weight", "0.25", "--freight", "1.5",
        "--min", 2, "--max", 5, "--category", "cups", "--category", "blue",
        "--link", "https://shop.example/cup", "--description", "It is blue.",
        "--expires", "2030-01-01", "--currency", "USD",
    )  # fmt: skip
    record = made.json
    assert record["nm"] == "cup-01"
    assert record["w_nm"] == "Blue cup"
    assert '"w_price": 34.50' in made.text
    assert (record["sku"], record["w_buy_min"], record["w_buy_max"]) == (20, 2, 5)
    assert (record["retail"], record["weight"], record["freight"]) == (40, 0.25, 1.5)
    assert (record["cat"], record["w_currency"]) == (["cups", "blue"], "USD")
    assert record["w_expi"] > 1_893_000_000_000
    assert payment("w", "get", "cup-01").json == record
    stored = root / f"home/demo/.store/thing/{record['id']}.json"
    assert json.loads(stored.read_text()) == record


def test_it_is_added_from_loose_json_in_either_words_and_from_stdin(payment, shop):
    one = payment("w", "add", "{nm:'a', title:'A', price:29.9, cate:'tea', batch:7}").json
    other = payment("w", "add", "-", stdin='{"nm":"b","w_nm":"A","w_price":29.90,"cat":"tea"}').json
    assert one["batch"] == 7
    ours = ("id", "nm", "ct", "lm", "edit_at", "batch")
    assert {k: v for k, v in one.items() if k not in ours} == {
        k: v for k, v in other.items() if k not in ours
    }


def test_options_and_json_add_up_but_never_say_the_same_thing(payment, shop):
    made = payment("w", "add", "{title:'A'}", "--price", "1").json
    assert (made["w_nm"], made["w_price"], made["nm"]) == ("A", 1, made["id"])
    ran = payment("w", "add", "{w_price:2}", "--price", "1", "--title", "A", exit_code=2)
    assert "w_price is given as an option and in JSON" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--title", "x"], "w_price is missing"),
        (["--price", "1"], "w_nm is missing"),
        (["--title", "x", "--price", "1.234"], "--price '1.234' is not an amount in yuan"),
        (["--title", "x", "--price", "-1"], "--price '-1' is not an amount in yuan"),
        (["--title", "x", "--price", "1e3"], "is not an amount in yuan"),
        (["--title", "x", "--price", "٣"], "is not an amount in yuan"),
        (["{title:'x',price:1.005}"], "more than two decimals"),
        (["--title", "x", "--price", "1", "--min", "0"], "w_buy_min must be a whole number from 1"),
        (["--title", "x", "--price", "1", "--stock", "1.5"], "is not a valid integer"),
        (["--title", "x", "--price", "1", "--weight", "-1"], "--weight '-1' is not a weight"),
        (["--title", "x", "--price", "1", "--expires", "soon"], "--expires 'soon' is not a time"),
        (["--title", "x", "--price", "1", "--currency", "JPY"], "JPY"),
        (["--title", "x", "--part", "cup"], "--part 'cup' is not ID:N"),
        (["--title", "x", "--part", "cup:0"], "num must be a whole number from 1"),
        (["{title:'x',w_prize:1}"], "did you mean w_price?"),
        (["{title:'x'"], "is not valid JSON"),
        (["[1]"], "must be an object"),
    ],
)
def test_what_is_no_product_is_refused_in_one_line(payment, words, said, shop):
    ran = payment("w", "add", *words, exit_code=2)
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert payment("w", "list").json == []


def test_a_code_is_unique_in_the_store_and_is_nobody_elses_id(payment, shop):
    made = payment(*CUP).json
    assert "is taken" in payment(*CUP, exit_code=11).err
    again = payment("w", "add", "-nm", made["id"], "--title", "x", "--price", 1, exit_code=11)
    assert "is taken" in again.err
    payment("w", "rm", "cup-01")
    payment(*CUP, exit_code=11)


def test_fields_are_changed_by_options_and_json_and_null_removes_one(payment, shop):
    payment(*CUP, "--stock", 5, "--link", "https://shop.example")
    changed = payment("w", "set", "cup-01", "link:null, batch:3", "--price", "32").json
    assert (changed["w_price"], changed["batch"], changed["sku"]) == (32, 3, 5)
    assert "link" not in changed
    assert changed["rev"] == 2
    assert "nothing to change" in payment("w", "set", "cup-01", exit_code=2).err
    payment("w", "set", "cup-01", "--name", "cup-02")
    assert payment("w", "get", "cup-02").json["id"] == changed["id"]
    assert "no product cup-01" in payment("w", "get", "cup-01", exit_code=10).err


def test_a_product_is_edited_at_most_so_often(payment, shop):
    payment(*CUP)
    payment("store", "set", "edit_every", 5)
    ran = payment("w", "set", "cup-01", "--price", 1, exit_code=12)
    assert "was edited less than 5 minutes ago" in ran.err
    assert payment("w", "get", "cup-01").json["w_price"] == 34.5
    assert payment("w", "stock", "cup-01", "=3").json["sku"] == 3


def test_stock_is_counted_in_and_out(payment, shop):
    payment(*CUP)
    assert "is not counted" in payment("w", "stock", "cup-01", "+5", exit_code=12).err
    assert payment("w", "stock", "cup-01", "=10").json["sku"] == 10
    assert payment("w", "stock", "cup-01", "+5").json["sku"] == 15
    assert payment("w", "stock", "cup-01", "-15").json["sku"] == 0
    ran = payment("w", "stock", "cup-01", "-1", exit_code=12)
    assert "sold out, 1 wanted" in ran.err
    assert "sku" not in payment("w", "set", "cup-01", "sku:null").json


@pytest.mark.parametrize("change", ["5", "+", "+1.5", "=-1", "++1", "+9999999999999999"])
def test_what_is_no_change_of_stock_is_refused(payment, change, shop):
    payment(*CUP, "--stock", 1)
    assert payment("w", "stock", "cup-01", change, exit_code=2).err.count("\n") == 1
    assert payment("w", "get", "cup-01").json["sku"] == 1


def test_delete_is_logical_and_can_be_undone(payment, shop):
    payment(*CUP)
    assert payment("w", "rm", "cup-01").json["th_live"] == -1
    assert payment("w", "list").json == []
    assert [one["nm"] for one in payment("w", "list", "--deleted").json] == ["cup-01"]
    assert "was deleted already" in payment("w", "rm", "cup-01", exit_code=12).err
    assert payment("w", "restore", "cup-01").json["th_live"] == 1
    assert "is not deleted" in payment("w", "restore", "cup-01", exit_code=12).err


def test_packages_are_sums_of_their_parts_named_by_code(payment, shop):
    cup = payment(*CUP).json
    made = payment("w", "add", "-nm", "set", "--title", "Set", "--part", "cup-01:4").json
    assert made["w_pkg"] == [{"w_id": cup["id"], "num": 4}]
    assert payment("o", "price", "--item", "set").json["fee"] == 138
    payment("w", "set", "set", "--price", 120)
    assert payment("o", "price", "--item", "set").json["fee"] == 120


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (["nothing:1"], "there is no product nothing"),
        (["set:1"], "is a package itself"),
        (["cup-01:1", "cup-01:2"], "names a product twice"),
    ],
)
def test_packages_that_point_nowhere_or_to_packages_are_refused(payment, parts, said, shop):
    payment(*CUP)
    payment("w", "add", "-nm", "set", "--title", "Set", "--part", "cup-01:4")
    words = [word for part in parts for word in ("--part", part)]
    ran = payment("w", "add", "-nm", "more", "--title", "More", *words, exit_code=2)
    assert said in ran.err
    assert payment("w", "set", "cup-01", *words, exit_code=2).err.count("\n") == 1


def test_a_part_of_a_package_never_becomes_one(payment, shop):
    payment(*CUP)
    payment("w", "add", "-nm", "pot", "--title", "Pot", "--price", 1)
    payment("w", "add", "-nm", "set", "--title", "Set", "--part", "cup-01:4")
    ran = payment("w", "set", "cup-01", "--part", "pot:1", exit_code=2)
    assert "cup-01 is a part of package set" in ran.err


@pytest.fixture(scope="module")
def store_of_three(tmp_path_factory):
    """A store with three products; nobody changes it."""
    root = tmp_path_factory.mktemp("three")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAYMENT_ROOT", str(root))
        patch.setenv("PAYMENT_DOMAIN", "demo")
        payment = Runner("payment", patch)
        payment("store", "init", "demo")
        for nm, price, cat in (("a", 10, "tea"), ("b", 30, "cup"), ("c", 20, "tea")):
            words = ("--title", nm.upper(), "--price", price, "--category", cat)
            payment("w", "add", "-nm", nm, *words)
    return root


@pytest.fixture
def three(payment, store_of_three, monkeypatch):
    monkeypatch.setenv("PAYMENT_ROOT", str(store_of_three))


def names(ran):
    return [record["nm"] for record in ran.json]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["a", "b", "c"]),
        (["-match", "{price:'[15,]'}"], ["b", "c"]),
        (["-match", "{w_price:'[15,]', cate:'tea'}"], ["c"]),
        (["-match", "{'!title':'B'}"], ["a", "c"]),
        (["-match", "[{title:'A'},{title:'B'}]"], ["a", "b"]),
        (["-sort", "price:-1"], ["b", "c", "a"]),
        (["-sort", "cate:1,price:-1"], ["b", "c", "a"]),
        (["-skip", "1", "-limit", "1"], ["b"]),
    ],
)
def test_goods_are_listed_by_a_match_in_either_words(payment, words, expected):
    assert names(payment("w", "list", *words)) == expected


@pytest.mark.usefixtures("three")
def test_a_match_may_come_from_stdin_and_a_page_has_its_pager(payment):
    assert names(payment("w", "list", "-match", stdin="{title:'A'}")) == ["a"]
    page = payment("w", "list", "-limit", 2, "-pager").json
    assert [one["nm"] for one in page["list"]] == ["a", "b"]
    assert page["pager"]["sum"] == 3


@pytest.mark.usefixtures("three")
def test_tables_take_columns_in_either_words(payment):
    ran = payment("w", "list", "-h", "-t", "title,w_nm,price,w_price,cate")
    assert ran.text.splitlines()[0].split() == ["title", "w_nm", "price", "w_price", "cate"]
    assert ran.text.splitlines()[2].split() == ["A", "A", "10.00", "10.00", '["tea"]']
    assert payment("w", "list", "-tmpl", "@{title}=@{price}").text == "A=10.00\nB=30.00\nC=20.00\n"


@pytest.mark.usefixtures("three")
def test_shop_words_are_printed_on_request(payment):
    shown = payment("w", "get", "a", "--shop").json
    assert (shown["title"], shown["price"], shown["cate"]) == ("A", 10, ["tea"])
    assert not {"w_nm", "w_price", "cat"} & shown.keys()


def test_a_product_is_found_by_code_id_and_fragment_only(payment, shop):
    made = payment(*CUP).json
    for name in ("cup-01", made["id"], made["id"][-8:], made["id"][:12]):
        assert payment("w", "get", name).json == made
    for name in ("cup", "ffffffff", "杯子", "../x", "a\x1bb", ""):
        ran = payment("w", "get", name, exit_code=10)
        assert ran.err.startswith("payment: e.pay.noexists: no product ")
        assert "\x1b" not in ran.err


def test_another_domain_has_goods_of_its_own(payment, shop):
    payment(*CUP)
    payment("store", "init", "other", "--as", "root")
    payment("w", "get", "cup-01", "--as", "other", exit_code=10)
    payment(*CUP, "--as", "other")
    assert names(payment("w", "list", "--as", "other")) == ["cup-01"]


def test_a_domain_without_a_store_sells_nothing(payment, shop):
    ran = payment(*CUP, "--as", "nobody", exit_code=10)
    assert "payment store init nobody" in ran.err


def test_goods_are_sold_to_the_end_of_their_last_day(payment, shop):
    words = ("w", "add", "--title", "Cup", "--price", 1, "-nm")
    assert payment(*words, "cup", "--expires", "today").err == ""
    assert payment("o", "price", "--item", "cup").json["fee"] == 1
    over = payment("w", "set", "cup", "--expires", "2020-01-01")
    assert over.err == "the sale of this product is over already: its end has passed\n"
    assert payment("w", "set", "cup", "--price", 2).err == ""


def test_stock_by_its_own_name_counts_and_a_misspelled_price_is_refused(payment, shop):
    made = payment("w", "add", "{nm:'a', title:'A', price:5, stock:5}").json
    assert made["sku"] == 5
    assert "stock" not in made
    ran = payment("w", "add", "{nm:'b', title:'B', pricee:5}", exit_code=2)
    assert "'pricee' is not a field (--keep pricee" in ran.err
    assert "did you mean price?" in ran.err
    ran = payment("w", "set", "a", "stok:7", exit_code=2)
    assert "did you mean stock?" in ran.err
    kept = payment("w", "set", "a", "pricee:7, colour:'red'", "--keep", "pricee").json
    assert (kept["pricee"], kept["colour"], kept["w_price"]) == (7, "red", 5)
    assert "pricee" not in payment("w", "set", "a", "pricee:null").json
    ran = payment("w", "set", "a", "stock:7", "--stock", 8, exit_code=2)
    assert "stock is given as an option and in JSON" in ran.err


def test_a_product_from_a_file_does_not_bring_back_what_was_sold(payment, shop):
    read = payment("w", "add", "-nm", "a", "--title", "A", "--price", 5, "--stock", 5).text
    payment("w", "stock", "a", "-3")
    ran = payment("w", "set", "a", "-", stdin=read.replace('"w_price": 5.00', '"w_price": 6'))
    assert (ran.json["sku"], ran.json["w_price"]) == (2, 6)
    assert ran.err == "stock left as it is counted, 2: --stock N sets it\n"
    assert payment("w", "set", "a", "-", "--stock", 9, stdin=read).json["sku"] == 9
    ran = payment("w", "set", "a", "-", stdin='{"stock":7}', exit_code=2)
    assert "a file does not change the stock that is counted (--stock N sets it" in ran.err
    assert payment("w", "set", "a", "sku:7").json["sku"] == 7
    assert payment("w", "set", "a", "sku:null").err == ""
    assert payment("w", "set", "a", "-", stdin='{"stock":3}').json["sku"] == 3
