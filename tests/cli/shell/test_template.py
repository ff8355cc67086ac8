"""The output template."""

from datetime import UTC

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
