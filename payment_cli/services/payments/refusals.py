"""Counting refused callbacks: one small file, one write without fsync, nothing per forgery.

Beside the count it holds why the last one was refused: a wrong key of ours refuses true callbacks.
"""

import fcntl
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from payment_cli.errors import CorruptRecordError
from payment_cli.files.safe_files import FILE_MODE, folder, open_root, read_file

_NAME = "refused.count"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_COUNTER = struct.Struct("<Q")
_REASON_BYTES_MAX = 200


def count_refusal(root: Path, reason: str) -> None:
    """Add one to the tree's counter; a tree that can't be written is not an error here."""
    with suppress(OSError, CorruptRecordError), _folder(root) as folder_fd:
        descriptor = os.open(_NAME, _FLAGS, FILE_MODE, dir_fd=folder_fd)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            count, _ = _parse(os.pread(descriptor, _COUNTER.size, 0))
            data = _COUNTER.pack(count + 1) + reason.encode()[:_REASON_BYTES_MAX]
            os.pwrite(descriptor, data, 0)
            os.ftruncate(descriptor, len(data))
        finally:
            os.close(descriptor)


def read_refusals(root: Path) -> tuple[int, str]:
    """Return how many callbacks were refused since the tree was made, and why the last one was."""
    with suppress(OSError, CorruptRecordError), _folder(root) as folder_fd:
        return _parse(read_file(folder_fd, _NAME, _COUNTER.size + _REASON_BYTES_MAX))
    return 0, ""


@contextmanager
def _folder(root: Path) -> Iterator[int]:
    root_fd = open_root(root)
    try:
        with folder(root_fd, (".journal",)) as folder_fd:
            yield folder_fd
    finally:
        os.close(root_fd)


def _parse(data: bytes) -> tuple[int, str]:
    (count,) = _COUNTER.unpack(data[: _COUNTER.size].ljust(_COUNTER.size, b"\0"))
    return int(count), data[_COUNTER.size :].decode("utf-8", "ignore")
