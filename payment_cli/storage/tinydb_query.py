"""A match as TinyDB query objects: the reference that the SQL of other backends is held against.

Written for being obviously what model/query/match.py says, not for speed.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import reduce
from operator import and_, or_
from typing import Any

from tinydb import Query
from tinydb.queries import QueryInstance

from payment_cli.model.query.evaluate import search_of
from payment_cli.model.query.match import And, Equal, Glob, In, IsNull, Match, Not, Or, Range, Regex
from payment_cli.model.record import Json, Record


def tinydb_query(match: Match) -> QueryInstance:
    """Return the TinyDB query that means `match`."""
    everything: QueryInstance = Query().noop()
    match match:
        case And(parts):
            return reduce(and_, map(tinydb_query, parts), everything)
        case Or(parts):
            return reduce(or_, map(tinydb_query, parts), ~everything)
        case Not(part):
            return ~tinydb_query(part)
        case IsNull(path):
            return ~_reaches(path.split("."), lambda field: field is not None)
        case _:
            test = _value_test(match)
            return _reaches(path_of(match), lambda field: any(map(test, _elements(field))))


def in_order(records: list[Record], sort: tuple[tuple[str, int], ...]) -> list[Record]:
    """Return the records sorted as a query asks: null last, ties by id in the first direction."""
    ordered = sorted(records, key=lambda record: str(record["id"]))
    if sort and sort[0][1] < 0:
        ordered.reverse()
    for path, direction in reversed(sort):
        present = [record for record in ordered if _sort_value(record, path) is not None]
        absent = [record for record in ordered if _sort_value(record, path) is None]
        present.sort(key=lambda record: _rank(_sort_value(record, path)), reverse=direction < 0)
        ordered = present + absent
    return ordered


def path_of(match: Equal | In | Range | Regex | Glob) -> list[str]:
    """Return the keys of a field's path."""
    return match.path.split(".")


def _reaches(keys: list[str], test: Callable[[Any], bool]) -> QueryInstance:
    """Ask whether a value that the path reaches passes `test`; what is missing passes none."""
    field: Query = Query()[keys[0]]
    if len(keys) == 1:
        return field.test(test)
    within = _reaches(keys[1:], test)
    return field.test(within) | field.any(within)


def _elements(field: Any) -> list[Any]:
    return field if isinstance(field, list) else [field]


def _value_test(match: Equal | In | Range | Regex | Glob) -> Callable[[Any], bool]:
    match match:
        case Equal(_, wanted):
            return lambda value: _equal(value, wanted)
        case In(_, values):
            return lambda value: any(_equal(value, wanted) for wanted in values)
        case Range(_, low, high, low_open, high_open):
            return lambda value: (
                (low is None or _below(low, value) or (not low_open and _equal(low, value)))
                and (high is None or _below(value, high) or (not high_open and _equal(value, high)))
            )
        case Regex(_, pattern):
            search = search_of(pattern)
            return lambda value: isinstance(value, str) and bool(search(value))
        case Glob(_, pieces):
            return lambda value: isinstance(value, str) and _fits(value, pieces)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _equal(one: Any, other: Any) -> bool:
    if _is_number(one) and _is_number(other):
        return bool(one == other)
    return type(one) is type(other) and isinstance(one, bool | str) and one == other


def _below(one: Any, other: Any) -> bool:
    comparable = (_is_number(one) and _is_number(other)) or (
        isinstance(one, str) and isinstance(other, str)
    )
    return comparable and bool(one < other)


def _fits(text: str, pieces: tuple[str, ...]) -> bool:
    if not text.startswith(pieces[0]):
        return False
    rest = text[len(pieces[0]) :]
    for piece in pieces[1:]:
        _, found, rest = rest.partition(piece) if piece else ("", "found", rest)
        if not found:
            return False
    return True


def _sort_value(record: Json, path: str) -> Json:
    value = record
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _rank(value: Json) -> tuple[int, Any]:
    if isinstance(value, bool):
        return 0, value
    if _is_number(value):
        return 1, value
    return (2, value) if isinstance(value, str) else (3, 0)
