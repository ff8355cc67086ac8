"""`payment o create` and `price`."""

import click

from payment_cli.cli.payment.cart import Cart, cart_options, read_cart
from payment_cli.cli.payment.prices import print_priced, table_option
from payment_cli.cli.payment.views import View, show_record, view_options
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.printing import Printing


@click.command(
    cls=Command,
    short_help="Take an order.",
    examples=(
        "payment o create --buyer xiaobai --item cup-01:2 --item pot-01 -pt wx.qrcode",
        "payment o create --buyer xiaobai --basket --coupon 3fa9c1",
        "payment o create --anonymous --item song-01 --shop",
        "payment o create --buyer xiaobai - < order.json",
        "payment o create --buyer xiaobai \"{products:[{id:'3fa9c1d2', amount:2}]}\"",
    ),
)
@cart_options
@printing_options
@view_options
def create(cart: Cart, printing: Printing, view: View) -> None:
    """Take an order and print it: from options, or the JSON that a shop's client sends.

    Goods, discounts and coupons are copied into it, stock and coupons are taken, all at once. It
    expires after `order_minutes` (payment store set), unless it is paid.

    In JSON goods, coupons and the address are named by whole ids, and prices and the kind (tp)
    are ignored: they are the shop's. - reads stdin. Where goods are weighed (freight_sheet), an
    order without an address is refused. Exit 12: a rule forbids it; nothing was taken.
    """
    app = current_app()
    wanted, buying = read_cart(app, cart)
    order = app.shop.orders.create(wanted, buying)
    show_record(app, "order", order.to_record(), printing, view)


@click.command(
    cls=Command,
    short_help="Say what an order would cost.",
    examples=(
        "payment o price --item cup-01:2 --coupon 3fa9c1 --buyer xiaobai",
        "payment o price - --buyer xiaobai --shop -c < order.json",
    ),
)
@cart_options
@table_option
@printing_options
@view_options
def price(cart: Cart, is_table: bool, printing: Printing, view: View) -> None:
    """Print what `create` would charge at this moment, and how; nothing is recorded or taken.

    It takes what `create` takes, and prints what `payment d explain` does.
    """
    app = current_app()
    wanted, buying = read_cart(app, cart)
    priced = app.shop.orders.price(wanted, buying)
    print_priced(app, priced, buying.seller, printing, view, is_table=is_table)
