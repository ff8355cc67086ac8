"""SQL conditions on one value: in a column of its own, or within the record's JSON.

`match_sql.py` says what they mean together, and where they are exact.
"""

import math
import sys
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from payment_cli.model.codec import encode
from payment_cli.model.query.match import Equal, Glob, In, Range, Regex, Scalar

SqlValue: TypeAlias = str | int | float
FieldMatch: TypeAlias = Equal | In | Range | Regex | Glob

_Number: TypeAlias = int | Decimal

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


class Condition(NamedTuple):
    """SQL that holds at least for what it stands for; `exact`: and for nothing else.

    It may be NULL where it does not hold.
    """

    sql: str
    params: tuple[SqlValue, ...] = ()
    exact: bool = True


ALWAYS = Condition("TRUE")
NEVER = Condition("FALSE")
UNKNOWN = Condition("TRUE", exact=False)


def joined(word: str, conditions: Iterable[Condition]) -> Condition:
    """Join with AND or OR, leaving out what has no effect."""
    neutral, final = ("TRUE", "FALSE") if word == "AND" else ("FALSE", "TRUE")
    listed = list(conditions)
    exact = all(each.exact for each in listed)
    kept = [each for each in listed if each.sql != neutral]
    if not kept or any(each.sql == final for each in kept):
        return Condition(final if kept else neutral, exact=exact)
    sql = f" {word} ".join(each.sql for each in kept)
    params = tuple(param for each in kept for param in each.params)
    return Condition(f"({sql})" if len(kept) > 1 else sql, params, exact)


def negated(condition: Condition) -> Condition:
    """Return what holds where `condition` does not; if that is not exact, nothing is known."""
    if not condition.exact:
        return UNKNOWN
    return Condition(f"({condition.sql}) IS NOT TRUE", condition.params)


class JsonValue(NamedTuple):
    """A value within the record's JSON: the SQL of its JSON type and of the value."""

    kind: str
    value: str

    @property
    def is_text(self) -> str:
        """SQL that holds if it is a text."""
        return f"{self.kind} = 'text'"

    def boolean(self, *, wanted: bool) -> Condition:
        """Ask for true or false."""
        return Condition(f"{self.kind} = '{'true' if wanted else 'false'}'")

    def number_in(self, numbers: list[_Number]) -> Condition:
        """Take in every number from the least to the greatest; SQL may see it a little off."""
        return self._between(min(numbers), max(numbers))

    def number_range(
        self, low: _Number | None, high: _Number | None, _opens: tuple[bool, bool]
    ) -> Condition:
        """Take in every number that may lie in the range."""
        return self._between(low, high)

    def _between(self, low: _Number | None, high: _Number | None) -> Condition:
        found = [Condition(f"{self.kind} IN ('integer', 'real')", exact=False)]
        if low is not None:
            found.append(Condition(f"{self.value} >= ?", (_with_margin(low, -1),)))
        if high is not None:
            found.append(Condition(f"{self.value} <= ?", (_with_margin(high, 1),)))
        return joined("AND", found)


class Column(NamedTuple):
    """A value in a column of its own. The typeof keeps SQLite's affinities from converting."""

    value: str

    @property
    def is_text(self) -> str:
        """SQL that holds if it is a text."""
        return f"typeof({self.value}) = 'text'"

    def boolean(self, *, wanted: bool) -> Condition:
        """No column holds true or false."""
        return NEVER

    def number_in(self, numbers: list[_Number]) -> Condition:
        """Ask for one of `numbers`; those that are no 64-bit integer are in no column."""
        integers = [int(n) for n in numbers if _INT_MIN <= n <= _INT_MAX and n == math.floor(n)]
        return self._integer([_one_of(self.value, integers)]) if integers else NEVER

    def number_range(
        self, low: _Number | None, high: _Number | None, opens: tuple[bool, bool]
    ) -> Condition:
        """Ask for the integers between `low` and `high`; `opens` says which bound is left out."""
        if (low is not None and low > _INT_MAX) or (high is not None and high < _INT_MIN):
            return NEVER
        least, greatest = _INT_MIN, _INT_MAX
        if low is not None and low >= _INT_MIN:
            least = math.floor(low) + 1 if opens[0] else math.ceil(low)
        if high is not None and high <= _INT_MAX:
            greatest = math.ceil(high) - 1 if opens[1] else math.floor(high)
        if least > greatest:
            return NEVER
        found = [] if low is None else [Condition(f"{self.value} >= ?", (least,))]
        found += [] if high is None else [Condition(f"{self.value} <= ?", (greatest,))]
        return self._integer(found)

    def _integer(self, conditions: list[Condition]) -> Condition:
        return joined("AND", [*conditions, Condition(f"typeof({self.value}) = 'integer'")])


def value_condition(match: FieldMatch, operand: JsonValue | Column) -> Condition:
    """Return what `match` asks of the value, its path aside."""
    match match:
        case Equal(_, value):
            return _equals([value], operand)
        case In(_, values):
            return _equals(values, operand)
        case Range():
            return _in_range(match, operand)
        case Glob(_, pieces):
            found = _text_range(operand, pieces[0] or None, _after_prefix(pieces[0]))
            return Condition(found.sql, found.params, exact=not any(pieces[1:]))
        case Regex():
            return Condition(operand.is_text, exact=False)


def _equals(values: Iterable[Scalar], operand: JsonValue | Column) -> Condition:
    listed = list(values)
    booleans = {value for value in listed if isinstance(value, bool)}
    numbers = [v for v in listed if isinstance(v, int | Decimal) and not isinstance(v, bool)]
    texts = [value for value in listed if isinstance(value, str)]
    found = [operand.boolean(wanted=value) for value in sorted(booleans)]
    if numbers:
        found.append(operand.number_in(numbers))
    if texts:
        found.append(joined("AND", [_one_of(operand.value, texts), Condition(operand.is_text)]))
    return joined("OR", found)


def _one_of(value: str, wanted: list[str] | list[int]) -> Condition:
    if len(wanted) == 1:
        return Condition(f"{value} = ?", (wanted[0],))
    # One parameter for the whole list: SQLite bounds the number of parameters.
    listed = encode(tuple(wanted))
    return Condition(f"{value} IN (SELECT value FROM json_each(?))", (listed,))  # noqa: S608


def _in_range(match: Range, operand: JsonValue | Column) -> Condition:
    low, high, opens = match.low, match.high, (match.low_open, match.high_open)
    if isinstance(low, str | None) and isinstance(high, str | None):
        return _text_range(operand, low, high, opens)
    if isinstance(low, str) or isinstance(high, str):
        return NEVER
    return operand.number_range(low, high, opens)


def _text_range(
    operand: JsonValue | Column,
    low: str | None,
    high: str | None,
    opens: tuple[bool, bool] = (False, True),
) -> Condition:
    found = [Condition(operand.is_text)]
    if low is not None:
        found.append(Condition(f"{operand.value} {'>' if opens[0] else '>='} ?", (low,)))
    if high is not None:
        found.append(Condition(f"{operand.value} {'<' if opens[1] else '<='} ?", (high,)))
    return joined("AND", found)


def _after_prefix(prefix: str) -> str | None:
    """Return the least text above every text with `prefix`; None if there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    # UTF-8 has no surrogates, so U+E000 follows U+D7FF.
    last = 0xE000 if stem[-1] == "\ud7ff" else ord(stem[-1]) + 1
    return stem[:-1] + chr(last)


def _with_margin(number: _Number, sign: int) -> float:
    """Return a double that is surely above (`sign` 1) or below (-1) `number`.

    The margin is wider than any error that SQLite makes when it reads a number's text.
    """
    try:
        double = float(number)
    except OverflowError:
        double = math.inf if number > 0 else -math.inf
    double = min(max(double, -sys.float_info.max), sys.float_info.max)
    return double + sign * (abs(double) * 1e-12 + 1e-300)
