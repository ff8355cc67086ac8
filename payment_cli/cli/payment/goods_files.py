"""`payment w import` and `export`."""

import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.documents import keep_option
from payment_cli.cli.shell.options import json_options
from payment_cli.cli.shell.output import progress, tell, write
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record
from payment_cli.errors import InvalidValueError, NotFoundError
from payment_cli.services.shop.goods_formats import FORMATS

#: The longest line that is read.
LINE_MAX = 1 << 20

#: The largest file of JSON lines.
FILE_MAX = 4 << 30

#: The largest table: its encoding is known when all of it was seen.
TABLE_MAX = 64 << 20

_PIECE = 1 << 16

_FORMAT = click.Choice(FORMATS)

_raw_cells = click.option(
    "--raw-cells", is_flag=True, help="CSV: texts as they are, though they may be formulas."
)


@click.command(
    "import",
    cls=Command,
    short_help="Add and change goods from a file.",
    examples=(
        "payment w import goods.jsonl",
        "payment w import prices.csv",
        "payment w import counted.csv --stock",
        "payment w export --as other | payment w import - --format jsonl",
    ),
)
@click.argument("file", metavar="FILE|-")
@click.option(
    "-format", "--format", "form", type=_FORMAT, metavar="FORMAT", help="jsonl or csv (by name)."
)
@click.option(
    "-stock",
    "--stock",
    "sets_stock",
    is_flag=True,
    help="Set the stock too; what was sold since the file was written is undone.",
)
@keep_option
@_raw_cells
@json_options
def import_goods(
    file: str,
    form: str | None,
    sets_stock: bool,
    keep: tuple[str, ...],
    raw_cells: bool,
    printing: Printing,
) -> None:
    """Add the goods of FILE (- is stdin), change those whose nm is there; print how many.

    JSON lines: one product a line. CSV: the first line names the columns, as w_price, price or
    价格; in UTF-8, UTF-16 or GB18030. A field that the file gives replaces the stored one; null, or
    an empty cell, removes it; what it does not mention stays. Parts of packages are named by nm.
    A ' before a text that could be a formula is not part of it.

    Stock that is counted is left alone: the file has what it was once. --stock sets it.

    The whole file is checked first: a bad line is named and nothing is imported. If it is
    interrupted later, run it again.
    """
    from payment_cli.services.shop.goods_import import Manner

    kind = form or _format_of(file)
    app = current_app()
    with _opened(file) as stream, progress("goods") as tell_progress:
        lines = _table(stream, file) if kind == "csv" else _lines(stream)
        manner = Manner(sets_stock, keep, is_guarded=not raw_cells)
        done = app.shop.goods_files.load(lines, kind, tell_progress, manner)
    if done.stocks_left:
        tell(f"stock left as it is counted, not as the file has it: {done.stocks_left} (--stock)")
    record = {"added": done.added, "changed": done.changed, "unchanged": done.unchanged}
    print_record(record, printing)


@click.command(
    "export",
    cls=Command,
    short_help="Write all goods to stdout.",
    examples=("payment w export > goods.jsonl", "payment w export --format csv > goods.csv"),
)
@click.option(
    "-format",
    "--format",
    "form",
    type=_FORMAT,
    default="jsonl",
    metavar="FORMAT",
    help="jsonl (all fields, the default) or csv (only those it has columns for).",
)
@_raw_cells
def export_goods(form: str, raw_cells: bool) -> None:
    """Write the goods that are not deleted, by nm, as a file that import reads.

    In CSV a text that begins with = + - @ is written behind a ', or a spreadsheet would run it as a
    formula; import takes it off again.
    """
    for line in current_app().shop.goods_files.dump(form, is_guarded=not raw_cells):
        write(line)


def _format_of(file: str) -> str:
    suffix = Path(file).suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise InvalidValueError(
            f"{file[:80]!a} does not say its format", hint="--format jsonl or --format csv"
        )
    return suffix


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        if sys.stdin is None:
            raise InvalidValueError("the goods are to be read from stdin, which is closed")
        yield sys.stdin.buffer
        return
    try:
        stream = Path(file).open("rb")  # noqa: SIM115 - it is closed below
    except FileNotFoundError as error:
        raise NotFoundError("file", file) from error
    with stream:
        yield stream


def _table(stream: BinaryIO, file: str) -> Iterator[str]:
    """Yield the lines of a table, and say so if it is not UTF-8."""
    from payment_cli.services.shop.lines import encoding_of

    with _again(stream) as table:
        encoding, name = encoding_of(table)
        if name != "UTF-8":
            tell(f"{file}: {name}, read as such")
        text = io.TextIOWrapper(table, encoding=encoding, newline="")
        number = 0
        while line := text.readline(LINE_MAX + 1):
            number += 1
            if len(line) > LINE_MAX:
                raise InvalidValueError(f"line {number} is longer than {LINE_MAX >> 20} MiB")
            yield line


@contextmanager
def _again(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Hold a copy of a stream, which can be read more than once: its encoding is in all of it."""
    with tempfile.TemporaryFile(dir=current_app().root) as copy:
        left = TABLE_MAX
        while piece := stream.read(min(_PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                raise InvalidValueError(
                    f"the table is larger than {TABLE_MAX >> 20} MiB",
                    hint="--format jsonl, or two files",
                )
            copy.write(piece)
        yield cast(BinaryIO, copy)


def _lines(stream: BinaryIO) -> Iterator[str]:
    """Yield the lines as they are, but for a byte order mark.

    Raises:
        InvalidValueError: a line is not UTF-8, or too long; its number is named.
    """
    number = 0
    left = FILE_MAX
    while line := stream.readline(LINE_MAX + 1):
        number += 1
        left -= len(line)
        if left < 0:
            raise InvalidValueError(f"the file is larger than {FILE_MAX >> 30} GiB")
        if len(line) > LINE_MAX:
            raise InvalidValueError(f"line {number} is longer than {LINE_MAX >> 20} MiB")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidValueError(f"line {number} is not UTF-8 text") from error
        yield text.removeprefix("\ufeff") if number == 1 else text
