"""Volume price rules."""

from decimal import Decimal

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.fields import Fields
from payment_cli.model.shop.product_rule import Counts, read_price_rules


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("[1,9]", (1, 9), (0, 10)),
        ("(1,9)", (2, 8), (1, 9)),
        ("[10,)", (10, 10**6), (9,)),
        ("(,5]", (0, 5), (6,)),
        ("[5]", (5,), (4, 6)),
        (" [ 2 , 3 ] ", (2, 3), (1, 4)),
    ],
)
def test_a_range_of_counts_has_the_ends_it_says(text, inside, outside):
    counts = Counts.parse(text, "sku")
    assert all(count in counts for count in inside)
    assert not any(count in counts for count in outside)


@pytest.mark.parametrize("text", ["", "1,9", "[]", "[5 6]", "[9,1]", "(5)", "[1.5,2]", "[-1,2]",
                                  "[1,2,3]", "[1," + "9" * 5000 + "]"])  # fmt: skip
def test_what_is_no_range_is_refused(text):
    with pytest.raises(InvalidValueError, match="sku"):
        Counts.parse(text, "sku")


def rules(*items, name="bulk"):
    rows = [{"sku": sku, "price": Decimal(price)} for sku, price in items]
    return read_price_rules(Fields({"prices": [{"name": name, "rules": rows}]}, "product tea"))


def test_the_first_item_that_fits_wins():
    (rule,) = rules(("[1,9]", "10"), ("[5,20]", "8"))
    assert rule.price_for(5) == 1000
    assert rule.price_for(10) == 800


@pytest.mark.parametrize(
    ("ranges", "unreached"),
    [
        (("[10,)", "[50,)"), "[50,)"),
        (("[1,9]", "[5]"), "[5]"),
        (("[1,9]", "[10,19]", "[5,15]"), "[5,15]"),
        (("[10,19]", "(,9]", "[5,15]"), "[5,15]"),
        (("[50,)", "[10,)"), None),
        (("[1,9]", "[5,20]"), None),
        (("[10,19]", "[1,30]"), None),
    ],
)
def test_an_item_that_never_applies_is_found(ranges, unreached):
    (rule,) = rules(*((text, "1") for text in ranges))
    assert (rule.unreached and rule.unreached.counts.text) == unreached


def test_a_count_that_no_item_fits_has_no_price_of_the_rule():
    (rule,) = rules(("[2,9]", "10"), ("[20,30]", "8"))
    assert [rule.price_for(count) for count in (1, 2, 10, 31)] == [None, 1000, None, None]


def test_rules_survive_the_way_through_a_record_with_fields_nobody_knows():
    row = {
        "name": "bulk",
        "title": "By the dozen",
        "colour": "red",
        "rules": [{"sku": "[1,9]", "price": Decimal("10.00"), "note": "x"}],
    }
    (rule,) = read_price_rules(Fields({"prices": [row]}, "product tea"))
    assert rule.to_row() == row


@pytest.mark.parametrize(
    "rows",
    [
        [{"rules": [{"sku": "[1,9]", "price": 1}]}],
        [{"name": "bulk"}],
        [{"name": "bulk", "rules": [{"sku": "[1,9]"}]}],
        [{"name": "bulk", "rules": [{"price": 1}]}],
        [{"name": "bulk", "rules": [{"sku": "[1,9]", "price": -1}]}],
        [{"name": "bulk", "rules": [{"sku": "[1,9]", "price": 1}]}] * 2,
    ],
)
def test_an_incomplete_rule_is_refused(rows):
    with pytest.raises(InvalidValueError, match="product tea: prices"):
        read_price_rules(Fields({"prices": rows}, "product tea"))
