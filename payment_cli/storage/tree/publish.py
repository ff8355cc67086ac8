"""Publishing: the files of a transaction, written aside before COMMIT and renamed after it."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Final, NamedTuple, Self

from payment_cli.errors import CorruptRecordError
from payment_cli.files.safe_files import exists, open_folder, read_file, write_new
from payment_cli.storage.tree.key import FOREIGN_HINT, Key

#: The end of a temporary file's name; such a file is garbage for whoever holds the lock.
TEMP_END: Final = ".tmp"


class Change(NamedTuple):
    """What becomes of a record's files: `doc` is the new text, None removes them.

    `content` is set where the content is new as well.
    """

    key: Key
    doc: str | None
    content: bytes | None = None


def temp_name(prefix: str, number: int) -> str:
    """Return the name of a temporary file, the `number`-th (from 0) of its writer in a folder."""
    return f".{prefix}-{number}{TEMP_END}"


def aside_of(changes: Iterable[Change]) -> dict[str, int]:
    """Return how many temporary files `write` will need for the changes, by folder."""
    counts: dict[str, int] = {}
    for change in changes:
        if change.doc is not None:
            folder = change.key.path.rpartition("/")[0]
            counts[folder] = counts.get(folder, 0) + (1 if change.content is None else 2)
    return counts


class Publication:
    """The files that change together. Close it when done: it holds folders open."""

    def __init__(self, root_fd: int, prefix: str) -> None:
        """Prepare to write below `root_fd`.

        `prefix` starts the names of temporary files; it must be unlike any other holder's.
        """
        self.root_fd = root_fd
        self.prefix = prefix
        self._folders: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._written: list[tuple[int, str, str]] = []
        self._removed: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def check(self, path: str, doc: str | None) -> None:
        """Refuse to go on unless the file at `path` is what was last published there.

        Raises:
            CorruptRecordError: somebody else wrote, changed or removed it.
            OSError: the disk failed.
        """
        found = self.read(path) if doc is not None or self.exists(path) else None
        if found == (None if doc is None else doc.encode()):
            return
        happened = "is missing" if found is None else "was changed by a foreign hand"
        if doc is None:
            happened = "is there already, but no command of ours wrote it"
        raise CorruptRecordError(f"{path} {happened}; nothing was changed", hint=FOREIGN_HINT)

    def read(self, path: str) -> bytes | None:
        """Return what is at `path` now, None if there is nothing.

        Raises:
            CorruptRecordError: it is no plain file, or not ours to read. OSError: the disk failed.
        """
        try:
            return read_file(*self._locate(path, create=False))
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise CorruptRecordError(f"{path} can't be read: permission denied") from error

    def exists(self, path: str) -> bool:
        """Return whether there is anything at `path`, were it a dangling link."""
        with suppress(FileNotFoundError):
            return exists(*self._locate(path, create=False))
        return False

    def is_blocked(self, path: str) -> bool:
        """Return whether nothing can be published at `path`: a folder is there, or a link above."""
        try:
            folder_fd, name = self._locate(path, create=False)
            found = os.stat(name, dir_fd=folder_fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except CorruptRecordError:
            return True
        return stat.S_ISDIR(found.st_mode)

    def remove(self, path: str) -> None:
        """Remove the file at `path` at once, if it is there."""
        with suppress(FileNotFoundError):
            folder_fd, name = self._locate(path, create=False)
            os.unlink(name, dir_fd=folder_fd)

    def write(self, change: Change) -> None:
        """Write the change's files aside, or note their removal.

        Raises:
            OSError: the disk is full or read-only. CorruptRecordError: a link is in the way.
        """
        if change.doc is None:
            self._removed += [change.key.path, change.key.content_path]
            return
        self._write_aside(change.key.path, change.doc.encode())
        if change.content is not None:
            self._write_aside(change.key.content_path, change.content)

    def is_in_place(self) -> bool:
        """Return whether the folders that were used are still what is at their paths.

        A home that is a link may be pointed elsewhere at any time.

        Raises:
            OSError: the disk failed.
        """
        for path, folder_fd in self._folders.items():
            mine = os.fstat(folder_fd)
            try:
                found = os.stat(path, dir_fd=self.root_fd)
            except (FileNotFoundError, NotADirectoryError):
                return False
            if (found.st_dev, found.st_ino) != (mine.st_dev, mine.st_ino):
                return False
        return True

    def publish(self) -> None:
        """Move the files to their places and remove what goes. Can be repeated.

        Raises:
            OSError: the disk failed.
        """
        while self._written:
            folder_fd, temp, name = self._written[-1]
            os.rename(temp, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
            self._written.pop()
        for path in self._removed:
            self.remove(path)

    def discard(self) -> None:
        """Remove what was written aside."""
        for folder_fd, temp, _ in self._written:
            with suppress(OSError):
                os.unlink(temp, dir_fd=folder_fd)
        self._written.clear()
        self._removed.clear()

    def close(self) -> None:
        """Close the folders."""
        for folder_fd in self._folders.values():
            os.close(folder_fd)
        self._folders.clear()

    def _write_aside(self, path: str, data: bytes) -> None:
        folder_fd, name = self._locate(path, create=True)
        folder = path.rpartition("/")[0]
        number = self._counts.get(folder, 0)
        self._counts[folder] = number + 1
        temp = temp_name(self.prefix, number)
        os.close(write_new(folder_fd, temp, data))
        self._written.append((folder_fd, temp, name))

    def _locate(self, path: str, *, create: bool) -> tuple[int, str]:
        folder, _, name = path.rpartition("/")
        folder_fd = self._folders.get(folder)
        if folder_fd is None:
            folder_fd = open_folder(self.root_fd, folder.split("/"), create=create)
            self._folders[folder] = folder_fd
        return folder_fd, name
