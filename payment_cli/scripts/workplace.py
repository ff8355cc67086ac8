"""Where the files of one run of a script are: a folder of its own, in the tree, for nobody else.

It is locked by the runner, and by the run's watchdog, which outlives a runner that was killed. A
folder that nobody holds is left over: the next run, or `payment tick`, removes it.
"""

import os
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import NamedTuple

from payment_cli.files.safe_files import folder, open_root

#: Below the root.
PLACE = (".journal", "scripts")


class Workplace(NamedTuple):
    """The folder of a run. Whoever has `lock_fd`, or inherited it, keeps it from being swept."""

    path: Path
    lock_fd: int

    def remove(self) -> None:
        """Remove it with all that is in it."""
        from shutil import rmtree  # a tick with nothing to sweep needs none of it

        rmtree(self.path, ignore_errors=True)
        os.close(self.lock_fd)


def make_workplace(root: Path) -> Workplace:
    """Make a folder for one run, and remove those that nobody holds.

    Raises:
        OSError: it can't be made now.
        CorruptRecordError: something that is no plain folder is in its place.
    """
    sweep_workplaces(root, create=True)
    return _make(root.joinpath(*PLACE))


def sweep_workplaces(root: Path, *, create: bool = False) -> None:
    """Remove the folders of runs that nobody holds any more; `create` the place they are in.

    Raises:
        OSError: the disk refused.
        CorruptRecordError: something that is no plain folder is in its place.
    """
    root_fd = open_root(root)
    try:
        with suppress(FileNotFoundError), folder(root_fd, PLACE, create=create) as place_fd:
            for name in os.listdir(place_fd):  # noqa: PTH208 - an open folder has no path
                _sweep(place_fd, name)
    finally:
        os.close(root_fd)


def _sweep(place_fd: int, name: str) -> None:
    from shutil import rmtree

    with suppress(OSError):
        lock_fd = _open(name, place_fd)
        try:
            flock(lock_fd, LOCK_EX | LOCK_NB)
            rmtree(name, ignore_errors=True, dir_fd=place_fd)
        finally:
            os.close(lock_fd)


def _make(place: Path) -> Workplace:
    from tempfile import mkdtemp

    while True:
        path = Path(mkdtemp(prefix="run-", dir=place))
        try:
            lock_fd = _open(path)
        except FileNotFoundError:
            continue  # another process's sweep came in between
        flock(lock_fd, LOCK_EX)
        if path.exists():
            return Workplace(path, lock_fd)
        os.close(lock_fd)


def _open(path: Path | str, dir_fd: int | None = None) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
