"""Reads what can still be read of a damaged journal, and changes nothing of it."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

from payment_cli.storage.tree import journal
from payment_cli.storage.tree.connection import is_damage
from payment_cli.storage.tree.key import Key, key_in

_PAGE = 500
#: After so many rows in a row that could be read one by one, pages are read again.
_GOOD = 64

#: The columns of the log besides its number.
LOG = "at, actor, kind, domain, id, op, before_digest, after_digest, before"
_LOG_TYPES = (int, str, str, str, str, str)


def records_in(conn: sqlite3.Connection, last: int) -> Iterator[tuple[int, Key, journal.Row]]:
    """Yield the records that are whole, each with its `n`; `last` is as for `_rows`.

    Raises:
        sqlite3.DatabaseError: the disk failed.
    """
    for n, kind, domain, record_id, rev, doc in _rows(
        conn, "records", "n", "kind, domain, id, rev, doc", last
    ):
        key, row = key_in(kind, domain, record_id), journal.row_of(rev, doc)
        if key is not None and journal.is_whole(row, key):
            yield n, key, row


def log_in(conn: sqlite3.Connection, last: int) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the log that are whole, in the order of its columns.

    Raises:
        sqlite3.DatabaseError: the disk failed.
    """
    for row in _rows(conn, "log", "seq", LOG, last):
        if all(type(value) is type_ for value, type_ in zip(row[1:], _LOG_TYPES, strict=False)):
            yield row


def content_in(conn: sqlite3.Connection, key: Key) -> bytes | None:
    """Return a record's content, None if it has none or it can't be read.

    Raises:
        sqlite3.DatabaseError: the disk failed.
    """
    with _past_damage():
        return journal.find_content(conn, key)
    return None


def last_in(conn: sqlite3.Connection, marked: int, size: int) -> int:
    """Return a number that no row's is above, in a journal of `size` bytes.

    `marked` is what the lock file says was the last change.
    """
    found = [min(marked, size)]
    for sql in ("SELECT max(seq) FROM log", "SELECT max(n) FROM records"):
        with _past_damage():
            value = conn.execute(sql).fetchone()[0]
            found.append(min(value, size) if type(value) is int else 0)
    return max(found)


def _rows(
    conn: sqlite3.Connection, table: str, number: str, columns: str, last: int
) -> Iterator[tuple[Any, ...]]:
    """Yield a table's rows by their number, past what is damaged: there, each number is tried.

    Raises:
        sqlite3.DatabaseError: the disk failed.
    """
    select = f"SELECT {number}, {columns} FROM {table} NOT INDEXED WHERE {number}"  # noqa: S608
    at = 0
    while True:
        with _past_damage():
            while page := _ordered(
                conn.execute(f"{select} > ? ORDER BY 1 LIMIT {_PAGE}", (at,)), at
            ):
                yield from page
                at = page[-1][0]
            return
        good = 0
        while at < last and good < _GOOD:
            at += 1
            good += 1
            try:
                yield from conn.execute(f"{select} = ?", (at,)).fetchall()
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                good = 0
        if at >= last:
            return


def _ordered(rows: sqlite3.Cursor, after: int) -> list[tuple[Any, ...]]:
    """Return a page of rows; one that is out of order is damage, and would have no end."""
    page = rows.fetchall()
    numbers = [after, *(row[0] for row in page)]
    if any(one >= two for one, two in pairwise(numbers)):
        raise sqlite3.DatabaseError("rows are out of order")
    return page


class _past_damage(suppress):  # noqa: N801 - used like contextlib.suppress
    """Steps over what can't be read because it is damaged; what the disk refuses is raised."""

    def __init__(self) -> None:
        super().__init__(sqlite3.DatabaseError)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        return isinstance(error, sqlite3.DatabaseError) and is_damage(error)
