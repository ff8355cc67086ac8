"""`payment fsck --restore`, `--adopt` and `--rebuild`: making files and journal one again.

Which side is right is the operator's to say. Restoring takes the journal's word, adopting and
rebuilding that of the files. What no side can repair stays, and the report that comes back names
it.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from payment_cli.clock import Clock
from payment_cli.errors import CorruptRecordError, PaymentError
from payment_cli.files.safe_files import open_root
from payment_cli.ids import new_token
from payment_cli.model.codec import encode_pretty
from payment_cli.storage.tree import journal, left, scan
from payment_cli.storage.tree.connection import new_journal, open_reader, storage_errors
from payment_cli.storage.tree.foreign import check_not_ended, read_record
from payment_cli.storage.tree.fsck import (
    LOCK_TIMEOUT_S,
    Difference,
    Kind,
    Progress,
    Report,
    check_tree,
    look_again,
)
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.layout import check_layout
from payment_cli.storage.tree.lock import Mark, TreeLock, read_boot_id
from payment_cli.storage.tree.publish import Change, Publication
from payment_cli.storage.tree.schema import create_indexes, create_tables
from payment_cli.storage.tree.sync import sync_files
from payment_cli.storage.tree.writer import Writer

#: The actor that the log names for what is adopted from files.
ACTOR = "fsck"

_RESTORED = (Kind.MISSING, Kind.EDITED, Kind.DAMAGED, Kind.LEFT)
_ADOPTED = (Kind.EDITED, Kind.FOREIGN, Kind.LEFT)

#: Differences that are repaired under one hold of the lock.
_BATCH = 500


def restore_files(
    root: Path, progress: Progress | None = None, *, lock_timeout_s: float = LOCK_TIMEOUT_S
) -> Report:
    """Write the journal's records over files that are missing, edited, damaged or left.

    Files of which the journal knows nothing are left. Return what is different afterwards.

    Raises:
        StorageError: the disk or the database failed. LockedError: others hold the lock.
    """

    def restore(writer: Writer, differences: list[Difference]) -> None:
        owners: set[Key] = set()
        for one in differences:
            if one.kind is Kind.LEFTOVER:
                writer.publication.remove(one.path)
            elif one.kind in _RESTORED:
                owners.update(_owner(writer, one))
        left.publish_ended(
            root, writer, [key for key in sorted(owners) if _may_restore(writer, key)]
        )

    return _repaired(root, progress, lock_timeout_s, restore)


def adopt_files(
    root: Path,
    clock: Clock,
    progress: Progress | None = None,
    *,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
) -> Report:
    """Take hand-edited and foreign records into the journal, as new revisions in the log.

    What is missing or damaged is left, and what is of an older revision than the journal's: it
    would undo what has happened since, be it a payment. Nor is what was deleted because it was done
    (an owed step): it would be done twice. One that can't be adopted keeps no other
    from it. Return what is different afterwards, and why.

    Raises:
        StorageError: the disk or the database failed. LockedError: others hold the lock.
    """

    def adopt(writer: Writer, differences: list[Difference]) -> None:
        changes, seq = [], 0
        for one in differences:
            if one.kind in _ADOPTED and not one.is_content:
                with suppress(CorruptRecordError):
                    change, seq = _adopt_one(writer, one, clock)
                    changes.append(change)
        if changes:
            writer.commit(changes, seq)
        else:
            writer.rollback()

    return _repaired(root, progress, lock_timeout_s, adopt)


def rebuild_journal(
    root: Path,
    clock: Clock,
    progress: Progress | None = None,
    *,
    lock_timeout_s: float = LOCK_TIMEOUT_S,
) -> Report:
    """Make the journal anew from the files alone. The history in the log is lost.

    A journal that is there is kept beside it as `payment.db.replaced`. Return what could not be
    taken in.

    Raises:
        CorruptRecordError: the journal is there, and newer than files that were left.
        ConfigError: the files are a newer program's.
        StorageError: the disk or the database failed. LockedError: others hold the lock.
    """
    with storage_errors("rebuilding the journal of", root):
        root_fd = open_root(root, writes=True)
        try:
            lock = TreeLock(root_fd)
            try:
                lock.acquire(lock_timeout_s)
                _rebuild_locked(root, root_fd, lock, clock, progress)
            finally:
                lock.close()
        finally:
            os.close(root_fd)
    return check_tree(root, lock_timeout_s=lock_timeout_s)


def _repaired(
    root: Path,
    progress: Progress | None,
    lock_timeout_s: float,
    repair: Callable[[Writer, list[Difference]], None],
) -> Report:
    """Check, repair the differences in batches, and check again."""
    report = check_tree(root, progress, lock_timeout_s=lock_timeout_s)
    if report.is_clean:
        return report
    writer = Writer(root, lock_timeout_s)
    with storage_errors("repairing", root):
        try:
            for start in range(0, len(report.differences), _BATCH):
                writer.begin()
                conn, publication = writer.conn, writer.publication
                batch = report.differences[start : start + _BATCH]
                sure = [now for one in batch for now in look_again(conn, publication, one)]
                repair(writer, sure)
        finally:
            writer.close()
    return check_tree(root, lock_timeout_s=lock_timeout_s)


def _may_restore(writer: Writer, key: Key) -> bool:
    """Return whether the journal's files of a record can go to their places.

    A record that is damaged in the journal goes over no file: the file may be all there is of it.
    """
    row = journal.find(writer.conn, key)
    if row is not None and not journal.is_whole(row, key):
        return False
    content = journal.find_content(writer.conn, key)
    paths = (key.path,) if row is not None and content is None else (key.path, key.content_path)
    return not any(map(writer.publication.is_blocked, paths))


def _owner(writer: Writer, one: Difference) -> list[Key]:
    """Return the record whose file is restored: the journal's, or one that it removed."""
    known = [key for key in one.keys if journal.find(writer.conn, key) is not None]
    return known[:1] or [key for key in one.keys if writer.left_of(key) is not None]


def _adopt_one(writer: Writer, one: Difference, clock: Clock) -> tuple[Change, int]:
    """Take one file into the journal.

    Raises:
        CorruptRecordError: it can't be or may not be, and so stays a difference.
    """
    key, record, _ = read_record(writer.publication, one.path, one.keys)
    conn = writer.conn
    row, rev = journal.find(conn, key), left.rev_of(record)
    is_left = writer.left_of(key) is not None
    if row is None and is_left:
        raise CorruptRecordError("the journal removed it")
    if row is not None and not left.may_adopt(rev, row.rev, is_left=is_left):
        raise CorruptRecordError("it is older")
    content = None
    if row is None:
        check_not_ended(conn, key)
        content = writer.publication.read(key.content_path)
    if is_left:
        writer.end_left(key)
    rev = rev if row is None else max(row.rev, rev) + 1
    record["rev"] = rev
    doc = encode_pretty(record)
    docs = (row.doc if row is not None else "", doc)
    seq = journal.append_log(conn, clock(), ACTOR, key, "put" if row else "insert", docs)
    if row is not None:
        journal.replace(conn, key, row, rev, doc, record)
    else:
        _insert(conn, journal.New(key, rev, doc, record), seq, content)
    return Change(key, doc, content), seq


def _insert(conn: sqlite3.Connection, new: journal.New, seq: int, content: bytes | None) -> None:
    journal.insert(conn, new, seq, fresh=False)
    if content is not None:
        journal.insert_content(conn, new.key, content)


def _rebuild_locked(
    root: Path, root_fd: int, lock: TreeLock, clock: Clock, progress: Progress | None
) -> None:
    check_layout(root_fd)
    _check_nothing_left(root)
    name = new_token()
    with new_journal(root, root_fd) as conn, Publication(root_fd, "") as publication:
        create_tables(conn, name)
        # The file is not at its place until it is whole: a crash needs no rollback of it.
        conn.execute("PRAGMA synchronous = OFF")
        conn.execute("BEGIN")
        done = 0
        for place in scan.places(root_fd):
            for found in _records_in(root_fd, place):
                _load_one(conn, publication, found, clock)
                done += 1
                if progress is not None:
                    progress(done, done)
        sync_files(root, root_fd)
        seq = journal.last_seq(conn)
        journal.set_synced(conn, seq)
        journal.settle(conn, seq)
        conn.execute("COMMIT")
        create_indexes(conn)
    lock.write_mark(Mark(read_boot_id(), name, seq, seq))


def _check_nothing_left(root: Path) -> None:
    """Refuse to make files the truth that are known to be older than it."""
    try:
        with closing(open_reader(root)) as conn:
            count = left.count(conn)
    except (sqlite3.Error, PaymentError):
        return
    if count:
        raise CorruptRecordError(
            f"{count} records are newer in the journal than in their files",
            hint="`payment fsck --restore` or --adopt first",
        )


def _records_in(root_fd: int, place: scan.Place) -> list[scan.Found]:
    try:
        found = [one for one in scan.files(root_fd, place) if one.keys and not one.is_content]
    except CorruptRecordError:
        return []
    return sorted(found, key=lambda one: one.name)


def _load_one(
    conn: sqlite3.Connection, publication: Publication, found: scan.Found, clock: Clock
) -> None:
    """Take a file into a new journal; leave what is no record to the report.

    It is taken byte for byte, unless it lacks a revision: then it is written anew with one.
    """
    try:
        key, record, data = read_record(publication, found.path, found.keys)
        content = publication.read(key.content_path)
    except CorruptRecordError:
        return
    doc, rev = data.decode(), left.rev_of(record)
    if record.get("rev") != rev:
        doc = encode_pretty({**record, "rev": rev})
        publication.write(Change(key, doc))
        publication.publish()
    seq = journal.append_log(conn, clock(), ACTOR, key, "insert", ("", doc))
    _insert(conn, journal.New(key, rev, doc, record), seq, content)
