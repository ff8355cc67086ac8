"""The reading side of a tree's journal: queries outside any transaction, without any lock.

Each stream reads from a connection and a snapshot of its own, so that what one command reads next
is never as old as a stream it still holds. An open stream keeps SQLite from shortening its WAL
file: consume streams quickly.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from payment_cli.errors import AmbiguousIdError, InvalidValueError, NotFoundError
from payment_cli.model.codec import decode
from payment_cli.model.names import check_name
from payment_cli.model.record import Record
from payment_cli.storage.base import Collection, LogEntry, Query
from payment_cli.storage.kinds import kind_of
from payment_cli.storage.tree import ghost, journal
from payment_cli.storage.tree.connection import (
    inode_of,
    journal_path,
    open_reader,
    require_new,
    storage_errors,
)
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.schema import FRAGMENT_MIN, TAIL
from payment_cli.storage.tree.versions import OldTreeError, check_version

if TYPE_CHECKING:
    from payment_cli.model.query.match import Match
    from payment_cli.storage.tree.plan import LeaveOut

_ENTRY = "SELECT seq, at, actor, kind, domain, id, op, before_digest, after_digest, before FROM log"
_LOG = f"{_ENTRY} WHERE seq > ? ORDER BY seq LIMIT ?"


class Reader:
    """Reads one tree's journal. Nothing is opened before the first question.

    An old tree is upgraded by it, waiting at most `lock_timeout_s` for others.
    """

    def __init__(
        self, root: Path, lock_timeout_s: float, leave_out: "LeaveOut | None" = None
    ) -> None:
        """Prepare to read the journal of the tree at `root`.

        `leave_out` is told which damaged records answers lack; without it they have no answer.
        """
        self._leave_out = leave_out
        self.root = root
        self.lock_timeout_s = lock_timeout_s
        self._path = os.path.abspath(root)  # noqa: PTH100 - at every question
        #: The root, the journal's folder and the database, as they were when we opened them.
        self._places: tuple[ghost.Identity | None, ...] | None = None
        self._idle: list[sqlite3.Connection] = []
        self._is_closed = False

    def query(self, collection: Collection, query: Query) -> Iterator[Record]:
        """Yield the matching records; see storage/base.py."""
        from payment_cli.storage.tree.plan import run_query

        with storage_errors("querying", collection.kind), self._snapshot() as conn:
            if conn is not None:
                with closing(conn.cursor()) as cursor:
                    yield from run_query(conn, cursor, collection, query, self._leave_out)

    def count(self, collection: Collection, match: "Match") -> int:
        """Return how many records match."""
        from payment_cli.storage.tree.plan import run_count

        with storage_errors("counting", collection.kind), self._snapshot() as conn:
            return 0 if conn is None else run_count(conn, collection, match, self._leave_out)

    def find(self, key: Key) -> journal.Row | None:
        """Return the record's committed row, None if there is no such record."""
        with storage_errors("reading", key), self._snapshot() as conn:
            return None if conn is None else journal.find(conn, key)

    def left(self) -> list[Key]:
        """Return the records whose files are left to a foreign hand."""
        from payment_cli.storage.tree import left

        with storage_errors("reading", "what is left"), self._snapshot() as conn:
            return [] if conn is None else [note.key for note in left.notes(conn)]

    def content(self, key: Key) -> bytes:
        """Return the record's content, b"" if it has none.

        Raises:
            NotFoundError: there is no such record.
        """
        with storage_errors("reading", key), self._snapshot() as conn:
            if conn is None or journal.find(conn, key) is None:
                raise NotFoundError(key.kind, key.id)
            return journal.find_content(conn, key) or b""

    def find_id(self, collection: Collection, fragment: str) -> str:
        """Return the one id that starts or ends with `fragment`; see storage/base.py.

        A prefix is a range of the index on ids, a suffix begins in the index on their ends.
        """
        ids = self.ids_like(collection, fragment, 2)
        if fragment in ids:
            return fragment
        if len(fragment) < FRAGMENT_MIN:
            raise InvalidValueError(
                f"{fragment!a} is too short for an id",
                hint=f"give {FRAGMENT_MIN} characters of its start or end, or more",
            )
        if not ids:
            raise NotFoundError(collection.kind, fragment)
        if len(ids) > 1:
            raise AmbiguousIdError(collection.kind, fragment)
        return ids[0]

    def ids_like(self, collection: Collection, fragment: str, most: int) -> list[str]:
        """See storage/base.py."""
        check_name("id", fragment)
        kind_of(collection.kind)
        with storage_errors("looking for", fragment), self._snapshot() as conn:
            return [] if conn is None else _ids_like(conn, collection, fragment, most)

    def log(self, after: int, limit: int | None) -> Iterator[LogEntry]:
        """Yield log entries with a sequence above `after`, oldest first."""
        return self._log_entries(_LOG, (after, -1 if limit is None else limit))

    def history(self, key: Key) -> Iterator[LogEntry]:
        """Yield the log entries of one record, oldest first."""
        index = f" INDEXED BY log_of_{key.kind}" if kind_of(key.kind).has_history else ""
        asked = f"kind = '{key.kind}' AND id = ? AND domain = ?"
        sql = f"{_ENTRY}{index} WHERE {asked} ORDER BY seq"
        return self._log_entries(sql, (key.id, key.domain))

    def _log_entries(self, sql: str, params: tuple[str | int, ...]) -> Iterator[LogEntry]:
        with storage_errors("reading", "the log"), self._snapshot() as conn:
            if conn is not None:
                with closing(conn.cursor()) as cursor:
                    yield from map(_log_entry, cursor.execute(sql, params))

    def close(self) -> None:
        """Close the idle connections now, and those in use when their streams end."""
        self._is_closed = True
        self._close_idle()

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection | None]:
        """Hold a connection in one read transaction; None if the tree is new and empty.

        Raises:
            CorruptRecordError: the journal is missing though the tree has records.
            StorageError: we had a tree open, and now there is none.
            ConfigError: a newer program has upgraded the tree.
        """
        places = ghost.whereabouts(self._path)[:3]
        if None in places:
            self._check_new()
            yield None
            return
        if places != self._places:
            self._close_idle()
            self._places = places
        conn = self._idle.pop() if self._idle else open_current(self.root, self.lock_timeout_s)
        try:
            conn.execute("BEGIN")
            check_version(conn)
            yield conn
        finally:
            self._put_back(conn, places)

    def _put_back(
        self, conn: sqlite3.Connection, places: tuple[ghost.Identity | None, ...]
    ) -> None:
        """End the snapshot; keep the connection unless the journal was replaced meanwhile."""
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        if self._is_closed or places != self._places:
            conn.close()
        else:
            self._idle.append(conn)

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _check_new(self) -> None:
        if inode_of(journal_path(self.root)) is not None:
            return  # made just now: the next question will find it
        require_new(self.root, was_open=self._places is not None)


def open_current(root: Path, lock_timeout_s: float) -> sqlite3.Connection:
    """Open the journal that is there for reading, as `open_reader` does, upgraded if it is old.

    Raises:
        LockedError: it is old, and others kept it locked. OldTreeError: it can't be upgraded here.
    """
    try:
        return open_reader(root)
    except OldTreeError as old:
        from payment_cli.storage.tree.writer import Writer

        writer = Writer(root, lock_timeout_s)
        try:
            writer.begin()
        except (OSError, sqlite3.Error) as error:
            raise OldTreeError(old.version, str(error)) from error
        finally:
            writer.close()
    return open_reader(root)


def _ids_like(
    conn: sqlite3.Connection, collection: Collection, fragment: str, most: int
) -> list[str]:
    """Return `fragment` if it is an id, else up to `most` ids that start or end with it.

    UNION would read all of them first, so what is found twice is dropped here.
    """
    kind, params = collection.kind, [collection.domain or ""]
    is_there = f"kind = '{kind}' AND domain = ?"
    if collection.domain is None:
        from payment_cli.storage.tree.choice import any_domain

        is_there, params = f"kind = '{kind}' AND domain IN ({any_domain(kind)})", []
    select = "SELECT id FROM records"
    by_id = f"{select} INDEXED BY by_id WHERE {is_there} AND"
    if conn.execute(f"{by_id} id = ?", (*params, fragment)).fetchone():
        return [fragment]
    if len(fragment) < FRAGMENT_MIN:
        return []
    ends = (*params, -len(fragment), fragment)
    found = conn.execute(
        f"{by_id} id BETWEEN ? AND ?"  # noqa: S608
        f" UNION ALL {select} INDEXED BY by_tail WHERE {TAIL} = ? AND fresh = 0"
        f" AND {is_there} AND substr(id, ?) = ?"
        f" UNION ALL {select} NOT INDEXED WHERE n > (SELECT settled FROM tree) AND fresh = 1"
        f" AND {is_there} AND substr(id, ?) = ?",
        (*params, fragment, fragment + "\x7f", fragment[-FRAGMENT_MIN:], *ends, *ends),
    )
    ids: set[str] = set()
    with closing(found):
        while len(ids) < most and (row := found.fetchone()):
            ids.add(str(row[0]))
    return sorted(ids)


def _log_entry(row: tuple[Any, ...]) -> LogEntry:
    seq, at, actor, kind, domain, record_id, op, before_digest, after_digest, before = row
    return LogEntry(
        seq, at, actor, kind, domain, record_id, op,
        before_digest=before_digest.hex() if before_digest else "",
        after_digest=after_digest.hex() if after_digest else "",
        before=decode(before) if before else None,
    )  # fmt: skip
