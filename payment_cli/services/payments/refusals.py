"""Counting refused callbacks: one small file, one write without fsync, nothing per forgery.

Beside the count it holds why the last one was refused: a wrong key of ours refuses true callbacks.
"""

import fcntl
import os
import struct
from pathlib import Path

_COUNTER = struct.Struct("<Q")
_REASON_BYTES_MAX = 200


def count_refusal(path: Path, reason: str) -> None:
    """Add one to the counter file; a tree that can't be written is not an error here."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        count, _ = _parse(os.pread(descriptor, _COUNTER.size, 0))
        data = _COUNTER.pack(count + 1) + reason.encode()[:_REASON_BYTES_MAX]
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))
    except OSError:
        return
    finally:
        os.close(descriptor)


def read_refusals(path: Path) -> tuple[int, str]:
    """Return how many callbacks were refused since the tree was made, and why the last one was."""
    try:
        return _parse(path.read_bytes())
    except OSError:
        return 0, ""


def _parse(data: bytes) -> tuple[int, str]:
    (count,) = _COUNTER.unpack(data[: _COUNTER.size].ljust(_COUNTER.size, b"\0"))
    return int(count), data[_COUNTER.size :].decode("utf-8", "ignore")
