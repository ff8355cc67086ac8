"""`payment favourite`: the goods that buyers like."""

from functools import cache

import click

from payment_cli.cli.payment.buyer_items import (
    Style,
    known_ids,
    print_items,
    print_number,
    quiet_option,
    sold_id,
    style_options,
)
from payment_cli.cli.shell.command import Group, current_app


@click.group(
    cls=Group,
    short_help="Favourites: add, remove, list.",
    examples=(
        "payment favourite add xiaobai cup-01",
        "payment favourite list xiaobai -json -obj -c",
    ),
)
def favourite() -> None:
    """Favourites. UID is a buyer's id; a product is named by its code or id, and kept by its id."""


@favourite.command(
    short_help="Add products.",
    examples=("payment favourite add xiaobai cup-01 pot-01",),
)
@click.argument("uid", metavar="UID")
@click.argument("names", metavar="ID…", nargs=-1, required=True)
@quiet_option
def add(uid: str, names: tuple[str, ...], quiet: bool) -> None:
    """Add products to the favourites of UID; print how many are new."""
    app = current_app()
    ids = [sold_id(app, name) for text in names for name in text.split(",") if name]
    print_number(app.shop.favourites.add(uid, ids), quiet=quiet)


@favourite.command(
    short_help="Remove products.",
    examples=("payment favourite rm xiaobai cup-01,pot-01",),
)
@click.argument("uid", metavar="UID")
@click.argument("names", metavar="ID…", nargs=-1, required=True)
@quiet_option
def rm(uid: str, names: tuple[str, ...], quiet: bool) -> None:
    """Remove products from the favourites of UID; print how many were there."""
    app = current_app()
    print_number(app.shop.favourites.remove(uid, known_ids(app, names)), quiet=quiet)


@favourite.command(
    "list",
    short_help="List the favourites of a buyer.",
    examples=(
        "payment favourite list xiaobai",
        "payment favourite list xiaobai -rever -json -obj -c",
    ),
)
@click.argument("uid", metavar="UID")
@click.option("-rever", "--reverse", is_flag=True, help="The newest first.")
@style_options("%d) %s + %s")
def list_favourites(uid: str, reverse: bool, style: Style) -> None:
    """Print the favourites of UID, the oldest first: lines with times, or JSON {target, time}."""
    from payment_cli.cli.shell.columns import format_time

    app = current_app()
    zone = cache(app.zone)
    print_items(
        app,
        style,
        app.shop.favourites.list(uid, newest_first=reverse),
        row=lambda product_id, since: {"target": product_id, "time": since},
        words=lambda product_id, since: (format_time(since, zone), product_id),
    )
