"""The tinydb backend: a TinyDB database in memory or in one JSON file, for one process.

Small and obviously right rather than fast: every transaction works on a copy, and a commit writes
the whole file. Its query objects are the meaning of a match (storage/tinydb_query.py), so that
the other backends can be held against it; services are tested on its memory form.

One table per collection (`payment/`, `order/shop1`), one for contents, one for the log.
"""

import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, cast

from tinydb import TinyDB, where
from tinydb.storages import MemoryStorage
from tinydb.table import Document, Table

from payment_cli.clock import Clock
from payment_cli.errors import (
    AmbiguousIdError,
    ConflictError,
    CorruptRecordError,
    InvalidValueError,
    LockedError,
    NotFoundError,
    StorageError,
)
from payment_cli.model.codec import decode, encode, encode_pretty
from payment_cli.model.query.match import Match, everything
from payment_cli.model.record import Record
from payment_cli.storage.base import Collection, LeftFile, LogEntry, Query, Storage, Transaction
from payment_cli.storage.kinds import kind_of, place, typed_id
from payment_cli.storage.tinydb_query import in_order, tinydb_query

#: How long a transaction waits for another thread's.
LOCK_TIMEOUT_S = 10.0
FRAGMENT_MIN = 6

_CONTENT = "content"
_LOG = "log"


def open_tinydb(path: Path | None, clock: Clock) -> Storage:
    """Open the database in the file `path` (made at the first commit), or in memory.

    Raises:
        CorruptRecordError: the file is not a TinyDB database.
        StorageError: it can not be read.
    """
    return _TinyDbStorage(path, _load(path) if path else {}, clock)


def _load(path: Path) -> dict[str, Any]:
    try:
        tables = decode(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError(f"{path} can not be read: {error.strerror}") from error
    except ValueError as error:
        raise CorruptRecordError(f"{path} is not a TinyDB database: {error}") from error
    if not isinstance(tables, dict):
        raise CorruptRecordError(f"{path} is not a TinyDB database")
    return tables


class _Reader:
    """Reads one state of the database."""

    def __init__(self, tables: dict[str, Any]) -> None:
        self._show(tables)

    def _show(self, tables: dict[str, Any]) -> None:
        self._tables = tables
        self._db = TinyDB(storage=MemoryStorage)
        self._db.storage.write(tables)

    def get(self, collection: Collection, record_id: str) -> Record:
        return _copy(self._find(collection, record_id))

    def query(self, collection: Collection, query: Query) -> Iterator[Record]:
        found = in_order(self._search(collection, query.match), query.sort)
        end = None if query.limit is None else query.skip + query.limit
        return map(_copy, found[query.skip : end])

    def count(self, collection: Collection, match: Match) -> int:
        return len(self._search(collection, match))

    def _find(self, collection: Collection, record_id: str) -> Document:
        place(collection.kind, collection.domain or "", record_id)
        found = self._table(collection).get(where("id") == record_id)
        if found is None:
            raise NotFoundError(collection.kind, record_id)
        return found

    def _search(self, collection: Collection, match: Match) -> list[Record]:
        kind_of(collection.kind)
        wanted = tinydb_query(match)
        return [
            dict(record)
            for name in sorted(self._db.tables())
            if name == _table_name(collection)
            or (collection.domain is None and name.startswith(f"{collection.kind}/"))
            for record in self._db.table(name).search(wanted)
        ]

    def _table(self, collection: Collection) -> Table:
        return self._db.table(_table_name(collection))


class _TinyDbStorage(_Reader):
    """The committed state, swapped as a whole by each commit."""

    def __init__(self, path: Path | None, tables: dict[str, Any], clock: Clock) -> None:
        super().__init__(tables)
        self._path, self._clock = path, clock
        self._lock = Lock()

    @contextmanager
    def transaction(self, actor: str, *, leaves_foreign: bool = False) -> Iterator[Transaction]:
        if not self._lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise LockedError("another transaction kept the database for too long")
        try:
            # TinyDB replaces a table it changes and never alters a stored record, so copying the
            # outermost level keeps the committed state untouched.
            staged = dict(self._tables)
            yield _Transaction(staged, self._clock, actor)
            self._commit(staged)
        finally:
            self._lock.release()

    def committed(self, collection: Collection, record_id: str) -> Record:
        return self.get(collection, record_id)

    def left(self) -> Iterator[LeftFile]:
        return iter(())

    def take_damaged(self) -> set[str]:
        return set()

    def content(self, collection: Collection, record_id: str) -> bytes:
        self._find(collection, record_id)
        found = self._db.table(_CONTENT).get(where("key") == _content_key(collection, record_id))
        return b64decode(found["data"]) if found else b""

    def find_id(self, collection: Collection, fragment: str) -> str:
        part = typed_id(*collection, fragment)[1]
        found = self.ids_like(collection, fragment, 2)
        if part in found:
            return part
        if len(part) < FRAGMENT_MIN:
            raise InvalidValueError(
                f"{part!a} is too short for an id",
                hint=f"give at least {FRAGMENT_MIN} characters of it",
            )
        if not found:
            raise NotFoundError(collection.kind, part)
        if len(found) > 1:
            raise AmbiguousIdError(collection.kind, part)
        return found[0]

    def ids_like(self, collection: Collection, fragment: str, most: int) -> list[str]:
        domain, part = typed_id(*collection, fragment)
        place = Collection(collection.kind, domain)
        ids = {str(record["id"]) for record in self._search(place, everything())}
        if part in ids:
            return [part]
        if len(part) < FRAGMENT_MIN:
            return []
        return sorted(each for each in ids if each.startswith(part) or each.endswith(part))[:most]

    def log(self, *, after: int = 0, limit: int | None = None) -> Iterator[LogEntry]:
        rows = self._db.table(_LOG).search(where("seq") > after)
        ordered = sorted(rows, key=lambda row: int(row["seq"]))
        return (LogEntry(**_copy(row)) for row in ordered[:limit])  # type: ignore[arg-type]

    def history(self, collection: Collection, record_id: str) -> Iterator[LogEntry]:
        wanted = (*collection, record_id)
        return (entry for entry in self.log() if (entry.kind, entry.domain, entry.id) == wanted)

    def close(self) -> None:
        self._db.close()

    def _commit(self, staged: dict[str, Any]) -> None:
        if self._path:
            _write(self._path, encode(staged))
        self._show(staged)


class _Transaction(_Reader):
    """Changes a staged copy of the state."""

    def __init__(self, tables: dict[str, Any], clock: Clock, actor: str) -> None:
        super().__init__(tables)
        self._clock, self._actor = clock, actor

    def insert(
        self, collection: Collection, record: Record, content: bytes | None = None
    ) -> Record:
        record_id = str(record.get("id", ""))
        place(collection.kind, collection.domain or "", record_id)
        table = self._table(collection)
        if table.contains(where("id") == record_id):
            raise ConflictError(f"there is a {collection.kind} {record_id} already")
        stored = _copy({**record, "rev": 1})
        table.insert(stored)
        if content:
            data = b64encode(content).decode("ascii")
            key = _content_key(collection, record_id)
            self._db.table(_CONTENT).insert({"key": key, "data": data})
        self._log("insert", collection, record_id, None, stored)
        return _copy(stored)

    def put(self, collection: Collection, record: Record) -> Record:
        record_id = str(record["id"])
        before = self._current(collection, record_id, record["rev"])
        stored = _copy({**record, "rev": before["rev"] + 1})
        table = self._table(collection)
        table.remove(doc_ids=[before.doc_id])
        table.insert(Document(stored, before.doc_id))
        self._log("put", collection, record_id, dict(before), stored)
        return _copy(stored)

    def delete(self, collection: Collection, record_id: str, rev: int) -> None:
        before = self._current(collection, record_id, rev)
        self._table(collection).remove(doc_ids=[before.doc_id])
        key = _content_key(collection, record_id)
        self._db.table(_CONTENT).remove(where("key") == key)
        self._log("delete", collection, record_id, dict(before), None)

    def _current(self, collection: Collection, record_id: str, rev: object) -> Document:
        found = self._find(collection, record_id)
        if found["rev"] != rev:
            raise ConflictError(
                f"{collection.kind} {record_id} changed meanwhile: it is at revision"
                f" {found['rev']}, not {rev}"
            )
        return found

    def _log(
        self,
        op: str,
        collection: Collection,
        record_id: str,
        before: Record | None,
        after: Record | None,
    ) -> None:
        table = self._db.table(_LOG)
        entry = LogEntry(
            seq=max((row["seq"] for row in table), default=0) + 1,
            at=self._clock(),
            actor=self._actor,
            kind=collection.kind,
            domain=collection.domain or "",
            id=record_id,
            op=op,
            before_digest=_digest(before),
            after_digest=_digest(after),
            before=before if kind_of(collection.kind).keeps_before else None,
        )
        table.insert(entry._asdict())


def _table_name(collection: Collection) -> str:
    return f"{collection.kind}/{collection.domain or ''}"


def _content_key(collection: Collection, record_id: str) -> str:
    return f"{_table_name(collection)}/{record_id}"


def _copy(record: Record) -> Record:
    return cast(Record, decode(encode(record)))


def _digest(record: Record | None) -> str:
    return "" if record is None else sha256(encode_pretty(record).encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    """Replace the file, durably, or leave it as it was.

    Raises:
        StorageError: the disk refused.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        file_fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file_fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StorageError(f"{path} can not be written: {error.strerror}") from error
