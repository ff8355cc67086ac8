"""`payment backup`: a copy of a tree that is made while others write to it.

The journal is copied from one snapshot, and the recorded files are made anew from that copy, so
that both agree. Authored files are copied as they are.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from payment_cli.errors import CorruptRecordError, InvalidValueError, StorageError
from payment_cli.files.safe_files import exists, folder, open_folder, open_root, write_new
from payment_cli.storage.tree import ghost, journal, left, manifest, scan
from payment_cli.storage.tree.connection import (
    inode_of,
    journal_path,
    missing_journal,
    new_journal,
    storage_errors,
)
from payment_cli.storage.tree.fsck import LOCK_TIMEOUT_S, Progress, records_of, silent
from payment_cli.storage.tree.publish import Change, Publication
from payment_cli.storage.tree.reader import open_current
from payment_cli.storage.tree.schema import COPY_ID
from payment_cli.storage.tree.sync import sync_files

_PAGES = 1024
_FILES = 500
_CHUNK = 1 << 20


def backup_tree(
    root: Path, destination: Path, progress: Progress | None = None, *, now: int = 0
) -> manifest.Manifest:
    """Copy the tree to `destination`, a folder that is empty or not there; return its manifest.

    A merchant's home may be a link to a real home: the copy has a folder, with what is ours in it
    (`.store`, `.payment`). Files edited by hand are copied as the journal has them. What can't be
    reached (a home that is not mounted) the manifest says to be `missing`: the rest is copied all
    the same. `now` dates it.

    The manifest is the last that is written, and the journal the last before it: a copy that was
    not finished says so, and no command takes it for a tree.

    Raises:
        StorageError: the destination is not empty, the disk is full, or the database failed.
        CorruptRecordError: the journal is missing though the tree has records.
        InvalidValueError: the destination is in the tree, or in the home of one of its merchants.
    """
    with storage_errors("copying the tree to", destination):
        if destination.exists() and any(destination.iterdir()):
            raise StorageError(f"{destination} is not empty", hint="back up into a new folder")
        root_fd = open_root(root)
        try:
            _check_outside(root_fd, destination)
            if inode_of(journal_path(root)) is None and scan.has_records(root_fd):
                raise missing_journal()
            copy_fd = open_root(destination, writes=True)
            try:
                return _copy(root, root_fd, destination, copy_fd, progress or silent, now)
            finally:
                os.close(copy_fd)
        finally:
            os.close(root_fd)


def _check_outside(root_fd: int, destination: Path) -> None:
    """Refuse a place in the tree: the copy would be lost with it, and be in the next copy.

    Raises:
        InvalidValueError: `destination` is such a place, whatever links lead there.
    """
    places = {ghost.identity_of(root_fd): "the tree itself"}
    for domain in scan.domain_names(root_fd):
        if _is_folder(root_fd, ("home", domain)):
            with folder(root_fd, ("home", domain)) as home_fd:
                places[ghost.identity_of(home_fd)] = f"home/{domain} of the tree"
    for above in (destination, *destination.parents):
        with suppress(FileNotFoundError):
            # What is not there yet is made in the nearest that is: from there up, the real way.
            for real in (above.resolve(strict=True), *above.resolve().parents):
                found = real.stat()
                if inside := places.get((found.st_dev, found.st_ino)):
                    raise InvalidValueError(
                        f"{destination} is in {inside}", hint="back up to another disk"
                    )
            return


def _copy(
    root: Path, root_fd: int, destination: Path, copy_fd: int, progress: Progress, now: int
) -> manifest.Manifest:
    manifest.begin(copy_fd)
    if inode_of(journal_path(root)) is None:
        made = _rest(root_fd, destination, copy_fd, None, now)
    else:
        with new_journal(destination, copy_fd) as conn:
            _copy_journal(root, conn, progress)
            _write_records(copy_fd, conn, progress)
            made = _rest(root_fd, destination, copy_fd, conn, now)
    manifest.finish(copy_fd, made)
    return made


def _rest(
    root_fd: int, destination: Path, copy_fd: int, conn: sqlite3.Connection | None, now: int
) -> manifest.Manifest:
    """Copy what is not in the journal, and describe the copy once it is on disk."""
    rows = [] if conn is None else conn.execute("SELECT DISTINCT domain FROM records").fetchall()
    missing = _copy_all_authored(root_fd, copy_fd, [domain for (domain,) in rows if domain])
    sync_files(destination, copy_fd)
    return manifest.describe(conn, copy_fd, now, missing)


def _copy_journal(root: Path, copy: sqlite3.Connection, progress: Progress) -> None:
    with closing(open_current(root, LOCK_TIMEOUT_S)) as source:
        # An open snapshot: without one, every commit of another process starts the copy again.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM tree").fetchone()

        def tell(_status: int, remaining: int, total: int) -> None:
            progress(total - remaining, total)

        source.backup(copy, pages=_PAGES, progress=tell)


def _write_records(copy_fd: int, conn: sqlite3.Connection, progress: Progress) -> None:
    """Write the files of all records, and say in the copy's journal that they are there."""
    total = conn.execute("SELECT count(*) FROM records").fetchone()[0]
    with Publication(copy_fd, "") as publication:
        for done, (key, row) in enumerate(records_of(conn), 1):
            if key is not None:  # else damage has made its name none: `payment fsck` says so
                publication.write(Change(key, row.doc, journal.find_content(conn, key)))
            if done % _FILES == 0 or done == total:
                publication.publish()
                progress(done, total)
    conn.execute("BEGIN")
    journal.set_synced(conn, journal.last_seq(conn))
    left.clear(conn)
    conn.execute(f"PRAGMA application_id = {COPY_ID}")
    conn.execute("COMMIT")


def _copy_all_authored(root_fd: int, copy_fd: int, known: list[str]) -> tuple[str, ...]:
    """Copy what people wrote; return a sentence on each folder that can't be reached.

    `known` are the domains that the journal knows: each has a `.store`.
    """
    missing = list(_unreachable(root_fd, known))
    for parts in manifest.authored_folders(root_fd):
        try:
            _copy_authored(root_fd, copy_fd, parts)
        except CorruptRecordError:
            missing.append(f"{'/'.join(parts)} was a link or no folder")
    return tuple(sorted(set(missing)))


def _unreachable(root_fd: int, known: list[str]) -> Iterator[str]:
    for domain in sorted({*known, *scan.domain_names(root_fd)}):
        try:
            with folder(root_fd, ("home", domain)) as home_fd:
                if not os.listdir(home_fd):  # noqa: PTH208 - a descriptor
                    yield f"home/{domain} was empty"
                elif domain in known and not exists(home_fd, ".store"):
                    yield f"home/{domain} had no .store, though the journal has records of it"
        except FileNotFoundError:
            yield f"home/{domain} was not there"
        except CorruptRecordError:
            if domain in known:
                yield f"home/{domain} was no folder"


def _copy_authored(root_fd: int, copy_fd: int, parts: tuple[str, ...]) -> None:
    """Copy a folder, if it is there.

    Raises:
        CorruptRecordError: it is a link, or no folder, in a folder that may be copied.
    """
    if not _is_folder(root_fd, parts[:-1]):
        return  # a home that is missing, or `home/<file>`, which the tool would never read
    try:
        source_fd = open_folder(root_fd, parts)
    except FileNotFoundError:
        return
    try:
        with folder(copy_fd, parts, create=True) as target_fd:
            _copy_folder(source_fd, target_fd, parts)
    finally:
        os.close(source_fd)


def _is_folder(root_fd: int, parts: tuple[str, ...]) -> bool:
    try:
        with folder(root_fd, parts):
            return True
    except (FileNotFoundError, CorruptRecordError):
        return False


def _copy_folder(source_fd: int, target_fd: int, parts: tuple[str, ...]) -> None:
    with os.scandir(source_fd) as entries:
        for entry in entries:
            here = (*parts, entry.name)
            if manifest.is_recorded(here):
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
