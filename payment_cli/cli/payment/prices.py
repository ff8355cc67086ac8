"""Printing a priced cart: the whole calculation, or a table of who did what to which line."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click

from payment_cli.cli.payment.views import Names, View, shown
from payment_cli.cli.shell.options import CommandFunction
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.model.i18n import resolve
from payment_cli.model.money import to_yuan
from payment_cli.model.record import Record
from payment_cli.model.shop.pricing_step import StepKind

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.model.shop.pricing import Priced

_COLUMNS = "line,nm,w_nm,amount,kind,rule,taken,left,note"


def table_option(function: CommandFunction) -> CommandFunction:
    """Add `--table`; the command gets `is_table`."""
    return click.option(
        "-table",
        "--table",
        "is_table",
        is_flag=True,
        help=f"A table with a header, as -h -t {_COLUMNS}.",
    )(function)


def print_priced(
    app: "App", priced: "Priced", seller: str, printing: Printing, view: View, *, is_table: bool
) -> None:
    """Print a calculation: as a table its rows (`price_rows`), in any other form the whole."""
    if is_table and printing.columns is None:
        printing = printing._replace(columns=_COLUMNS, header=True)
    is_raw = printing.is_json or printing.values
    names = None if is_raw and view.lang is None else Names(app, view.lang).of(seller)

    def named(text: str) -> str:
        return text if names is None else resolve(text, names)

    if printing.columns is not None and not printing.values:
        print_records(price_rows(priced, named), printing)
        return
    record = {**priced.to_record(), "sto_nm": seller}
    record["steps"] = [{**step.to_record(), "nm": named(step.nm)} for step in priced.steps]
    print_record(shown(app, "order", printing, view)(record), printing)


def price_rows(priced: "Priced", named: Callable[[str], str]) -> Iterator[Record]:
    """Yield, for each line, its price and each rule that took something off; then the rest.

    `taken` is what the rule took off, `left` what is left to pay of the line after it, in yuan.
    Rules that took nothing say why; the last rows are the freight and the fee.
    """
    for index, line in enumerate(priced.lines):
        left = line.subtotal
        row: Record = {
            "line": index + 1,
            "id": line.id,
            "nm": line.nm,
            "w_nm": named(line.w_nm),
            "amount": line.w_buy_num,
        }
        yield {
            **row,
            "kind": "price",
            "left": to_yuan(left),
            "note": f"{to_yuan(line.w_price)} each",
        }
        for step in priced.steps:
            taken = step.by_line[index] if step.by_line else 0
            if taken:
                left -= taken
                yield {
                    **row,
                    "kind": str(step.kind),
                    "rule": named(step.nm),
                    "taken": to_yuan(taken),
                    "left": to_yuan(left),
                    "note": step.note,
                }
    for step in priced.steps:
        if step.kind is StepKind.FREIGHT:
            yield {"kind": "freight", "left": to_yuan(step.taken), "note": step.note}
        elif not step.taken:
            none: Record = {"rule": named(step.nm), "taken": to_yuan(0), "note": step.note}
            yield {"kind": str(step.kind), **none}
    yield {"kind": "fee", "taken": to_yuan(priced.discount), "left": to_yuan(priced.fee)}
