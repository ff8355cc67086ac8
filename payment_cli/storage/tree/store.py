"""The tree as a Storage: files to read from, a journal that is the truth (storage/base.py).

Reading one record by its id takes its file, and believes it where the journal has the same text: a
file that a foreign hand changed is no record, and is refused (exit 32) by readers as by the next
writer of that record; `payment fsck` names it. A writer for money goes on and leaves the file
(left.py): then the record is read from the journal. So it is while files may be older than the
journal, for a writer is acknowledged only after its file is in place: where a writer is publishing
or has died on the way, and after the machine went down. So a record by its id is never older than
what a query shows. Where the journal does not open (a read-only disk, a lost journal) the file is
all there is: it is shown, and said to be unchecked. Queries, and everything in a transaction, read
the journal.

Many records go into one transaction: `for r in records: tx.insert(...)`. Take batches of 1,000 to
2,000: the lock is held meanwhile, some 0.1 ms per record, and others wait.

A storage serves one thread.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from typing import TYPE_CHECKING

from payment_cli.clock import Clock
from payment_cli.errors import (
    ConfigError,
    CorruptRecordError,
    NotFoundError,
    PaymentError,
    StorageError,
)
from payment_cli.files.safe_files import RECORD_MAX, open_root, read_path
from payment_cli.model.codec import decode
from payment_cli.model.record import Record
from payment_cli.storage.base import Collection, LeftFile, LogEntry, Query, Transaction
from payment_cli.storage.kinds import typed_id
from payment_cli.storage.tree.key import FOREIGN_HINT, ROW_HINT, Key, key_of
from payment_cli.storage.tree.layout import check_layout
from payment_cli.storage.tree.lock import (
    JOURNAL_FOLDER,
    LOCK_NAME,
    UNKNOWN_BOOT,
    Mark,
    read_boot_id,
)

if TYPE_CHECKING:
    from pathlib import Path

    from payment_cli.model.query.match import Match
    from payment_cli.storage.tree.journal import Row
    from payment_cli.storage.tree.reader import Reader
    from payment_cli.storage.tree.writer import Writer

LOCK_TIMEOUT_S = 10.0


class TreeStorage:
    """Records of one tree. Nothing is made or opened before it is needed."""

    def __init__(
        self, root: "Path | str", clock: Clock, lock_timeout_s: float, say: Callable[[str], None]
    ) -> None:
        """Prepare the tree at `root`; see `open_tree`."""
        self._root = root
        self._say = say
        self._unchecked: set[str] = set()
        #: The damaged records that answers lacked.
        self._left_out: set[str] = set()
        self._is_damage_taken = False
        self._clock = clock
        self._lock_timeout_s = lock_timeout_s
        self._is_layout_known = False

    def get(self, collection: Collection, record_id: str) -> Record:
        """See storage/base.py, and above for what is read."""
        key = key_of(collection, record_id)
        data = self._found(key) if self._is_quiet else None
        if data is None or not self._is_committed(key, data):
            data = self._decided(key)
        return _decoded(key, data)

    def committed(self, collection: Collection, record_id: str) -> Record:
        """See storage/base.py."""
        from payment_cli.storage.tree.journal import record_of

        key = key_of(collection, record_id)
        return record_of(self._find(key), key)

    def _is_committed(self, key: Key, data: bytes) -> bool:
        """Whether the journal certainly has this very text for the record."""
        if "_reader" not in self.__dict__:
            from payment_cli.storage.tree.glance import committed_text

            return committed_text(self._root, key) == data
        with suppress(PaymentError):
            row = self._reader.find(key)
            return row is not None and row.doc.encode() == data
        return False

    def _decided(self, key: Key) -> bytes:
        """Return the record's text where its file is not simply what the journal has.

        Raises:
            NotFoundError: there is no such record. CorruptRecordError: a foreign hand wrote its
                file. Other PaymentErrors: neither journal nor file can be read.
        """
        try:
            row = self._reader.find(key)
            # In this order: a file is what the row says once its writer is no more publishing.
            is_quiet, found = self._is_quiet, self._found(key)
            while row != (row := self._reader.find(key)):
                is_quiet, found = self._is_quiet, self._found(key)
            may_differ = not is_quiet or key in self._reader.left()
        except ConfigError:
            raise
        except PaymentError as problem:
            return self._unchecked_file(key, problem)
        doc = None if row is None else row.doc.encode()
        if found not in (None, doc) and not may_differ:
            self._read(key.path)  # which has its own word for what can't be read
            raise CorruptRecordError(
                f"{key.path} was {'changed' if doc else 'made'} by a foreign hand",
                hint=FOREIGN_HINT,
            )
        if doc is None:
            raise NotFoundError(key.kind, key.id)
        return doc

    def _unchecked_file(self, key: Key, problem: PaymentError) -> bytes:
        """Return the file's text as it is, and say so; without a file raise `problem`."""
        data = self._read(key.path)
        if data is None:
            raise problem
        if key.path not in self._unchecked:
            self._unchecked.add(key.path)
            self._say(f"{key.path} is shown unchecked: {problem}")
        return data

    def _leave_out(self, name: str) -> None:
        """Note that an answer lacks a damaged record, and say so."""
        if name not in self._left_out:
            self._left_out.add(name)
            if not self._is_damage_taken:
                self._say(f"{name} is damaged in the journal, and left out")

    def _found(self, key: Key) -> bytes | None:
        """Return what is at the record's place, None for nothing; b"" if that can't be read."""
        try:
            return self._read(key.path)
        except (CorruptRecordError, StorageError):
            return b""

    def _find(self, key: Key) -> "Row":
        row = self._reader.find(key)
        if row is None:
            raise NotFoundError(key.kind, key.id)
        return row

    def query(self, collection: Collection, query: Query) -> Iterator[Record]:
        """See storage/base.py."""
        return self._reader.query(collection, query)

    def count(self, collection: Collection, match: "Match") -> int:
        """See storage/base.py."""
        return self._reader.count(collection, match)

    def transaction(
        self, actor: str, *, leaves_foreign: bool = False
    ) -> AbstractContextManager[Transaction]:
        """See storage/base.py. The errors come with the first call in it, or at its end."""
        from payment_cli.storage.tree.transaction import TreeTransaction

        return TreeTransaction(self._writer, actor, self._clock, leaves_foreign=leaves_foreign)

    def content(self, collection: Collection, record_id: str) -> bytes:
        """See storage/base.py. Read from the journal: the stored copy of a script is what runs."""
        return self._reader.content(key_of(collection, record_id))

    def find_id(self, collection: Collection, fragment: str) -> str:
        """See storage/base.py. A full id of a published record is itself."""
        domain, fragment = typed_id(*collection, fragment)
        collection = Collection(collection.kind, domain)
        if len(fragment) == 32 and collection.domain is not None:
            key = key_of(collection, fragment)
            with suppress(CorruptRecordError):
                if self._read(key.path, limit=0) is not None:
                    return fragment
        return self._reader.find_id(collection, fragment)

    def ids_like(self, collection: Collection, fragment: str, most: int) -> list[str]:
        """See storage/base.py."""
        domain, fragment = typed_id(*collection, fragment)
        return self._reader.ids_like(Collection(collection.kind, domain), fragment, most)

    def log(self, *, after: int = 0, limit: int | None = None) -> Iterator[LogEntry]:
        """See storage/base.py."""
        return self._reader.log(after, limit)

    def history(self, collection: Collection, record_id: str) -> Iterator[LogEntry]:
        """See storage/base.py."""
        return self._reader.history(key_of(collection, record_id))

    def left(self) -> Iterator[LeftFile]:
        """See storage/base.py."""
        for key in self._reader.left():
            yield LeftFile(Collection(key.kind, key.domain), key.id, key.path)

    def take_damaged(self) -> set[str]:
        """See storage/base.py."""
        self._is_damage_taken = True
        return self._left_out

    def close(self) -> None:
        """See storage/base.py."""
        writer: Writer | None = self.__dict__.get("_writer")
        problem = writer.problem if writer is not None else ""
        for part in ("_reader", "_writer"):
            if part in self.__dict__:
                self.__dict__.pop(part).close()
        if problem:
            raise StorageError(
                f"what was done is stored, but its file is not written yet: {problem}",
                hint="don't do it again: the next command that writes makes the file",
            )
        if self._left_out and not self._is_damage_taken:
            count = len(self._left_out)
            self._left_out = set()
            raise CorruptRecordError(
                f"{count} damaged record{'s were' if count > 1 else ' was'} left out, the others"
                " are all there",
                hint=ROW_HINT,
            )

    @cached_property
    def _place(self) -> "Path":
        from pathlib import Path  # who reads one record's file needs none

        return Path(self._root)

    @cached_property
    def _reader(self) -> "Reader":
        from payment_cli.storage.tree.reader import Reader

        return Reader(self._place, self._lock_timeout_s, self._leave_out)

    @cached_property
    def _writer(self) -> "Writer":
        from payment_cli.storage.tree.writer import Writer

        return Writer(self._place, self._lock_timeout_s)

    @property
    def _is_quiet(self) -> bool:
        """Whether all that is committed is published, but for files left to a foreign hand.

        Not if the machine went down, or may have; or a writer is publishing right now, or has died
        on the way; or there is no mark to say that none of this is so.
        """
        try:
            data = self._read(f"{JOURNAL_FOLDER}/{LOCK_NAME}")
        except CorruptRecordError:
            return False
        mark = Mark.from_bytes(data) if data is not None else None
        if self._boot == UNKNOWN_BOOT:
            return False
        return mark is not None and mark.boot == self._boot and mark.busy == "-"

    @cached_property
    def _boot(self) -> str:
        return read_boot_id()

    def _read(self, path: str, limit: int = RECORD_MAX) -> bytes | None:
        """Return the file at `path`, None if it is not there.

        Raises:
            ConfigError: the tree is a newer program's. CorruptRecordError: it is no plain file, or
                nobody can say how old the files are. StorageError: the disk failed.
        """
        try:
            root_fd = open_root(self._root)
            try:
                if not self._is_layout_known:
                    check_layout(root_fd)
                    self._is_layout_known = True
                return read_path(root_fd, path, limit)
            finally:
                os.close(root_fd)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"reading {path}: {error.strerror}") from error


def open_tree(
    root: "Path | str",
    clock: Clock,
    *,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    say: Callable[[str], None] = lambda _sentence: None,
) -> TreeStorage:
    """Return the storage of the tree at `root`; `clock` dates its log.

    Nothing is made before the first write. A writer waits at most `lock_timeout_s` for others.
    `say` takes a sentence for people about what was read and could not be checked.
    """
    return TreeStorage(root, clock, lock_timeout_s, say)


def _decoded(key: Key, data: bytes) -> Record:
    """Return the record in a file.

    Raises:
        CorruptRecordError: it is cut off, no JSON, or another record's.
    """
    try:
        record = decode(data)
    except ValueError:
        record = None
    if not isinstance(record, dict) or record.get("id") != key.id or "rev" not in record:
        raise CorruptRecordError(
            f"{key.path} is not a whole record of {key.kind} {key.id}", hint=FOREIGN_HINT
        )
    return record
