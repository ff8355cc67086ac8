"""Turns a query into SQL over `records`, so that the engine filters, sorts and pages.

Every SELECT has two parts, merged in order: the settled records, by the index that choice.py
chose, and the few fresh ones that no index has yet (schema.py). A list of values whose records are
wanted in an order (two states by time) is one part for each value.

Fields with a column are compared there and served by indexes; all others are looked up in the
JSON of each row. What SQL can't decide (a regex) is left as a residual for each row. A kind that
has an `odd` record (see schema.Field) is asked by its JSON alone.
"""

import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from payment_cli.errors import CorruptRecordError
from payment_cli.model.query.evaluate import predicate
from payment_cli.model.query.match import Match
from payment_cli.model.record import Record
from payment_cli.storage.base import Collection, Query
from payment_cli.storage.kinds import kind_of
from payment_cli.storage.tree.choice import Wish, bound_by, choose_index, streams
from payment_cli.storage.tree.connection import is_damage
from payment_cli.storage.tree.journal import decoded
from payment_cli.storage.tree.match_sql import Compiled, compile_sql, order_terms
from payment_cli.storage.tree.match_sql_value import SqlValue

_DOC = "records.doc"
#: The same where some of them are no JSON: SQLite would end the whole query at the first.
_WHOLE_DOC = "CASE WHEN json_valid(records.doc) THEN records.doc ELSE 'null' END"

#: Told the name of a record that is damaged in the journal and left out of an answer.
LeaveOut = Callable[[str], None]


class Statement(NamedTuple):
    """SQL with its parameters, and what is left to ask of each row it finds."""

    sql: str
    params: tuple[SqlValue, ...]
    residual: Match | None


def run_query(
    conn: sqlite3.Connection,
    cursor: sqlite3.Cursor,
    collection: Collection,
    query: Query,
    leave_out: LeaveOut | None = None,
) -> Iterator[Record]:
    """Yield the records of a query, streaming from `cursor`, a cursor of `conn`.

    Where a record is damaged the others are yielded, and `leave_out` is told. One that is skipped
    unread, on a page before, is counted among those.

    Raises:
        InvalidValueError: there is no such kind, or it can't be sorted so.
        CorruptRecordError: a record is damaged, and there is no `leave_out`.
    """
    done = 0
    try:
        for record in _found(cursor, collection, query, look_at(conn, collection.kind)):
            yield record
            done += 1
    except (CorruptRecordError, sqlite3.OperationalError) as error:
        if leave_out is None or not _is_damage(error):
            raise
    else:
        return
    rest = _whole(conn, cursor, collection, query, leave_out)
    yield from islice(rest, query.skip + done, _end_of(query))


def _found(
    cursor: sqlite3.Cursor, collection: Collection, query: Query, view: "View"
) -> Iterator[Record]:
    select = select_of(collection, query, view)
    if select.residual is None:
        page = (*select.params, -1 if query.limit is None else query.limit, query.skip)
        return _decoded(collection.kind, cursor.execute(f"{select.sql} LIMIT ? OFFSET ?", page))
    holds = predicate(select.residual)
    found = _decoded(collection.kind, cursor.execute(select.sql, select.params))
    return islice(filter(holds, found), query.skip, _end_of(query))


def _end_of(query: Query) -> int | None:
    return None if query.limit is None else query.skip + query.limit


def _is_damage(error: Exception) -> bool:
    return isinstance(error, CorruptRecordError) or (
        isinstance(error, sqlite3.Error) and is_damage(error)
    )


def _whole(
    conn: sqlite3.Connection,
    cursor: sqlite3.Cursor,
    collection: Collection,
    query: Query,
    leave_out: LeaveOut,
) -> Iterator[Record]:
    """Yield all that matches and is whole.

    What is no JSON is left out as far as its columns match: of the rest nobody knows. So what is
    another's is not told, and no more is read than the columns find.
    """
    kind, view = collection.kind, look_at(conn, collection.kind)
    near = bound_by(query.match, view.columns)
    found = _select("id, json_valid(doc) AS whole", collection, near, Wish(None), view)
    broken = f"SELECT id FROM ({found.sql}) WHERE NOT whole"  # noqa: S608
    for (record_id,) in conn.execute(broken, found.params):
        leave_out(f"{kind} {record_id}")
    whole_view = view._replace(doc=_WHOLE_DOC)
    select = select_of(collection, query._replace(skip=0, limit=None), whole_view)
    holds = (lambda _: True) if select.residual is None else predicate(select.residual)
    for record_id, doc, *_ in cursor.execute(select.sql, select.params):
        try:
            record = decoded(doc, kind, record_id)
        except CorruptRecordError:
            leave_out(f"{kind} {record_id}")
            continue
        if holds(record):
            yield record


def run_count(
    conn: sqlite3.Connection,
    collection: Collection,
    match: Match,
    leave_out: LeaveOut | None = None,
) -> int:
    """Return how many records match; as `run_query` where one is damaged.

    Raises:
        InvalidValueError: there is no such kind.
        CorruptRecordError: a record is damaged, and there is no `leave_out`.
    """
    found = count_of(collection, match, look_at(conn, collection.kind))
    try:
        rows = conn.execute(found.sql, found.params)
        if found.residual is None:
            return sum(int(row[0]) for row in rows)
        return sum(map(predicate(found.residual), _decoded(collection.kind, rows)))
    except (CorruptRecordError, sqlite3.OperationalError) as error:
        if leave_out is None or not _is_damage(error):
            raise
    return sum(1 for _ in _whole(conn, conn.cursor(), collection, Query(match), leave_out))


class View(NamedTuple):
    """What of a kind's records is in columns and indexes at this moment.

    `columns` maps those fields to their column that hold their value exactly in every record;
    the records that began up to `settled` are in the indexes. `doc` is the SQL of a record's JSON.
    """

    columns: dict[str, str]
    settled: int
    doc: str = _DOC


def select_of(collection: Collection, query: Query, view: View) -> Statement:
    """Return the SELECT of a query, in its order, without its page.

    Raises:
        InvalidValueError: there is no such kind, or it can't be sorted so.
    """
    order = order_terms(query.sort, view.columns, view.doc)
    # SQLite merges SELECTs in order only by what all of them yield.
    yields = "".join(f", {term}" for term, _ in order)
    end = None if query.limit is None else query.skip + query.limit
    wish = Wish(query.sort[0][0] if query.sort else "id", end)
    found = _select(f"id, doc{yields}", collection, query.match, wish, view)
    by = ", ".join(f"{term} {direction}" for term, direction in order)
    return Statement(f"{found.sql} ORDER BY {by}", found.params, found.residual)


def count_of(collection: Collection, match: Match, view: View) -> Statement:
    """Return the SELECT whose numbers add up to a count, or of the rows to be asked the residual.

    Raises:
        InvalidValueError: there is no such kind.
    """
    residual = _rows(collection, match, view).residual
    what = "count(*)" if residual is None else "id, doc"
    return _select(what, collection, match, Wish(None), view)


def _select(what: str, collection: Collection, match: Match, wish: Wish, view: View) -> Statement:
    """Return the SELECT of the settled rows, in as many parts as it takes, and of the fresh."""
    choice = choose_index(collection, match, wish, has_columns=len(view.columns) > 1)
    terms = "".join(f" AND {term}" for term in choice.terms)
    parts: list[str] = []
    params: list[SqlValue] = []
    for stream in streams(match, choice.merged):
        rows = _rows(collection, stream, view)
        parts.append(
            f"SELECT {what} FROM records INDEXED BY {choice.name}"  # noqa: S608
            f" WHERE fresh = 0 AND {rows.sql}{terms}"
        )
        params += rows.params
    rows = _rows(collection, match, view)
    parts.append(f"SELECT {what} FROM records NOT INDEXED WHERE n > ? AND fresh = 1 AND {rows.sql}")  # noqa: S608
    params += [view.settled, *rows.params]
    return Statement(" UNION ALL ".join(parts), tuple(params), rows.residual)


def look_at(conn: sqlite3.Connection, kind: str) -> View:
    """Return the view of a kind's records in the present snapshot."""
    columns = {"id": "records.id"}
    settled, has_odd = conn.execute(
        "SELECT settled, EXISTS (SELECT 1 FROM records"  # noqa: S608
        f" INDEXED BY by_odd WHERE {_kind_is(kind)} AND odd) FROM tree"
    ).fetchone()
    if not has_odd:
        columns.update((field.path, f"records.{field.column}") for field in kind_of(kind).fields)
    return View(columns, settled)


def _rows(collection: Collection, match: Match, view: View) -> Statement:
    """Return the condition that finds the rows of a match."""
    compiled: Compiled = compile_sql(match, view.columns, view.doc)
    terms = [_kind_is(collection.kind)]
    params: list[SqlValue] = []
    if kind_of(collection.kind).has_domain and collection.domain is not None:
        terms.append("domain = ?")
        params.append(collection.domain)
    return Statement(
        " AND ".join([*terms, f"({compiled.where})"]),
        (*params, *compiled.params),
        compiled.residual,
    )


def _kind_is(kind: str) -> str:
    """Return the condition on the kind, spelled as the partial indexes spell it."""
    kind_of(kind)
    return f"kind = '{kind}'"


def _decoded(kind: str, rows: sqlite3.Cursor) -> Iterator[Record]:
    for row in rows:
        yield decoded(row[1], kind, row[0])
