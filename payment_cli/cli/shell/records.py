"""Printing records: strict JSON, a table, bare values, or by a template (the shell's `obj`)."""

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import chain

from payment_cli.cli.shell.command import current_zone
from payment_cli.cli.shell.output import draw_table, is_stdout_terminal, write
from payment_cli.cli.shell.printing import Pager, Printing, only_keys, plain_text, without_nulls
from payment_cli.cli.shell.text import ascii_json, printable, printable_json
from payment_cli.model.codec import encode, encode_pretty
from payment_cli.model.record import Json

_UNDERLINE = "-" * 39

#: Only so many rows are folded to fit a terminal: nobody reads more there.
DRAWN_MAX = 1000


def print_record(record: Mapping[str, Json], printing: Printing) -> None:
    """Print one record: by itself as JSON, in a list only with `-l`."""
    if printing.as_list or not printing.is_json:
        print_records([record], printing)
    else:
        (shown,) = printing.select([record])
        write(_json(shown, printing) + "\n")


def print_records(
    records: Iterable[Mapping[str, Json]], printing: Printing, pager: Pager | None = None
) -> None:
    """Print a page of records; JSON is written as the records come, and is always a list.

    Raises:
        InvalidValueError: columns, template or key filter can't be read; nothing was printed.
        StorageError: stdout can't be written.
    """
    if printing.values:
        _print_values(records, printing)
    elif printing.columns is not None:
        _print_table(records, printing, pager)
    elif printing.template is not None:
        _print_by_template(records, printing, pager)
    else:
        _print_list(records, printing, pager)


def _print_list(
    records: Iterable[Mapping[str, Json]], printing: Printing, pager: Pager | None
) -> None:
    rows = iter(printing.select(records))
    first = next(rows, None)  # a query that fails at once leaves stdout empty
    form = printing.form
    step = "" if form.compact else form.indent
    inner = "" if form.compact else "\n" + step * (1 if pager is None else 2)
    outer = "" if form.compact or pager is None else "\n" + step
    count = 0
    write("[" if pager is None else '{"list":[' if form.compact else f'{{\n{step}"list": [')
    for row in chain([] if first is None else [first], rows):
        write(("," if count else "") + inner + _json(row, printing).replace("\n", inner))
        count += 1
    write(((outer or inner[:1]) if count else "") + "]")
    if pager is not None:
        write(_pager_tail(pager.to_record(count), printing))
    write("\n")


def _pager_tail(pager: Mapping[str, Json], printing: Printing) -> str:
    form = printing.form
    text = _json(pager, printing)
    if form.compact:
        return f',"pager":{text}}}'
    return f',\n{form.indent}"pager": ' + text.replace("\n", "\n" + form.indent) + "\n}"


def _json(record: Mapping[str, Json], printing: Printing) -> str:
    form = printing.form
    shown: Json = record if form.nulls else without_nulls(record)
    if form.is_shown is not None:
        shown = only_keys(shown, form.is_shown)
    text = encode(shown) if form.compact else encode_pretty(shown, form.indent).rstrip()
    return ascii_json(text) if form.is_ascii else printable_json(text)


def _print_values(records: Iterable[Mapping[str, Json]], printing: Printing) -> None:
    end = "\n" if printing.newline else ""
    for record in printing.select(records):
        write(_shown(printing.separator.join(map(plain_text, record.values()))) + end)


def _print_by_template(
    records: Iterable[Mapping[str, Json]], printing: Printing, pager: Pager | None
) -> None:
    from payment_cli.cli.shell.template import compile_template

    fill = compile_template(printing.template or "", cache(current_zone))
    count = 0
    for record in printing.select(records):
        prefix = f"{printing.index_base + count}# " if printing.numbered else ""
        write(prefix + _shown(fill(record)) + "\n")
        count += 1
    if printing.footer:
        write(f"{_UNDERLINE}\n{_footer(count, pager)}\n")


def _print_table(
    records: Iterable[Mapping[str, Json]], printing: Printing, pager: Pager | None
) -> None:
    from payment_cli.cli.shell.columns import Cell, Column, parse_columns, plain_table
    from payment_cli.cli.shell.rows import KeptRows

    asked = parse_columns(printing.columns or "")
    zone = cache(current_zone)
    rows: Iterable[list[Cell]] = (
        [column.cell(record, zone) for column in asked] for record in printing.select(records)
    )
    if printing.numbered:
        rows = (
            [Cell(str(number), is_number=True), *row]
            for number, row in enumerate(rows, printing.index_base)
        )
    columns = (Column("#"), *asked) if printing.numbered else asked
    with KeptRows(rows) as kept:
        if is_stdout_terminal() and len(kept) <= DRAWN_MAX:
            draw_table(columns, list(kept), has_header=printing.header, has_border=printing.border)
        else:
            header = [column.path for column in columns] if printing.header else None
            for line in plain_table(header, kept, has_border=printing.border):
                write(line + "\n")
        if printing.footer:
            write(_footer(len(kept), pager) + "\n")


def _footer(count: int, pager: Pager | None) -> str:
    return f"total {count} items" if pager is None else pager.footer(count)


def _shown(text: str) -> str:
    """Return text that somebody else wrote as it may go to stdout: raw, but not to a terminal."""
    if not is_stdout_terminal():
        return text
    return "\n".join(map(printable, text.split("\n")))
