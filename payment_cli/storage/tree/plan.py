"""Turns a query into SQL over `records`, so that the engine filters, sorts and pages.

Every SELECT has two parts, merged in order: the settled records, by an index where there is one,
and the few fresh ones that no index has yet (schema.py).


Fields with a column are compared there and served by indexes; all others are looked up in the
JSON of each row. What SQL can't decide (a regex) is left as a residual for each row. A kind that
has an `odd` record (see schema.Field) is asked by its JSON alone.
"""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from payment_cli.model.query.evaluate import predicate
from payment_cli.model.query.match import And, Equal, In, Match, Range, Scalar
from payment_cli.model.record import Record
from payment_cli.storage.base import Collection, Query
from payment_cli.storage.kinds import Field, kind_of
from payment_cli.storage.tree.journal import decoded
from payment_cli.storage.tree.match_sql import Compiled, compile_sql, order_terms
from payment_cli.storage.tree.match_sql_value import SqlValue
from payment_cli.storage.tree.schema import sparse_condition

_DOC = "records.doc"


class Statement(NamedTuple):
    """SQL with its parameters, and what is left to ask of each row it finds."""

    sql: str
    params: tuple[SqlValue, ...]
    residual: Match | None


def run_query(
    conn: sqlite3.Connection, cursor: sqlite3.Cursor, collection: Collection, query: Query
) -> Iterator[Record]:
    """Yield the records of a query, streaming from `cursor`, a cursor of `conn`.

    Raises:
        InvalidValueError: there is no such kind, or it can't be sorted so.
        CorruptRecordError: the journal holds a record that is damaged.
    """
    select = select_of(collection, query, look_at(conn, collection.kind))
    if select.residual is None:
        page = (*select.params, -1 if query.limit is None else query.limit, query.skip)
        return _decoded(collection.kind, cursor.execute(f"{select.sql} LIMIT ? OFFSET ?", page))
    holds = predicate(select.residual)
    found = _decoded(collection.kind, cursor.execute(select.sql, select.params))
    end = None if query.limit is None else query.skip + query.limit
    return islice(filter(holds, found), query.skip, end)


def run_count(conn: sqlite3.Connection, collection: Collection, match: Match) -> int:
    """Return how many records match.

    Raises:
        InvalidValueError: there is no such kind.
        CorruptRecordError: the journal holds a record that is damaged.
    """
    view = look_at(conn, collection.kind)
    rows = _rows(collection, match, view.columns)
    if rows.residual is None:
        found = _both("SELECT count(*) FROM records", rows, view)
        return sum(int(row[0]) for row in conn.execute(found.sql, found.params))
    found = _both("SELECT id, doc FROM records", rows, view)
    holds = predicate(rows.residual)
    return sum(map(holds, _decoded(collection.kind, conn.execute(found.sql, found.params))))


class View(NamedTuple):
    """What of a kind's records is in columns and indexes at this moment.

    `columns` maps those fields to their column that hold their value exactly in every record;
    the records that began up to `settled` are in the indexes.
    """

    columns: dict[str, str]
    settled: int


def select_of(collection: Collection, query: Query, view: View) -> Statement:
    """Return the SELECT of a query, in its order, without its page.

    Raises:
        InvalidValueError: there is no such kind, or it can't be sorted so.
    """
    rows = _rows(collection, query.match, view.columns)
    if not query.sort and not kind_of(collection.kind).has_domain:
        # The index on ids has the domain before the id: name it, and it gives their order.
        rows = Statement(f"domain = '' AND {rows.sql}", rows.params, rows.residual)
    order = order_terms(query.sort, view.columns, _DOC)
    # SQLite merges two SELECTs in order only by what both of them yield.
    yields = "".join(f", {term}" for term, _ in order)
    both = _both(f"SELECT id, doc{yields} FROM records", rows, view)  # noqa: S608
    by = ", ".join(f"{term} {direction}" for term, direction in order)
    return Statement(f"{both.sql} ORDER BY {by}", both.params, both.residual)


def _both(select: str, rows: Statement, view: View) -> Statement:
    """Return the SELECT of the settled rows, and then that of the fresh ones."""
    settled = f"{select} WHERE fresh = 0 AND {rows.sql}"
    fresh = f"{select} NOT INDEXED WHERE n > ? AND fresh = 1 AND {rows.sql}"
    params = (*rows.params, view.settled, *rows.params)
    return Statement(f"{settled} UNION ALL {fresh}", params, rows.residual)


def look_at(conn: sqlite3.Connection, kind: str) -> View:
    """Return the view of a kind's records in the present snapshot."""
    columns = {"id": "records.id"}
    settled, has_odd = conn.execute(
        "SELECT settled, EXISTS (SELECT 1 FROM records"  # noqa: S608
        f" WHERE {_kind_is(kind)} AND odd) FROM tree"
    ).fetchone()
    if not has_odd:
        columns.update((field.path, f"records.{field.column}") for field in kind_of(kind).fields)
    return View(columns, settled)


def _rows(collection: Collection, match: Match, columns: dict[str, str]) -> Statement:
    """Return the condition that finds the rows of a match."""
    compiled: Compiled = compile_sql(match, columns, _DOC)
    terms = [_kind_is(collection.kind)]
    params: list[SqlValue] = []
    if kind_of(collection.kind).has_domain and collection.domain is not None:
        terms.append("domain = ?")
        params.append(collection.domain)
    if len(columns) > 1:
        terms += _sparse_terms(collection.kind, match)
    return Statement(
        " AND ".join([*terms, f"({compiled.where})"]),
        (*params, *compiled.params),
        compiled.residual,
    )


def _kind_is(kind: str) -> str:
    """Return the condition on the kind, spelled as the partial indexes spell it."""
    kind_of(kind)
    return f"kind = '{kind}'"


def _sparse_terms(kind: str, match: Match) -> list[str]:
    """Return the conditions that follow from the match and let a sparse index be used."""
    sparse = {field.path: field for field in kind_of(kind).fields if field.sparse}
    return [
        sparse_condition(sparse[part.path])
        for part in _conjuncts(match)
        if isinstance(part, Equal | In | Range)
        and part.path in sparse
        and _says_something(part, sparse[part.path])
    ]


def _conjuncts(match: Match) -> Iterator[Match]:
    if isinstance(match, And):
        for part in match.parts:
            yield from _conjuncts(part)
    else:
        yield match


def _says_something(part: Equal | In | Range, field: Field) -> bool:
    """Return whether only values above 0, or texts that are not empty, can fulfil `part`."""
    values = part.values if isinstance(part, In) else (_least(part),)
    if field.type_ is str:
        return all(isinstance(value, str) and value != "" for value in values)
    return all(
        isinstance(value, int | Decimal) and not isinstance(value, bool) and value > 0
        for value in values
    )


def _least(part: Equal | Range) -> Scalar | None:
    return part.value if isinstance(part, Equal) else part.low


def _decoded(kind: str, rows: sqlite3.Cursor) -> Iterator[Record]:
    for row in rows:
        yield decoded(row[1], kind, row[0])
