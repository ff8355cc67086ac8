"""A discount's record; what it takes is in test_pricing_discount.py."""

import pytest

from payment_cli.errors import CorruptRecordError, InvalidValueError, NotAllowedError
from payment_cli.model.codec import decode, encode
from payment_cli.model.shop.discount import Discount, Mode, Tier
from tests.support.shop import NOW, a_discount, yuan

EXAMPLES = [
    {"dis_mode": "percent", "off_bp": 1250, "cats": ["tea"], "start_at": NOW, "dis_expi": NOW + 9},
    {"dis_mode": "amount", "off": yuan("5.00"), "thres": yuan("50.00"), "goods": ["cup", "mug"]},
    {"dis_mode": "tiered", "tiers": [{"thres": yuan("100.00"), "off": yuan("10.00")}]},
    {"dis_mode": "tiered", "tiers": [{"count": 2, "off_bp": 500}, {"count": 3, "off_bp": 900}]},
    {"dis_mode": "nth", "nth": 3, "off_bp": 5000, "priority": -2, "stack": True},
]


@pytest.mark.parametrize("document", EXAMPLES)
def test_a_discount_survives_the_way_through_a_record(document):
    discount = Discount.new({"dis_nm": "x", **document}, id="d-1", now=NOW, currency="RMB")
    record = discount.to_record()
    assert {name: record[name] for name in document} == document
    assert record["dis_id"] == record["id"] == "d-1"
    assert Discount.from_record(decode(encode(record))) == discount


def test_unknown_fields_of_a_stored_discount_are_kept():
    record = {**a_discount("percent", off_bp=1000).to_record(), "colour": "red"}
    assert Discount.from_record(record).to_record()["colour"] == "red"


def test_a_misspelled_field_is_refused_since_it_would_drop_a_condition():
    with pytest.raises(InvalidValueError, match="'tresh' is not a field") as caught:
        a_discount("amount", off=5, tresh=50)
    assert caught.value.hint == "did you mean thres?"
    with pytest.raises(InvalidValueError, match="'off' is not a field"):
        a_discount("percent", off_bp=1000, off=5)
    with pytest.raises(InvalidValueError, match="'tresh' is not a field"):
        a_discount("tiered", tiers=[{"count": 2, "off": 5, "tresh": 50}])


@pytest.mark.parametrize(
    "fields",
    [
        {"dis_mode": "free", "off_bp": 1},
        {"off_bp": 1},
        {"dis_mode": "percent"},
        {"dis_mode": "percent", "off_bp": 0},
        {"dis_mode": "percent", "off_bp": 10001},
        {"dis_mode": "percent", "off_bp": yuan("0.1")},
        {"dis_mode": "amount"},
        {"dis_mode": "amount", "off": -5},
        {"dis_mode": "amount", "off": 5, "thres": -1},
        {"dis_mode": "nth", "off_bp": 1, "nth": 1},
        {"dis_mode": "tiered"},
        {"dis_mode": "tiered", "tiers": [{"off": 5}]},
        {"dis_mode": "tiered", "tiers": [{"thres": 5}]},
        {"dis_mode": "tiered", "tiers": [{"thres": 5, "count": 2, "off": 1}]},
        {"dis_mode": "tiered", "tiers": [{"thres": 5, "off": 1, "off_bp": 1}]},
        {"dis_mode": "tiered", "tiers": [{"thres": 5, "off": 1}, {"thres": 5, "off": 2}]},
        {"dis_mode": "tiered", "tiers": [{"thres": 5, "off": 1}, {"count": 5, "off": 2}]},
        {"dis_mode": "percent", "off_bp": 1, "start_at": 9, "dis_expi": 8},
        {"dis_mode": "percent", "off_bp": 1, "stack": "yes"},
    ],
)
def test_a_bad_discount_is_refused(fields):
    with pytest.raises(InvalidValueError, match=r"^discount 'tea week'"):
        Discount.new({"dis_nm": "tea week", **fields}, id="d-1", now=NOW, currency="RMB")


def test_a_discount_may_last_an_instant_and_takes_the_second_piece_by_default():
    discount = a_discount("nth", off_bp=5000, start_at=9, dis_expi=9)
    assert (discount.nth, discount.dis_expi) == (2, 9)


@pytest.mark.parametrize(("mode", "missing"), [("amount", "off"), ("percent", "off_bp")])
def test_the_field_that_a_mode_needs_is_named(mode, missing):
    with pytest.raises(InvalidValueError, match=f": {missing} is missing"):
        a_discount(mode)


def test_a_damaged_record_says_which_discount_it_is():
    with pytest.raises(CorruptRecordError, match="discount 'd-9' is damaged"):
        Discount.from_record({"id": "d-9", "dis_mode": "percent"})


def test_the_stores_currency_is_the_default():
    document = {"dis_nm": "x", "dis_mode": "amount", "off": 5}
    assert Discount.new(document, id="d-1", now=NOW, currency="USD").dis_currency == "USD"


def test_goods_and_categories_limit_it_and_without_both_it_is_for_all():
    limited = a_discount("percent", off_bp=1, goods=["cup"], cats=["tea"])
    assert limited.covers("cup", ())
    assert limited.covers("x", ("red", "tea"))
    assert not limited.covers("x", ("red",))
    assert a_discount("percent", off_bp=1).covers("x", ())


def test_an_edit_changes_what_it_names_and_null_removes():
    edited = a_discount("amount", off=5, thres=50, cats=["tea"]).edited(
        {"off": 6, "thres": None}, NOW + 1
    )
    assert edited.tiers == (Tier(off=600),)
    assert (edited.cats, edited.lm, edited.ct) == (("tea",), NOW + 1, NOW)
    with pytest.raises(InvalidValueError, match="'offf' is not a field"):
        edited.edited({"offf": 7}, NOW)


def test_an_edit_to_another_mode_needs_that_modes_fields():
    percent = a_discount("amount", off=5).edited(
        {"dis_mode": "percent", "off": None, "off_bp": 1000}, NOW
    )
    assert (percent.dis_mode, percent.tiers) == (Mode.PERCENT, (Tier(off_bp=1000),))


def test_delete_is_logical():
    deleted = a_discount("percent", off_bp=1).deleted(NOW + 1)
    assert deleted.to_record()["th_live"] == -1
    with pytest.raises(NotAllowedError, match="deleted already"):
        deleted.deleted(NOW)
