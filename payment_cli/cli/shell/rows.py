"""The rows of a table until all of them are known: how wide its columns are is in the last row."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from payment_cli.cli.shell.columns import Cell

#: So many bytes are kept in memory, the others in a file without a name.
MEMORY_MAX = 1 << 20

#: Between cells, whose text has no control characters (text.py: printable).
_BETWEEN = "\x1f"


class KeptRows:
    """Rows that can be gone through more than once, and of any number in little memory."""

    def __init__(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Keep `rows`."""
        self._file = tempfile.SpooledTemporaryFile(MEMORY_MAX)  # noqa: SIM115 - see __exit__
        self._count = 0
        for row in rows:
            cells = (f"{'n' if cell.is_number else 't'}{cell.text}" for cell in row)
            self._file.write(f"{_BETWEEN.join(cells)}\n".encode())
            self._count += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[list[Cell]]:
        self._file.seek(0)
        for line in self._file:
            cells = line[:-1].decode().split(_BETWEEN)
            yield [Cell(cell[1:], is_number=cell[0] == "n") for cell in cells]
