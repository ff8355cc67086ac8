"""What a text asks for when it stands as a value in a match: the rules of walnut's queries.

First rule that fits:

    ""                  has any value (is not null)
    "!"                 the same
    "^abc" "!^abc"      a regular expression (RE2), or its negation
    "!abc"              anything but the text abc
    "%ms:now-1h"        that time in AMS; "%date:…" is the same (model/query/times.py)
    "a*b"               a text that starts with a and goes on with b somewhere; * is anything
    "[1,5)" "(,2.5]"    a range, [ ] with the bound, ( ) without; a missing bound is no bound
    "[7]" "(7)"         equal to 7, not equal to 7
    "Date[…]" "MS[…]"   the same with times only
    anything else       equal to that text

A range's bounds are two numbers or times, or two texts. In a plain range digits are a number and
`2021-05-13` or `now-1h` (also `%ms:now-1h`) are times; within Date[…] and MS[…] eight digits are
a date as well. A text in brackets that has no comma, or several, and is no number or time, is
just a text. A list of one takes its text as it is, so `["(a, b)"]` asks for that very text.
"""

import re
from decimal import Decimal
from typing import TypeAlias

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.evaluate import search_of
from payment_cli.model.query.match import (
    Equal,
    Glob,
    IsNull,
    Match,
    Not,
    Regex,
    between,
    negate,
)
from payment_cli.model.query.times import TimeReader

Bound: TypeAlias = int | Decimal | str

# Patterns are texts, compiled by `re` when the first value is read.
_RANGE = r"(?s)(Date|date|MS|ms|Ms|mS)?\s*([\[(])(.*)([\])])"
_NUMBER = r"(?a)[+-]?(\d{1,60}(\.\d{0,60})?|\.\d{1,60})([eE][+-]?\d{1,3})?"
_TIME_PREFIX = r"%(ms|date):\s*"
_AS_TEXT_HINT = "to ask for this very text write a list of one"


def match_of_text(path: str, text: str, times: TimeReader) -> Match:
    """Return what `text` asks of the field at `path`.

    Raises:
        InvalidValueError: it is a regular expression, a range or a time that is not well formed.
    """
    if text in ("", "!"):
        return Not(IsNull(path))
    if text.startswith(("^", "!^")):
        found = Regex(path, text.removeprefix("!"))
        search_of(found.pattern)
        return Not(found) if text[0] == "!" else found
    if text[0] == "!":
        return Not(Equal(path, text[1:]))
    if re.match(_TIME_PREFIX, text):
        return Equal(path, _time(text, times))
    if "*" in text:
        return Glob(path, tuple(text.split("*")))
    return _range(path, text, times) or Equal(path, text)


def read_bound(text: str, times: TimeReader, *, is_end: bool = False) -> Bound | None:
    """Return a range's bound: a number, a time as AMS, a text, or None for no text at all.

    A day that `is_end`, which is an end that is included, is meant to its last millisecond.

    Raises:
        InvalidValueError: it is written like a time, but there is no such time.
    """
    if not text:
        return None
    if re.fullmatch(_NUMBER, text):
        return _number(text)
    if re.match(_TIME_PREFIX, text):
        return _time(text, times, is_end=is_end)
    time = times.read_end(text) if is_end else times.read(text)
    return text if time is None else time


def _range(path: str, text: str, times: TimeReader) -> Match | None:
    found = re.fullmatch(_RANGE, text)
    if found is None:
        return None
    kind, left, body, right = found.groups()
    bounds = [part.strip() for part in body.split(",")]
    if kind:
        return _time_range(path, text, (left, right), bounds, times)
    if len(bounds) == 1:
        return _single(path, read_bound(bounds[0], times), left + right)
    if len(bounds) > 2:
        return None
    low, high = read_bound(bounds[0], times), read_bound(bounds[1], times, is_end=right == "]")
    _check_bounds(text, low, high)
    return between(path, low, high, low_open=left == "(", high_open=right == ")")


def _time_range(
    path: str, text: str, ends: tuple[str, str], bounds: list[str], times: TimeReader
) -> Match | None:
    if len(bounds) > 2:
        raise InvalidValueError(f"the range {_short(text)} has more than two bounds")
    low = _time(bounds[0], times) if bounds[0] else None
    if len(bounds) == 1:
        return _single(path, low, "".join(ends))
    high = _time(bounds[1], times, is_end=ends[1] == "]") if bounds[1] else None
    _check_bounds(text, low, high)
    return between(path, low, high, low_open=ends[0] == "(", high_open=ends[1] == ")")


def _single(path: str, value: Bound | None, ends: str) -> Match | None:
    if value is None or isinstance(value, str):
        return None
    found = Equal(path, value)
    return negate(found) if ends == "()" else found


def _check_bounds(text: str, low: Bound | None, high: Bound | None) -> None:
    if low is None and high is None:
        raise InvalidValueError(f"the range {_short(text)} has no bound", hint=_AS_TEXT_HINT)
    if low is not None and high is not None and isinstance(low, str) != isinstance(high, str):
        raise InvalidValueError(
            f"the range {_short(text)} has a number and a text as bounds", hint=_AS_TEXT_HINT
        )


def _time(text: str, times: TimeReader, *, is_end: bool = False) -> int:
    written = re.sub(_TIME_PREFIX, "", text, count=1)
    time = times.read_end(written) if is_end else times.read(written)
    if time is None:
        raise InvalidValueError(
            f"{_short(text)} is not a time", hint="for example now-1h, today, 2021-05-13"
        )
    return time


def _number(text: str) -> int | Decimal:
    try:
        return int(text)
    except ValueError:
        return Decimal(text)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")
