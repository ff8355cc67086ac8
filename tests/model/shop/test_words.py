"""Shop words and stored names, both ways."""

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.match import And, Equal, Glob, In, IsNull, Not, Or, Range
from payment_cli.model.shop.forms import FORMS
from payment_cli.model.shop.words import (
    from_shop,
    in_every_word,
    means,
    stored_match,
    stored_path,
    to_shop,
    typed,
)
from tests.support.shop import a_product, an_order, yuan


@pytest.mark.parametrize(
    ("kind", "word", "name"),
    [
        ("thing", "title", "w_nm"),
        ("thing", "price", "w_price"),
        ("thing", "w_nm", "w_nm"),
        ("thing", "sku", "sku"),
        ("order", "st", "ord_status"),
        ("order", "tp", "ord_tp"),
        ("order", "title", "title"),
        ("order", "price", "price"),
        ("order", "products", "ord_ws"),
        ("order", "products.title", "ord_ws.w_nm"),
        ("order", "ord_ws.amount", "ord_ws.w_buy_num"),
        ("order", "products.id", "ord_ws.id"),
        ("coupon", "expi", "cpn_expi"),
        ("discount", "title", "dis_nm"),
        ("discount", "colour", "colour"),
        ("thing", "stock", "sku"),
        ("order", "products.0.title", "ord_ws.0.w_nm"),
        ("thing", "w_pkg.id", "w_pkg.w_id"),
        ("nothing", "title.x", "title.x"),
        ("payment", "st", "st"),
    ],
)
def test_a_column_may_be_named_by_either_word(kind, word, name):
    assert stored_path(kind, word) == name


def test_a_match_is_translated_wherever_it_names_a_field():
    asked = And((Or((Equal("st", "NW"), Not(IsNull("products.title")))), Range("price", 1, None)))
    assert stored_match("order", asked) == And(
        (Or((Equal("ord_status", "NW"), Not(IsNull("ord_ws.w_nm")))), Range("price", 1, None))
    )
    assert stored_match("thing", Glob("title", ("a", ""))) == Glob("w_nm", ("a", ""))


def test_tp_of_an_order_is_its_kind_for_a_q_and_s_and_the_record_type_else():
    assert stored_match("order", Equal("tp", "A")) == Equal("ord_tp", "A")
    assert stored_match("order", In("tp", ("A", "Q"))) == In("ord_tp", ("A", "Q"))
    assert stored_match("order", Equal("tp", "order")) == Equal("tp", "order")
    assert stored_match("order", Not(Equal("tp", "S"))) == Not(Equal("ord_tp", "S"))


def test_the_words_of_a_client_become_stored_names_also_in_lines():
    document = {
        "tp": "A", "products": [{"id": "a", "title": "x", "price": 1, "amount": 2}], "colour": "red"
    }  # fmt: skip
    assert from_shop("order", document) == {
        "ord_tp": "A",
        "ord_ws": [{"id": "a", "w_nm": "x", "w_price": 1, "w_buy_num": 2}],
        "colour": "red",
    }


def test_two_words_for_one_thing_are_refused():
    with pytest.raises(InvalidValueError, match="w_nm and title are the same thing"):
        from_shop("thing", {"w_nm": "x", "title": "x"})
    with pytest.raises(InvalidValueError, match="amount and w_buy_num are the same thing"):
        from_shop("order", {"products": [{"amount": 1, "w_buy_num": 2}]})


def test_a_product_prints_in_the_words_of_seed_002():
    shown = to_shop("thing", a_product(nm="cup-01").to_record())
    assert (shown["nm"], shown["title"], shown["price"]) == (
        "cup-01", "name of cup-01", yuan("34.50")
    )  # fmt: skip
    assert "w_nm" not in shown


def test_an_order_prints_in_the_words_of_seed_002():
    shown = to_shop("order", an_order().to_record())
    assert (shown["tp"], shown["st"]) == ("A", "NW")
    (line,) = shown["products"]
    assert (line["id"], line["title"], line["price"], line["amount"]) == (
        "cup-01", "name of cup-01", yuan("34.50"), 1
    )  # fmt: skip
    assert not {"ord_tp", "ord_status", "ord_ws"} & set(shown)


def test_what_has_no_lines_is_left_as_it_is():
    assert from_shop("order", {"products": "x"}) == {"ord_ws": "x"}
    assert to_shop("order", {"ord_ws": [1]}) == {"products": [1]}


@pytest.mark.parametrize(
    ("kind", "document", "stored"),
    [
        ("thing", {"stock": 5}, {"sku": 5}),
        ("thing", {"category": "x", "min": 2}, {"cat": "x", "w_buy_min": 2}),
        ("thing", {"w_pkg": [{"id": "a", "amount": 2}]}, {"w_pkg": [{"w_id": "a", "num": 2}]}),
        (
            "thing",
            {"prices": [{"nm": "r", "rules": [{"count": "[5,)", "w_price": 3}]}]},
            {"prices": [{"name": "r", "rules": [{"sku": "[5,)", "price": 3}]}]},
        ),
        ("discount", {"title": "x", "until": 9}, {"dis_nm": "x", "dis_expi": 9}),
        (
            "discount",
            {"tiers": [{"threshold": 5, "off": 1}]},
            {"tiers": [{"thres": 5, "off": 1}]},
        ),
        ("coupon", {"off": 5}, {"value": 5, "type": 1}),
        ("coupon", {"rate": 1, "expires": 9}, {"value": 1, "type": 2, "cpn_expi": 9}),
        ("address", {"user_name": "Li"}, {"consignee": "Li"}),
        ("order", {"items": [{"id": "a", "count": 2}]}, {"ord_ws": [{"id": "a", "w_buy_num": 2}]}),
        ("order", {"pay_type": "free"}, {"pay_tp": "free"}),
    ],
)
def test_the_words_of_options_and_of_both_models_mean_their_fields(kind, document, stored):
    assert typed(kind, document, kind) == stored
    assert typed(kind, stored, kind) == stored


@pytest.mark.parametrize(
    ("kind", "word", "meant"),
    [
        ("thing", "pricee", "price"),
        ("thing", "prize", "price"),
        ("thing", "pirce", "price"),
        ("thing", "pric", "price"),
        ("thing", "Price", "price"),
        ("thing", "stok", "stock"),
        ("thing", "w_prices", "w_price"),
        ("thing", "w_colour", None),
        ("coupon", "valeu", "value"),
        ("coupon", "tresh", "thres"),
        ("coupon", "cpn_x", None),
        ("discount", "prioritty", "priority"),
        ("address", "postcod", "postcode"),
    ],
)
def test_a_word_that_looks_like_a_field_is_refused_unless_it_is_kept(kind, word, meant):
    with pytest.raises(InvalidValueError, match=f"x: '{word}' is not a field") as caught:
        typed(kind, {word: 1}, "x")
    if meant:
        assert caught.value.hint == f"did you mean {meant}?"
    assert typed(kind, {word: 1}, "x", keep=(word,)) == {word: 1}
    assert typed(kind, {word: 1}, "x", stored={word: 2}) == {word: 1}


@pytest.mark.parametrize(
    ("kind", "document", "where"),
    [
        ("thing", {"w_pkg": [{"w_id": "a", "numm": 2}]}, r"w_pkg\[0\]: 'numm'"),
        ("thing", {"parts": [{}, {"w_i": "a"}]}, r"parts\[1\]: 'w_i'"),
        ("thing", {"prices": [{"rules": [{"prise": 2}]}]}, r"rules\[0\]: 'prise'"),
        ("discount", {"tiers": [{"tres": 2}]}, r"tiers\[0\]: 'tres'"),
    ],
)
def test_a_misspelled_field_in_a_row_is_refused_too(kind, document, where):
    with pytest.raises(InvalidValueError, match=where):
        typed(kind, document, "x")


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("thing", "colour"), ("thing", "size"), ("thing", "pr"), ("thing", "brand"),
        ("thing", "barcode"), ("coupon", "batch"), ("discount", "campaign"), ("address", "note"),
    ],
)  # fmt: skip
def test_fields_of_ones_own_are_kept(kind, word):
    assert typed(kind, {word: 1}, "x") == {word: 1}


def test_what_a_record_has_kept_before_a_word_meant_a_field_stays_its_own_beside_the_field():
    stored = {"w_nm": "A", "stock": 5, "pricee": 3, "w_pkg": [{"w_id": "a", "numm": 1}]}
    both = {"stock": 5, "sku": 4, "pricee": None, "w_pkg": [{"w_id": "a", "numm": 2}]}
    assert typed("thing", both, "x", stored=stored) == both
    assert typed("thing", {"stock": 7}, "x", stored=stored) == {"sku": 7}
    with pytest.raises(InvalidValueError, match="are the same thing"):
        typed("thing", both, "x", keep=("pricee", "numm"))
    assert typed("thing", both, "x", keep=("stock", "pricee", "numm")) == both


def test_no_word_of_a_form_is_a_misspelling_of_it_and_each_means_one_field():
    for kind, form in FORMS.items():
        for word in (*form.fields, *form.shop, *form.also):
            assert form.field(word) in form.fields, (kind, word)
            typed(kind, {word: 1}, kind)


def test_means_prefers_the_name_itself():
    assert means("thing", {"name": "x", "nm": "y"}, "nm") == "nm"
    assert means("thing", {"stock": 1}, "sku") == "stock"
    assert means("thing", {"x": 1}, "sku") is None


def test_columns_and_templates_have_every_word():
    shown = in_every_word("order", an_order().to_record())
    assert shown["ord_ws"][0]["title"] == shown["products"][0]["w_nm"] == "name of cup-01"
    assert (shown["ord_status"], shown["st"]) == ("NW", "NW")
    assert in_every_word("thing", {"sku": 3, "w_nm": "A"})["stock"] == 3
    assert "rate" not in in_every_word("coupon", {"value": 3})
    assert in_every_word("thing", {"sku": 3, "stock": "mine"})["stock"] == "mine"
