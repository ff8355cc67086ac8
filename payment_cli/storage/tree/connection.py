"""Opening the journal: for a writer, for a reader, on a read-only disk; making a new one."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from errno import EACCES, EDQUOT, ENOSPC, EROFS
from pathlib import Path
from types import TracebackType
from typing import NamedTuple
from urllib.parse import quote

from payment_cli.errors import CorruptRecordError, LockedError, PaymentError, StorageError
from payment_cli.files.safe_files import exists, folder, write_new
from payment_cli.ids import new_token
from payment_cli.storage.tree.layout import write_layout
from payment_cli.storage.tree.lock import JOURNAL_FOLDER, JOURNAL_NAME
from payment_cli.storage.tree.schema import create_indexes, create_tables
from payment_cli.storage.tree.versions import NEW_END, check_version

#: How long SQLite waits for its own locks: they are held by checkpoints and recovery only.
_BUSY_S = 10.0
#: The WAL file is cut back to this after a checkpoint (a long reader can make it grow).
_WAL_BYTES_MAX = 16 << 20

REBUILD_HINT = "`payment fsck --rebuild` makes it anew from the files"


class storage_errors:  # noqa: N801 - used like contextlib.suppress, and as often
    """Turns what the disk and the database raise in a block into our errors.

    The sentence says what was being done: `verb` and `noun`, joined only when it is needed.
    """

    __slots__ = ("_noun", "_verb")

    def __init__(self, verb: str, noun: object) -> None:
        """Say what is being done."""
        self._verb = verb
        self._noun = noun

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, sqlite3.Error | OSError):
            raise _translated(error, f"{self._verb} {self._noun}") from error


def _translated(error: sqlite3.Error | OSError, doing: str) -> PaymentError:
    if isinstance(error, OSError):
        reason = {
            ENOSPC: "the disk is full", EDQUOT: "the disk quota is used up",
            EROFS: "the disk is read-only", EACCES: "permission denied",
        }.get(error.errno or 0, error.strerror or "the disk failed")  # fmt: skip
        return StorageError(f"{doing}: {reason}")
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return LockedError(f"{doing}: the journal is locked by another program")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StorageError(f"{doing}: the journal is damaged ({error})", hint=REBUILD_HINT)
    # SHMSIZE: the index of the WAL, made anew by whoever comes first, has no room.
    is_full = name in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")
    reason = "the disk is full" if is_full else str(error)
    return StorageError(f"{doing}: {reason}")


def journal_path(root: Path) -> Path:
    """Return the place of the journal's database."""
    return root / JOURNAL_FOLDER / JOURNAL_NAME


def inode_of(journal: Path) -> tuple[int, int] | None:
    """Return what identifies the database file now at its place, None if there is none.

    A database that was removed or replaced while it is open would go on acknowledging unseen.

    Raises:
        CorruptRecordError: it is no plain file in a plain folder. OSError: the disk refused.
    """
    try:
        if not stat.S_ISDIR(journal.parent.lstat().st_mode):
            raise _misplaced(JOURNAL_FOLDER, "folder")
        found = journal.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise _misplaced(f"{JOURNAL_FOLDER}/{JOURNAL_NAME}", "file")
    return found.st_dev, found.st_ino


def _misplaced(path: str, what: str) -> CorruptRecordError:
    return CorruptRecordError(
        f"{path} is not a plain {what}: the journal must be in the tree itself",
        hint=f"no symbolic link leads out of a tree; put the {what} itself there",
    )


class Journal(NamedTuple):
    """An open journal: its connection, what identifies its file, and its own name."""

    conn: sqlite3.Connection
    inode: tuple[int, int] | None
    name: str


def open_writer(root: Path) -> Journal:
    """Open the journal that is there for writing: durable at every commit. Hold the lock.

    Raises:
        sqlite3.Error: it can't be opened. ConfigError: it is newer. OldTreeError: it is older.
    """
    inode = inode_of(journal_path(root))
    conn = _checked(_connect(root, "mode=rw"))
    try:
        conn.execute("PRAGMA synchronous = FULL")
        conn.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_MAX}")
        name = conn.execute("SELECT journal FROM tree").fetchone()[0]
    except BaseException:
        conn.close()
        raise
    return Journal(conn, inode, name)


def open_reader(root: Path) -> sqlite3.Connection:
    """Open the journal that is there for reading, be it on a read-only disk.

    Raises:
        sqlite3.Error: it can't be opened. ConfigError: it is newer. OldTreeError: it is older.
        StorageError: commits are not merged into it, and the disk is read-only.
    """
    try:
        conn = _checked(_connect(root, "mode=rw"))
    except sqlite3.OperationalError as error:
        if inode_of(journal_path(root)) is None:
            raise
        conn = _open_read_only(root, error)
    conn.execute("PRAGMA query_only = ON")
    return conn


def _open_read_only(root: Path, first: sqlite3.OperationalError) -> sqlite3.Connection:
    """Open a journal that can't be written to.

    `immutable` is right only if nothing is left in the WAL: it would silently miss what is there.
    """
    wal = journal_path(root).with_name(f"{JOURNAL_NAME}-wal")
    if not wal.exists() or wal.stat().st_size == 0:
        return _checked(_connect(root, "mode=ro&immutable=1"))
    try:
        return _checked(_connect(root, "mode=ro"))
    except sqlite3.OperationalError:
        raise StorageError(
            f"the journal has commits that are not merged yet, and can't be written to: {first}",
            hint="make the disk writable once, or read single records by their full id",
        ) from first


def _connect(root: Path, options: str) -> sqlite3.Connection:
    inode_of(journal_path(root))
    uri = f"file:{quote(str(journal_path(root).absolute()))}?{options}"
    conn = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
    conn.text_factory = _text
    return conn


def _text(data: bytes) -> str:
    """Return a text of the database; one that is damaged is empty, which none of ours is.

    So its record is damaged, and not the whole question that meets it.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        return ""


def _checked(conn: sqlite3.Connection) -> sqlite3.Connection:
    try:
        check_version(conn)
    except BaseException:
        conn.close()
        raise
    return conn


def create_journal(root: Path, root_fd: int) -> None:
    """Make an empty journal, whole or not at all. The caller holds the lock.

    Raises:
        sqlite3.Error, OSError: the disk refused.
    """
    with new_journal(root, root_fd) as conn:
        create_tables(conn, new_token())
        create_indexes(conn)


def missing_journal() -> CorruptRecordError:
    """Return the error for a tree with records but without its journal."""
    return CorruptRecordError("the journal is missing, but the tree has records", hint=REBUILD_HINT)


@contextmanager
def new_journal(root: Path, root_fd: int) -> Iterator[sqlite3.Connection]:
    """Hold the connection of an empty database; after the block it is at the journal's place.

    A journal that is there is kept beside it as `payment.db.replaced`, with its WAL. The caller
    holds the lock.

    Raises:
        sqlite3.Error, OSError: the disk refused; nothing was replaced.
    """
    with folder(root_fd, (JOURNAL_FOLDER,), create=True) as folder_fd:
        name = f"{JOURNAL_NAME}.{new_token()}{NEW_END}"
        os.close(write_new(folder_fd, name, b""))
        try:
            with closing(
                sqlite3.connect(root / JOURNAL_FOLDER / name, isolation_level=None)
            ) as conn:
                yield conn
            _sync_file(folder_fd, name)
            write_layout(root_fd)
            for end in ("-shm", "-wal", ""):
                _move(folder_fd, f"{JOURNAL_NAME}{end}", f"{JOURNAL_NAME}.replaced{end}")
            _move(folder_fd, name, JOURNAL_NAME)
        finally:
            if exists(folder_fd, name):
                os.unlink(name, dir_fd=folder_fd)
        os.fsync(folder_fd)
    os.fsync(root_fd)


def _sync_file(folder_fd: int, name: str) -> None:
    file_fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
    try:
        os.fsync(file_fd)
    finally:
        os.close(file_fd)


def _move(folder_fd: int, old: str, new: str) -> None:
    with suppress(FileNotFoundError):
        os.rename(old, new, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
