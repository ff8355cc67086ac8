"""Objects as they are typed."""

from decimal import Decimal

import pytest

from payment_cli.cli.shell.loose_json import read_object
from payment_cli.errors import InvalidValueError


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ('{"a":1}', {"a": 1}),
        ("{a:'x', b:[1,null,true],}", {"a": "x", "b": [1, None, True]}),
        ("a:1, b:'y'", {"a": 1, "b": "y"}),
        ('{"price":0.10}', {"price": Decimal("0.10")}),
        ("{price:0.1}", {"price": Decimal("0.1")}),
        ("{}", {}),
        ("  ", {}),
        ("{a:{b:1}}", {"a": {"b": 1}}),
    ],
)
def test_strict_and_loose_objects_are_read_with_exact_numbers(text, record):
    assert read_object(text, "it") == record


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        "{a:}",
        "hello",
        "{a:NaN}",
        "{a:Infinity}",
        '{"a":1,"a":2}',
        "{" * 200,
        "{a:1}}",
        "\0",
        '{"a":"\\ud800"}',
    ],
)
def test_what_is_no_object_is_refused_in_one_line(text):
    with pytest.raises(InvalidValueError) as caught:
        read_object(text, "the metadata")
    assert "the metadata" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "-0x" + "f" * 900, "1e999999999"])
def test_a_number_that_is_too_long_is_refused(number):
    with pytest.raises(InvalidValueError, match=r"it (has|is not)"):
        read_object(f"{{a:[{number}]}}", "it")
