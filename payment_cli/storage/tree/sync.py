"""Making published files durable: many at once, since one at a time costs most of a commit."""

import os
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from payment_cli.errors import CorruptRecordError
from payment_cli.files.safe_files import folder
from payment_cli.storage.tree.journal import changed_since
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.lock import Mark, TreeLock

#: Sync when this many changes may have files that are not on disk yet.
SYNC_EVERY = 1024

_SYNC_LOCK_NAME = "sync"


class Syncer:
    """Syncs the published files of all writers, one process at a time."""

    def __init__(self, root: Path, root_fd: int) -> None:
        """Prepare to sync the tree at `root`. `root_fd` is open since before our first file."""
        self._root = root
        self._root_fd = root_fd
        self._turn: TreeLock | None = None
        self._is_my_turn = False
        #: Set after a failed sync: what was thought to be on its way to the disk may be lost.
        self.must_rewrite = False

    def sync_if_due(self, mark: Mark | None, boot: str) -> Mark | None:
        """Sync if much is pending; return the mark whose files are on disk now.

        Call it outside the tree's lock. Another process that syncs right now is not waited for.
        """
        if mark is None or mark.boot != boot or mark.seq - mark.synced < SYNC_EVERY:
            return None
        if not self._take_turn():
            return None
        try:
            sync_files(self._root, self._root_fd, mark.synced)
        except OSError as error:
            import logging  # only for the rare bad news

            logging.getLogger(__name__).warning(
                "the disk failed to sync the tree's files, rewriting them: %s", error
            )
            self.must_rewrite = True
            return None
        return mark

    def end_turn(self) -> None:
        """Let other processes sync; call it when the sync is recorded."""
        if self._turn is not None and self._is_my_turn:
            self._turn.release()
            self._is_my_turn = False

    def close(self) -> None:
        """Close the lock file."""
        if self._turn is not None:
            self._turn.close()

    def _take_turn(self) -> bool:
        if self._turn is None:
            self._turn = TreeLock(self._root_fd, _SYNC_LOCK_NAME)
        self._is_my_turn = self._turn.try_acquire()
        return self._is_my_turn


def sync_files(root: Path, root_fd: int, since: int = 0) -> None:
    """Return when every file that was published before this call is on disk.

    Only changes after `since` may still be unsynced. The root's descriptor is older than any file
    of ours, so an error that struck one of them meanwhile is told to us.

    Raises:
        OSError: the disk failed. What it holds of the files is unknown: they must be written
        again, since another sync would report success without having written them.
    """
    from payment_cli.storage.tree.scan import domain_names

    sync = _syncfs()
    if sync is None:
        _sync_each(root, root_fd, since)
        return
    sync(root_fd)
    devices = {os.fstat(root_fd).st_dev}
    for domain in domain_names(root_fd):
        # What is no folder of ours holds no file of ours.
        with (
            suppress(FileNotFoundError, PermissionError, CorruptRecordError),
            folder(root_fd, ("home", domain)) as home_fd,
        ):
            device = os.fstat(home_fd).st_dev
            if device not in devices:
                sync(home_fd)
                devices.add(device)


def _syncfs() -> Callable[[int], None] | None:
    """Return Linux's syncfs, None where there is none."""
    import ctypes

    found = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if found is None:
        return None

    def sync(folder_fd: int) -> None:
        if found(folder_fd) != 0:
            errno = ctypes.get_errno()
            raise OSError(errno, os.strerror(errno))

    return sync


def _sync_each(root: Path, root_fd: int, since: int) -> None:
    """Sync the changed files one by one, then their folders."""
    from payment_cli.storage.tree.connection import open_reader

    with closing(open_reader(root)) as conn:
        keys = [key for key, _ in changed_since(conn, since)]
    folders = set()
    for key in keys:
        for path in (key.path, key.content_path):
            folders.add(path.rpartition("/")[0])
            _sync_file(root_fd, path)
    for path in folders:
        with suppress(FileNotFoundError), folder(root_fd, path.split("/")) as folder_fd:
            os.fsync(folder_fd)


def sync_record(root_fd: int, key: Key) -> None:
    """Return when the files of one record, or their removal, are on disk.

    Raises:
        OSError: the disk failed.
    """
    for path in (key.path, key.content_path):
        _sync_file(root_fd, path)
    with suppress(FileNotFoundError), folder(root_fd, key.path.split("/")[:-1]) as folder_fd:
        os.fsync(folder_fd)


def _sync_file(root_fd: int, path: str) -> None:
    parent, _, name = path.rpartition("/")
    with suppress(FileNotFoundError), folder(root_fd, parent.split("/")) as folder_fd:
        file_fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
        try:
            os.fsync(file_fd)
        finally:
            os.close(file_fd)
