"""A transaction on a tree: rows change at once, files when it commits."""

import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from payment_cli.clock import Clock
from payment_cli.errors import (
    ConflictError,
    CorruptRecordError,
    InvalidValueError,
    NotFoundError,
)
from payment_cli.model.codec import decode, encode, encode_pretty
from payment_cli.model.record import Json, Record
from payment_cli.storage.base import Collection, Query
from payment_cli.storage.tree import journal, left
from payment_cli.storage.tree.connection import storage_errors
from payment_cli.storage.tree.key import FOREIGN_HINT, Key, key_of
from payment_cli.storage.tree.publish import Change
from payment_cli.storage.tree.schema import SETTLE_EVERY
from payment_cli.storage.tree.writer import Writer

if TYPE_CHECKING:  # only queries need the match language and its SQL
    from payment_cli.model.query.match import Match


#: The types whose values come back from JSON as they were.
_PLAIN = frozenset({str, int, bool, type(None)})


class TreeTransaction:
    """See storage/base.py. The lock is taken by the first call, so that making ready costs none."""

    def __init__(self, writer: Writer, actor: str, clock: Clock, *, leaves_foreign: bool) -> None:
        """Prepare a transaction of `actor`; what it does to foreign files, see storage/base.py."""
        self.writer = writer
        self.actor = actor
        self.clock = clock
        self.leaves_foreign = leaves_foreign
        self._changes: dict[Key, Change] = {}
        #: The changed records whose files are left to a foreign hand (left.py).
        self._left: set[Key] = set()
        self._cursors: list[sqlite3.Cursor] = []
        self._seq = 0
        self._has_begun = False
        self._has_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._has_ended = True
        if not self._has_begun or not self.writer.is_open:
            return
        with storage_errors("committing to", "the tree"):
            for cursor in self._cursors:
                cursor.close()
            if kind is None and self._changes:
                published = [one for one in self._changes.values() if one.key not in self._left]
                self.writer.commit(published, self._seq)
            else:
                self.writer.rollback()

    def get(self, collection: Collection, record_id: str) -> Record:
        """See storage/base.py. Read from the journal: files are not what is locked."""
        key = key_of(collection, record_id)
        with storage_errors("reading", key):
            row = journal.find(self._begun(), key)
        if row is None:
            raise NotFoundError(key.kind, key.id)
        return journal.record_of(row, key)

    def query(self, collection: Collection, query: Query) -> Iterator[Record]:
        """See storage/base.py. What it yields ends with the transaction."""
        from payment_cli.storage.tree.plan import run_query

        with storage_errors("querying", collection.kind):
            cursor = self._begun().cursor()
            self._cursors.append(cursor)
            yield from run_query(self._begun(), cursor, collection, query)

    def count(self, collection: Collection, match: "Match") -> int:
        """See storage/base.py."""
        from payment_cli.storage.tree.plan import run_count

        with storage_errors("counting", collection.kind):
            return run_count(self._begun(), collection, match)

    def insert(
        self, collection: Collection, record: Record, content: bytes | None = None
    ) -> Record:
        """See storage/base.py.

        Raises:
            InvalidValueError: the record can't be stored: no id, NUL or half a character in it.
        """
        key = key_of(collection, str(record.get("id", "")))
        content = content or None
        doc, stored = _encoded(key, record, 1)
        with storage_errors("writing", key):
            conn = self._begun()
            self._take_free(conn, key, has_content=content is not None)
            seq = self._note(conn, key, "insert", ("", doc))
            # More than a few settle with this very transaction: they enter the indexes at once.
            fresh = len(self._changes) < SETTLE_EVERY
            try:
                journal.insert(conn, journal.New(key, 1, doc, stored), seq, fresh=fresh)
            except sqlite3.IntegrityError as error:
                journal.unlog(conn, seq)
                raise ConflictError(f"{key} exists already") from error
            if content is not None:
                journal.insert_content(conn, key, content)
            self._changes[key] = Change(key, doc, content)
        return stored

    def put(self, collection: Collection, record: Record) -> Record:
        """See storage/base.py.

        Raises:
            InvalidValueError: the record can't be stored: NUL or half a character in it.
        """
        key = key_of(collection, str(record.get("id", "")))
        rev = record.get("rev")
        doc, stored = _encoded(key, record, rev + 1 if isinstance(rev, int) else 1)
        with storage_errors("writing", key):
            conn = self._begun()
            row = self._current(conn, key, rev)
            journal.replace(conn, key, row, row.rev + 1, doc, stored)
            self._note(conn, key, "put", (row.doc, doc))
            earlier = self._changes.get(key)
            self._changes[key] = Change(key, doc, earlier.content if earlier else None)
        return stored

    def delete(self, collection: Collection, record_id: str, rev: int) -> None:
        """See storage/base.py."""
        key = key_of(collection, record_id)
        with storage_errors("removing", key):
            conn = self._begun()
            row = self._current(conn, key, rev)
            journal.delete(conn, key)
            self._note(conn, key, "delete", (row.doc, ""))
            self._changes[key] = Change(key, None)

    def _begun(self) -> sqlite3.Connection:
        if self._has_ended:
            raise RuntimeError("the transaction has ended")
        if not self._has_begun:
            self.writer.begin()
            self._has_begun = True
        return self.writer.conn

    def _current(self, conn: sqlite3.Connection, key: Key, rev: Json) -> journal.Row:
        """Return the row that is to be changed; refuse if it or its file is another by now."""
        row = journal.find(conn, key)
        if row is None:
            raise NotFoundError(key.kind, key.id)
        if row.rev != rev:
            raise ConflictError(
                f"{key} was changed meanwhile: revision {row.rev}, not {rev}",
                hint="read it again and repeat",
            )
        if key not in self._changes:
            self._take(conn, key, key.path, row.doc)
        return row

    def _take_free(self, conn: sqlite3.Connection, key: Key, *, has_content: bool) -> None:
        """Take the files of a new record, as `_take` does: there should be none."""
        if key in self._changes:
            return
        paths = (key.path, key.content_path) if has_content else (key.path,)
        try:
            found = next(filter(self.writer.publication.exists, paths), None)
        except CorruptRecordError:
            found = key.path
        if (found or self.writer.has_left) and journal.find(conn, key) is None:
            self._take(conn, key, found or key.path, None)

    def _take(self, conn: sqlite3.Connection, key: Key, path: str, doc: str | None) -> None:
        """See that the record's files are ours to replace: `doc` is what `path` should be.

        If a foreign hand has them, refuse, or leave them in a transaction that does (left.py).
        """
        publication, note = self.writer.publication, self.writer.left_of(key)
        if note is not None and left.is_taken_back(conn, publication, note, doc):
            self.writer.end_left(key)
            # What was never published of it is now, with whatever becomes of it here.
            self._changes[key] = Change(key, doc, journal.find_content(conn, key))
        elif note is None:
            try:
                publication.check(path, doc)
            except CorruptRecordError:
                if not self.leaves_foreign:
                    raise
                # A folder holds no record that anybody could decide about.
                is_stuck = publication.is_blocked(path)
                published = None if doc is None else journal.digest(doc)
                self.writer.leave(key, left.STUCK if is_stuck else published)
                self._left.add(key)
        elif self.leaves_foreign:
            self._left.add(key)
        else:
            raise CorruptRecordError(
                f"{path} was changed by a foreign hand, and nobody has decided about it yet;"
                " nothing was changed",
                hint=FOREIGN_HINT,
            )

    def _note(self, conn: sqlite3.Connection, key: Key, op: str, docs: tuple[str, str]) -> int:
        self._seq = journal.append_log(conn, self.clock(), self.actor, key, op, docs)
        return self._seq


def _encoded(key: Key, record: Record, rev: int) -> tuple[str, Record]:
    """Return the record's file and the record as it is stored, a copy of its own."""
    try:
        doc = encode_pretty({**record, "rev": rev})
        doc.encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidValueError(f"{key} can't be stored: {error}") from error
    if "\\u0000" in doc and _has_nul(record):
        raise InvalidValueError(f"{key} can't be stored: it has a NUL character")
    return doc, {**{name: _as_stored(value) for name, value in record.items()}, "rev": rev}


def _as_stored(value: Json) -> Json:
    """Return a copy of a value as it comes back from JSON."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list or kind is tuple:
        return [_as_stored(element) for element in value]  # type: ignore[union-attr]
    if kind is dict:
        return {key: _as_stored(inner) for key, inner in value.items()}  # type: ignore[union-attr]
    return decode(encode(value))


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list | tuple) and any(map(_has_nul, value))
