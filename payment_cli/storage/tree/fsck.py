"""`payment fsck`: compares the files of a tree with its journal and names every difference.

It may run while others write: what looks different is looked at again under the lock.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from errno import EMFILE, ENFILE, ENOMEM
from pathlib import Path
from typing import Any

from payment_cli.errors import CorruptRecordError, NotFoundError, OtherOwnerError, StorageError
from payment_cli.files.safe_files import open_root
from payment_cli.model.codec import decode
from payment_cli.storage.tree import journal, left, manifest, scan
from payment_cli.storage.tree.connection import (
    inode_of,
    is_damage,
    journal_path,
    open_reader,
    single,
    storage_errors,
)
from payment_cli.storage.tree.foreign import why_not_new
from payment_cli.storage.tree.key import Key, key_in
from payment_cli.storage.tree.lock import JOURNAL_FOLDER, JOURNAL_NAME
from payment_cli.storage.tree.publish import Publication
from payment_cli.storage.tree.writer import Writer

#: Told how much of how much is done.
Progress = Callable[[int, int], None]

LOCK_TIMEOUT_S = 30.0

_PAGE = 500
_JOURNAL_PATH = f"{JOURNAL_FOLDER}/{JOURNAL_NAME}"

_RECORDS = """SELECT n, kind, domain, id, rev, doc FROM records WHERE n > ? AND n <= ?
    ORDER BY n LIMIT ?"""

# Whether a row holds the record that it says, and its content. SQLite looks: to read a million
# records in Python takes longer than all the rest. A unary plus keeps SQLite from taking "1" for 1.
_COMPARED = """SELECT n, r.kind, r.domain, r.id, rev, doc,
        CASE WHEN typeof(doc) = 'text' AND typeof(rev) = 'integer' AND json_valid(doc)
        THEN json_extract(doc, '$.id') IS +r.id AND json_extract(doc, '$.rev') IS +rev END,
        data
    FROM records AS r LEFT JOIN contents AS c USING (kind, domain, id)
    WHERE n > ? AND n <= ? ORDER BY n LIMIT ?"""
_TEXTS = "SELECT kind, domain, id, after_digest FROM log"


class Kind(StrEnum):
    """How a file and the journal differ."""

    MISSING = "missing"  # the journal has it, the file is not there
    STALE = "stale"  # an earlier revision of the journal's own, as a power cut leaves it
    EDITED = "edited"  # a whole record, and one that the journal never had
    DAMAGED = "damaged"  # not a whole record
    FOREIGN = "foreign"  # a file of which the journal knows nothing
    LEFT = "left"  # a foreign hand's, left as it is while the record went on in the journal
    LEFTOVER = "leftover"  # a dead writer's temporary file
    JOURNAL = "journal"  # the journal itself is missing or damaged
    BACKUP = "backup"  # a backup that is not whole, or not what its manifest says


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, by the name of its file.

    `keys` are the records it may be of, `digest` is that of the file, where it is a whole record.
    """

    kind: Kind
    path: str
    detail: str = ""
    keys: tuple[Key, ...] = ()
    is_content: bool = False
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found: how many records and files it saw, and every difference, by path.

    `kept` are the files of a journal that was replaced, with their sizes in bytes.
    """

    record_count: int
    file_count: int
    differences: tuple[Difference, ...]
    kept: tuple[tuple[str, int], ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether there is no difference."""
        return not self.differences


def check_tree(
    root: Path, progress: Progress | None = None, *, lock_timeout_s: float = LOCK_TIMEOUT_S
) -> Report:
    """Compare every file with the journal.

    Nothing is changed but what a dead writer left undone, and files that were left to a foreign
    hand and have been put back: they are the journal's again.

    Raises:
        StorageError: the disk or the database failed. LockedError: others hold the lock.
    """
    with storage_errors("checking", root):
        if not root.is_dir():
            return Report(0, 0, ())
        root_fd = open_root(root)
        writer = Writer(root, lock_timeout_s)
        try:
            if inode_of(journal_path(root)) is None:
                return _without_journal(root_fd)
            stuck = _finish_writers(root, writer)
            report = _compared(root, root_fd, progress or silent)
            if report.is_clean or stuck is None:
                return report
            try:
                sure = tuple(confirmed(writer, report.differences))
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                return report
            return with_reasons(replace(report, differences=sure), stuck)
        finally:
            writer.close()
            os.close(root_fd)


def check_copy(root: Path, progress: Progress | None = None) -> Report:
    """Compare a backup with its manifest, and its files with its journal. Nothing is changed.

    Raises:
        StorageError: the disk or the database failed. NotFoundError: there is no such folder.
    """
    with storage_errors("verifying", root):
        if not root.is_dir():
            raise NotFoundError("backup", str(root))
        root_fd = open_root(root)
        try:
            if inode_of(journal_path(root)) is not None:
                return _compared(root, root_fd, progress or silent, must_be_copy=True)
            report = _without_journal(root_fd)
            found = report.differences or tuple(_of_manifest(None, root_fd, tells_lack=True))
            return Report(0, 0, found)
        finally:
            os.close(root_fd)


def confirmed(writer: Writer, differences: Sequence[Difference]) -> Iterator[Difference]:
    """Yield those differences that still are there when nobody else writes."""
    for start in range(0, len(differences), _PAGE):
        writer.begin()
        try:
            found = [
                again
                for one in differences[start : start + _PAGE]
                for again in look_again(writer.conn, writer.publication, one)
            ]
        finally:
            writer.rollback()
        yield from found


def look_again(
    conn: sqlite3.Connection, publication: Publication, one: Difference
) -> Iterator[Difference]:
    """Yield the difference as it is now, if it still is one."""
    if one.kind in (Kind.JOURNAL, Kind.BACKUP):
        yield one
        return
    known = next((key for key in one.keys if journal.find(conn, key) is not None), None)
    if known is not None:
        is_left = left.find(conn, known) is not None
        for now in _of_record(conn, publication, known, is_left=is_left):
            if now.path == one.path:
                yield _stale_or_edited(conn, now, one)
    elif publication.is_blocked(one.path) or publication.exists(one.path):
        yield one


def _stale_or_edited(conn: sqlite3.Connection, now: Difference, before: Difference) -> Difference:
    if now.kind is not Kind.EDITED or not now.digest:
        return now
    if now.digest == before.digest:
        return replace(now, kind=before.kind, detail=before.detail)
    return _stale(now) if journal.has_had(conn, now.keys[0], now.digest) else now


def _stale(one: Difference) -> Difference:
    return replace(one, kind=Kind.STALE, detail="is an earlier revision: only --restore")


def with_reasons(report: Report, stuck: dict[Key, str]) -> Report:
    """Return the report with why the files of these records could not be replaced."""
    told = []
    for one in report.differences:
        why = stuck.get(one.keys[0], "") if one.keys else ""
        is_told = why in one.detail  # the check after a repair has tried, too
        told.append(one if is_told else replace(one, detail=f"{one.detail}; {why}"))
    return replace(report, differences=tuple(told))


def _finish_writers(root: Path, writer: Writer) -> dict[Key, str] | None:
    """Finish what writers could not; return what still can't be, None if nothing can be written."""
    try:
        return left.end_taken_back(root, writer)
    except (StorageError, OtherOwnerError, OSError, sqlite3.DatabaseError):
        return None  # a read-only disk, or a journal too damaged to open: the comparison says so


def _without_journal(root_fd: int) -> Report:
    if manifest.is_unfinished(root_fd):
        return Report(0, 0, tuple(_of_manifest(None, root_fd, tells_lack=False)))
    if not scan.has_records(root_fd):
        return Report(0, 0, ())
    gone = Difference(Kind.JOURNAL, _JOURNAL_PATH, "is missing, though there are records")
    return Report(0, 0, (gone,))


def _of_manifest(
    conn: sqlite3.Connection | None, root_fd: int, *, tells_lack: bool
) -> Iterator[Difference]:
    """Yield how a copy differs from its manifest; `conn` None is a copy of an empty tree."""
    try:
        wanted = manifest.read(root_fd)
    except CorruptRecordError as error:
        yield Difference(Kind.BACKUP, manifest.MANIFEST_NAME, str(error))
        return
    found = manifest.describe(conn, root_fd, wanted.made_at)
    wrong = list(manifest.differences(wanted, found))
    for path, detail in (*wrong, *(manifest.lacking(wanted) if tells_lack else ())):
        yield Difference(Kind.BACKUP, path, detail)


def _compared(
    root: Path, root_fd: int, progress: Progress, *, must_be_copy: bool = False
) -> Report:
    try:
        with closing(open_reader(root)) as conn:
            report = _Comparison(conn, root_fd, progress).run()
            more: tuple[Difference, ...] = ()
            if manifest.is_copy(conn):
                more = tuple(_of_manifest(conn, root_fd, tells_lack=must_be_copy))
            elif must_be_copy:
                detail = "this is no backup, or it was changed since it was made"
                more = (Difference(Kind.BACKUP, manifest.MANIFEST_NAME, detail),)
            return replace(report, differences=(*more, *report.differences))
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return Report(0, 0, (_damaged(error),))


def _damaged(error: sqlite3.Error) -> Difference:
    return Difference(Kind.JOURNAL, _JOURNAL_PATH, str(error))


class _Comparison:
    """One pass over the journal, then one over the files. Snapshots are short: pages of records."""

    def __init__(self, conn: sqlite3.Connection, root_fd: int, progress: Progress) -> None:
        self._conn = conn
        self._root_fd = root_fd
        self._progress = progress
        self._done = 0
        self._total = 0
        self._found: list[Difference] = []
        #: How many files of a kind were seen in a folder to be what the journal has.
        self._seen: Counter[tuple[str, str]] = Counter()

    def run(self) -> Report:
        """Compare everything, or as much of it as can be read."""
        record_count = file_count = 0
        with Publication(self._root_fd, "") as publication:
            self._publication = publication
            try:
                for (problem,) in self._conn.execute("PRAGMA integrity_check(20)").fetchall():
                    if problem != "ok":
                        self._found.append(Difference(Kind.JOURNAL, _JOURNAL_PATH, str(problem)))
                record_count = single(self._conn, "SELECT count(*) FROM records", int)
                self._total = 2 * record_count
                self._left = {note.key for note in left.notes(self._conn)}
                self._check_records()
                file_count = sum(map(self._check_place, scan.places(self._root_fd)))
                self._tell_stale()
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self._found.append(_damaged(error))
        self._progress(self._done, self._done)
        differences = sorted(set(self._found), key=lambda one: (one.path, one.kind, one.detail))
        return Report(record_count, file_count, tuple(differences))

    def _check_records(self) -> None:
        for page in _pages(self._conn, _COMPARED):
            for _, kind, domain, record_id, rev, doc, is_whole, content in page:
                key = key_in(kind, domain, record_id)
                if key is None:
                    error = sqlite3.DatabaseError("a record has lost its name")
                    self._found.append(_damaged(error))
                elif not (is_whole and self._agrees(key, doc, content)):
                    row, is_left = journal.row_of(rev, doc), key in self._left
                    self._found += _of_record(
                        self._conn, self._publication, key, row, is_left=is_left
                    )
            self._step(len(page))

    def _agrees(self, key: Key, doc: str, content: bytes | None) -> bool:
        """Return whether the files of a record are what the journal has, and count those that are.

        What does not agree is looked at closely: this is only fast.
        """
        path, count = key.path, 1
        try:
            if self._publication.read(path) != doc.encode():
                return False
            if content is not None:
                count = 2
                if self._publication.read(key.content_path) != content:
                    return False
        except (CorruptRecordError, OSError):
            return False
        if scan.is_names_own(key):
            self._seen[key.kind, path.rpartition("/")[0]] += count
        return key not in self._left

    def _tell_stale(self) -> None:
        """Tell the journal's own earlier revisions from what a foreign hand wrote."""
        edited = {
            (*one.keys[0], one.digest): at
            for at, one in enumerate(self._found)
            if one.kind is Kind.EDITED and one.digest
        }
        if not edited:
            return
        for row in self._conn.execute(_TEXTS):
            at = edited.pop(row, None)
            if at is not None:
                self._found[at] = _stale(self._found[at])

    def _check_place(self, place: scan.Place) -> int:
        """Look for files that the journal does not know; return how many files there are.

        Where there are as many as records were seen to have, there is no other.
        """
        count = 0
        try:
            count = scan.count(self._root_fd, place)
            if count != self._seen[place.kind, place.path]:
                count = 0
                for found in scan.files(self._root_fd, place):
                    count += 1
                    self._check_file(found)
                    if count % _PAGE == 0:
                        self._step(_PAGE)
                self._step(count % _PAGE)
            else:
                self._step(count)
        except CorruptRecordError as error:
            self._found.append(Difference(Kind.DAMAGED, place.path, str(error)))
        except OSError as error:
            self._found.append(Difference(Kind.DAMAGED, place.path, _unread(error)))
        return count

    def _check_file(self, found: scan.Found) -> None:
        if found.is_temp:
            self._found.append(Difference(Kind.LEFTOVER, found.path, "a dead writer's"))
        elif not any(_is_known(self._conn, key, found) for key in found.keys):
            kind, detail = Kind.FOREIGN, self._why_foreign(found)
            if any(key in self._left for key in found.keys):
                kind, detail = Kind.LEFT, "the journal removed this record: only --restore"
            self._found.append(Difference(kind, found.path, detail, found.keys, found.is_content))

    def _why_foreign(self, found: scan.Found) -> str:
        why = ""
        if not found.is_content:
            why = why_not_new(self._conn, self._publication, found.path, found.keys)
        return f"not in the journal; can't be adopted: {why}" if why else "not in the journal"

    def _step(self, count: int) -> None:
        self._done += count
        self._total = max(self._total, self._done)
        self._progress(self._done, self._total)


def records_of(conn: sqlite3.Connection) -> Iterator[tuple[Key | None, journal.Row]]:
    """Yield every record of the journal without columns, oldest first, in snapshots of a page.

    The key is None where damage has made it none. Records that are made meanwhile are not seen.

    Raises:
        sqlite3.DatabaseError: the journal is damaged, or the disk failed.
    """
    for page in _pages(conn, _RECORDS):
        for _, kind, domain, record_id, rev, doc in page:
            yield key_in(kind, domain, record_id), journal.row_of(rev, doc)


def _pages(conn: sqlite3.Connection, select: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the rows of `select`, which begin with their record's `n`, in pages of one snapshot.

    Raises:
        sqlite3.DatabaseError: the journal is damaged, or the disk failed.
    """
    last, end = 0, single(conn, "SELECT coalesce(max(n), 0) FROM records", int)
    while page := conn.execute(select, (last, end, _PAGE)).fetchall():
        for n, *_ in page:
            if n <= last:
                raise sqlite3.DatabaseError("the records are out of order")
            last = n
        yield page


def _is_known(conn: sqlite3.Connection, key: Key, found: scan.Found) -> bool:
    if found.is_content:
        return journal.find_content(conn, key) is not None
    return journal.find(conn, key) is not None


def _of_record(
    conn: sqlite3.Connection,
    publication: Publication,
    key: Key,
    row: journal.Row | None = None,
    *,
    is_left: bool,
) -> Iterator[Difference]:
    """Yield how the files of one record differ from what the journal has."""
    row = row or journal.find(conn, key)
    is_whole = row is not None and journal.is_whole(row, key)
    if not is_whole:
        yield Difference(Kind.JOURNAL, _JOURNAL_PATH, f"{key} is damaged in it", (key,))
    doc = "" if row is None else row.doc
    found = list(_of_file(publication, key, key.path, doc.encode(), is_left=is_left))
    content = journal.find_content(conn, key)
    if content is not None:
        found += _of_file(publication, key, key.content_path, content, is_left=is_left)
    if not is_whole:  # then no file is stale: it may be all there is of the record
        found = [replace(one, digest=b"") for one in found]
    yield from (replace(one, kind=Kind.LEFT) for one in found) if is_left else found


def _of_file(
    publication: Publication, key: Key, path: str, expected: bytes, *, is_left: bool
) -> Iterator[Difference]:
    is_content = path == key.content_path
    try:
        found = publication.read(path)
    except CorruptRecordError as error:
        yield Difference(Kind.DAMAGED, path, str(error), (key,), is_content)
        return
    except OSError as error:
        yield Difference(Kind.DAMAGED, path, _unread(error), (key,), is_content)
        return
    if found is None:
        yield Difference(Kind.MISSING, path, "the journal has it", (key,), is_content)
    elif found != expected:
        is_whole = is_content or is_record(found, key)
        detail = "differs from the journal" if is_whole else "is not a whole record"
        kind = Kind.EDITED if is_whole else Kind.DAMAGED
        old, rev = left.rev_in(found), left.rev_in(expected)
        if is_whole and not is_content and not left.may_adopt(old, rev, is_left=is_left):
            detail = f"is of revision {old}, the journal's of {rev}: only --restore"
        digest = journal.digest_of(found) if is_whole and not is_content else b""
        yield Difference(kind, path, detail, (key,), is_content, digest)


def _unread(error: OSError) -> str:
    """Say that one file or folder can't be read; what strikes all of them is raised.

    Raises:
        OSError: it does.
    """
    if error.errno in (EMFILE, ENFILE, ENOMEM):
        raise error
    return f"can't be read: {error.strerror or 'the disk failed'}"


def is_record(data: str | bytes, key: Key) -> bool:
    """Return whether a file's text is a whole record that belongs to `key`."""
    try:
        record = decode(data)
    except ValueError:
        return False
    return isinstance(record, dict) and record.get("id") == key.id


def silent(_done: int, _total: int) -> None:
    """Tell nobody: a Progress."""
