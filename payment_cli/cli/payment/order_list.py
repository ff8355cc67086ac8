"""`payment o get`, `list` and `history`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from payment_cli.cli.payment.listing import Listing, Page, listing_options, print_listing
from payment_cli.cli.payment.views import View, show_record, view_options
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_records
from payment_cli.errors import InvalidValueError
from payment_cli.model.query.match import Match, equal, one_of
from payment_cli.model.shop.order_state import OrderStatus

if TYPE_CHECKING:
    from payment_cli.model.record import Record
    from payment_cli.model.shop.order import Order


@click.command(
    cls=Command,
    short_help="Print one order.",
    examples=("payment o get 3fa9c1", "payment o get 3fa9c1 --shop -c"),
)
@click.argument("order_id", metavar="ID")
@printing_options
@view_options
def get(order_id: str, printing: Printing, view: View) -> None:
    """Print the order ID."""
    app = current_app()
    show_record(app, "order", app.shop.orders.get(order_id).to_record(), printing, view)


@click.command(
    "list",
    cls=Command,
    short_help="List orders that match.",
    examples=(
        "payment o list -st NW,WT -bish -t id,buyer_id,fee,st,expi:time",
        "payment o list --buyer xiaobai --shop -limit 50",
        "payment o list -match \"{products.id:'3fa9c1d2', ok_at:'[today,]'}\" -pager",
        "payment o list -match \"{tp:'Q', fee:'[100,)'}\" -sort fee:-1",
    ),
)
@click.option(
    "-st", "--status", metavar="ST", help="NW, or a list NW,WT: new, waiting, OK, FA, SP, DN, CA."
)
@click.option("-bu", "--buyer", metavar="ID", help="Whose orders.")
@listing_options
def list_orders(status: str | None, buyer: str | None, page: Page) -> None:
    """Print the orders you may see, last changed first, ten or as many as -limit says."""
    app = current_app()
    orders = app.shop.orders
    wanted: list[Match] = []
    if status is not None:
        wanted.append(one_of("ord_status", _statuses(status)))
    if buyer is not None:
        wanted.append(equal("buyer_id", buyer))
    print_listing(app, Listing("order", orders.query, orders.count, sort="lm:-1"), page, *wanted)


@click.command(
    cls=Command,
    short_help="Say what became of an order.",
    examples=(
        "payment o history 3fa9c1 -bish -t at:time,what,by,note",
        "payment o history 3fa9c1 --changes -c",
    ),
)
@click.argument("order_id", metavar="ID")
@click.option(
    "-changes",
    "--changes",
    is_flag=True,
    help="Every commit from the log, with the fields it changed.",
)
@printing_options
def history(order_id: str, changes: bool, printing: Printing) -> None:
    """Print the history of order ID: {at, what, by, note}, the oldest first.

    With --changes: {seq, at, actor, op, changed}, read from the log, which takes a while where a
    lot happened since.
    """
    app = current_app()
    order = app.shop.orders.get(order_id)
    print_records(app.shop.order_log.of(order) if changes else _history(order), printing)


def _history(order: "Order") -> "Iterator[Record]":
    return (dict(row) for row in order.history if isinstance(row, dict))


def _statuses(text: str) -> list[str]:
    names = [name.strip().upper() for name in text.split(",")]
    for name in names:
        if name not in tuple(OrderStatus):
            raise InvalidValueError(
                f"-st {name[:20]!a} is not a status of an order",
                hint=f"one of {', '.join(OrderStatus)}",
            )
    return names
