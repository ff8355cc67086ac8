from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.model.codec import (
    DEPTH_MAX,
    decode,
    decode_foreign,
    decode_foreign_object,
    encode,
    encode_pretty,
)
from tests.support.fuzzing import read_or_refused

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_is_read_back_exactly(value) -> None:
    def normal(v):  # a whole Decimal such as 5 is written as the number 5
        if isinstance(v, Decimal):
            return Decimal(v)
        return v

    for text in (encode(value), encode_pretty(value)):
        again = decode(text)
        assert encode(again) == encode(value)
        assert normal(again) == normal(value)


@pytest.mark.parametrize("text", ["34.50", "0.1", "1E+3", "0.00", "12345678901234567890.12"])
def test_a_decimal_keeps_its_digits(text: str) -> None:
    assert encode(decode(text)) == text


@pytest.mark.parametrize(
    "document",
    [
        b"", b"{", b'{"a":1,"a":2}', b"NaN", b'{"a":Infinity}', b"\xff\xfe", b'"\xed\xa0\x80"',
        b'"\\ud800"', b'{"\\udc00":1}', b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
        b"[" * 100_000, b"{}{}", b"01", b'"\\u0000"',
    ],
)  # fmt: skip
def test_a_bad_document_is_one_clear_error(document: bytes) -> None:
    with pytest.raises(InvalidValueError, match="the body"):
        decode_foreign(document, "the body")


def test_no_bytes_make_anything_but_a_value_or_that_error() -> None:
    def same(_document: bytes, value: object) -> None:
        assert decode(encode(value)) == value

    read_or_refused(
        st.binary(max_size=60) | VALUES.map(lambda value: encode(value).encode()),
        lambda data: decode_foreign(data, "x"),
        same,
    )


def test_an_object_is_asked_for_where_one_is_needed() -> None:
    with pytest.raises(InvalidValueError):
        decode_foreign_object("[1]", "meta")
    assert decode_foreign_object('{"a": 1.50}', "meta") == {"a": Decimal("1.50")}


def test_what_nests_too_deep_is_no_json_of_ours() -> None:
    for text in ("[" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(ValueError, match="nested too deep"):
            decode(text)


@pytest.mark.parametrize(
    "number",
    ["1e999999999", "-1E+999999999", "1e-999999999", "0e999999999", "1e99999999999999999999",
     "1e401", "1" * 1001, "1." + "0" * 1000, "1" * 5000, "1e" + "0" * 5000 + "9999"],
)  # fmt: skip
def test_no_number_from_outside_is_too_large_to_write_out(number):
    with pytest.raises(InvalidValueError, match="a number is too"):
        decode_foreign(f'{{"a": [{number}]}}', "it")


@pytest.mark.parametrize(
    "number", ["1e400", "-1.5E-400", "9" * 1000, "1e0000000400", "0.10", "1E+3"]
)
def test_other_numbers_are_exact(number):
    assert Decimal(encode(decode_foreign(number, "it"))) == Decimal(number)
