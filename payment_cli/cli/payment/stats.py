"""`payment stats`: what was ordered and paid."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.documents import read_time
from payment_cli.cli.shell.options import CommandFunction, gathered, printing_options
from payment_cli.cli.shell.output import write
from payment_cli.cli.shell.printing import Printing, plain_text
from payment_cli.cli.shell.records import print_records
from payment_cli.errors import InvalidValueError
from payment_cli.model.record import Json


class Asked(NamedTuple):
    """What was typed, word for word."""

    by: str
    start: str | None
    end: str | None
    store: str
    is_table: bool
    is_csv: bool


_OPTIONS = (
    click.option(
        "-by",
        "--by",
        type=click.Choice(("day", "product", "pay_type", "status")),
        default="day",
        metavar="GROUP",
        help="day (the default), product, pay_type or status.",
    ),
    click.option("-from", "--from", "start", metavar="TIME", help="From this day or time on."),
    click.option("-to", "--to", "end", metavar="TIME", help="To this day or time, included."),
    click.option(
        "-se", "--store", default="", metavar="DOMAIN", help="Only this store (all you may see)."
    ),
    click.option("-table", "--table", "is_table", is_flag=True, help="A table with a header."),
    click.option("-csv", "--csv", "is_csv", is_flag=True, help="CSV with a header."),
)


def _asked(function: CommandFunction) -> CommandFunction:
    return gathered(function, _OPTIONS, "asked", Asked)


@click.command(
    cls=Command,
    short_help="What was ordered and paid: per day, product, …",
    examples=(
        "payment stats --from monthBegin --table",
        "payment stats --by product --from now-30d -bish -t nm,w_nm,pieces,fee",
        "payment stats --by pay_type --from 2026-01-01 --to 2026-12-31 --csv",
        "payment stats --by status -c",
    ),
)
@_asked
@printing_options
def stats(asked: Asked, printing: Printing) -> None:
    """Count orders and money, in yuan, a row for each group and currency.

    day: `orders` made, `paid` and sums of those paid on that day, of the store. product: orders
    paid; fee is without freight. pay_type: payments that ended; flagged money could not settle
    and is not in fee. status: orders made. --from and --to say which of these times count:
    dates, now-30d, monthBegin, or milliseconds.
    """
    from payment_cli.services.shop.stats import COLUMNS, By, Span

    app = current_app()
    by = By(asked.by)
    times = app.times(asked.store)
    start = read_time(asked.start, times, "--from")
    end = read_time(asked.end, times, "--to", is_end=True)
    if start is not None and end is not None and end < start:
        raise InvalidValueError("--to is before --from")
    span = Span(start, None if end is None else end + 1)
    if asked.is_csv and (asked.is_table or not printing.is_json):
        raise InvalidValueError("say either --csv or a table")
    rows = app.shop.stats.rows(by, span, asked.store)
    if asked.is_csv:
        _write_csv(COLUMNS[by], rows)
        return
    if asked.is_table and printing.columns is None:
        printing = printing._replace(columns=",".join(COLUMNS[by]), header=True)
    print_records(rows, printing)


def _write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Json]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([plain_text(row.get(name)) for name in columns])
    write(out.getvalue())
