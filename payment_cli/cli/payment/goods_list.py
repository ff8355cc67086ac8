"""`payment w list` and `get`."""

from functools import partial

import click

from payment_cli.cli.payment.listing import Listing, Page, listing_options, print_listing
from payment_cli.cli.payment.views import View, show_record, view_options
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.printing import Printing


@click.command(
    "list",
    cls=Command,
    short_help="List goods that match.",
    examples=(
        "payment w list -bish -t nm,title,price,sku,lm:time",
        "payment w list -match \"{price:'[10,50]', cate:'tea'}\" -sort price:-1",
        "payment w list -match \"{sku:'[0,5)'}\" -limit 100 --shop",
        "payment w list --lang en -c",
        "payment w list --deleted",
    ),
)
@click.option("--deleted", is_flag=True, help="Those that were deleted, instead.")
@listing_options
def list_goods(deleted: bool, page: Page) -> None:
    """Print the goods of your store by name, ten or as many as -limit says.

    Names such as i18n:cup are shown in the store's language in tables; JSON has what is stored,
    unless --lang says a language. The texts are in .store/i18n/LANG.json.
    """
    app = current_app()
    goods = app.shop.goods
    listing = Listing(
        "thing",
        partial(goods.query, is_deleted=deleted),
        partial(goods.count, is_deleted=deleted),
        sort="nm:1",
    )
    print_listing(app, listing, page)


@click.command(
    cls=Command,
    short_help="Print one product.",
    examples=("payment w get cup-01", "payment w get 3fa9c1 --shop --lang"),
)
@click.argument("name", metavar="ID")
@printing_options
@view_options
def get(name: str, printing: Printing, view: View) -> None:
    """Print the product ID, deleted or not."""
    app = current_app()
    show_record(app, "thing", app.shop.goods.get(name).to_record(), printing, view)
