"""Yuan and fen, rates, splits."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.model.codec import decode, encode
from payment_cli.model.fee import FEE_MAX
from payment_cli.model.money import (
    at_rate,
    div_half_up,
    exact_fen,
    same_currency,
    split,
    to_fen,
    to_yuan,
    wire_currency,
)

FEN = st.integers(0, FEE_MAX)


@given(FEN)
def test_fen_survive_the_way_through_a_record(fen):
    stored = decode(encode(to_yuan(fen)))
    assert to_fen(stored, "w_price") == fen
    assert exact_fen(stored, "w_price") == fen


@given(FEN)
def test_yuan_always_have_two_decimals(fen):
    assert str(to_yuan(fen)) == f"{fen // 100}.{fen % 100:02d}"


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [
        ("0.005", 1),
        ("0.00499999999999999999999999999999999999999999", 0),
        ("34.5", 3450),
        ("1.115", 112),
        ("1.125", 113),
        # What a float32 makes of 29.9, as the reference's records have it.
        ("29.899999618530273", 2990),
        ("1E+3", 100_000),
    ],
)
def test_to_fen_rounds_half_up(yuan, fen):
    assert to_fen(Decimal(yuan), "w_price") == fen


def test_whole_yuan_may_be_written_without_decimals():
    assert to_fen(34, "w_price") == 3400


@pytest.mark.parametrize(
    "value",
    [True, "34.50", None, 34.5, -1, Decimal("-0.01"), Decimal("NaN"), Decimal("Infinity"),
     Decimal("1E+999999"), FEE_MAX // 100 + 1],
)  # fmt: skip
def test_what_is_no_amount_of_yuan_is_refused_with_its_place(value):
    with pytest.raises(InvalidValueError, match="product cup: w_price must be"):
        to_fen(value, "product cup: w_price")


@pytest.mark.parametrize("text", ["0.005", "12.345", "0.01000000000000000000000000000000000001"])
def test_a_typed_amount_is_never_rounded(text):
    with pytest.raises(InvalidValueError, match="w_price has more than two decimals"):
        exact_fen(Decimal(text), "w_price")


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**6))
def test_division_rounds_halves_away_from_zero(numerator, denominator):
    result = div_half_up(numerator, denominator)
    distance = abs(result * denominator - numerator) * 2
    assert distance <= denominator
    if distance == denominator:
        assert abs(result) * denominator > abs(numerator)


@pytest.mark.parametrize(("numerator", "result"), [(5, 3), (-5, -3), (4, 2), (1, 1), (-1, -1)])
def test_halves_by_hand(numerator, result):
    assert div_half_up(numerator, 2) == result


def test_a_rate_of_eighty_percent_rounds_half_up_to_the_fen():
    assert at_rate(1_01, 8_000) == 81  # 80.8
    assert at_rate(2_50, 500) == 13  # 12.5


@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.integers(0, 10**12), min_size=1, max_size=20),
)
def test_a_split_always_adds_up_and_is_fair(total, weights):
    parts = split(total, weights)
    assert sum(parts) == total
    whole = sum(weights) or len(weights)
    shares = weights if sum(weights) else [1] * len(weights)
    for part, weight in zip(parts, shares, strict=True):
        assert abs(part * whole - total * weight) < whole


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20), st.data())
def test_no_part_of_a_discount_is_above_its_line(weights, data):
    total = data.draw(st.integers(0, sum(weights)))
    parts = split(total, weights)
    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))


def test_the_odd_fen_goes_to_the_largest_remainder_then_to_the_first():
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(100, [1, 2, 3]) == [17, 33, 50]
    assert split(-100, [1, 1, 1]) == [-34, -33, -33]


def test_weights_of_zero_get_nothing_unless_all_are():
    assert split(7, [0, 3, 0]) == [0, 7, 0]
    assert split(7, [0, 0]) == [4, 3]


@given(st.integers(), st.lists(st.integers(-5, 5)))
def test_a_split_without_parts_or_with_negative_weights_is_a_bug(total, weights):
    assume((total and not weights) or any(weight < 0 for weight in weights))
    with pytest.raises(ValueError, match="a split needs parts"):
        split(total, weights)


def test_nothing_splits_into_no_parts():
    assert split(0, []) == []


def test_rmb_is_cny_on_the_wire():
    assert wire_currency("rmb") == "CNY"
    assert wire_currency("USD") == "USD"
    assert same_currency("RMB", "CNY")
    assert not same_currency("RMB", "USD")


@pytest.mark.parametrize("currency", ["JPY", "BHD", "XXX", ""])
def test_currencies_not_counted_in_hundredths_are_refused(currency):
    with pytest.raises(InvalidValueError, match="not a currency we count"):
        wire_currency(currency)
