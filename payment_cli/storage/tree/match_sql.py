"""Compiles a match and a sort to SQLite's SQL, so that the engine filters and uses its indexes.

The meaning is that of model/query/match.py. What SQL can not decide exactly it narrows down, and
the rest is a *residual* that `model/query/evaluate.py` decides for each row while the rows stream:

- A `Regex` never runs inside the database. A `Glob` becomes the range of its prefix.
- A number in JSON becomes a binary double when it has a fraction or is beyond 64 bits, so a
  comparison of numbers takes in a margin of 1e-12 and the residual decides. In a column of its
  own a number is a 64-bit integer and compares exactly.
- A path that is deeper than PUSHED_PARTS_MAX, or has a character that SQLite's JSON paths can not
  express, is all residual.

Ordering by a number that has no column is exact up to 15 significant digits and for 64-bit
integers; longer ones may swap with a neighbour that agrees in the first 15.

A *column* is an SQL expression that holds, in every row, the field's value when that is a text or
a 64-bit integer, and NULL when the field is null or missing. Where another value may occur (true,
1.5, a list) the field must not be given as a column. Columns use SQLite's BINARY collation and a
UTF-8 database, so text compares by code point. Ascending order says NULLS LAST; SQLite (3.30 and
later) still takes a first key from an index, whether the column is declared NOT NULL or not.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.match import And, IsNull, Match, Not, Or, all_of
from payment_cli.storage.tree.match_sql_value import (
    ALWAYS,
    NEVER,
    UNKNOWN,
    Column,
    Condition,
    FieldMatch,
    JsonValue,
    SqlValue,
    joined,
    negated,
    value_condition,
)

#: A longer path is not pushed down: each of its parts may be a list, which doubles the SQL.
PUSHED_PARTS_MAX = 3

_PUSHABLE = r"[^\x00-\x1f\"\\\u2028\u2029.]+(\.[^\x00-\x1f\"\\\u2028\u2029.]+)*"


class Compiled(NamedTuple):
    """SQL that holds for every row the match holds for, and what is left to ask of each row.

    Without `residual` the SQL holds for no other row.
    """

    where: str
    params: tuple[SqlValue, ...]
    residual: Match | None


def compile_sql(match: Match, columns: Mapping[str, str], json_expr: str) -> Compiled:
    """Compile `match` to a WHERE condition with `?` parameters.

    `columns` maps a path to its column; all other paths are looked up in `json_expr`, the record's
    JSON text, qualified by its table (`record.json`): json_each has columns of its own.
    """
    compiler = _Compiler(columns, json_expr)
    parts = match.parts if isinstance(match, And) else (match,)
    conditions = [compiler.condition(part) for part in parts]
    whole = joined("AND", conditions)
    rest = [part for part, done in zip(parts, conditions, strict=True) if not done.exact]
    return Compiled(whole.sql, whole.params, all_of(*rest) if rest else None)


def order_terms(
    sort: Iterable[tuple[str, int]], columns: Mapping[str, str], json_expr: str
) -> list[tuple[str, str]]:
    """Compile a sort to the terms of ORDER BY: expressions, each with its direction in SQL.

    Null comes last, ties are broken by id in the first key's direction.

    Raises:
        InvalidValueError: a path can not be expressed.
    """
    keys = list(sort)
    if "id" not in dict(keys):
        keys.append(("id", keys[0][1] if keys else 1))
    return [
        (term, _direction(path, direction))
        for path, direction in keys
        for term in _order_terms(path, columns, json_expr)
    ]


def _direction(path: str, direction: int) -> str:
    if direction < 0:
        return "DESC"  # which puts NULL last by itself: SQLite holds it smaller than any value
    # Every record has an id, and NULLS LAST would keep SQLite from taking it from the index.
    return "ASC" if path == "id" else "ASC NULLS LAST"


def _order_terms(path: str, columns: Mapping[str, str], json_expr: str) -> list[str]:
    if path in columns:
        return [columns[path]]
    if not re.fullmatch(_PUSHABLE, path):
        raise InvalidValueError(f"records can not be sorted by {path!r}")
    at = _json_path(path.split("."))
    kind = f"json_type({json_expr}, {at})"
    rank = (
        f"CASE {kind} WHEN 'false' THEN 0 WHEN 'true' THEN 1 WHEN 'integer' THEN 2 "
        "WHEN 'real' THEN 2 WHEN 'text' THEN 3 WHEN 'array' THEN 4 WHEN 'object' THEN 4 END"
    )
    value = f"CASE WHEN {kind} NOT IN ('array', 'object') THEN json_extract({json_expr}, {at}) END"
    return [rank, value]


class _Compiler(NamedTuple):
    columns: Mapping[str, str]
    json_expr: str

    def condition(self, match: Match) -> Condition:
        match match:
            case And(parts):
                return joined("AND", map(self.condition, parts))
            case Or(parts):
                return joined("OR", map(self.condition, parts))
            case Not(part):
                return negated(self.condition(part))
            case IsNull(path):
                return self._is_null(path)
            case _:
                return self._field(match)

    def _is_null(self, path: str) -> Condition:
        if path in self.columns:
            return Condition(f"{self.columns[path]} IS NULL")
        return negated(self._in_json(path, _has_value))

    def _field(self, match: FieldMatch) -> Condition:
        if match.path in self.columns:
            return value_condition(match, Column(self.columns[match.path]))
        return self._in_json(match.path, lambda doc, at: _in_field(match, doc, at))

    def _in_json(self, path: str, test: "_FieldTest") -> Condition:
        keys = path.split(".")
        if len(keys) > PUSHED_PARTS_MAX or not re.fullmatch(_PUSHABLE, path):
            return UNKNOWN
        return _through_lists(self.json_expr, keys, test)


#: Makes the condition of a field from the SQL of its document and of its JSON path.
_FieldTest: TypeAlias = Callable[[str, str], Condition]


def _through_lists(doc: str, keys: list[str], test: _FieldTest, depth: int = 0) -> Condition:
    """Ask the field that `keys` reach straight away, and those they reach through a list."""
    found = [test(doc, _json_path(keys))]
    for length in range(1, len(keys)):
        at, row = _json_path(keys[:length]), f"each{depth}"
        inner = _through_lists(f"{row}.value", keys[length:], test, depth + 1)
        sql = (
            f"(json_type({doc}, {at}) = 'array' AND EXISTS (SELECT 1 FROM "  # noqa: S608 - keys are checked
            f"json_each({doc}, {at}) AS {row} WHERE {row}.type = 'object' AND {inner.sql}))"
        )
        found.append(Condition(sql, inner.params, inner.exact))
    return joined("OR", found)


def _has_value(doc: str, at: str) -> Condition:
    return Condition(f"json_type({doc}, {at}) <> 'null'")


def _in_field(match: FieldMatch, doc: str, at: str) -> Condition:
    """Ask the value at `at`, or if that is a list its elements."""
    one = value_condition(match, JsonValue(f"json_type({doc}, {at})", f"json_extract({doc}, {at})"))
    if one in (ALWAYS, NEVER, UNKNOWN):
        return one
    element = value_condition(match, JsonValue("element.type", "element.value"))
    sql = (
        f"CASE json_type({doc}, {at}) WHEN 'array' THEN EXISTS (SELECT 1 FROM "  # noqa: S608
        f"json_each({doc}, {at}) AS element WHERE {element.sql}) ELSE {one.sql} END"
    )
    return Condition(sql, element.params + one.params, one.exact)


def _json_path(keys: list[str]) -> str:
    """Return the SQL literal of SQLite's JSON path to nested `keys`."""
    path = "$" + "".join(f'."{key}"' for key in keys)
    return "'" + path.replace("'", "''") + "'"
