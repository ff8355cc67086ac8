"""How a buyer is written on the command line."""

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.payments.buyer import Buyer, parse_buyer, parse_buyer_filter


@pytest.mark.parametrize(
    ("text", "buyer"),
    [
        ("walnut:45g67q", Buyer(1, "45g67q", "")),
        ("walnut:45g67q:xiaobai", Buyer(1, "45g67q", "xiaobai")),
        ("dusr:9ha3ey:小白", Buyer(2, "9ha3ey", "小白")),
        ("dusr:oX_-1:a:b", Buyer(2, "oX_-1", "a:b")),
    ],
)
def test_type_id_and_name_are_read(text, buyer):
    assert parse_buyer(text) == buyer


@pytest.mark.parametrize(
    "text", ["", "xiaobai", "walnut", "walnut:", "walnut::name", ":45:", "root:1", "WALNUT:1"]
)
def test_a_missing_id_or_unknown_type_is_refused(text):
    with pytest.raises(InvalidValueError, match="is not a buyer"):
        parse_buyer(text)


@pytest.mark.parametrize("part", ["a\nb", "a\0b", "\x1b[31m", "x" * 65, "\u202eevil"])
def test_control_characters_and_long_texts_are_refused_in_id_and_name(part):
    for text in (f"walnut:{part}", f"walnut:1:{part}"):
        with pytest.raises(InvalidValueError, match="is not a buyer") as caught:
            parse_buyer(text)
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("@wn::", {"buyer_tp": 1}),
        ("walnut", {"buyer_tp": 1}),
        ("dusr:9ha", {"buyer_tp": 2, "buyer_id": "9ha"}),
        (":45d2:", {"buyer_id": "45d2"}),
        ("::xiaobai", {"buyer_nm": "xiaobai"}),
        ("@wn:1:x", {"buyer_tp": 1, "buyer_id": "1", "buyer_nm": "x"}),
    ],
)
def test_a_filter_names_any_of_type_id_and_name(text, fields):
    assert parse_buyer_filter(text) == fields


@pytest.mark.parametrize("text", ["", "::", "xiaobai", "root:1:"])
def test_a_filter_of_nothing_or_of_an_unknown_type_is_refused(text):
    with pytest.raises(InvalidValueError, match="not a filter"):
        parse_buyer_filter(text)
