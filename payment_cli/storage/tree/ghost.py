"""Whether what a process has open of a tree is still what is found at the tree's path.

The root, the journal's folder or one of the database's files may be moved or replaced while a
server has them open: a restored backup, a link pointed elsewhere, a disk that is gone. What the
server holds then is a *ghost*: it takes commits that nobody will find. So what is at the path is
compared under the lock, before a commit, and before it is acknowledged; and by every new snapshot.
"""

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from payment_cli.errors import PaymentError, StorageError
from payment_cli.storage.tree.lock import JOURNAL_FOLDER, JOURNAL_NAME

if TYPE_CHECKING:
    from pathlib import Path

#: What identifies a file: its device and its number there.
Identity = tuple[int, int]

_DATABASE: Final = f"{JOURNAL_FOLDER}/{JOURNAL_NAME}"
_FILES: Final = (_DATABASE, f"{_DATABASE}-wal", f"{_DATABASE}-shm")


class Whereabouts(NamedTuple):
    """What is at a tree's path: its root, the journal's folder and files; None is not there."""

    root: Identity | None
    folder: Identity | None
    database: Identity | None
    #: SQLite's log, and the index of it: whoever has the database open has these, too.
    wal: Identity | None
    shm: Identity | None


def whereabouts(root: str) -> Whereabouts:
    """Look what is at the path `root` now. The root itself may be a link, nothing else.

    Raises:
        OSError: the disk refused.
    """
    found = [_identity(root, follow_links=True)]
    found += [_identity(f"{root}/{name}") for name in (JOURNAL_FOLDER, *_FILES)]
    return Whereabouts(*found)


def identity_of(fd: int) -> Identity:
    """Return what identifies an open file or folder."""
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def gone(root: "Path | str") -> StorageError:
    """Return the error of who had a tree open, at whose path no tree is any more."""
    return StorageError(
        f"the tree is not at its place any more: {root} has no journal",
        hint="mount it, or move it back; to begin an empty tree there, start anew",
    )


def replaced(root: "Path | str", *, is_committed: bool) -> PaymentError:
    """Return the error of who wrote while the tree was moved or replaced."""
    what = (
        "what was to be recorded is in the one that is not there any more"
        if is_committed
        else "nothing was changed"
    )
    return StorageError(
        f"{root}, or the journal in it, was moved or replaced meanwhile; {what}",
        hint="try again",
    )


def _identity(path: str, *, follow_links: bool = False) -> Identity | None:
    try:
        found = os.stat(path, follow_symlinks=follow_links)  # noqa: PTH116 - at every commit
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino
