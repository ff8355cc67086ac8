"""Where everything a command says goes. stdout is data and nothing else; the rest is for people.

Messages go to stderr; QR codes, links, progress and states only if that is a terminal. This
is the only file that knows rich, and it imports it only to draw on a terminal.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from payment_cli.cli.shell.text import printable
from payment_cli.errors import InvalidValueError, StorageError

if TYPE_CHECKING:
    from rich.console import Console

    from payment_cli.cli.shell.columns import Cell, Column

#: What a shell reports of a program whose reader went away (128 + SIGPIPE).
BROKEN_PIPE = 141

#: A column of text is folded on a terminal, but not narrower than this.
TEXT_WIDTH_MIN = 16


def write(text: str) -> None:
    """Write data to stdout.

    Raises:
        StorageError: stdout is closed, or the disk behind it is full.
        SystemExit: the reader went away.
    """
    stream = _stdout()
    _guarded(lambda: stream.write(text))


def print_text(text: str) -> None:
    """Write a line of data to stdout."""
    write(text + "\n")


def write_bytes(data: bytes) -> None:
    """Write the very bytes to stdout: what a gateway is to be answered with."""
    flush()
    stream = _stdout()
    _guarded(lambda: stream.buffer.write(data))


def is_stdout_terminal() -> bool:
    """Say whether somebody looks at stdout, rather than a program reading it."""
    return sys.stdout is not None and sys.stdout.isatty()


def is_terminal() -> bool:
    """Say whether somebody looks at stderr."""
    return sys.stderr is not None and sys.stderr.isatty()


def tell(text: str) -> None:
    """Say a line to the one who typed the command, on stderr."""
    if sys.stderr is not None:
        print(printable(text), file=sys.stderr, flush=True)  # noqa: T201 - the voice of the tool


def show_state(text: str) -> None:
    """Show a state that changes on one line of a terminal; for anybody else that is noise."""
    if is_terminal():
        sys.stderr.write(f"\r\x1b[K{printable(text)}")
        sys.stderr.flush()


def end_state() -> None:
    """Leave the line of `show_state`, with its last state on it."""
    if is_terminal():
        sys.stderr.write("\n")


def flush() -> None:
    """Meet a full disk or a closed pipe here, where it can still become an exit code."""
    if sys.stdout is not None:
        _guarded(sys.stdout.flush)


def speak_utf8() -> None:
    """Make stdout UTF-8, as JSON is, whatever the locale says."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8", errors="strict")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show a bar on a terminal while long work runs; yields what is told `(done, total)`.

    A total of None is not known yet.
    """
    if not is_terminal():
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, TimeElapsedColumn(), console=_console(), transient=True)
    with bar:
        task = bar.add_task(printable(what), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def draw_qr_code(text: str) -> None:
    """Draw a QR code on the terminal of stderr; say its text instead where it doesn't fit.

    Dark on light whatever the theme, because scanners want that. With NO_COLOR the light modules
    are drawn instead, which is right on a dark background.
    """
    if not is_terminal():
        return
    from qrcode.constants import ERROR_CORRECT_L
    from qrcode.main import QRCode

    code = QRCode(border=2, error_correction=ERROR_CORRECT_L)
    code.add_data(text)
    rows = code.get_matrix()
    console = _console()
    if len(rows[0]) > console.width or "utf" not in console.encoding:
        tell(f"QR code: {text}")
        return
    style = None if console.no_color else "color(16) on color(231)"
    for line in _half_blocks(rows, " ▄▀█" if style else "█▀▄ "):
        console.out(line, style=style, highlight=False)


def show_link(url: str) -> None:
    """Say an address that is to be opened in a browser, whole, on the terminal of stderr."""
    if is_terminal():
        tell(f"Link: {url}")


def draw_table(
    columns: "Sequence[Column]",
    rows: "Sequence[Sequence[Cell]]",
    *,
    has_header: bool,
    has_border: bool,
) -> None:
    """Draw a table as wide as the terminal: cells fold, ids stay whole even if it gets wider."""
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    borderless = box.SIMPLE_HEAD if has_header else None
    table = Table(box=box.SQUARE if has_border else borderless, show_header=has_header)
    widths = []
    for number, column in enumerate(columns):
        cells = [row[number] for row in rows]
        is_number = any(cell.is_number for cell in cells)
        widest = max((cell_len(cell.text) for cell in cells), default=0)
        least = widest if column.is_id or is_number else min(widest, TEXT_WIDTH_MIN)
        widths.append(max(least, cell_len(column.path) if has_header else 0))
        table.add_column(
            Text(printable(column.path)),
            justify="right" if is_number else "left",
            overflow="fold",
            no_wrap=column.is_id,
            min_width=widths[-1],
        )
    for row in rows:
        table.add_row(*(Text(cell.text) for cell in row))
    flush()
    console = Console(highlight=False)
    # Two of padding and a border for each column; wider than the terminal if it must be.
    console.width = max(console.width, sum(widths) + 3 * len(widths) + 1)
    console.print(table, crop=False)


def _half_blocks(rows: list[list[bool]], blocks: str) -> Iterator[str]:
    """Yield lines of which each shows two rows: `blocks` for neither, lower, upper and both."""
    if len(rows) % 2:
        rows = [*rows, [False] * len(rows[0])]
    for upper, lower in zip(rows[::2], rows[1::2], strict=True):
        yield "".join(blocks[2 * a + b] for a, b in zip(upper, lower, strict=True))


def _console() -> "Console":
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def _stdout() -> TextIO:
    if sys.stdout is None:
        raise StorageError("stdout is closed: there is nowhere to print to")
    return sys.stdout


def _guarded(write_it: Callable[[], object]) -> None:
    """Write to stdout; a reader that went away ends the program silently, as SIGPIPE would."""
    try:
        write_it()
    except BrokenPipeError:
        _silence()
        raise SystemExit(BROKEN_PIPE) from None
    except UnicodeEncodeError as error:
        raise InvalidValueError("a text is not valid Unicode and can't be printed") from error
    except OSError as error:
        _silence()
        raise StorageError(f"stdout can't be written: {error.strerror}") from error


def _silence() -> None:
    """Point stdout at nothing, so that Python doesn't complain when it flushes at its end."""
    import os

    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
