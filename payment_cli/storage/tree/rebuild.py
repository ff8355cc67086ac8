"""`payment fsck --rebuild`: a new journal, where there is none or it is damaged.

Nothing that can be read is thrown away. First comes what can still be read of the old journal
(salvage.py): records, scripts, the log. Then each record's file is compared with it: a whole file
of a later revision is taken, a file that is missing, torn or an earlier revision is written anew,
one that a foreign hand made is left for `payment fsck`. Then come the files that the old journal
does not know. It is kept under another name.

A whole journal that is newer than files is not replaced at all: `--restore` is what mends them.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from payment_cli.clock import Clock
from payment_cli.errors import CorruptRecordError
from payment_cli.files.safe_files import open_root
from payment_cli.ids import new_token
from payment_cli.model.codec import encode_pretty
from payment_cli.storage.tree import journal, left, salvage, scan
from payment_cli.storage.tree.connection import (
    finish_new_journal,
    inode_of,
    is_damage,
    journal_path,
    new_journal,
    open_as_it_is,
    storage_errors,
)
from payment_cli.storage.tree.foreign import read_record
from payment_cli.storage.tree.fsck import (
    LOCK_TIMEOUT_S,
    Progress,
    Report,
    check_tree,
    records_of,
    silent,
)
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.layout import check_layout
from payment_cli.storage.tree.lock import JOURNAL_NAME, Mark, TreeLock, read_boot_id
from payment_cli.storage.tree.manifest import is_unfinished, unfinished
from payment_cli.storage.tree.publish import Change, Publication
from payment_cli.storage.tree.repair import ACTOR, insert
from payment_cli.storage.tree.schema import create_indexes, create_tables
from payment_cli.storage.tree.sync import sync_files

_SALVAGED = f"INSERT OR IGNORE INTO log (seq, {salvage.LOG}) VALUES (?{', ?' * 9})"  # noqa: S608

_PLACE = "INSERT INTO log (seq, at, actor, kind, domain, id, op)"

#: Only while rebuilding: what is looked up for each record.
_LOOKUPS = {
    "rebuild_records": "UNIQUE INDEX rebuild_records ON records (kind, domain, id)",
    "rebuild_log": "INDEX rebuild_log ON log (kind, domain, id)",
}


def rebuild_journal(
    root: Path,
    clock: Clock,
    progress: Progress | None = None,
    *,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
) -> Report:
    """Make the journal anew; return what could not be taken in, and what was kept of the old one.

    That is `payment.db.replaced-TIME` beside the new one (UTC), with its WAL.

    Raises:
        CorruptRecordError: the journal is whole, and newer than files or all there is of records.
        ConfigError: the tree is a newer program's.
        StorageError: the disk or the database failed. LockedError: others hold the lock.
    """
    with storage_errors("rebuilding the journal of", root):
        root_fd = open_root(root, writes=True)
        try:
            lock = TreeLock(root_fd)
            try:
                lock.acquire(lock_timeout_s)
                check_layout(root_fd)
                if is_unfinished(root_fd):
                    raise unfinished()
                kept = (
                    ()
                    if finish_new_journal(root_fd)
                    else _rebuild(root, root_fd, lock, clock, progress or silent)
                )
            finally:
                lock.close()
        finally:
            os.close(root_fd)
    return replace(check_tree(root, lock_timeout_s=lock_timeout_s), kept=kept)


def _rebuild(
    root: Path, root_fd: int, lock: TreeLock, clock: Clock, progress: Progress
) -> tuple[tuple[str, int], ...]:
    """Make the new journal under the lock; return the files of the old one, and their sizes."""
    name, now = new_token(), clock()
    has_old = inode_of(journal_path(root)) is not None
    kept_as = _free_name(journal_path(root).parent, now)
    with Publication(root_fd, f"rebuild-{name[:16]}") as publication:
        if has_old:
            _check_worse(root, publication)
        with new_journal(root, root_fd, kept_as) as conn:
            create_tables(conn, name)
            # The file is not at its place until it is whole: a crash needs no rollback of it.
            conn.execute("PRAGMA synchronous = OFF")
            conn.execute("BEGIN")
            for index in _LOOKUPS.values():
                conn.execute(f"CREATE {index}")
            work = _Rebuilding(conn, publication, clock, progress)
            if has_old:
                work.salvage(root, lock.read_mark())
            for place in scan.places(root_fd):
                for found in _records_in(root_fd, place):
                    work.load(found)
            sync_files(root, root_fd)
            seq = journal.last_seq(conn)
            journal.set_synced(conn, seq)
            journal.settle(conn, seq)
            for index in _LOOKUPS:
                conn.execute(f"DROP INDEX {index}")
            count = left.count(conn)
            conn.execute("COMMIT")
            create_indexes(conn)
    lock.write_mark(Mark(read_boot_id(), name, seq, seq, left=count))
    folder = journal_path(root).parent
    old = [folder / f"{kept_as}{end}" for end in ("", "-wal")]
    return tuple((str(file), file.stat().st_size) for file in old if file.exists())


def _free_name(folder: Path, now: int) -> str:
    """Return a name for the old journal that no file has: one for each rebuild."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now // 1000))
    name, number = f"{JOURNAL_NAME}.replaced-{stamp}", 1
    while any(folder.glob(f"{name}*")):
        number += 1
        name = f"{JOURNAL_NAME}.replaced-{stamp}.{number}"
    return name


def _check_worse(root: Path, publication: Publication) -> None:
    """Refuse to replace a whole journal that knows what the files don't.

    Raises:
        CorruptRecordError: it is one. sqlite3.DatabaseError: the disk failed.
    """
    count, first = 0, ""
    try:
        with closing(open_as_it_is(root)) as conn:
            if any(found != ("ok",) for found in conn.execute("PRAGMA integrity_check(1)")):
                return
            for key, row in records_of(conn):
                if key is None or not journal.is_whole(row, key):
                    return
                if not _is_in_file(publication, key, row.rev):
                    count, first = count + 1, first or key.path
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return
    if count:
        raise CorruptRecordError(
            f"the journal is whole, and {count} of its records are newer than their files, or have"
            f" none, first {first}: nothing was changed",
            hint="`payment fsck --restore` writes these files from the journal",
        )


def _is_in_file(publication: Publication, key: Key, rev: int) -> bool:
    """Return whether a record's file is whole and not older than revision `rev`."""
    try:
        _, record, _ = read_record(publication, key.path, (key,))
    except CorruptRecordError:
        return False
    return left.rev_of(record) >= rev


class _Rebuilding:
    """Fills a new journal."""

    def __init__(
        self, conn: sqlite3.Connection, publication: Publication, clock: Clock, progress: Progress
    ) -> None:
        self._conn = conn
        self._publication = publication
        self._clock = clock
        self._progress = progress
        self._done = 0

    def salvage(self, root: Path, mark: Mark | None) -> None:
        """Take what can be read of the old journal, and what is newer in the records' files.

        Raises:
            sqlite3.DatabaseError, OSError: the disk failed.
        """
        database = journal_path(root)
        wal = database.with_name(f"{JOURNAL_NAME}-wal")
        size = database.stat().st_size + (wal.stat().st_size if wal.exists() else 0)
        try:
            old = open_as_it_is(root)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return
        with closing(old):
            last = salvage.last_in(old, mark.seq if mark is not None else 0, size)
            self._conn.executemany(_SALVAGED, salvage.log_in(old, last))
            self._keep_numbers(last)
            for n, key, row in salvage.records_in(old, last):
                self._take(n, key, row, salvage.content_in(old, key))

    def load(self, found: scan.Found) -> None:
        """Take a file of which nothing was known; leave what is no record to the report.

        It is taken byte for byte, unless it lacks a revision: then it is written anew with one. One
        that was removed, as the log says, stays away.
        """
        try:
            key, record, data = read_record(self._publication, found.path, found.keys)
            content = self._publication.read(key.content_path)
        except (CorruptRecordError, OSError):
            return
        if journal.find(self._conn, key) or journal.last_op(self._conn, key) == "delete":
            return
        doc, rev = data.decode(), left.rev_of(record)
        if record.get("rev") != rev:
            doc = encode_pretty({**record, "rev": rev})
            self._publication.write(Change(key, doc))
            self._publication.publish()
        seq = self._log(key, "insert", ("", doc))
        insert(self._conn, journal.New(key, rev, doc, record), seq, content)
        self._step()

    def _take(self, n: int, key: Key, row: journal.Row, content: bytes | None) -> None:
        """Take a record of the old journal, or its file where that is newer."""
        record = journal.record_of(row, key)
        try:
            insert(self._conn, journal.New(key, row.rev, row.doc, record), n, content)
        except sqlite3.IntegrityError:
            return  # a damaged table may have a record twice
        if not journal.has_had(self._conn, key, journal.digest_of(row.doc.encode())):
            self._log(key, "put", ("", row.doc))
        self._step()
        try:
            found = self._publication.read(key.path)
            if found == row.doc.encode():
                return
            if found is not None and left.is_foreign(self._conn, found, key, frozenset()):
                self._take_newer(key)
                return
        except (CorruptRecordError, OSError):
            found = None
        if left.publish_one(self._conn, self._publication, key):
            left.add(self._conn, left.Note(key, left.STUCK))

    def _take_newer(self, key: Key) -> None:
        """Take a file if it is of a later revision than the record, or leave it (left.py)."""
        _, record, data = read_record(self._publication, key.path, (key,))
        row, rev = journal.find(self._conn, key), left.rev_of(record)
        if row is not None and rev > row.rev:
            self._log(key, "put", (row.doc, data.decode()))
            journal.replace(self._conn, key, row, rev, data.decode(), record)
        elif row is not None and rev < row.rev:
            left.add(self._conn, left.Note(key, left.UNKNOWN))

    def _keep_numbers(self, last: int) -> None:
        """Have the log go on above every number that the old journal has used."""
        if last > journal.last_seq(self._conn):
            row = (last, self._clock(), ACTOR)
            self._conn.execute(f"{_PLACE} VALUES (?, ?, ?, '', '', '', 'rebuild')", row)

    def _log(self, key: Key, op: str, docs: tuple[str, str]) -> int:
        return journal.append_log(self._conn, self._clock(), ACTOR, key, op, docs)

    def _step(self) -> None:
        self._done += 1
        self._progress(self._done, self._done)


def _records_in(root_fd: int, place: scan.Place) -> Iterator[scan.Found]:
    try:
        found = [one for one in scan.files(root_fd, place) if one.keys and not one.is_content]
    except (CorruptRecordError, OSError):
        return
    yield from sorted(found, key=lambda one: one.name)
