"""`payment p list`."""

import click

from payment_cli.cli.payment.listing import Listing, Page, listing_options, print_listing
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.model.query.match import Match, all_of, between, equal, negate, one_of


@click.command(
    "list",
    cls=Command,
    short_help="List payments of orders.",
    examples=(
        "payment p list 3fa9c1 -bish -t id,pay_tp,st,fee,close_at:time",
        "payment p list -match \"{st:'WAIT'}\" -sort lm:-1",
        "payment p list -match \"{flag:'^.'}\" -c",
    ),
)
@click.argument("order_id", metavar="[ORDER]", required=False)
@listing_options
def list_payments(order_id: str | None, page: Page) -> None:
    """Print the payments that ORDER owns, the oldest first; without ORDER those of all orders."""
    app = current_app()
    if order_id is None:
        # `pay_by` is set where an order opened it; what metadata says in `or_id` is data.
        wanted: Match = all_of(negate(equal("or_id", "")), between("pay_by", low=1))
    else:
        wanted = one_of("id", app.shop.orders.get(order_id).pay_ids)
    payments = app.payments
    print_listing(
        app, Listing("payment", payments.query, payments.count, sort="ct:1"), page, wanted
    )
