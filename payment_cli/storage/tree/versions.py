"""Versions of a tree: what changed in its journal or in how its files lie, and how one follows.

The version is in the journal (SQLite's `user_version`), and beside it in the file `.version` at
the root (layout.py), for when there is no journal and for who reads single files. A program knows
one version and all before it:

- An *older* tree is upgraded by the first who needs its journal, under the tree's lock: a copy of
  the journal is kept as `payment.db.version-N`, then all steps happen in one SQLite transaction.
  Killed at any moment it is the old tree or the new one; the next who comes does it again. Queries
  do it as well: reading every old form for ever would put each of them into every query. Where the
  disk can't be written, single records are read from their files, and a query says what is to do.
- A *newer* tree is refused in one line, by a program that starts and by one that has it open: the
  version is looked at in every transaction and in every snapshot, and once by who reads files.

What a new version changes is in two places. Columns and indexes of records follow the table of
kinds (storage/kinds.py) by themselves: the last act of every upgrade adds the columns that are
missing, fills them from the records, and makes all indexes anew. Whatever else a version needs, a
table for instance, is one function at the end of STEPS. It changes the journal within the
transaction it is given, and comes before the columns. One that moves files must be able to be
repeated: files know no transaction. What a step was it remains, and a tree of the version before
is kept in tests/storage/tree/old.
"""

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from payment_cli.errors import CorruptRecordError, StorageError
from payment_cli.files.safe_files import folder, write_new
from payment_cli.ids import new_token
from payment_cli.storage.tree.layout import VERSION, newer_tree, write_layout
from payment_cli.storage.tree.lock import JOURNAL_FOLDER, JOURNAL_NAME
from payment_cli.storage.tree.schema import follow_kinds

#: The end of a database's name while it is being made.
NEW_END = ".new"


class OldTreeError(StorageError):
    """The tree must be upgraded before its journal can be read, and that was not possible."""

    def __init__(self, version: int, why: str = "") -> None:
        """Build the sentence; `why` it could not be upgraded."""
        super().__init__(
            f"this tree is of version {version} and must be upgraded to {VERSION} to be searched"
            + (f": {why}" if why else ""),
            hint="make the disk writable once, or read single records by their full id",
        )
        self.version = version


def check_version(conn: sqlite3.Connection) -> None:
    """Refuse a journal that is not of this program's version.

    Raises:
        ConfigError: it is newer. OldTreeError: it is older.
    """
    version = int(conn.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise newer_tree(version)
    if version < VERSION:
        raise OldTreeError(version)


def upgrade(root: Path, root_fd: int) -> None:
    """Bring the tree up to this program's version. The caller holds the lock.

    Raises:
        CorruptRecordError: a folder is where the copy goes. OSError, sqlite3.Error: the disk or the
            database refused. The tree is as it was.
    """
    place = root / JOURNAL_FOLDER / JOURNAL_NAME
    with closing(sqlite3.connect(place, isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous = FULL")
        version = int(conn.execute("PRAGMA user_version").fetchone()[0])
        _back_up(root, root_fd, conn, version)
        conn.execute("BEGIN IMMEDIATE")
        for number, step in STEPS.items():
            if number > version:
                step(conn)
        follow_kinds(conn)
        conn.execute(f"PRAGMA user_version = {VERSION}")
        write_layout(root_fd)
        conn.execute("COMMIT")


def _back_up(root: Path, root_fd: int, conn: sqlite3.Connection, version: int) -> None:
    """Copy the journal to `payment.db.version-N`, whole or not at all, over an earlier copy."""
    kept = f"{JOURNAL_NAME}.version-{version}"
    with folder(root_fd, (JOURNAL_FOLDER,)) as folder_fd:
        _check_free(folder_fd, kept)
        _sweep(folder_fd)
        name = f"{JOURNAL_NAME}.{new_token()}{NEW_END}"
        copy_fd = write_new(folder_fd, name, b"")
        try:
            with closing(sqlite3.connect(root / JOURNAL_FOLDER / name)) as copy:
                conn.backup(copy)
            os.fsync(copy_fd)
            os.rename(name, kept, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        except BaseException:
            _sweep(folder_fd)
            raise
        finally:
            os.close(copy_fd)
        os.fsync(folder_fd)


def _check_free(folder_fd: int, kept: str) -> None:
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(kept, dir_fd=folder_fd, follow_symlinks=False).st_mode):
            raise CorruptRecordError(
                f"a folder is in the way: {JOURNAL_FOLDER}/{kept} is where the journal is copied to"
                " before an upgrade",
                hint="move that folder away",
            )


def _sweep(folder_fd: int) -> None:
    """Remove databases that nobody finished making: whoever holds the lock makes none of them."""
    for name in os.listdir(folder_fd):
        if name.startswith(f"{JOURNAL_NAME}.") and f"{NEW_END}" in name:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder_fd)


def _left_files(conn: sqlite3.Connection) -> None:
    """Version 2: the records whose files are left to a foreign hand (left.py).

    The table `state` is called `tree` from here on. A program of version 1 does not look at the
    version of a journal that it has open: so it finds nothing there and stops.
    """
    conn.execute("ALTER TABLE state RENAME TO tree")
    conn.execute(
        "CREATE TABLE left_files (kind TEXT NOT NULL, domain TEXT NOT NULL, id TEXT NOT NULL,"
        " published BLOB, PRIMARY KEY (kind, domain, id)) WITHOUT ROWID"
    )


def _nothing_more(_conn: sqlite3.Connection) -> None:
    """Version 3: each kind has the columns and indexes that its questions need, and no more."""


#: version -> what makes a tree of the version before into one of it, but for columns and indexes.
STEPS: Final[dict[int, Callable[[sqlite3.Connection], None]]] = {2: _left_files, 3: _nothing_more}
