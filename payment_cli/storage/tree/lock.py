"""The one lock of a tree, and the mark in its file: up to where files are published.

`flock` spans commit and publication. If it ended at COMMIT, an older revision could be renamed
over a newer one; SQLite's own lock also gives busy errors under many writers. The kernel drops
the lock of a process that dies, so there is no stale lock.
"""

import fcntl
import os
import time
from collections.abc import Mapping
from itertools import takewhile
from types import MappingProxyType
from typing import NamedTuple

from payment_cli.errors import LockedError
from payment_cli.files.safe_files import FILE_MODE, open_folder

JOURNAL_FOLDER = ".journal"
JOURNAL_NAME = "payment.db"
LOCK_NAME = "lock"

_BOOT_ID = "/proc/sys/kernel/random/boot_id"

#: The boot where the machine does not say which it is (another system than Linux, a bare chroot).
#: Nobody could tell there that the power was lost since: a writer syncs its files each time.
UNKNOWN_BOOT = "unknown"

_MARK_SIZE = 160
_PAUSE_FIRST_S = 0.0002
_PAUSE_MAX_S = 0.003


class Mark(NamedTuple):
    """What the last holder of the lock left behind.

    `boot` is the boot of the machine and `journal` the database it speaks of: under another boot
    or database it says nothing. The files of every change up to `seq` are published; those up to
    `synced` are known to be on disk. `busy` is "-", or what the names of a writer's temporary
    files begin with, while it is publishing: found by the next holder, that writer has died.
    `left` counts the records whose files are left to a foreign hand (left.py).
    """

    boot: str
    journal: str
    seq: int
    synced: int
    busy: str = "-"
    left: int = 0

    def to_bytes(self) -> bytes:
        """Return the mark as one line of fixed length, so that a write replaces all of it."""
        line = f"{self.boot} {self.journal} {self.seq} {self.synced} {self.busy} {self.left} ."
        return line.ljust(_MARK_SIZE - 1).encode() + b"\n"

    @classmethod
    def from_bytes(cls, data: bytes) -> "Mark | None":
        """Read a mark; None if the line is damaged, which is the same as having none."""
        line = data[:_MARK_SIZE]
        parts = line.decode("ascii", "replace").split()
        if len(line) != _MARK_SIZE or len(parts) != 7 or parts[6] != ".":
            return None
        boot, journal, seq, synced, busy, left, _ = parts
        if not (seq.isdigit() and synced.isdigit() and left.isdigit()):
            return None
        return cls(boot, journal, int(seq), int(synced), busy, int(left))


def read_boot_id() -> str:
    """Return what names this boot of the machine, UNKNOWN_BOOT where nothing does."""
    try:
        with open(_BOOT_ID, "rb") as file:  # noqa: PTH123 - read on every cold start
            name = file.read().decode("ascii", "replace").strip()
    except OSError:
        return UNKNOWN_BOOT
    return UNKNOWN_BOOT if not name or " " in name else name


class TreeLock:
    """An exclusive `flock` on a file in the journal's folder, with a time limit of our own."""

    def __init__(self, root_fd: int, name: str = LOCK_NAME) -> None:
        """Open (and make, private) the lock file.

        Raises:
            OSError: the disk is read-only or full. CorruptRecordError: a link in the way.
        """
        self._name = name
        self._folder_fd = open_folder(root_fd, (JOURNAL_FOLDER,), create=True)
        try:
            self._fd = self._open()
        except BaseException:
            os.close(self._folder_fd)
            raise

    @property
    def folder_fd(self) -> int:
        """The folder that the lock is in, open as long as the lock is."""
        return self._folder_fd

    def acquire(self, timeout_s: float) -> None:
        """Wait for the lock.

        Raises:
            LockedError: others held it all the time.
        """
        if self.try_acquire():
            return
        deadline = time.monotonic() + timeout_s
        pause = _PAUSE_FIRST_S
        while not self.try_acquire():
            if time.monotonic() >= deadline:
                raise LockedError(
                    f"another process has held the tree's lock for {timeout_s:g} s",
                    hint="try again; a long import or `payment fsck` may be running",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _PAUSE_MAX_S)

    def try_acquire(self) -> bool:
        """Take the lock if it is free; return whether it was."""
        while True:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if self._is_current():
                return True
            # The file was removed meanwhile: a lock on it would exclude nobody.
            os.close(self._fd)
            self._fd = self._open()

    def release(self) -> None:
        """Give the lock back."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def read_mark(self) -> Mark | None:
        """Return the mark, if there is a whole one. Needs no lock: `seq` only ever grows."""
        return Mark.from_bytes(os.pread(self._fd, _MARK_SIZE, 0))

    def write_mark(self, mark: Mark, aside: Mapping[str, int] = MappingProxyType({})) -> None:
        """Replace the mark. It need not be durable: after a power loss the boot is another.

        `aside` says of a busy writer how many temporary files it will write in which folder.
        """
        lines = "".join(f"{count} {folder}\n" for folder, count in aside.items())
        # In one write: were it cut, files would be left that nobody knows of, and no more.
        os.pwrite(self._fd, mark.to_bytes() + (lines + "\n").encode(), 0)

    def read_aside(self) -> dict[str, int]:
        """Return what the last busy writer said of its temporary files, by folder."""
        text = os.pread(self._fd, os.fstat(self._fd).st_size, _MARK_SIZE).decode("utf-8", "replace")
        lines = takewhile(bool, text.split("\n"))
        parts = (line.partition(" ") for line in lines)
        return {folder: int(count) for count, _, folder in parts if count.isdigit() and folder}

    def clear_mark(self) -> None:
        """Leave no mark, so that whoever comes next looks at all that may be wrong."""
        os.pwrite(self._fd, b" " * _MARK_SIZE, 0)

    def close(self) -> None:
        """Close the files; the kernel drops the lock if it was held."""
        os.close(self._fd)
        os.close(self._folder_fd)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        lock_fd = os.open(self._name, flags, FILE_MODE, dir_fd=self._folder_fd)
        os.fchmod(lock_fd, FILE_MODE)
        return lock_fd

    def _is_current(self) -> bool:
        mine = os.fstat(self._fd)
        try:
            found = os.stat(self._name, dir_fd=self._folder_fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)
