"""What a foreign hand put in a record's place: whether it may become the record, or why not."""

import sqlite3
from typing import NamedTuple

from payment_cli.errors import CorruptRecordError, InvalidValueError
from payment_cli.model.codec import decode_foreign_object
from payment_cli.model.record import Record
from payment_cli.storage.kinds import KINDS
from payment_cli.storage.tree import journal
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.publish import Publication


class Foreign(NamedTuple):
    """A whole record that a file holds, and the bytes of that file."""

    key: Key
    record: Record
    data: bytes


def check_not_ended(conn: sqlite3.Connection, key: Key) -> None:
    """Refuse to make a record anew whose deletion said that what it asks for is done.

    Raises:
        CorruptRecordError: it was deleted. sqlite3.Error: the journal can't be read.
    """
    if KINDS[key.kind].ends_once and journal.was_deleted(conn, key):
        raise CorruptRecordError("was deleted; what it asked for would be done again")


def read_record(publication: Publication, path: str, keys: tuple[Key, ...]) -> Foreign:
    """Return the record in the file at `path`, which is to be one of `keys`.

    Raises:
        CorruptRecordError: it is no plain file, no record, or none of them; the sentence says why.
        OSError: the disk failed.
    """
    data = publication.read(path)
    if data is None:
        raise CorruptRecordError("it is gone")
    try:
        record = decode_foreign_object(data, "it")
    except InvalidValueError as error:
        raise CorruptRecordError(str(error)) from error
    key = next((key for key in keys if key.id == record.get("id")), None)
    if key is None:
        raise CorruptRecordError(f"its id is {_shown(record)}, which is not its file's name")
    return Foreign(key, record, data)


def why_not_new(
    conn: sqlite3.Connection, publication: Publication, path: str, keys: tuple[Key, ...]
) -> str:
    """Return why a file that the journal does not know can't be adopted, "" if it can."""
    if not keys:
        return "no record has such a name"
    try:
        found = read_record(publication, path, keys)
        publication.read(found.key.content_path)
        check_not_ended(conn, found.key)
    except CorruptRecordError as error:
        return str(error)
    return ""


def _shown(record: Record) -> str:
    return f"{record['id']!a}"[:80] if "id" in record else "missing"
