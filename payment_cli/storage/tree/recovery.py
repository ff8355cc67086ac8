"""Repairs the files of changes that were committed, but whose files may not be what they must be.

After a writer's death a committed change may be unpublished. After a power loss a file that was
not synced may be empty, old or absent. The caller holds the lock.
"""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import suppress

from payment_cli.errors import CorruptRecordError
from payment_cli.files.safe_files import folder
from payment_cli.storage.tree import journal, left
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.left import is_foreign
from payment_cli.storage.tree.publish import TEMP_END, Change, Publication, aside_of, temp_name
from payment_cli.storage.tree.sync import sync_record


class Recovery:
    """Publishes every record that changed after `since` and whose file is not the journal's.

    With `rewrite` also those that look right: after a failed sync the disk may have lost what the
    cache still shows.
    """

    def __init__(
        self, conn: sqlite3.Connection, publication: Publication, since: int, *, rewrite: bool
    ) -> None:
        """Look what changed."""
        self._conn = conn
        self._publication = publication
        self._rewrite = rewrite
        self._changed = list(journal.changed_since(conn, since))
        self._stuck = [note.key for note in left.notes(conn) if note.published == left.STUCK]

    def aside(self) -> dict[str, int]:
        """Return how many temporary files `repair` may write, by folder."""
        keys = [*(key for key, _ in self._changed), *self._stuck]
        return aside_of(Change(key, "", b"") for key in keys)

    def sweep(self, prefix: str, aside: Mapping[str, int]) -> None:
        """Remove the temporary files of a dead writer who said which he would write."""
        for path, count in aside.items():
            with (
                suppress(CorruptRecordError, OSError),  # what stays is named by `payment fsck`
                folder(self._publication.root_fd, path.split("/")) as folder_fd,
            ):
                for number in range(count):
                    with suppress(OSError):
                        os.unlink(temp_name(prefix, number), dir_fd=folder_fd)

    def sweep_folders(self) -> None:
        """Remove all temporary files beside those of the records that changed.

        After a power loss nothing says what was being written.
        """
        for path in self.aside():
            with (
                suppress(CorruptRecordError, OSError),  # what stays is named by `payment fsck`
                folder(self._publication.root_fd, path.split("/")) as folder_fd,
            ):
                for name in _temporary(folder_fd):
                    with suppress(OSError):
                        os.unlink(name, dir_fd=folder_fd)

    def repair(self) -> None:
        """Publish what has to be.

        What a foreign hand did since (a whole record that is not ours, a link in the way) is left
        for `payment fsck`, and so is a file that can't be replaced: neither may stop every writer.
        Such a record is noted (left.py) and goes on without its file. What was noted because it
        was stuck is tried again.

        Raises:
            OSError: the disk failed, and not for one file alone.
        """
        conn, publication = self._conn, self._publication
        for key, digests in self._changed:
            if left.find(conn, key) is None:
                _repair_one(conn, publication, key, digests, rewrite=self._rewrite)
        for key in self._stuck:
            if left.is_free(conn, publication, key) and not left.publish_one(
                conn, publication, key
            ):
                # No change of it is pending any more: nobody would look at it after a power loss.
                sync_record(publication.root_fd, key)
                left.remove(conn, key)


def _temporary(folder_fd: int) -> list[str]:
    with os.scandir(folder_fd) as entries:
        return [
            entry.name
            for entry in entries
            if entry.name.startswith(".") and entry.name.endswith(TEMP_END)
        ]


def _repair_one(
    conn: sqlite3.Connection,
    publication: Publication,
    key: Key,
    digests: frozenset[bytes],
    *,
    rewrite: bool,
) -> None:
    try:
        reason = _publish_one(conn, publication, key, digests, rewrite=rewrite)
    except (CorruptRecordError, OSError) as error:
        reason = left.stuck_because(error)
        publication.discard()
        left.add(conn, left.Note(key, left.STUCK))
    if reason:
        import logging  # only for the rare bad news

        logging.getLogger(__name__).warning("%s is left as it is: %s", key.path, reason)


def _publish_one(
    conn: sqlite3.Connection,
    publication: Publication,
    key: Key,
    digests: frozenset[bytes],
    *,
    rewrite: bool,
) -> str:
    """Publish one record if it has to be; return why it was left to a foreign hand, "" if not."""
    row = journal.find(conn, key)
    doc = row.doc if row is not None else None
    content = journal.find_content(conn, key)
    found = publication.read(key.path)
    is_published = found == (doc.encode() if doc is not None else None)
    if is_published and not rewrite and publication.read(key.content_path) == content:
        return ""
    if found is not None and not is_published and is_foreign(conn, found, key, digests):
        if row is None or left.rev_in(found) < row.rev:
            # The file is older than the journal: readers must know.
            left.add(conn, left.Note(key, left.UNKNOWN))
        return "it was changed by a foreign hand"
    if row is not None and not journal.is_whole(row, key):
        return "its record is damaged in the journal"
    publication.write(Change(key, doc, content))
    publication.publish()
    return ""
