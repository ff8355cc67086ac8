"""Lines of a file kept on disk while all of it is checked: an import of any size in little memory.

They lie in a database of their own in the tree's folder, whose name is gone as soon as it is open:
whatever happens to the process, nothing is left of it.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

from payment_cli.errors import StorageError
from payment_cli.files.safe_files import open_root, write_new
from payment_cli.ids import new_token

#: The start of the database's name: one that is seen was left by a process that died at once.
PREFIX = ".import-"

_MAKE = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -4000;
CREATE TABLE line (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, id TEXT NOT NULL UNIQUE,
  is_late INTEGER NOT NULL, is_due INTEGER NOT NULL, body TEXT NOT NULL
);
"""
_FIND = "SELECT number, name, id, is_late, is_due, body FROM line WHERE "


class Line(NamedTuple):
    """A line: where it stands, what it is known by, and what it says (`body`).

    `is_due`: there is something to do; `is_late`: after the others.
    """

    number: int
    name: str
    id: str
    is_late: bool
    is_due: bool
    body: str


class Staging:
    """The lines of one file. It contains the ids that are in the file."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Keep lines in the empty database of `conn`."""
        self._conn = conn
        conn.executescript(_MAKE)
        conn.execute("BEGIN")

    @classmethod
    @contextmanager
    def opened(cls, folder: Path | None = None) -> Iterator[Self]:
        """Hold an empty one open for a block, in `folder`, or where the system has such files.

        Raises:
            StorageError: the disk is full or refused.
        """
        try:
            with closing(_connect(folder)) as conn:
                yield cls(conn)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"keeping the lines of a file: {error}") from error

    def add(self, line: Line) -> bool:
        """Keep a line; False if one of its name is there already."""
        try:
            self._conn.execute("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?)", line)
        except sqlite3.IntegrityError:
            return False
        return True

    def replace(self, line: Line) -> None:
        """Keep a line in place of the one of its number."""
        self._conn.execute("REPLACE INTO line VALUES (?, ?, ?, ?, ?, ?)", line)

    def find(self, name: str) -> Line | None:
        """Return the line of a name."""
        row = self._conn.execute(f"{_FIND} name = ?", (name,)).fetchone()
        return None if row is None else _line(row)

    def __contains__(self, line_id: object) -> bool:
        found = self._conn.execute("SELECT 1 FROM line WHERE id = ?", (line_id,))
        return found.fetchone() is not None

    def count(self, *, is_due: bool = False) -> int:
        """Return how many lines there are, or are due."""
        sql = "SELECT count(*) FROM line WHERE is_due >= ?"
        return int(self._conn.execute(sql, (is_due,)).fetchone()[0])

    def batches(self, size: int) -> Iterator[list[Line]]:
        """Yield all lines as they stand, so many at a time; they may be replaced meanwhile."""
        return self._batches("number > ?", size)

    def due(self, size: int) -> Iterator[list[Line]]:
        """Yield the lines that are due, so many at a time, the late ones last."""
        for late in (0, 1):
            yield from self._batches(f"is_late = {late} AND is_due AND number > ?", size)

    def _batches(self, where: str, size: int) -> Iterator[list[Line]]:
        last = -1
        sql = f"{_FIND} {where} ORDER BY number LIMIT {size}"
        while rows := [_line(row) for row in self._conn.execute(sql, (last,))]:
            yield rows
            last = rows[-1].number


def _connect(folder: Path | None) -> sqlite3.Connection:
    if folder is None:
        return sqlite3.connect("", isolation_level=None)
    folder_fd = open_root(folder, writes=True)
    try:
        with os.scandir(folder_fd) as entries:
            left = [entry.name for entry in entries if entry.name.startswith(PREFIX)]
        for name in left:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder_fd)
        name = f"{PREFIX}{new_token()}"
        os.close(write_new(folder_fd, name, b""))
        try:
            conn = sqlite3.connect(folder / name, isolation_level=None)
            conn.execute("PRAGMA user_version")  # it is opened when it is first asked
            return conn
        finally:
            with suppress(FileNotFoundError):  # another import swept it
                os.unlink(name, dir_fd=folder_fd)
    finally:
        os.close(folder_fd)


def _line(row: tuple[int, str, str, int, int, str]) -> Line:
    number, name, line_id, is_late, is_due, body = row
    return Line(number, name, line_id, bool(is_late), bool(is_due), body)
