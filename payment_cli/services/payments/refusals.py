"""Counting refused callbacks: one small file, one write without fsync, nothing per forgery.

Beside the count it holds why the last ones were refused: a wrong key of ours refuses true
callbacks, and a forgery that comes after one must not hide that.
"""

import fcntl
import json
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC
from pathlib import Path
from typing import NamedTuple

from payment_cli.errors import CorruptRecordError
from payment_cli.files.safe_files import FILE_MODE, folder, open_root, read_file
from payment_cli.model.query.zones import wall_time

_NAME = "refused.count"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_COUNTER = struct.Struct("<Q")
_REASON_BYTES_MAX = 200

#: So many reasons are kept, those that came last.
REASONS_MAX = 5

#: More than a file of ours is long: a reason takes twice its bytes, if it is all quotes.
_BYTES_MAX = _COUNTER.size + REASONS_MAX * 500


class Refusal(NamedTuple):
    """Why callbacks were refused, how many for that, and when the last one (AMS; 0: not known)."""

    reason: str
    times: int
    at: int

    def __str__(self) -> str:
        """Say it in a sentence, with the time in UTC."""
        if not self.at:
            return self.reason
        return f"{self.reason} ({self.times}, last {wall_time(self.at, UTC):%Y-%m-%d %H:%M} UTC)"


def count_refusal(root: Path, reason: str, now: int) -> None:
    """Add one to the tree's counter; a tree that can't be written is not an error here."""
    with suppress(OSError, CorruptRecordError), _folder(root) as folder_fd:
        descriptor = os.open(_NAME, _FLAGS, FILE_MODE, dir_fd=folder_fd)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            count, refusals = _parse(os.pread(descriptor, _BYTES_MAX, 0))
            data = _COUNTER.pack(count + 1) + _text(_with(refusals, reason, now)).encode()
            os.pwrite(descriptor, data, 0)
            os.ftruncate(descriptor, len(data))
        finally:
            os.close(descriptor)


def read_refusals(root: Path) -> tuple[int, list[Refusal]]:
    """Return how many callbacks were refused since the tree was made, and why, the last first."""
    with suppress(OSError, CorruptRecordError), _folder(root) as folder_fd:
        return _parse(read_file(folder_fd, _NAME, _BYTES_MAX))
    return 0, []


def _with(refusals: list[Refusal], reason: str, now: int) -> list[Refusal]:
    """Return the reasons with one more refusal, its own first."""
    said = "".join(char if char.isprintable() else " " for char in reason)
    said = said.encode("utf-8", "replace")[:_REASON_BYTES_MAX].decode("utf-8", "ignore")
    before = sum(one.times for one in refusals if one.reason == said)
    others = [one for one in refusals if one.reason != said]
    return [Refusal(said, before + 1, now), *others][:REASONS_MAX]


def _text(refusals: list[Refusal]) -> str:
    return json.dumps(refusals, ensure_ascii=False)


@contextmanager
def _folder(root: Path) -> Iterator[int]:
    root_fd = open_root(root)
    try:
        with folder(root_fd, (".journal",)) as folder_fd:
            yield folder_fd
    finally:
        os.close(root_fd)


def _parse(data: bytes) -> tuple[int, list[Refusal]]:
    """Read a file; of one that a crash tore only the count holds."""
    (count,) = _COUNTER.unpack(data[: _COUNTER.size].ljust(_COUNTER.size, b"\0"))
    text = data[_COUNTER.size :].decode("utf-8", "ignore")
    try:
        rows = json.loads(text or "[]")
        return int(count), [Refusal(str(why), int(many), int(at)) for why, many, at in rows]
    except (ValueError, TypeError, OverflowError):
        # A program of before kept one reason, as it was.
        is_torn = text.startswith("[")
        return int(count), [] if is_torn else [Refusal(text, 1, 0)]
