"""Shop words and stored names, both ways."""

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.match import And, Equal, Glob, In, IsNull, Not, Or, Range
from payment_cli.model.shop.words import from_shop, stored_match, stored_path, to_shop
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
        ("discount", "title", "title"),
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
