"""Columns and plain tables."""

from datetime import timedelta, timezone

import pytest

from payment_cli.cli.shell.columns import Cell, Column, format_time, parse_columns, plain_table
from payment_cli.errors import InvalidValueError


def shanghai():
    return timezone(timedelta(hours=8))


def test_columns_are_paths_with_an_optional_time_format():
    assert parse_columns("id, fee ,ct:time,lm:time:HH:mm") == (
        Column("id"),
        Column("fee"),
        Column("ct", "yyyy-MM-dd HH:mm:ss"),
        Column("lm", "HH:mm"),
    )


@pytest.mark.parametrize("text", ["", " , ", "id:date", "ct:time2"])
def test_no_column_or_a_column_of_unknown_kind_is_refused(text):
    with pytest.raises(InvalidValueError, match=r"^-t "):
        parse_columns(text)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("yyyy-MM-dd HH:mm:ss", "2026-11-22 08:00:01"),
        ("yy/MM/dd", "26/11/22"),
        ("HH:mm:ss.SSS", "08:00:01.234"),
        ("yyyy年MM月", "2026年11月"),
    ],
)
def test_times_are_those_of_the_zone_and_formatted_by_the_letters_of_the_reference(form, text):
    assert format_time(1_795_305_601_234, shanghai, form) == text


def test_a_time_that_never_was_is_empty_and_an_impossible_one_is_its_number():
    assert format_time(0, shanghai) == ""
    assert format_time(None, shanghai) == ""
    assert format_time(10**30, shanghai) == str(10**30)


def test_a_cell_reaches_into_objects_and_lists():
    record = {"a": {"b": [{"c": 7}]}, "a.x": 1, "big": [1, {"k": None}], "t": True}
    assert Column("a.b.0.c").cell(record, shanghai) == Cell("7", is_number=True)
    assert Column("a.x").cell(record, shanghai) == Cell("1", is_number=True)
    assert Column("a.b.9.c").cell(record, shanghai) == Cell("")
    assert Column("big").cell(record, shanghai) == Cell('[1,{"k":null}]')
    assert Column("t").cell(record, shanghai) == Cell("true")


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "\x9b31m", "\u202eevil", "\x07", "a\tb"])
def test_control_characters_never_reach_a_cell_raw(text):
    shown = Column("brief").cell({"brief": text}, shanghai).text
    assert shown.isprintable()
    assert shown != text


def test_a_table_without_border_is_aligned_and_shortens_nothing():
    rows = [[Cell("x" * 300), Cell("5", is_number=True)], [Cell("茶"), Cell("12", is_number=True)]]
    lines = list(plain_table(["brief", "fee"], rows, has_border=False))
    assert lines == [
        "brief" + " " * 295 + "  fee",
        "-" * 300 + "  ---",
        "x" * 300 + "    5",
        "茶" + " " * 298 + "   12",
    ]


def test_a_border_surrounds_header_and_rows():
    lines = list(plain_table(["id"], [[Cell("a1")]], has_border=True))
    assert lines == ["+----+", "| id |", "+----+", "| a1 |", "+----+"]


def test_a_table_of_nothing_is_its_header():
    assert list(plain_table(["id", "st"], [], has_border=False)) == ["id  st", "--  --"]
    assert list(plain_table(None, [], has_border=False)) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("rows.name", '["a","b"]'),
        ("rows.0.name", "a"),
        ("rows.parts.num", "[[1,2],null]"),
        ("rows.0.parts.num", "[1,2]"),
        ("rows.none", ""),
        ("rows.9.name", ""),
        ("sub.x.y", "5"),
        ("a.b", "dotted"),
    ],
)
def test_a_path_goes_through_lists(path, text):
    record = {
        "rows": [{"name": "a", "parts": [{"num": 1}, {"num": 2}]}, {"name": "b"}],
        "sub": {"x": {"y": 5}},
        "a.b": "dotted",
    }
    [column] = parse_columns(path)
    assert column.cell(record, shanghai).text == text
