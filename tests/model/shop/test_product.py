"""A product's record, stock, edits and delete."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import CorruptRecordError, InvalidValueError, NotAllowedError
from payment_cli.model.codec import decode, encode
from payment_cli.model.shop.product import Part, Product
from tests.support.shop import NOW, a_product, yuan


def test_the_record_of_seed_000_is_read_and_written_under_its_names():
    document = {
        "w_nm": "i18n:cup", "w_price": yuan("34.50"), "w_currency": "RMB", "w_expi": NOW + 1,
        "w_buy_min": 1, "w_buy_max": 5, "w_pkg": [{"w_id": "a", "num": 1}],
    }  # fmt: skip
    record = Product.new(document, id="p1", now=NOW, currency="CNY").to_record()
    assert {name: record[name] for name in document} == document
    assert (record["id"], record["ct"], record["lm"]) == ("p1", NOW, NOW)


def test_the_words_of_seed_002_are_accepted():
    document = {"nm": "cup-01", "title": "Cup", "price": yuan("35.68")}
    product = Product.new(document, id="p1", now=NOW, currency="CNY")
    assert (product.nm, product.w_nm, product.w_price) == ("cup-01", "Cup", 3568)
    assert product.w_currency == "CNY"


prices = st.none() | st.integers(0, 10**8).map(lambda fen: Decimal(fen) / 100)
documents = st.fixed_dictionaries(
    {"w_nm": st.text("abc 茶", min_size=1).filter(str.strip), "w_price": prices.filter(bool)},
    optional={
        "retail": prices, "w_expi": st.integers(0, NOW * 2), "w_buy_min": st.integers(1, 9),
        "w_buy_max": st.integers(0, 9), "sku": st.none() | st.integers(0, 99),
        "weight": st.integers(0, 10**6).map(lambda grams: Decimal(grams) / 1000),
        "freight": prices, "cat": st.lists(st.sampled_from(["tea", "cups"]), max_size=3),
        "w_pkg": st.lists(st.sampled_from("abc"), unique=True).map(
            lambda ids: [{"w_id": id, "num": 2, "colour": "red"} for id in ids]
        ),
        "link": st.just("https://shop.example/cup"), "description": st.just("two\nlines"),
        "colour": st.sampled_from(["red", {"rgb": [1, Decimal("0.5"), None]}]),
        "w_tp": st.sampled_from(["A", None]),
        "pro_id": st.just("tea"), "price_by": st.just("bulk"),
    },
)  # fmt: skip


@given(documents)
def test_a_product_survives_the_way_through_a_record(document):
    product = Product.new(document, id="p1", now=NOW, currency="RMB")
    assert Product.from_record(decode(encode(product.to_record()))) == product


def test_its_kind_is_sent_or_virtual_or_what_the_store_says():
    assert [a_product(w_tp=kind).w_tp for kind in ("A", "Q", "", None)] == ["A", "Q", None, None]
    assert a_product(tp="Q").to_record()["w_tp"] == "Q"
    assert "w_tp" not in a_product(tp="product").to_record()
    for kind in ("S", "q", 1, True):
        with pytest.raises(InvalidValueError, match="w_tp must be"):
            a_product(w_tp=kind)


@pytest.mark.parametrize("field", ["weight", "freight"])
def test_what_is_virtual_has_nothing_that_sending_costs(field):
    with pytest.raises(InvalidValueError, match="it is virtual"):
        a_product(w_tp="Q", **{field: 1})
    with pytest.raises(InvalidValueError, match="it is virtual"):
        a_product(**{field: 1}).edited({"w_tp": "Q"}, NOW)
    assert a_product(**{field: 1}).edited({"w_tp": "Q", field: None}, NOW).w_tp == "Q"


def test_unknown_fields_are_kept_but_a_misspelled_one_of_ours_is_not():
    assert a_product(colour="red").to_record()["colour"] == "red"
    with pytest.raises(InvalidValueError, match="'w_prize' is not a field") as caught:
        a_product(w_prize=3)
    assert caught.value.hint == "did you mean w_price?"


def test_a_foreign_record_may_have_any_field():
    record = {**a_product().to_record(), "w_prize": "gold"}
    assert Product.from_record(record).to_record()["w_prize"] == "gold"


def test_fields_that_are_ours_are_not_taken_from_a_document():
    product = a_product(ct=1, lm=1, rev=9, tp="x", th_live=-1, edit_at=1)
    assert (product.ct, product.lm, product.rev, product.edit_at) == (NOW, NOW, 0, NOW)
    assert product.is_live


def test_of_price_and_retail_the_missing_one_copies_the_other():
    assert a_product(price=None, retail=yuan("40.00")).w_price == 4000


def test_only_a_package_may_have_no_price():
    assert a_product(price=None, w_pkg=[{"w_id": "a"}]).w_price is None
    with pytest.raises(InvalidValueError, match="w_price is missing"):
        a_product(price=None)


@pytest.mark.parametrize(
    "fields",
    [
        {"w_nm": ""}, {"w_price": -1}, {"w_price": yuan("1.005")}, {"w_price": "34.50"},
        {"w_buy_min": 0}, {"w_buy_min": yuan("1.5")}, {"w_buy_max": -1}, {"w_currency": "JPY"},
        {"w_expi": "2026-01-01"}, {"sku": -1}, {"weight": -1}, {"freight": -1},
        {"w_pkg": [{"num": 1}]}, {"w_pkg": [{"w_id": "a", "num": 0}]},
        {"w_pkg": [{"w_id": "a"}, {"w_id": "a"}]}, {"w_pkg": [{"w_id": "p-1"}]},
        {"w_pkg": "a"}, {"cat": [1]}, {"prices": [{}]},
    ],
)  # fmt: skip
def test_a_bad_field_is_refused(fields):
    document = {"nm": "mug", "w_nm": "Mug", "w_price": 1, **fields}
    with pytest.raises(InvalidValueError, match=r"^product 'mug': "):
        Product.new(document, id="p-1", now=NOW, currency="RMB")


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "x" * 65])
def test_a_name_with_control_characters_is_refused_and_not_echoed(name):
    with pytest.raises(InvalidValueError, match="nm must be at most 64") as caught:
        a_product(nm=name)
    assert "\x1b" not in str(caught.value)


def test_a_shop_word_and_its_stored_name_together_are_refused():
    with pytest.raises(InvalidValueError, match="w_nm and title are the same thing"):
        a_product(title="x")


def test_a_damaged_record_says_which_product_it_is():
    with pytest.raises(CorruptRecordError, match=r"product 'p1' is damaged: .*w_nm is missing"):
        Product.from_record({"id": "p1", "nm": "cup", "w_price": 1})


def test_a_package_names_its_parts():
    assert a_product(w_pkg=[{"w_id": "a", "num": 3}]).w_pkg == (Part("a", 3),)


def test_nothing_is_sold_after_w_expi_or_once_deleted():
    product = a_product(w_expi=NOW)
    product.require_sold(NOW)
    with pytest.raises(NotAllowedError, match="not sold any more"):
        product.require_sold(NOW + 1)
    with pytest.raises(NotAllowedError, match="was deleted"):
        product.deleted(NOW).require_sold(NOW)


@pytest.mark.parametrize(
    ("least", "most", "amount", "fits"),
    [(1, 5, 5, True), (1, 5, 6, False), (2, 5, 1, False), (2, 5, 2, True),
     (3, 3, 1000, True), (3, 2, 1000, True), (3, 0, 1000, True), (3, 3, 2, False)],
)  # fmt: skip
def test_a_most_up_to_the_least_is_no_limit(least, most, amount, fits):
    product = a_product(w_buy_min=least, w_buy_max=most)
    if fits:
        product.require_amount(amount)
    else:
        with pytest.raises(NotAllowedError, match=f"{amount} is too"):
            product.require_amount(amount)


@given(st.integers(0, 20), st.lists(st.integers(1, 9), max_size=12))
def test_sold_and_left_are_always_what_there_was(stock, wanted):
    product, sold = a_product(sku=stock), 0
    for amount in wanted:
        try:
            product = product.taken(amount, NOW)
        except NotAllowedError:
            assert amount > stock - sold
        else:
            sold += amount
        assert product.sku == stock - sold >= 0
    assert product.given_back(sold, NOW).sku == stock


def test_sold_out_and_too_few_say_so():
    with pytest.raises(NotAllowedError, match="sold out, 1 wanted"):
        a_product(sku=0).taken(1, NOW)
    with pytest.raises(NotAllowedError, match="only 3 left, 4 wanted"):
        a_product(sku=3).taken(4, NOW)


def test_a_stock_that_is_not_counted_does_not_run_out():
    product = a_product()
    assert product.taken(10**6, NOW) == product
    assert product.given_back(1, NOW) == product


def test_an_edit_changes_what_it_names_and_null_removes():
    product = a_product(sku=5, colour="red", link="https://a.example")
    edited = product.edited({"title": "Mug", "sku": None, "colour": None, "size": 3}, NOW + 5)
    assert (edited.w_nm, edited.sku, edited.link) == ("Mug", None, product.link)
    assert edited.extra == {"size": 3}
    assert (edited.id, edited.ct, edited.lm, edited.edit_at) == ("cup-01", NOW, NOW + 5, NOW + 5)


def test_an_edit_that_makes_it_invalid_is_refused():
    with pytest.raises(InvalidValueError, match="w_price is missing"):
        a_product().edited({"w_price": None}, NOW)


def test_a_product_is_edited_at_most_every_so_often_whatever_is_sold_meanwhile():
    product = a_product(sku=9).taken(1, NOW + 9 * 60_000)
    product.require_editable(NOW + 10 * 60_000, 10)
    with pytest.raises(NotAllowedError, match="edited less than 10 minutes ago") as caught:
        product.require_editable(NOW + 10 * 60_000 - 1, 10)
    assert caught.value.hint == "try again in 1 minutes"
    product.require_editable(NOW, 0)


def test_delete_is_logical_and_restore_undoes_it():
    deleted = a_product().deleted(NOW + 1)
    assert deleted.to_record()["th_live"] == -1
    assert deleted.restored(NOW + 2).is_live
    with pytest.raises(NotAllowedError, match="deleted already"):
        deleted.deleted(NOW)
    with pytest.raises(NotAllowedError, match="is not deleted"):
        a_product().restored(NOW)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"title": "A", "price": -1}, "price "),
        ({"w_nm": "A", "w_price": -1}, "w_price "),
        ({"price": 1}, "title is missing"),
        ({"w_price": 1}, "w_nm is missing"),
        ({"title": "A"}, "price is missing"),
        ({"title": "A", "price": 1, "stock": -1}, "stock must be"),
        ({"title": "A", "price": 1, "parts": [{"id": "a", "amount": 0}]}, "parts[0]: amount must"),
        ({"title": "A", "price": 1, "tp": "S"}, "tp must be A or Q"),
    ],
)
def test_errors_are_in_the_words_that_were_used(document, said):
    with pytest.raises(InvalidValueError, match=f": {re.escape(said)}"):
        Product.new(document, id="p", now=NOW, currency="RMB")
