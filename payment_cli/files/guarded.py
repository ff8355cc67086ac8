"""Reading files that are believed or run: settings, configs, keys, scripts, what a store says.

Whoever can write to one of them, or to a folder on the way to it, decides what the program does.
So each is a plain file of bounded size; it and every folder from the root on belong to the owner
of the root, to `root`, or, below `home/<domain>`, to whose home that is; and no other user can
write to any of them. No folder on the way is a symbolic link, but `home/<domain>`. A secret may
be one: keys often live in a secret store and are linked in. The file that is reached is the one
that counts.
"""

import os
import stat
from typing import TYPE_CHECKING

from payment_cli.errors import ConfigError
from payment_cli.files.safe_files import (
    OTHERS_WRITE,
    folder,
    open_plain,
    open_root,
    read_all,
    user_name,
)

if TYPE_CHECKING:  # pathlib would cost every start some milliseconds
    from pathlib import Path

#: Permission bits that a secret must not have.
OTHERS_READ = 0o077

#: A config, a key or a bundle of certificates; the root bundle of Alipay has 10 KiB.
SIZE_MAX = 256 * 1024

#: A named pipe would wait for its writer, a terminal become ours.
_LINKED = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read_trusted(root: "Path | str", path: str, most: int = SIZE_MAX) -> bytes:
    """Return the bytes of the file at `path` below the root.

    Raises:
        FileNotFoundError: it is not there.
        CorruptRecordError: it is a link or no plain file, or a link is on the way.
        ConfigError: it is larger than `most`, or others can write to it or on the way.
        OSError: it can't be read.
    """
    *parts, name = path.split("/")
    root_fd = open_root(root)
    try:
        trust = _Trust(str(root), root_fd)
        with folder(root_fd, parts, visit=trust.visit) as folder_fd:
            file_fd = open_plain(folder_fd, name)
            return trust.read(file_fd, path, most, OTHERS_WRITE)[0]
    finally:
        os.close(root_fd)


def read_secret(root: "Path | str", path: str, forbidden: int = OTHERS_READ) -> tuple[bytes, int]:
    """Return bytes and mode of the file at `path`, which may be a link to a secret elsewhere.

    Raises:
        As `read_trusted`, and ConfigError where it has one of the `forbidden` permission bits.
    """
    *parts, name = path.split("/")
    root_fd = open_root(root)
    try:
        trust = _Trust(str(root), root_fd)
        with folder(root_fd, parts, visit=trust.visit) as folder_fd:
            file_fd = os.open(name, _LINKED, dir_fd=folder_fd)
            return trust.read(file_fd, path, SIZE_MAX, forbidden)
    finally:
        os.close(root_fd)


def read_beside(folder: "Path", name: str, forbidden: int) -> bytes:
    """Return the bytes of what a config in `folder`, which was read so, names: it may be linked in.

    Raises:
        As `read_secret`.
    """
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        trust = _Trust(str(folder), folder_fd)
        file_fd = os.open(name, _LINKED, dir_fd=folder_fd)
        return trust.read(file_fd, name, SIZE_MAX, forbidden)[0]
    finally:
        os.close(folder_fd)


class _Trust:
    """Whose files are believed below a folder, and what was met on the way."""

    def __init__(self, root: str, root_fd: int) -> None:
        self._root = root
        self._owner = os.fstat(root_fd).st_uid
        self._owners = {0, self._owner}
        self.visit(root_fd, ())

    def visit(self, folder_fd: int, parts: "tuple[str, ...]") -> None:
        """Look at a folder on the way; below a home its owner's files are believed as well."""
        facts = os.fstat(folder_fd)
        if len(parts) == 2 and parts[0] == "home":
            self._owners.add(facts.st_uid)
        self._check(facts, "/".join((self._root, *parts)), OTHERS_WRITE)

    def read(self, file_fd: int, path: str, most: int, forbidden: int) -> tuple[bytes, int]:
        """Return bytes and mode of an open file, and close it."""
        called = f"{self._root}/{path}"
        try:
            facts = os.fstat(file_fd)
            if not stat.S_ISREG(facts.st_mode):
                raise ConfigError(f"{called} is not a regular file")
            mode = _counted_mode(facts)
            self._check(facts, called, forbidden)
            data = read_all(file_fd, most) if facts.st_size <= most else b""
            if facts.st_size > most or len(data) > most:
                raise ConfigError(f"{called} is larger than {most >> 10} KiB")
            return data, mode
        finally:
            os.close(file_fd)

    def _check(self, facts: os.stat_result, called: str, forbidden: int) -> None:
        if facts.st_uid not in self._owners:
            raise ConfigError(
                f"{called} belongs to the user {user_name(facts.st_uid)}, who has no say here",
                hint=f"look what is in it, then chown {user_name(self._owner)} {called}",
            )
        if _counted_mode(facts) & forbidden and forbidden == OTHERS_READ:
            raise ConfigError(f"{called}: others can read this key", hint=f"chmod 600 {called}")
        if facts.st_mode & OTHERS_WRITE:
            raise ConfigError(f"{called}: others can write to it", hint=f"chmod go-w {called}")


def _counted_mode(facts: os.stat_result) -> int:
    """Return a file's mode; how else than by our group could we read a secret that is root's?"""
    is_lent = facts.st_uid == 0 and os.geteuid() != 0
    return facts.st_mode & ~stat.S_IRGRP if is_lent else facts.st_mode
