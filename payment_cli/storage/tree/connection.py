"""Opening the journal: for a writer, for a reader, on a read-only disk; making a new one."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from errno import EACCES, EDQUOT, ENOSPC, EROFS
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypeVar
from urllib.parse import quote

from payment_cli.errors import CorruptRecordError, LockedError, PaymentError, StorageError
from payment_cli.files.safe_files import exists, folder, open_root, write_new
from payment_cli.ids import new_token
from payment_cli.storage.tree import ghost
from payment_cli.storage.tree.layout import check_layout, write_layout
from payment_cli.storage.tree.lock import JOURNAL_FOLDER, JOURNAL_NAME
from payment_cli.storage.tree.schema import COPY_ID, create_indexes, create_tables
from payment_cli.storage.tree.versions import NEW_END, OldTreeError, check_version

#: The name of a new journal that is whole, until it is in place.
_REBUILT = f"{JOURNAL_NAME}.rebuilt"
#: What the names of a database's files end with, itself first.
_ENDS = ("", "-wal", "-shm")

_T = TypeVar("_T", int, str)

#: How long SQLite waits for its own locks: they are held by checkpoints and recovery only.
_BUSY_S = 10.0
#: The WAL file is cut back to this after a checkpoint (a long reader can make it grow).
_WAL_BYTES_MAX = 16 << 20

#: What to do about a journal that is not there.
MISSING_HINT = (
    "put it back if it was moved away; else `payment fsck --rebuild` makes one of the files: what"
    " no file has is lost then, and so is the log of changes"
)
#: What to do about one that is damaged: fsck looks at it, and knows what mends it.
DAMAGE_HINT = "`payment fsck` says what is damaged, and what mends it"

#: What SQLite says of a database that holds what it never wrote; other errors are the disk's.
_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT", "SQLITE_MISMATCH", "SQLITE_TOOBIG")


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
        if isinstance(error, UnicodeDecodeError):
            # SQLite quotes a damaged schema in its errors, and Python can't read such a one.
            error = sqlite3.DatabaseError(str(error))
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
    if is_damage(error):
        return StorageError(f"{doing}: the journal is damaged ({error})", hint=DAMAGE_HINT)
    # SHMSIZE: the index of the WAL, made anew by whoever comes first, has no room.
    is_full = name in ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")
    reason = "the disk is full" if is_full else str(error)
    return StorageError(f"{doing}: {reason}")


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether the journal is damaged, rather than the disk or another program in the way.

    A table or index that is not there (SQLITE_ERROR) was once: damage too.
    """
    name = getattr(error, "sqlite_errorname", "")
    is_ours = type(error) is sqlite3.DatabaseError and not name
    return is_ours or name == "SQLITE_ERROR" or name.startswith(_DAMAGE)


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
    """An open journal: its connection, its own name, and whether it is a backup's, unchanged."""

    conn: sqlite3.Connection
    name: str
    is_copy: bool


def open_writer(root: Path) -> Journal:
    """Open the journal that is there for writing: durable at every commit. Hold the lock.

    Raises:
        sqlite3.Error: it can't be opened. ConfigError: it is newer. OldTreeError: it is older.
    """
    conn = _checked(_connect(root, "mode=rw"))
    try:
        conn.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_MAX}")
        name = single(conn, "SELECT journal FROM tree", str)
        is_copy = conn.execute("PRAGMA application_id").fetchone()[0] == COPY_ID
    except BaseException:
        conn.close()
        raise
    return Journal(conn, name, is_copy)


def single(conn: sqlite3.Connection, sql: str, type_: type[_T]) -> _T:
    """Return the one value that a question has for an answer.

    Raises:
        sqlite3.DatabaseError: there is none, or one of another type: the database is damaged.
    """
    found = conn.execute(sql).fetchone()
    if found is None or type(found[0]) is not type_:
        raise sqlite3.DatabaseError("a table has lost its one row, or what is in it")
    return found[0]


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


def open_as_it_is(root: Path) -> sqlite3.Connection:
    """Open the journal only to look at it, however damaged it is, and of whatever version.

    Nothing of it is changed: its WAL stays.

    Raises:
        sqlite3.Error: it can't be opened, or what it says of itself can't be read.
        ConfigError: it is newer.
    """
    conn = _connect(root, "mode=ro")
    try:
        with suppress(OldTreeError):
            check_version(conn)
    except BaseException:
        conn.close()
        raise
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
    conn = _synced(sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None))
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


def _synced(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Have every commit of a connection be on disk; a reader's too, which may be a checkpoint.

    Raises:
        sqlite3.Error: the database can't be read.
    """
    try:
        conn.execute("PRAGMA synchronous = FULL")
    except UnicodeDecodeError as error:  # SQLite's sentence quotes damaged text
        conn.close()
        raise sqlite3.DatabaseError("the names of its tables are damaged") from error
    except BaseException:
        conn.close()
        raise
    return conn


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
    return CorruptRecordError("the journal is missing, but the tree has records", hint=MISSING_HINT)


def require_new(root: Path, *, was_open: bool) -> None:
    """Refuse a tree without a journal, unless it is empty and nobody has seen it otherwise.

    `was_open` says that the caller had it open: then its disk may be away.

    Raises:
        CorruptRecordError: it has records, only its journal is missing; or it is the beginning of
            a backup. StorageError: there is no tree any more. ConfigError: it is a newer tree.
    """
    from payment_cli.storage.tree import manifest
    from payment_cli.storage.tree.scan import has_records

    with suppress(FileNotFoundError):
        root_fd = open_root(root)
        try:
            if manifest.is_unfinished(root_fd):
                raise manifest.unfinished()
            check_layout(root_fd)  # of a newer tree nobody here knows what is missing
            if has_records(root_fd):
                raise missing_journal()
        finally:
            os.close(root_fd)
    if was_open:
        raise ghost.gone(root)


@contextmanager
def new_journal(
    root: Path, root_fd: int, kept_as: str = f"{JOURNAL_NAME}.replaced"
) -> Iterator[sqlite3.Connection]:
    """Hold the connection of an empty database; after the block it is at the journal's place.

    A journal that is there is kept beside it, under the name `kept_as`, with its WAL. The caller
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
            os.rename(name, _REBUILT, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
            for end in _ENDS:
                if exists(folder_fd, f"{JOURNAL_NAME}{end}"):
                    old, kept = f"{JOURNAL_NAME}{end}", f"{kept_as}{end}"
                    with suppress(FileExistsError):  # of an earlier try, and the same file
                        os.link(old, kept, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
            os.fsync(folder_fd)
            _put_in_place(folder_fd)
        finally:
            if exists(folder_fd, name):
                os.unlink(name, dir_fd=folder_fd)
    os.fsync(root_fd)


def finish_new_journal(root_fd: int) -> bool:
    """Finish what a `new_journal` began that was killed; return whether a journal came of it."""
    with folder(root_fd, (JOURNAL_FOLDER,), create=True) as folder_fd:
        if not exists(folder_fd, _REBUILT):
            return False
        if exists(folder_fd, JOURNAL_NAME):
            os.unlink(_REBUILT, dir_fd=folder_fd)
            return False
        _put_in_place(folder_fd)
        return True


def _put_in_place(folder_fd: int) -> None:
    """Put a whole new database in the place of the old one, which is kept by another name.

    The old database goes first: without it there is no journal, which everybody refuses, while one
    without its WAL, or a new one beside the old WAL, would be believed.
    """
    for end in _ENDS:
        with suppress(FileNotFoundError):
            os.unlink(f"{JOURNAL_NAME}{end}", dir_fd=folder_fd)
            os.fsync(folder_fd)
    os.rename(_REBUILT, JOURNAL_NAME, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
    os.fsync(folder_fd)


def _sync_file(folder_fd: int, name: str) -> None:
    file_fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
    try:
        os.fsync(file_fd)
    finally:
        os.close(file_fd)
