"""One run at a time of what cron starts: a lock that the kernel gives back when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from payment_cli.files.safe_files import FILE_MODE, check_owner, folder, open_root

if TYPE_CHECKING:
    from pathlib import Path


@contextmanager
def only_run(root: "Path | str", name: str) -> Iterator[bool]:
    """Hold the lock `var/NAME.lock` of the tree for a block, which gets whether it was free.

    Where there is no tree, nobody else is at work.

    Raises:
        OtherOwnerError: the tree is another user's. OSError: the disk is full or read-only.
        CorruptRecordError: a link or a folder is in the way.
    """
    check_owner(root)
    try:
        root_fd = open_root(root)
    except FileNotFoundError:
        yield True
        return
    try:
        with folder(root_fd, ("var",), create=True) as folder_fd:
            flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            lock_fd = os.open(f"{name}.lock", flags, FILE_MODE, dir_fd=folder_fd)
    finally:
        os.close(root_fd)
    try:
        yield _took(lock_fd)
    finally:
        os.close(lock_fd)


def _took(lock_fd: int) -> bool:
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
