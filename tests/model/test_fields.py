"""Reading a document field by field."""

from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import CorruptRecordError, InvalidValueError
from payment_cli.model.codec import decode, encode
from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.shop.address import Address
from payment_cli.model.shop.coupon import Coupon
from payment_cli.model.shop.discount import Discount
from payment_cli.model.shop.freight import FreightSheet
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.shop.product import Product
from tests.support.shop import NOW, a_coupon, a_discount, a_product, an_order


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


READERS = {
    "text": lambda fields: fields.text("x", max_len=5),
    "required_text": lambda fields: fields.required_text("x"),
    "word": lambda fields: fields.word("x", Colour),
    "whole": lambda fields: fields.whole("x", low=0, high=9),
    "optional_whole": lambda fields: fields.optional_whole("x", high=9),
    "number": lambda fields: fields.number("x", high=9, places=2),
    "yuan": lambda fields: fields.yuan("x"),
    "required_yuan": lambda fields: fields.required_yuan("x"),
    "optional_yuan": lambda fields: fields.optional_yuan("x"),
    "currency": lambda fields: fields.currency("x"),
    "flag": lambda fields: fields.flag("x"),
    "mapping": lambda fields: fields.mapping("x"),
    "rows": lambda fields: fields.rows("x", most=2),
    "texts": lambda fields: fields.texts("x", most=2),
}


@pytest.mark.parametrize(
    ("reader", "value", "result"),
    [
        ("text", " tea ", "tea"),
        ("text", "12345", "12345"),
        ("text", None, ""),
        ("word", "red", Colour.RED),
        ("whole", 9, 9),
        ("whole", 0, 0),
        ("whole", None, 0),
        ("optional_whole", None, None),
        ("number", Decimal("4.25"), Decimal("4.25")),
        ("number", 4, Decimal(4)),
        ("number", None, Decimal(0)),
        ("yuan", Decimal("34.50"), 3450),
        ("yuan", None, 0),
        ("required_yuan", 0, 0),
        ("optional_yuan", 2, 200),
        ("optional_yuan", None, None),
        ("currency", "usd", "USD"),
        ("currency", None, "RMB"),
        ("flag", True, True),
        ("flag", None, False),
        ("mapping", {"a": 1}, {"a": 1}),
        ("texts", ["a", "b" * 200], ("a", "b" * 200)),
        ("texts", "a", ("a",)),
        ("texts", "", ()),
        ("texts", None, ()),
    ],
)
def test_a_good_field_is_read(reader, value, result):
    assert READERS[reader](Fields({"x": value}, "thing")) == result


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        ("text", 5), ("text", "longer"), ("text", "a\nb"), ("text", "a\0"), ("text", "\ud800"),
        ("required_text", ""), ("required_text", "  "), ("required_text", None),
        ("word", "green"), ("word", None), ("word", 1), ("word", ["red"]),
        ("whole", 10), ("whole", -1), ("whole", True), ("whole", "3"), ("whole", Decimal("3.0")),
        ("optional_whole", -1),
        ("number", Decimal("9.01")), ("number", Decimal("0.001")), ("number", -1),
        ("number", Decimal("NaN")), ("number", "4"), ("number", True),
        ("yuan", Decimal("1.005")), ("yuan", -1), ("required_yuan", None),
        ("currency", "JPY"), ("currency", 1), ("flag", 1), ("flag", "true"),
        ("mapping", []), ("rows", {}), ("rows", [1]), ("rows", [{}, {}, {}]),
        ("texts", [1]), ("texts", ["a", "b", "c"]), ("texts", ["a\0"]),
        ("texts", ["b" * 201]), ("optional_yuan", -1),
    ],
)  # fmt: skip
def test_a_bad_field_is_refused_by_name(reader, value):
    with pytest.raises(InvalidValueError, match=r"^thing: x"):
        READERS[reader](Fields({"x": value}, "thing"))


def test_a_missing_number_whose_default_is_out_of_range_is_missing():
    with pytest.raises(InvalidValueError, match="thing: x is missing"):
        Fields({}, "thing").whole("x", low=1)


def test_a_word_may_have_a_default():
    assert Fields({}, "thing").word("x", Colour, Colour.BLUE) is Colour.BLUE
    assert Fields({"x": "red"}, "thing").word("x", Colour, Colour.BLUE) is Colour.RED


def test_text_may_have_lines_where_that_is_said():
    assert Fields({"x": "a\nb"}, "thing").text("x", multiline=True) == "a\nb"


def test_money_of_foreign_records_is_rounded_where_typed_money_is_refused():
    document = {"x": Decimal("29.899999618530273"), "rows": [{"x": Decimal("1.005")}]}
    lenient = Fields(document, "thing", exact=False)
    assert lenient.yuan("x") == 2990
    assert [row.yuan("x") for row in lenient.rows("rows")] == [101]


def test_rows_name_their_place():
    (row,) = Fields({"parts": [{"num": 0}]}, "package box").rows("parts")
    with pytest.raises(InvalidValueError, match=r"^package box: parts\[0\]: num must be"):
        row.whole("num", 1, low=1)


def test_what_nobody_asked_for_is_the_rest():
    fields = Fields({"a": 1, "b": 2, "c": None, "d": 4}, "thing")
    fields.whole("a")
    assert fields.rest("d") == {"b": 2, "c": None}


def test_an_unknown_field_is_refused_with_the_one_it_looks_like():
    fields = Fields({"tresh": 1}, "discount")
    fields.yuan("thres")
    with pytest.raises(InvalidValueError, match="'tresh' is not a field") as caught:
        fields.refuse_rest()
    assert caught.value.hint == "did you mean thres?"


def test_a_long_value_is_cut_and_shown_in_ascii():
    with pytest.raises(InvalidValueError) as caught:
        Fields({"x": "\x1b[31m" + "茶" * 900}, "thing").whole("x")
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_invalid_stored_record_is_a_damaged_one():
    with (
        pytest.raises(CorruptRecordError, match="product cup is damaged: x is wrong"),
        reading_stored("product cup"),
    ):
        raise InvalidValueError("x is wrong")


ADDRESS = {"id": "a", "code": "110108", "street": "x", "consignee": "y", "phone": "13901234567"}
SHEET = {"first_weight": 1, "rules": {"CN": [{"ship_code": "11", "target_code": "0", "first": 1}]}}
WANTED = {"products": [{"id": "a", "amount": 1}], "coupons": [{"id": "c"}], "tp": "A"}
NEW = {"id": "x-1", "now": NOW, "currency": "RMB"}

#: What reads a document from outside, with one that it takes.
DOORS = {
    "product typed": (lambda document: Product.new(document, **NEW), a_product().to_record()),
    "product": (Product.from_record, a_product(w_pkg=[{"w_id": "a"}]).to_record()),
    "discount typed": (
        lambda document: Discount.new(document, **NEW),
        {"dis_nm": "x", "dis_mode": "tiered", "tiers": [{"thres": 1, "off": 1}]},
    ),
    "discount": (Discount.from_record, a_discount("nth", off_bp=1).to_record()),
    "coupon typed": (lambda document: Coupon.new(document, **NEW), {"title": "x", "type": 2}),
    "coupon": (Coupon.from_record, a_coupon().to_record()),
    "address typed": (lambda document: Address.new(document, id="a", uid="u", now=NOW), ADDRESS),
    "address": (Address.from_record, ADDRESS),
    "order": (Order.from_record, an_order().to_record()),
    "order input": (OrderInput.from_document, WANTED),
    "freight sheet": (FreightSheet.from_document, SHEET),
}

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["[1,9]", "CN_110108017000", "\ud800", "../x", "US", "+1", 10**30]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "w_id", "sku", "price", "off", "CN", "x"]), inner)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("door", DOORS)
@given(data=st.data())
def test_whatever_stands_in_a_document_it_is_read_or_refused_in_one_line(door, data):
    read, good = DOORS[door]
    name = data.draw(st.sampled_from([*good, "unknown"]))
    value = data.draw(anything)
    try:
        thing = read({**good, name: value})
    except (InvalidValueError, CorruptRecordError) as error:
        refused = str(error)
    else:
        refused = ""
        if isinstance(thing, Product | Discount | Coupon | Address | Order):
            assert type(thing).from_record(decode(encode(thing.to_record()))) == thing
    assert refused.isprintable()
