"""Files that are left to a foreign hand: the journal went on, the file is as somebody made it.

A transaction for money is never refused for a file (storage/base.py). What it changes is
committed, the file is not touched, and in the same commit the record is *noted* here, with what
was last published of it. While it is noted no file of the record is written or removed, not by a
repair either; readers take the journal's text. The note ends when `payment fsck` was told which
side is right, or by itself when the file was put back.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from payment_cli.errors import CorruptRecordError
from payment_cli.model.codec import decode
from payment_cli.model.record import Record
from payment_cli.storage.tree import journal
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.publish import Change, Publication

if TYPE_CHECKING:
    from payment_cli.storage.tree.writer import Writer

_ONE = "kind = ? AND domain = ? AND id = ?"

#: What was published last is not known: a repair found the foreign file. No file has this digest.
UNKNOWN = b""


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
    return (Note(Key(*row[:3]), row[3]) for row in rows.fetchall())


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
        is_ours = note.published is None or doc is None
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


def end_taken_back(root: Path, writer: "Writer") -> None:
    """Publish the records whose files were put back, and end their notes.

    Raises:
        LockedError, OSError, sqlite3.Error: nothing was ended.
    """
    writer.begin()
    conn, publication, ended = writer.conn, writer.publication, []
    for note in notes(conn) if writer.has_left else ():
        row = journal.find(conn, note.key)
        doc = row.doc if row is not None else None
        if is_taken_back(conn, publication, note, doc):
            publication.write(Change(note.key, doc, journal.find_content(conn, note.key)))
            ended.append(note.key)
    publish_ended(root, writer, ended)


def publish_ended(root: Path, writer: "Writer", keys: list[Key]) -> None:
    """Publish what was written aside, and end the notes of `keys` once it is on disk.

    Raises:
        OSError, sqlite3.Error: the notes stand, whatever was published.
    """
    from payment_cli.storage.tree.sync import sync_files

    try:
        writer.publication.publish()
        if keys:
            sync_files(root, writer.root_fd)
        noted = [key for key in keys if writer.left_of(key) is not None]
        for key in noted:
            writer.end_left(key)
        if noted:
            writer.commit([], writer.seq)
    finally:
        writer.rollback()
