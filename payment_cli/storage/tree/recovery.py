"""Repairs the files of changes that were committed, but whose files may not be what they must be.

After a writer's death a committed change may be unpublished. After a power loss a file that was
not synced may be empty, old or absent. The caller holds the lock.
"""

import os
import sqlite3
from contextlib import suppress

from payment_cli.errors import CorruptRecordError
from payment_cli.files.safe_files import folder
from payment_cli.model.codec import decode
from payment_cli.storage.tree import journal, left, scan
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.publish import Change, Publication


def repair(
    conn: sqlite3.Connection, publication: Publication, since: int, *, rewrite: bool = False
) -> None:
    """Publish every record that changed after `since` and whose file is not the journal's.

    With `rewrite` also those that look right: after a failed sync the disk may have lost what the
    cache still shows. What a foreign hand did since (a whole record that is not ours, a link in
    the way) is left for `payment fsck` (left.py), so that it can't stop every writer; and so is
    what was left before.

    Raises:
        OSError: the disk failed.
    """
    for key, digests in journal.changed_since(conn, since):
        if left.find(conn, key) is not None:
            continue
        try:
            _repair_one(conn, publication, key, digests, rewrite=rewrite)
        except CorruptRecordError as error:
            import logging  # only for the rare bad news

            logging.getLogger(__name__).warning("%s is left as it is: %s", key.path, error)
    publication.publish()


def _repair_one(
    conn: sqlite3.Connection,
    publication: Publication,
    key: Key,
    digests: frozenset[bytes],
    *,
    rewrite: bool,
) -> None:
    row = journal.find(conn, key)
    doc = row.doc if row is not None else None
    content = journal.find_content(conn, key)
    found = publication.read(key.path)
    is_published = found == (doc.encode() if doc is not None else None)
    if is_published and not rewrite and publication.read(key.content_path) == content:
        return
    if found is not None and not is_published and _is_foreign(conn, found, key, digests):
        if row is None or left.rev_in(found) < row.rev:
            # The file is older than the journal: readers must know.
            left.add(conn, left.Note(key, left.UNKNOWN))
        raise CorruptRecordError("it was changed by a foreign hand")
    publication.write(Change(key, doc, content))


def sweep(root_fd: int) -> None:
    """Remove the temporary files that dead writers left."""
    for place in scan.places(root_fd):
        with suppress(CorruptRecordError, FileNotFoundError):
            names = [found.name for found in scan.files(root_fd, place) if found.is_temp]
            if names:
                with folder(root_fd, place.parts) as folder_fd:
                    for name in names:
                        os.unlink(name, dir_fd=folder_fd)


def _is_foreign(
    conn: sqlite3.Connection, found: bytes, key: Key, digests: frozenset[bytes]
) -> bool:
    """Return whether a file is a whole record, yet none that the journal ever had.

    What a power loss leaves is one of ours, or no JSON at all. An old one of ours is what was put
    back in place of a foreign file, when the writer that saw it died before publishing.
    """
    digest = journal.digest_of(found)
    if digest in digests or journal.has_had(conn, key, digest):
        return False
    try:
        return isinstance(decode(found), dict)
    except ValueError:
        return False
