"""`payment stats`: what was ordered and paid."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.documents import read_time
from payment_cli.cli.shell.options import (
    CommandFunction,
    gathered,
    pager_option,
    printing_options,
    skip_option,
)
from payment_cli.cli.shell.output import write
from payment_cli.cli.shell.printing import Pager, Printing, plain_text
from payment_cli.cli.shell.records import print_records
from payment_cli.errors import InvalidValueError
from payment_cli.model.record import Json

if TYPE_CHECKING:
    from payment_cli.model.query.times import TimeReader
    from payment_cli.services.shop.stats import Span


class Asked(NamedTuple):
    """What was typed, word for word."""

    by: str
    start: str | None
    end: str | None
    store: str
    buyer: str
    skip: int
    limit: int
    has_pager: bool
    is_table: bool
    is_csv: bool


_OPTIONS = (
    click.option(
        "-by",
        "--by",
        type=click.Choice(("day", "product", "buyer", "pay_type", "status")),
        default="day",
        metavar="GROUP",
        help="day (the default), product, buyer, pay_type or status.",
    ),
    click.option("-from", "--from", "start", metavar="TIME", help="From this day or time on."),
    click.option("-to", "--to", "end", metavar="TIME", help="To this day or time, included."),
    click.option(
        "-se", "--store", default="", metavar="DOMAIN", help="Only this store (all you may see)."
    ),
    click.option("-bu", "--buyer", default="", metavar="UID", help="Only what this buyer ordered."),
    skip_option,
    click.option(
        "-limit",
        "--limit",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="At most N (all).",
    ),
    pager_option,
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
        "payment stats --by buyer --from monthBegin -limit 20 --table",
        "payment stats --by product --buyer xiaobai -bish -t nm,pieces,fee",
        "payment stats --by pay_type --from 2026-01-01 --to 2026-12-31 --csv",
        "payment stats --by status -c",
    ),
)
@_asked
@printing_options
def stats(asked: Asked, printing: Printing) -> None:
    """Count orders and money, in yuan, a row for each group and currency.

    day: `orders` made, `paid` and sums of those paid on that day, of the store. product: orders
    paid; fee is without freight. buyer: as day, those who paid most first; what one bought
    is --by product --buyer UID. pay_type: payments that ended; flagged money could not settle
    and is not in fee. status: orders made. --from and --to say which of these times count:
    dates, now-30d, monthBegin, or milliseconds.
    """
    from payment_cli.services.shop.stats import COLUMNS, By

    app = current_app()
    by = By(asked.by)
    times = app.times(asked.store)
    span = _span(asked, times)
    if asked.is_csv and (asked.is_table or asked.has_pager or not printing.is_json):
        raise InvalidValueError("say either --csv or a table, and no -pager with --csv")
    found = app.shop.stats.rows(by, span, asked.store, asked.buyer)
    limit = asked.limit or max(1, len(found))
    rows = found[asked.skip : asked.skip + limit]
    if asked.is_csv:
        _write_csv(COLUMNS[by], rows)
        return
    if asked.is_table and printing.columns is None:
        printing = printing._replace(columns=",".join(COLUMNS[by]), header=True)
    pager = Pager(asked.skip, limit, len(found)) if asked.has_pager else None
    print_records(rows, printing, pager)


def _span(asked: Asked, times: "TimeReader") -> "Span":
    from payment_cli.services.shop.stats import Span

    start = read_time(asked.start, times, "--from")
    end = read_time(asked.end, times, "--to", is_end=True)
    if start is not None and end is not None and end < start:
        raise InvalidValueError("--to is before --from")
    return Span(start, None if end is None else end + 1)


def _write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Json]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([plain_text(row.get(name)) for name in columns])
    write(out.getvalue())
