"""`payment o cancel`, `ship`, `track`, `done`: what moves an order, but for its payments."""

from functools import partial

import click

from payment_cli.cli.pay.results import follow_up, tell_abandoned
from payment_cli.cli.payment.views import View, show_record, view_options
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.printing import Printing


@click.command(
    cls=Command,
    short_help="Cancel an order that is not paid.",
    examples=(
        "payment o cancel 3fa9c1 --reason 'ordered twice'",
        "payment o cancel 3fa9c1 --as root --abandon --reason 'it is gone'",
    ),
)
@click.argument("order_id", metavar="ID")
@click.option(
    "-reason", "--reason", default="cancelled", metavar="TEXT", help="Why, for its history."
)
@click.option(
    "-abandon",
    "--abandon",
    is_flag=True,
    help="For operators: although a payment's account is gone, or can't be asked.",
)
@printing_options
@view_options
def cancel(order_id: str, reason: str, abandon: bool, printing: Printing, view: View) -> None:
    """Close the payments of order ID at their gateways, cancel it, and print it.

    Its stock and coupons are free again. Exit 12: it is paid, or was paid in this very moment.
    Exit 21: a payment could not be closed for sure; the order is as it was, try again.

    With --abandon the payments whose account is gone or can't be asked are ended as by pay close
    --abandon: nobody closed them, and money that comes for one yet is flagged `late`. Exit 12: you
    are no operator, or there is no such payment.
    """
    app = current_app()
    with app.follow_up.settling(order_id, partial(follow_up, app)):
        order = app.shop.order_payments.cancel(order_id, reason, abandon=abandon)
    if abandon:
        tell_abandoned(f"order {order.id}")
    app.follow_up.tell(order.id, order.sto_nm)
    show_record(app, "order", order.to_record(), printing, view)


@click.command(
    cls=Command,
    short_help="Record a shipment of a paid order.",
    examples=(
        "payment o ship 3fa9c1 SF SF1020304050",
        "payment o ship 3fa9c1 DHL JD014600006228974206 --note 'second parcel'",
    ),
)
@click.argument("order_id", metavar="ID")
@click.argument("carrier", metavar="CARRIER")
@click.argument("number", metavar="NUMBER")
@click.option("-note", "--note", default="", metavar="TEXT", help="For its trail.")
@printing_options
@view_options
def ship(
    order_id: str, carrier: str, number: str, note: str, printing: Printing, view: View
) -> None:
    """Record that a parcel of order ID left, and print the order. There may be several."""
    app = current_app()
    order = app.shop.orders.ship(order_id, carrier, number, note)
    app.follow_up.tell(order.id, order.sto_nm)
    show_record(app, "order", order.to_record(), printing, view)


@click.command(
    cls=Command,
    short_help="Add to the trail of a shipment.",
    examples=("payment o track 3fa9c1 SF1020304050 arrived --note 'at the post office'",),
)
@click.argument("order_id", metavar="ID")
@click.argument("number", metavar="NUMBER")
@click.argument("status", metavar="STATUS")
@click.option("-note", "--note", default="", metavar="TEXT", help="More words.")
@printing_options
@view_options
def track(
    order_id: str, number: str, status: str, note: str, printing: Printing, view: View
) -> None:
    """Add STATUS to the trail of the shipment NUMBER of order ID, and print the order."""
    app = current_app()
    order = app.shop.orders.track(order_id, number, status, note)
    show_record(app, "order", order.to_record(), printing, view)


@click.command(
    cls=Command,
    short_help="Record that the buyer has it all.",
    examples=("payment o done 3fa9c1",),
)
@click.argument("order_id", metavar="ID")
@printing_options
@view_options
def done(order_id: str, printing: Printing, view: View) -> None:
    """Record that order ID, which was shipped, is done; print it."""
    app = current_app()
    order = app.shop.orders.done(order_id)
    app.follow_up.tell(order.id, order.sto_nm)
    show_record(app, "order", order.to_record(), printing, view)
