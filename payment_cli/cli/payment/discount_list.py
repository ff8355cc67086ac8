"""`payment d list`, `get` and `explain`."""

from functools import partial

import click

from payment_cli.cli.payment.cart import Cart, cart_options, read_cart
from payment_cli.cli.payment.listing import Listing, Page, listing_options, print_listing
from payment_cli.cli.payment.prices import print_priced, table_option
from payment_cli.cli.payment.views import View, show_record, view_options
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.printing import Printing


@click.command(
    "list",
    cls=Command,
    short_help="List discounts that match.",
    examples=(
        "payment d list -bish -t dis_id,dis_nm,dis_mode,priority,dis_expi:time",
        "payment d list -match \"{dis_mode:'percent'}\" -c",
        "payment d list --deleted",
    ),
)
@click.option("--deleted", is_flag=True, help="Those that were deleted, instead.")
@listing_options
def list_discounts(deleted: bool, page: Page) -> None:
    """Print the discounts of your store, the first applied first."""
    app = current_app()
    discounts = app.shop.discounts
    listing = Listing(
        "discount",
        partial(discounts.query, is_deleted=deleted),
        partial(discounts.count, is_deleted=deleted),
        sort="priority:1",
    )
    print_listing(app, listing, page)


@click.command(
    cls=Command,
    short_help="Print one discount.",
    examples=("payment d get 3fa9c1",),
)
@click.argument("discount_id", metavar="ID")
@printing_options
@view_options
def get(discount_id: str, printing: Printing, view: View) -> None:
    """Print the discount ID."""
    app = current_app()
    record = app.shop.discounts.get(discount_id).to_record()
    show_record(app, "discount", record, printing, view)


@click.command(
    cls=Command,
    short_help="Say what a cart costs, and why.",
    examples=(
        "payment d explain --item cup-01:3 --item pot-01 --table",
        "payment d explain --basket --buyer xiaobai --coupon 3fa9c1 --table",
        "payment d explain \"{products:[{id:'3fa9c1d2', amount:2}]}\" -c",
    ),
)
@cart_options
@table_option
@printing_options
@view_options
def explain(cart: Cart, is_table: bool, printing: Printing, view: View) -> None:
    """Price a cart line by line, and say which rule did what; nothing is recorded.

    JSON, -V and -tmpl print the whole. Tables (--table, -t) have a row for each line and rule:
    what the rule took, what is left of the line, and why a rule took nothing.
    """
    app = current_app()
    wanted, buying = read_cart(app, cart)
    priced = app.shop.orders.price(wanted, buying)
    print_priced(app, priced, buying.seller, printing, view, is_table=is_table)
