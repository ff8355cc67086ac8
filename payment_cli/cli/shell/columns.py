"""Columns of a table (`-t id,fee,ct:time`), and the table as plain text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain, zip_longest
from typing import NamedTuple, Protocol
from unicodedata import combining, east_asian_width

from payment_cli.cli.shell.printing import plain_text, value_at
from payment_cli.cli.shell.text import printable
from payment_cli.errors import InvalidValueError
from payment_cli.model.codec import is_far
from payment_cli.model.query.zones import Zone, wall_time
from payment_cli.model.record import Json

TIME_FORMAT = "yyyy-MM-dd HH:mm:ss"

#: The letters of the reference's date formats, and what they are for `strftime`.
_LETTERS = {
    "yyyy": "%Y", "yy": "%y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S",
}  # fmt: skip
_LETTER = re.compile("|".join(["SSS", *_LETTERS]))


class Cell(NamedTuple):
    """One cell; numbers are set to the right."""

    text: str
    is_number: bool = False


class Rows(Protocol):
    """Rows that can be gone through more than once."""

    def __iter__(self) -> Iterator[Sequence[Cell]]:
        """Yield them from the first."""


class Column(NamedTuple):
    """One column: the path of its value and, for times, how they are written."""

    path: str
    time_format: str | None = None

    @property
    def is_id(self) -> bool:
        """Whether the column holds ids, which nothing may break or shorten."""
        return self.path == "id" or self.path.endswith(("_id", ".id"))

    def cell(self, record: Mapping[str, Json], zone: Zone) -> Cell:
        """Return the record's cell, fit for a terminal; times are those of `zone`."""
        value = value_at(record, self.path)
        if self.time_format is not None and _is_number(value):
            return Cell(format_time(value, zone, self.time_format))
        return Cell(printable(plain_text(value)), _is_number(value))


def parse_columns(text: str) -> tuple[Column, ...]:
    """Read `path,path:time,path:time:FORMAT`.

    Raises:
        InvalidValueError: there is no column, or one of a kind that is not `time`.
    """
    columns = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        path, _, kind = part.partition(":")
        kind, _, form = kind.partition(":")
        if kind not in ("", "time"):
            raise InvalidValueError(
                f"-t {printable(part)[:40]}: {printable(kind)[:20]} is not a kind of column",
                hint="write PATH, PATH:time or PATH:time:yyyy-MM-dd",
            )
        columns.append(Column(path, (form or TIME_FORMAT) if kind else None))
    if not columns:
        raise InvalidValueError("-t names no column", hint="for instance -t id,fee,st,ct:time")
    return tuple(columns)


def format_time(value: Json, zone: Zone, form: str = TIME_FORMAT) -> str:
    """Return AMS in a time zone; `form` as `yyyy-MM-dd HH:mm:ss.SSS`. 0 is "", not 1970."""
    if not isinstance(value, (int, Decimal)) or value == 0:
        return ""
    if isinstance(value, Decimal) and is_far(value):
        return str(value)  # as an int it would fill the memory
    try:
        local = wall_time(int(value), zone())
    except OverflowError:
        return str(value)  # no calendar has this time, so the number itself says more

    def written(found: re.Match[str]) -> str:
        letters = found.group()
        return (
            f"{local.microsecond // 1000:03d}"
            if letters == "SSS"
            else local.strftime(_LETTERS[letters])
        )

    return printable(_LETTER.sub(written, form))


def plain_table(header: Sequence[str] | None, rows: Rows, *, has_border: bool) -> Iterator[str]:
    """Yield the lines of a table; nothing is shortened, however wide it becomes.

    The rows are gone through twice: how wide a column is, and to which side it is set, is known at
    their end.
    """
    names = [printable(name) for name in header or ()]
    widths = [_width(name) for name in names]
    is_number = [False] * len(widths)
    for row in rows:
        widths = [max(pair) for pair in zip_longest(widths, map(_cell_width, row), fillvalue=0)]
        found = (cell.is_number for cell in row)
        is_number = [any(pair) for pair in zip_longest(is_number, found, fillvalue=False)]
    head = [[Cell(name, n) for name, n in zip(names, is_number, strict=True)]] if names else []
    rule = "+".join(["", *("-" * (width + 2) for width in widths), ""])
    if has_border:
        yield rule
    for number, row in enumerate(chain(head, rows)):
        cells = [_padded(cell, width) for cell, width in zip(row, widths, strict=True)]
        yield f"| {' | '.join(cells)} |" if has_border else "  ".join(cells).rstrip()
        if number == 0 and head:
            yield rule if has_border else "  ".join("-" * width for width in widths)
    if has_border:
        yield rule


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _cell_width(cell: Cell) -> int:
    return _width(cell.text)


def _width(text: str) -> int:
    """Return how many columns of a terminal the text takes: wide characters take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text
    )


def _padded(cell: Cell, width: int) -> str:
    space = " " * (width - _width(cell.text))
    return space + cell.text if cell.is_number else cell.text + space
