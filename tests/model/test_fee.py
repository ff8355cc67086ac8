"""What a typed fee may look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.model.fee import CURRENCIES, FEE_MAX, check_currency, parse_fee


@pytest.mark.parametrize(
    ("text", "fee"),
    [
        ("2300", (2300, None)),
        ("0", (0, None)),
        ("0099", (99, None)),
        (" 5 ", (5, None)),
        ("2300USD", (2300, "USD")),
        ("2300 usd", (2300, "USD")),
        ("1RMB", (1, "RMB")),
        (str(FEE_MAX), (FEE_MAX, None)),
        ("0" * 5000 + "7", (7, None)),
    ],
)
def test_whole_fen_with_or_without_a_currency_are_read(text, fee):
    assert parse_fee(text) == fee


@pytest.mark.parametrize(
    "text",
    ["", " ", "-1", "+1", "1.5", "1,000", "1e3", "0x10", "２３", "٣", "23¥", "USD", "1US", "1USDX",
     "1\n2", "1\0", "NaN", "Infinity"],
)  # fmt: skip
def test_anything_else_is_not_a_fee(text):
    with pytest.raises(InvalidValueError, match="is not a fee") as caught:
        parse_fee(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [str(FEE_MAX + 1), "9" * 20, "9" * 10_000, "1" + "0" * 13 + "USD"])
def test_a_fee_above_the_limit_is_refused_and_the_limit_named(text):
    with pytest.raises(InvalidValueError, match="too large") as caught:
        parse_fee(text)
    assert str(FEE_MAX) in caught.value.hint


@pytest.mark.parametrize("text", ["JPY", "KRW", "XXX", "US", "", "RM B", "人民币"])
def test_a_currency_without_hundredths_or_unknown_is_refused(text):
    with pytest.raises(InvalidValueError, match="not a currency"):
        check_currency(text)


@given(st.integers(0, FEE_MAX), st.sampled_from([*CURRENCIES, ""]))
def test_every_fee_in_range_survives_being_written_and_read(fen, currency):
    assert parse_fee(f"{fen}{currency}") == (fen, currency or None)


@given(st.text())
def test_no_text_makes_anything_but_a_fee_in_range_or_one_refusal(text):
    try:
        fen, _ = parse_fee(text)
    except InvalidValueError:
        return
    assert 0 <= fen <= FEE_MAX
