"""Counting refused callbacks: one small file, one write without fsync, nothing per forgery."""

import fcntl
import os
import struct
from pathlib import Path

_COUNTER = struct.Struct("<Q")


def count_refusal(path: Path) -> None:
    """Add one to the counter file; a tree that can't be written is not an error here."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        (count,) = _COUNTER.unpack(os.pread(descriptor, 8, 0).ljust(8, b"\0"))
        os.pwrite(descriptor, _COUNTER.pack(count + 1), 0)
    except OSError:
        return
    finally:
        os.close(descriptor)


def read_refusals(path: Path) -> int:
    """Return how many callbacks were refused since the tree was made."""
    try:
        return int(_COUNTER.unpack(path.read_bytes()[:8].ljust(8, b"\0"))[0])
    except OSError:
        return 0
