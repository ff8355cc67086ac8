"""Files that are left as they are: the journal went on, the file is as somebody made it.

A transaction for money is never refused for a file (storage/base.py). What it changes is
committed, the file is not touched, and in the same commit the record is *noted* here, with what
was last published of it. While it is noted no file of the record is written or removed, not by a
repair either; readers take the journal's text. The note ends when `payment fsck` was told which
side is right, or by itself when the file was put back.

So it is with a file that can't be replaced (a folder in its place, an immutable file, another
user's folder), found when a dead writer's changes are published: its record is noted as *stuck*.
Nobody has to decide about it; it is tried again by each recovery, and by `payment fsck`.
"""

import sqlite3
from collections.abc import Iterator
from errno import EDQUOT, EMFILE, ENFILE, ENOMEM, ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from payment_cli.errors import CorruptRecordError
from payment_cli.model.codec import decode
from payment_cli.model.record import Record
from payment_cli.storage.tree import journal
from payment_cli.storage.tree.key import Key, key_in
from payment_cli.storage.tree.publish import Change, Publication

if TYPE_CHECKING:
    from payment_cli.storage.tree.writer import Writer

_ONE = "kind = ? AND domain = ? AND id = ?"

#: What was published last is not known: a repair found the foreign file. No file has this digest.
UNKNOWN = b""

#: Nothing could be published, though no foreign hand's record is in the way: see is_free.
STUCK = b"-"

#: What strikes every file alike is no reason to give one of them up.
_OF_THE_DISK = frozenset({ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM})


class Note(NamedTuple):
    """A record whose files are left; `published` is the digest of our last file, None for none."""

    key: Key
    published: bytes | None


def find(conn: sqlite3.Connection, key: Key) -> Note | None:
    """Return the note of a record, if its files are left."""
    found = conn.execute(f"SELECT published FROM left_files WHERE {_ONE}", key).fetchone()  # noqa: S608
    return None if found is None else Note(key, found[0])


def notes(conn: sqlite3.Connection) -> Iterator[Note]:
    """Yield every note, by key."""
    rows = conn.execute("SELECT kind, domain, id, published FROM left_files ORDER BY 1, 2, 3")
    for *names, published in rows.fetchall():
        key = key_in(*names)
        if key is not None:
            yield Note(key, published if isinstance(published, bytes) else None)


def count(conn: sqlite3.Connection) -> int:
    """Return how many records have notes."""
    return int(conn.execute("SELECT count(*) FROM left_files").fetchone()[0])


def add(conn: sqlite3.Connection, note: Note) -> None:
    """Note a record that has no note yet."""
    conn.execute("INSERT INTO left_files VALUES (?, ?, ?, ?)", (*note.key, note.published))


def remove(conn: sqlite3.Connection, key: Key) -> None:
    """End the note of a record."""
    conn.execute(f"DELETE FROM left_files WHERE {_ONE}", key)  # noqa: S608


def clear(conn: sqlite3.Connection) -> None:
    """End every note: all files are the journal's."""
    conn.execute("DELETE FROM left_files")


def rev_in(text: str | bytes) -> int:
    """Return the revision that a file's text says it is, 1 if it says none."""
    try:
        record = decode(text)
    except ValueError:
        return 1
    return rev_of(record) if isinstance(record, dict) else 1


def rev_of(record: Record) -> int:
    """Return the revision that a foreign record says it is, 1 if it says none."""
    rev = record.get("rev")
    return rev if type(rev) is int and 0 < rev < 2**62 else 1


def may_adopt(rev: int, current: int, *, is_left: bool) -> bool:
    """Return whether a foreign file of revision `rev` may become the record, now at `current`.

    Not if it is older: it would undo what happened since. A file that was left is older, until
    somebody makes it anew from the journal's text and so says that text's revision.
    """
    return rev == current if is_left else rev >= current


def is_taken_back(
    conn: sqlite3.Connection, publication: Publication, note: Note, doc: str | None
) -> bool:
    """Return whether the foreign hand put the files back, so that ours may replace them.

    They are what was last published, or what the journal has now: `doc`, None for no record.
    """
    try:
        found = publication.read(note.key.path)
        content = publication.read(note.key.content_path)
    except CorruptRecordError:
        return False
    if found is None:
        is_ours = note.published in (None, STUCK) or doc is None
    else:
        is_ours = journal.digest_of(found) == note.published or (
            doc is not None and found == doc.encode()
        )
    if not is_ours or content is None:
        return is_ours
    if doc is None:
        # The content of a removed record goes with its file, if there ever was one of ours.
        return note.published is not None
    return content == journal.find_content(conn, note.key)


def is_foreign(conn: sqlite3.Connection, found: bytes, key: Key, digests: frozenset[bytes]) -> bool:
    """Return whether a file is a whole record, yet none that the journal ever had.

    What a power loss leaves is one of ours, or no JSON at all. An old one of ours is what was put
    back in place of a foreign file, when the writer that saw it died before publishing. `digests`
    are some that are known to be ours.
    """
    # Of a file that was cut before its last line end the rest is a whole record, and ours.
    for digest in map(journal.digest_of, (found, found + b"\n")):
        if digest in digests or journal.has_had(conn, key, digest):
            return False
    try:
        return isinstance(decode(found), dict)
    except ValueError:
        return False


def stuck_because(error: CorruptRecordError | OSError) -> str:
    """Return why one file can't be replaced.

    Raises:
        OSError: the error is one of the whole disk.
    """
    if isinstance(error, CorruptRecordError):
        return f"it can't be replaced: {error}"
    if error.errno in _OF_THE_DISK:
        raise error
    return f"it can't be replaced: {error.strerror or 'the disk failed'}"


def is_free(conn: sqlite3.Connection, publication: Publication, key: Key) -> bool:
    """Return whether no foreign hand's record or link is where a stuck record's file goes."""
    try:
        found = publication.read(key.path)
    except (CorruptRecordError, OSError):
        return False
    return found is None or not is_foreign(conn, found, key, frozenset())


def publish_one(conn: sqlite3.Connection, publication: Publication, key: Key) -> str:
    """Publish the journal's files of a record; return why they can't be replaced, "" if they could.

    Raises:
        OSError: the disk failed, and not for this file alone.
    """
    row = journal.find(conn, key)
    doc = row.doc if row is not None else None
    try:
        publication.write(Change(key, doc, journal.find_content(conn, key)))
        publication.publish()
    except (CorruptRecordError, OSError) as error:
        publication.discard()
        return stuck_because(error)
    return ""


def end_taken_back(root: Path, writer: "Writer") -> dict[Key, str]:
    """Publish the records whose files were put back, or were stuck, and end their notes.

    Return why some still can't be replaced.

    Raises:
        LockedError, OSError, sqlite3.Error: nothing was ended.
    """
    writer.begin()
    conn, publication, ended = writer.conn, writer.publication, []
    for note in notes(conn) if writer.has_left else ():
        row = journal.find(conn, note.key)
        doc = row.doc if row is not None else None
        is_tried = note.published == STUCK and is_free(conn, publication, note.key)
        if is_tried or is_taken_back(conn, publication, note, doc):
            ended.append(note.key)
    return publish_ended(root, writer, ended)


def publish_ended(root: Path, writer: "Writer", keys: list[Key]) -> dict[Key, str]:
    """Publish the journal's files of these records, and end their notes once they are on disk.

    What can't be replaced keeps no other from it; return why, by record.

    Raises:
        OSError, sqlite3.Error: the notes stand, whatever was published.
    """
    from payment_cli.storage.tree.sync import sync_files

    try:
        done = {key: publish_one(writer.conn, writer.publication, key) for key in keys}
        ended = [key for key, reason in done.items() if not reason]
        if ended:
            sync_files(root, writer.root_fd)
        noted = [key for key in ended if writer.left_of(key) is not None]
        for key in noted:
            writer.end_left(key)
        if noted:
            writer.commit([], writer.seq)
    finally:
        writer.rollback()
    return {key: reason for key, reason in done.items() if reason}
