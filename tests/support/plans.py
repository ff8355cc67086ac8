"""What SQLite would do for every question that a test's code asked: none may read without bound.

Questions to a tree are heard on its connections; those to the reference storage are put into the
tree's SQL. So a new question of a service can't escape, whatever storage its test runs on.
"""

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import payment_cli
from payment_cli import storage
from payment_cli.model.query.match import Match
from payment_cli.storage import tinydb
from payment_cli.storage.base import Collection, Query
from payment_cli.storage.tree.lock import JOURNAL_NAME
from payment_cli.storage.tree.plan import count_of, look_at, select_of
from payment_cli.storage.tree.schema import create_indexes, create_tables

#: Tables that hold no more at a million records: the tree's one row, the files that foreign hands
#: have, the values of a list in a query, the domains there are.
_SMALL = ("tree", "left_files", "json_each", "element", "each0", "each1", "each_domain", "CONSTANT")

#: What people ask for who may wait: what lists for them in services, and who calls that.
_LISTS = ("query", "count")
_MAY_WAIT = (
    "/cli/", "/app/upkeep.py", "/services/upkeep/doctor", "/services/upkeep/fsck.py",
    "/services/upkeep/backup.py", "/services/upkeep/owed.py", "/services/shop/stats.py",
    "/services/shop/ties.py", "/services/shop/goods_import.py",
)  # fmt: skip
_CHANGES_OF_GOODS = {("/services/shop/goods.py", "require_no_part")}

_STORAGE = str(Path(storage.__file__).parent)
_PRODUCT = str(Path(payment_cli.__file__).parent)

#: Kinds that hold no more, either: what sweeps could not do for the time being.
_SMALL_KINDS = ("kind = 'postponed'",)

#: What finds a whole kind, or all of a store's, by the index on ids.
_WHOLE = re.compile(r"USING INDEX by_id \(kind=\?( AND domain=\?)?\)")

_FRESH = "INTEGER PRIMARY KEY (rowid>?)"


@contextmanager
def only_flat_questions() -> Iterator[set[str]]:
    """Hear what is asked in the block; afterwards fail for what reads without bound."""
    asked: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        _listen_to_sqlite(patch, asked)
        _listen_to_reference(patch, asked)
        yield asked
    found = {sql: unbounded(sql) for sql in asked}
    faults = [f"{'; '.join(steps)}\n  {sql}" for sql, steps in sorted(found.items()) if steps]
    assert not faults, "these read more the more a tree holds:\n" + "\n".join(faults)


@cache
def unbounded(sql: str) -> tuple[str, ...]:
    """Return the steps of a statement's plan that read more the more a tree holds."""
    if not sql.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")) or "sqlite_" in sql:
        return ()
    if any(kind in sql for kind in _SMALL_KINDS):
        return ()
    rows = _empty_journal().execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    beside: dict[int, list[str]] = {}
    for _, parent, _, step in rows:
        beside.setdefault(parent, []).append(str(step))
    return tuple(str(row[3]) for row in rows if _is_unbounded(str(row[3]), beside[row[1]]))


def _is_unbounded(step: str, beside: list[str]) -> bool:
    if step.startswith("SCAN"):
        return step.split()[1] not in _SMALL
    if step.startswith("USE TEMP B-TREE FOR ORDER BY"):
        return not any(_FRESH in other for other in beside)
    if step.startswith("UNION USING TEMP B-TREE"):  # all of both parts, whatever LIMIT says
        return True
    return _WHOLE.search(step) is not None


@cache
def _empty_journal() -> sqlite3.Connection:
    conn = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    create_tables(conn, "test")
    create_indexes(conn)
    return conn


def _listen_to_sqlite(patch: pytest.MonkeyPatch, asked: set[str]) -> None:
    """Hear every statement of every connection that is opened; its values are in its text."""
    connect = sqlite3.connect

    def listening(database: Any, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        conn: sqlite3.Connection = connect(database, *args, **kwargs)
        if JOURNAL_NAME in str(database):
            conn.set_trace_callback(hear)
        return conn

    def hear(sql: str) -> None:
        if _is_ours():
            asked.add(_generic(sql))

    patch.setattr(sqlite3, "connect", listening)


def _listen_to_reference(patch: pytest.MonkeyPatch, asked: set[str]) -> None:
    query, count = tinydb._Reader.query, tinydb._Reader.count

    def hear_query(self: Any, collection: Collection, wanted: Query) -> Any:
        found = select_of(collection, wanted, look_at(_empty_journal(), collection.kind))
        if _is_ours():
            asked.add(_filled(found.sql, found.params))
        return query(self, collection, wanted)

    def hear_count(self: Any, collection: Collection, match: Match) -> Any:
        found = count_of(collection, match, look_at(_empty_journal(), collection.kind))
        if _is_ours():
            asked.add(_filled(found.sql, found.params))
        return count(self, collection, match)

    patch.setattr(tinydb._Reader, "query", hear_query)
    patch.setattr(tinydb._Reader, "count", hear_count)


def _is_ours() -> bool:
    """Whether the product asks because of a customer, a callback or cron.

    Not if the test itself asks, nor what a person asks for who may wait: a list, or upkeep.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        if file.startswith(_PRODUCT) and not file.startswith(_STORAGE):
            place = file.removeprefix(_PRODUCT)
            if name not in _LISTS:
                return not place.startswith(_MAY_WAIT) and (place, name) not in _CHANGES_OF_GOODS
        elif "/tests/" in file and file != __file__:
            return False
        frame = frame.f_back
    return True


def _filled(sql: str, params: tuple[Any, ...]) -> str:
    """Return the statement as a trace shows it."""
    quote = partial(_empty_journal().execute, "SELECT quote(?)")
    values = (str(quote((param,)).fetchone()[0]) for param in params)
    return _generic(re.sub(r"\?", lambda _: next(values), sql))


def _generic(sql: str) -> str:
    """Return a statement whose numbers are all alike, so that one of each is explained."""
    return re.sub(r"\b\d{4,}\b", "1000", re.sub(r"'[0-9a-f]{32}'", "'id'", sql))
