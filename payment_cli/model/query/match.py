"""A match: a question asked of a record, as a value that every backend can read.

What a match means is the same on every backend. This is where it is written down.

- A *path* is dotted (`re_obj.code_url`) and starts at the record. A part of a path is always a
  key of an object, never an index. Where the path meets a list and goes on, it goes on in every
  object of that list (`ord_ws.id` reaches the id of every order line). So a path reaches any
  number of values; a key that is not there reaches null.
- Where a path ends at a list, the list's elements stand for it: one of them must fit. Lists
  inside that list are not opened.
- Missing equals null. `IsNull` holds when everything the path reaches is null. An empty list is
  not null, nor is an empty text.
- Nothing is converted: `true`, `1` and `"1"` are three different values. Numbers are one type:
  `1`, `1.0` and `1.00` are equal. They compare exactly, however large or long.
- Text compares by code point, without case folding or normalisation.
- `Range` and `In` hold for a value of the bound's own type only: numbers never lie in a range of
  texts. One and the same value must lie within both bounds.
- `Regex` finds its pattern anywhere in a text (RE2 syntax, linear time; `.` does not match a
  newline). `Glob` is anchored at the start only.
- `Not` holds exactly when its part does not; so a negated equality holds for a missing field.
- Order (`sort`): booleans (false, true), numbers, texts, then lists and objects (equal among
  themselves), and null or missing last; descending reverses that, but null stays last. Ties are
  broken by id, in the direction of the first key. A sort path does not enter lists: past a list
  it reaches null.

Text never holds a NUL character: PostgreSQL cannot store one and SQLite cuts the text there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

# Dataclasses, since And(x) is not Or(x), as it were with NamedTuples; without slots, whose making
# takes a third longer, and every query waits for it.

#: What a field is compared with.
Scalar: TypeAlias = bool | int | Decimal | str


@dataclass(frozen=True)
class And:
    """Every part holds; without parts it holds for every record."""

    parts: "tuple[Match, ...]"


@dataclass(frozen=True)
class Or:
    """At least one part holds; without parts it holds for no record."""

    parts: "tuple[Match, ...]"


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: "Match"


@dataclass(frozen=True)
class IsNull:
    """The field is null or missing."""

    path: str


@dataclass(frozen=True)
class Equal:
    """The field, or an element of it, equals `value`."""

    path: str
    value: Scalar


@dataclass(frozen=True)
class In:
    """The field, or an element of it, equals one of `values`."""

    path: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class Range:
    """The field, or an element of it, lies between `low` and `high`; None is no bound.

    At least one bound is given, both are numbers or both are texts.
    """

    path: str
    low: int | Decimal | str | None
    high: int | Decimal | str | None
    low_open: bool = False
    high_open: bool = False


@dataclass(frozen=True)
class Regex:
    """The field, or an element of it, is a text in which the RE2 `pattern` is found."""

    path: str
    pattern: str


@dataclass(frozen=True)
class Glob:
    """The field, or an element of it, is a text that starts with the first of `pieces`.

    The other pieces follow in their order, with anything between them and behind them.
    """

    path: str
    pieces: tuple[str, ...]


Match: TypeAlias = And | Or | Not | IsNull | Equal | In | Range | Regex | Glob


def everything() -> Match:
    """Match every record."""
    return And(())


def all_of(*matches: Match) -> Match:
    """Match what every one of `matches` does."""
    return matches[0] if len(matches) == 1 else And(matches)


def any_of(*matches: Match) -> Match:
    """Match what at least one of `matches` does."""
    return matches[0] if len(matches) == 1 else Or(matches)


def negate(match: Match) -> Match:
    """Match what `match` does not."""
    return match.part if isinstance(match, Not) else Not(match)


def is_null(path: str) -> Match:
    """Match when the field is null or missing."""
    return IsNull(path)


def equal(path: str, value: Scalar | None) -> Match:
    """Match when the field equals `value`; None is null or missing."""
    return IsNull(path) if value is None else Equal(path, value)


def one_of(path: str, values: Iterable[Scalar | None]) -> Match:
    """Match when the field equals one of `values`; None among them is null or missing."""
    listed = tuple(values)
    found = In(path, tuple(value for value in listed if value is not None))
    return Or((IsNull(path), found)) if None in listed else found


def between(
    path: str,
    low: int | Decimal | str | None = None,
    high: int | Decimal | str | None = None,
    *,
    low_open: bool = False,
    high_open: bool = False,
) -> Match:
    """Match when the field lies from `low` to `high`; None is unbounded, open excludes the bound.

    Without any bound it matches every field that is not null.
    """
    if low is None and high is None:
        return Not(IsNull(path))
    return Range(path, low, high, low_open, high_open)
