"""`payment fsck --restore` and `--adopt`: making files and journal one again.

Which side is right is the operator's to say. Restoring takes the journal's word, adopting that of
the files. What no side can repair stays, and the report that comes back names it. A journal that is
lost or damaged is another matter: rebuild.py.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from payment_cli.clock import Clock
from payment_cli.errors import CorruptRecordError
from payment_cli.model.codec import encode_pretty
from payment_cli.model.record import Record
from payment_cli.storage.tree import journal, left
from payment_cli.storage.tree.connection import storage_errors
from payment_cli.storage.tree.foreign import check_not_ended, read_record
from payment_cli.storage.tree.fsck import (
    LOCK_TIMEOUT_S,
    Difference,
    Kind,
    Progress,
    Report,
    check_tree,
    look_again,
    with_reasons,
)
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.publish import Change
from payment_cli.storage.tree.writer import Writer

#: The actor that the log names for what is adopted from files.
ACTOR = "fsck"

_RESTORED = (Kind.MISSING, Kind.STALE, Kind.EDITED, Kind.DAMAGED, Kind.LEFT)
_ADOPTED = (Kind.EDITED, Kind.FOREIGN, Kind.LEFT)

#: Says why a record of a kind may not become another one by an edit, "" if it may.
Judge = Callable[[str, Record, Record], str]

#: Differences that are repaired under one hold of the lock.
_BATCH = 500


def restore_files(
    root: Path, progress: Progress | None = None, *, lock_timeout_s: float = LOCK_TIMEOUT_S
) -> Report:
    """Write the journal's records over files that are missing, edited, damaged or left.

    Files of which the journal knows nothing are left. Return what is different afterwards, and
    why it could not be replaced.

    Raises:
        StorageError: the disk or the database failed. LockedError: others hold the lock.
    """
    stuck: dict[Key, str] = {}

    def restore(writer: Writer, differences: list[Difference]) -> None:
        owners: set[Key] = set()
        for one in differences:
            if one.kind is Kind.LEFTOVER:
                writer.publication.remove(one.path)
            elif one.kind in _RESTORED:
                owners.update(_owner(writer, one))
        keys = [key for key in sorted(owners) if _may_restore(writer, key)]
        stuck.update(left.publish_ended(root, writer, keys))

    return with_reasons(_repaired(root, progress, lock_timeout_s, restore), stuck)


def adopt_files(
    root: Path,
    clock: Clock,
    progress: Progress | None = None,
    *,
    why_not: Judge = lambda _kind, _before, _after: "",
    lock_timeout_s: float = LOCK_TIMEOUT_S,
) -> Report:
    """Take hand-edited and foreign records into the journal, as new revisions in the log.

    What is missing, damaged or stale is left, and what is of an older revision than the journal's:
    it would undo what has happened since, be it a payment. Nor is what was deleted because it was
    done (an owed step): it would be done twice. Nor what `why_not` says may not follow on what the
    record was. One that can't be adopted keeps no other from it. Return what is different
    afterwards, and why.

    Raises:
        StorageError: the disk or the database failed. LockedError: others hold the lock.
    """

    refused: dict[str, str] = {}

    def adopt(writer: Writer, differences: list[Difference]) -> None:
        changes, seq = [], 0
        for one in differences:
            if one.kind in _ADOPTED and not one.is_content:
                try:
                    change, seq = _adopt_one(writer, one, clock, why_not)
                    changes.append(change)
                except CorruptRecordError as error:
                    refused[one.path] = str(error)
        if changes:
            writer.commit(changes, seq)
        else:
            writer.rollback()

    report = _repaired(root, progress, lock_timeout_s, adopt)
    told = [
        replace(one, detail=f"{one.detail}; not adopted: {refused[one.path]}")
        if one.kind is Kind.EDITED and one.path in refused
        else one
        for one in report.differences
    ]
    return replace(report, differences=tuple(told))


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


def _adopt_one(writer: Writer, one: Difference, clock: Clock, why_not: Judge) -> tuple[Change, int]:
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
    if row is not None and journal.is_whole(row, key):
        wrong = why_not(key.kind, journal.record_of(row, key), record)
        if wrong:
            raise CorruptRecordError(wrong)
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
        insert(conn, journal.New(key, rev, doc, record), seq, content)
    return Change(key, doc, content), seq


def insert(conn: sqlite3.Connection, new: journal.New, seq: int, content: bytes | None) -> None:
    """Add a record with its content to the journal."""
    journal.insert(conn, new, seq, fresh=False)
    if content is not None:
        journal.insert_content(conn, new.key, content)
