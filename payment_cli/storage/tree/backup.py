"""`payment backup`: a copy of a tree that is made while others write to it.

The journal is copied from one snapshot, and the recorded files are made anew from that copy, so
that both agree. Authored files are copied as they are.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from payment_cli.errors import CorruptRecordError, StorageError
from payment_cli.files.safe_files import (
    FILE_MODE,
    folder,
    make_private_folder,
    open_folder,
    open_root,
    write_new,
)
from payment_cli.storage.kinds import KINDS
from payment_cli.storage.tree import journal, left, scan
from payment_cli.storage.tree.connection import (
    inode_of,
    journal_path,
    missing_journal,
    open_writer,
    storage_errors,
)
from payment_cli.storage.tree.fsck import LOCK_TIMEOUT_S, Progress, records_of
from payment_cli.storage.tree.layout import write_layout
from payment_cli.storage.tree.publish import Change, Publication
from payment_cli.storage.tree.reader import open_current
from payment_cli.storage.tree.sync import sync_files

_PAGES = 1024
_FILES = 500
_CHUNK = 1 << 20

#: What a backup takes of the tree besides records, and of each domain's home.
_AUTHORED = ("etc",)
_AUTHORED_AT_HOME = (".store", ".payment")


def backup_tree(root: Path, destination: Path, progress: Progress | None = None) -> int:
    """Copy the tree to `destination`, a folder that is empty or not there; return its records.

    A merchant's home may be a link to a real home: the copy has a folder, with what is ours in it
    (`.store`, `.payment`). Files edited by hand are copied as the journal has them.

    Raises:
        StorageError: the destination is not empty, the disk is full, or the database failed.
        CorruptRecordError: the journal is missing though the tree has records.
    """
    with storage_errors("copying the tree to", destination):
        if destination.exists() and any(destination.iterdir()):
            raise StorageError(f"{destination} is not empty", hint="back up into a new folder")
        root_fd = open_root(root)
        copy_fd = open_root(destination, writes=True)
        try:
            count = _copy_records(root, root_fd, destination, copy_fd, progress or _silent)
            for parts in _authored_folders(root_fd):
                _copy_authored(root_fd, copy_fd, parts)
            sync_files(destination, copy_fd)
        finally:
            os.close(copy_fd)
            os.close(root_fd)
    return count


def _copy_records(
    root: Path, root_fd: int, destination: Path, copy_fd: int, progress: Progress
) -> int:
    if inode_of(journal_path(root)) is None:
        if scan.has_records(root_fd):
            raise missing_journal()
        return 0
    _copy_journal(root, destination, progress)
    write_layout(copy_fd)
    with closing(open_writer(destination).conn) as conn:
        total = conn.execute("SELECT count(*) FROM records").fetchone()[0]
        with Publication(copy_fd, "") as publication:
            for done, (key, row) in enumerate(records_of(conn), 1):
                if key is not None:  # else damage has made its name none: `payment fsck` says so
                    publication.write(Change(key, row.doc, journal.find_content(conn, key)))
                if done % _FILES == 0 or done == total:
                    publication.publish()
                    progress(done, total)
        sync_files(destination, copy_fd)
        journal.set_synced(conn, journal.last_seq(conn))
        left.clear(conn)
    return int(total)


def _copy_journal(root: Path, destination: Path, progress: Progress) -> None:
    target = journal_path(destination)
    make_private_folder(target.parent)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE_MODE))
    target.chmod(FILE_MODE)
    source = open_current(root, LOCK_TIMEOUT_S)
    with closing(source), closing(sqlite3.connect(target)) as copy:
        # An open snapshot: without one, every commit of another process starts the copy again.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM tree").fetchone()

        def tell(_status: int, remaining: int, total: int) -> None:
            progress(total - remaining, total)

        source.backup(copy, pages=_PAGES, progress=tell)


def _authored_folders(root_fd: int) -> Iterator[tuple[str, ...]]:
    yield _AUTHORED
    for domain in scan.domain_names(root_fd):
        for name in _AUTHORED_AT_HOME:
            yield ("home", domain, name)


def _copy_authored(root_fd: int, copy_fd: int, parts: tuple[str, ...]) -> None:
    try:
        source_fd = open_folder(root_fd, parts)
    except FileNotFoundError:
        return
    except CorruptRecordError:
        # `home/<file>` or a link: nothing that the tool would ever read.
        return
    try:
        with folder(copy_fd, parts, create=True) as target_fd:
            _copy_folder(source_fd, target_fd, parts)
    finally:
        os.close(source_fd)


def _copy_folder(source_fd: int, target_fd: int, parts: tuple[str, ...]) -> None:
    with os.scandir(source_fd) as entries:
        for entry in entries:
            here = (*parts, entry.name)
            if _is_recorded(here):
                continue
            if entry.is_symlink():
                os.symlink(os.readlink(entry.name, dir_fd=source_fd), entry.name, dir_fd=target_fd)
            elif entry.is_dir(follow_symlinks=False):
                with (
                    folder(source_fd, (entry.name,)) as inner_fd,
                    folder(target_fd, (entry.name,), create=True) as copied_fd,
                ):
                    _copy_folder(inner_fd, copied_fd, here)
            elif entry.is_file(follow_symlinks=False):
                _copy_file(source_fd, target_fd, entry.name)


def _is_recorded(parts: tuple[str, ...]) -> bool:
    """Return whether a path is a folder of records or the recorded settings."""
    if parts[0] != "home":
        return False
    if parts[2:] == (".store", "settings.json"):
        return True
    return any(
        kind.place.split("/")[2:-1] == list(parts[2:])
        for kind in KINDS.values()
        if not kind.only_id
    )


def _copy_file(source_fd: int, target_fd: int, name: str) -> None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file_fd = os.open(name, flags, dir_fd=source_fd)
    try:
        copy_fd = write_new(target_fd, name, b"")
        try:
            while chunk := os.read(file_fd, _CHUNK):
                rest = memoryview(chunk)
                while rest:
                    rest = rest[os.write(copy_fd, rest) :]
        finally:
            os.close(copy_fd)
    finally:
        os.close(file_fd)


def _silent(_done: int, _total: int) -> None:
    pass
