"""The output template."""

from contextlib import suppress
from datetime import UTC
from decimal import Decimal

import pytest

from payment_cli.cli.shell.template import compile_template
from payment_cli.errors import InvalidValueError

RECORD = {
    "id": "a1",
    "fee": 2300,
    "re_obj": {"url": "u"},
    "none": None,
    "empty": "",
    "at": 0,
    "ct": 1_795_305_601_234,
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("@{id}: @{fee}", "a1: 2300"),
        ("@{ re_obj.url }", "u"),
        ("@{none}|@{missing}|@{empty}", "||"),
        ("@{none?-}|@{empty?nothing here}", "-|nothing here"),
        ("@{at<date:yyyy>}.", "."),
        ("@{ct<date:yyyy-MM-dd HH:mm>}", "2026-11-22 00:00"),
        ("@{re_obj<json>}", '{"url":"u"}'),
        ("me@@example.com @", "me@example.com @"),
        ("$@{fee}", "$2300"),
    ],
)
def test_placeholders_are_filled_in(template, text):
    assert compile_template(template, lambda: UTC)(RECORD) == text


def test_a_value_is_never_read_as_a_template():
    assert compile_template("@{id}", lambda: UTC)({"id": "@{fee}", "fee": 1}) == "@{fee}"


@pytest.mark.parametrize("template", ["@{}", "@{ }", "@{<date>}", "@{a<b}", "@{?x}"])
def test_a_placeholder_that_cannot_be_read_is_refused(template):
    with pytest.raises(InvalidValueError, match="not a placeholder"):
        compile_template(template, lambda: UTC)


#: Each takes hours where something is tried again for each character.
LONG = 300_000


@pytest.mark.parametrize(
    "template",
    [
        "@{" * LONG,
        "@" * LONG,
        "@{a" + " " * LONG,
        "}" * LONG + "@{" * LONG,
        "@{" * LONG + "@@}@{id}",
    ],
    ids=["open", "signs", "blanks", "closed before", "one closed"],
)  # fmt: skip
def test_a_template_takes_no_longer_than_it_is_long(template):
    filled = None
    with suppress(InvalidValueError):
        filled = compile_template(template, lambda: UTC)({"id": "x"})
    assert filled is None or len(filled) <= len(template)


@pytest.mark.parametrize("inside", [f"a{' ' * LONG}x", f"a<date{' ' * LONG}x", f"{' ' * LONG}?"])
def test_a_placeholder_that_is_none_is_refused_at_once(inside):
    with pytest.raises(InvalidValueError, match="is not a placeholder"):
        compile_template(f"@{{{inside}}}", lambda: UTC)


def test_a_number_that_no_calendar_has_is_shown_as_it_is():
    fill = compile_template("@{at<date>}", lambda: UTC)
    assert fill({"at": Decimal("1e999999999")}) == "1E+999999999"
