"""How a shop's records are shown: names from language files, shop words."""

import pytest

pytestmark = pytest.mark.usefixtures("shop")


@pytest.fixture
def cup(payment, shop, root):
    """A product whose name is in the language files; the store speaks Chinese, German too."""
    folder = root / "home/demo/.store/i18n"
    folder.mkdir()
    (folder / "zh-cn.json").write_text('{"cup":"杯子","sale":"打折"}')
    (folder / "de.json").write_text('{"goods":{"cup":"Tasse"},"cup":"Becher","sale":"Rabatt"}')
    payment("w", "add", "-nm", "cup", "--title", "i18n:cup", "--price", 10)


def test_people_read_the_stores_language_and_programs_what_is_stored(payment, cup):
    assert payment("w", "list", "-t", "title,w_nm").text == "杯子  杯子\n"
    assert payment("w", "list", "-tmpl", "@{title}").text == "杯子\n"
    assert payment("w", "get", "cup").json["w_nm"] == "i18n:cup"
    assert "i18n:cup" in payment("w", "list", "-V").text


def test_a_language_may_be_asked_for_in_every_form(payment, cup):
    assert payment("w", "list", "-t", "title", "--lang", "de").text == "Becher\n"
    assert payment("w", "get", "cup", "--lang", "de", "--shop").json["title"] == "Becher"
    assert payment("w", "get", "cup", "--lang").json["w_nm"] == "杯子"
    payment("w", "set", "cup", "--title", "i18n:goods.cup")
    assert payment("w", "list", "-t", "title", "-lang", "de").text == "Tasse\n"


def test_orders_and_their_lines_are_resolved_too(payment, cup):
    payment("d", "add", "--title", "i18n:sale", "--off", "10%")
    order = payment("o", "create", "--anonymous", "--item", "cup").json
    assert order["ord_ws"][0]["w_nm"] == "i18n:cup"
    shown = payment("o", "get", order["id"], "--lang", "de").json
    assert shown["ord_ws"][0]["w_nm"] == "Becher"
    assert shown["ord_ds"][0]["dis_nm"] == "Rabatt"
    assert payment("o", "list", "-t", "products.0.title").text == "杯子\n"
    assert "打折" in payment("o", "price", "--item", "cup", "--table").text
    priced = payment("d", "explain", "--item", "cup", "--lang", "de").json
    assert (priced["ord_ws"][0]["w_nm"], priced["steps"][0]["nm"]) == ("Becher", "Rabatt")
    assert payment("d", "explain", "--item", "cup").json["steps"][0]["nm"] == "i18n:sale"


def test_an_operator_reads_each_order_in_its_own_stores_words(payment, cup, root):
    payment("store", "init", "other", "--as", "root")
    folder = root / "home/other/.store/i18n"
    folder.mkdir()
    (folder / "zh-cn.json").write_text('{"cup":"茶杯"}')
    payment("w", "add", "-nm", "cup", "--title", "i18n:cup", "--price", 1, "--as", "other")
    for store in ("demo", "other"):
        payment("o", "create", "--anonymous", "--item", "cup", "--as", store)
    ran = payment("o", "list", "-t", "sto_nm,products.0.title", "-sort", "ct:1", "--as", "root")
    assert [line.split() for line in ran.text.splitlines()] == [["demo", "杯子"], ["other", "茶杯"]]


def test_a_missing_word_or_language_does_no_harm_until_it_is_asked_for(payment, cup):
    payment("w", "set", "cup", "--title", "i18n:nothing")
    assert payment("w", "list", "-t", "title").text == "nothing\n"
    payment("store", "set", "lang", "fr")
    assert payment("w", "list", "-t", "title").text == "nothing\n"
    ran = payment("w", "list", "--lang", "fr", exit_code=10)
    assert "no language fr (its texts would be in home/demo/.store/i18n/fr.json)" in ran.err
    assert payment("w", "list", "--lang", "../x", exit_code=2).err.count("\n") == 1


def test_a_language_file_is_only_read_if_a_name_stands_in_it(payment, cup, root):
    path = root / "home/demo/.store/i18n/zh-cn.json"
    path.write_text("{")
    ran = payment("w", "list", "-t", "title", exit_code=40)
    assert "i18n/zh-cn.json is not valid JSON" in ran.err
    payment("w", "set", "cup", "--title", "Cup")
    assert payment("w", "list", "-t", "title").text == "Cup\n"


def test_a_column_of_all_lines_is_named_by_either_word(payment, cup):
    payment("w", "add", "-nm", "pot", "--title", "Pot", "--price", 20)
    payment("o", "create", "--item", "cup:2", "--item", "pot", "--buyer", "li")
    for words in ("products.title,products.amount", "ord_ws.w_nm,ord_ws.w_buy_num"):
        assert payment("o", "list", "-t", words).text == '["杯子","Pot"]  [2,1]\n'
    assert payment("o", "list", "-tmpl", "@{products.title}").text == '["杯子","Pot"]\n'
    assert payment("w", "list", "-t", "name,stock", "-sort", "name:1").text == "cup\npot\n"


#: What seed 002 calls the fields of each entity that are stored under other names.
SHOP_WORDS = {
    "w": {"id", "nm", "title", "price", "currency", "cate", "tp"},
    "coupon": {"id", "title", "type", "value", "thres", "cpn_expi"},
    "o": {"id", "tp", "products", "coupons", "title", "buyer_id", "price", "fee", "st", "ct", "lm"},
}


def keys_in(value):
    if isinstance(value, dict):
        return set(value).union(*map(keys_in, value.values()))
    return set().union(*map(keys_in, value)) if isinstance(value, list) else set()


def test_shop_prints_the_words_of_seed_002_at_every_depth(payment, cup):
    payment("w", "set", "cup", "--category", "tea", "--type", "A")
    payment("w", "add", "-nm", "set", "--title", "Set", "--part", "cup:2")
    gift = payment("coupon", "add", "--title", "Gift", "--off", 1).json["id"]
    payment("d", "add", "--title", "Sale", "--off", "10%")
    payment("o", "create", "--item", "set", "--item", "cup", "--coupon", gift, "--buyer", "li")
    for group, words in SHOP_WORDS.items():
        [shown] = payment(group, "list", "-limit", 1, "-sort", "id:1", "--shop").json
        stored = {"w_nm", "w_price", "w_currency", "w_buy_num", "w_num", "cat", "w_tp",
                  "ord_ws", "ord_tp", "ord_status", "ord_currency", "ord_expi"}  # fmt: skip
        assert words <= set(shown), group
        assert not stored & keys_in(shown), group
    lines = payment("o", "list", "--shop").json[0]["products"]
    assert {"id", "title", "price", "amount"} <= set(lines[0]["w_pkg"][0])
    priced = payment("o", "price", "--item", "cup", "--buyer", "li", "--shop").json
    assert not stored & keys_in(priced)
