"""`payment basket`: what buyers mean to buy, as the reference shell's `buy` does it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from payment_cli.cli.payment.buyer_items import (
    Style,
    known_id,
    known_ids,
    objects_option,
    print_items,
    print_number,
    quiet_option,
    sold_id,
    style_options,
    with_object,
)
from payment_cli.cli.shell.command import Group, current_app
from payment_cli.cli.shell.output import print_text
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record
from payment_cli.model.record import Record
from payment_cli.model.shop.basket import listed, pieces_in

if TYPE_CHECKING:
    from payment_cli.app import App


@click.group(
    cls=Group,
    short_help="Baskets: put in, take out, list.",
    examples=(
        "payment basket it xiaobai cup-01",
        "payment basket it xiaobai cup-01 -1",
        "payment basket all xiaobai -json -c",
        "payment o create --basket --buyer xiaobai",
    ),
)
def basket() -> None:
    """Baskets. UID is a buyer's id; a product is named by its code or id, and kept by its id.

    When an order is paid, what was bought leaves its buyer's basket.
    """


@basket.command(
    short_help="Put pieces in, or take some out.",
    examples=(
        "payment basket it xiaobai cup-01",
        "payment basket it xiaobai cup-01 2",
        "payment basket it xiaobai cup-01 -1",
        "payment basket it xiaobai cup-01 5 -reset",
    ),
)
@click.argument("uid", metavar="UID")
@click.argument("name", metavar="ID")
@click.argument("n", metavar="[N]", type=int, default=1)
@click.option("-reset", "--reset", is_flag=True, help="N is the number there shall be.")
@objects_option
@quiet_option
def it(uid: str, name: str, n: int, reset: bool, has_objects: bool, quiet: bool) -> None:
    """Add N pieces (1) of product ID to the basket of UID and print how many there are now.

    N below 0 takes some out; with no piece left the product leaves the basket, and what is
    printed is the sum as it came out, even below 0. With -reset it is 0.
    """
    app = current_app()
    baskets = app.shop.baskets(app.actor.domain)
    product_id = sold_id(app, name) if n > 0 else known_id(app, name)
    count = baskets.put(uid, product_id, n) if reset else baskets.add(uid, product_id, n)
    if has_objects and not quiet:
        row: Record = {"name": product_id, "count": count}
        print_record(with_object(app, row, product_id, True), Printing())
    else:
        print_number(count, quiet=quiet)


@basket.command(
    short_help="Take products out.",
    examples=(
        "payment basket rm xiaobai cup-01",
        "payment basket rm xiaobai cup-01,pot-01 song-01",
    ),
)
@click.argument("uid", metavar="UID")
@click.argument("names", metavar="ID…", nargs=-1)
@quiet_option
def rm(uid: str, names: tuple[str, ...], quiet: bool) -> None:
    """Take products out of the basket of UID; print how many were in. IDs may have commas."""
    app = current_app()
    removed = app.shop.baskets(app.actor.domain).remove(uid, known_ids(app, names))
    print_number(removed, quiet=quiet)


@basket.command(short_help="Empty a basket.", examples=("payment basket clean xiaobai",))
@click.argument("uid", metavar="UID")
@quiet_option
def clean(uid: str, quiet: bool) -> None:
    """Empty the basket of UID; print true if there was anything in it, else false."""
    app = current_app()
    was_full = app.shop.baskets(app.actor.domain).clean(uid)
    if not quiet:
        print_text("true" if was_full else "false")


@basket.command(
    "all",
    short_help="List what is in a basket.",
    examples=(
        "payment basket all xiaobai",
        "payment basket all xiaobai -rever -out '%d. %d x %s'",
        "payment basket all xiaobai -json -obj -c",
    ),
)
@click.argument("uid", metavar="UID")
@click.option("-rever", "--reverse", is_flag=True, help="The most pieces first.")
@style_options("%d) %d <- %s")
def list_all(uid: str, reverse: bool, style: Style) -> None:
    """Print what is in the basket of UID, the fewest pieces first: lines, or JSON {name, count}."""
    app = current_app()
    print_items(
        app,
        style,
        listed(_basket(app, uid), descending=reverse),
        row=lambda product_id, count: {"name": product_id, "count": count},
        words=lambda product_id, count: (count, product_id),
    )


@basket.command(short_help="Count the kinds of goods.", examples=("payment basket count xiaobai",))
@click.argument("uid", metavar="UID")
@quiet_option
def count(uid: str, quiet: bool) -> None:
    """Print how many kinds of goods are in the basket of UID."""
    print_number(len(_basket(current_app(), uid)), quiet=quiet)


@basket.command("sum", short_help="Count the pieces.", examples=("payment basket sum xiaobai",))
@click.argument("uid", metavar="UID")
@quiet_option
def sum_up(uid: str, quiet: bool) -> None:
    """Print how many pieces are in the basket of UID."""
    print_number(pieces_in(_basket(current_app(), uid)), quiet=quiet)


@basket.command(
    short_help="Count the pieces of one product.",
    examples=("payment basket get xiaobai cup-01", "payment basket get xiaobai cup-01 -1"),
)
@click.argument("uid", metavar="UID")
@click.argument("name", metavar="ID")
@click.argument("default", metavar="[DEFAULT]", type=int, default=0)
@quiet_option
def get(uid: str, name: str, default: int, quiet: bool) -> None:
    """Print how many pieces of product ID are in the basket of UID; DEFAULT (0) if none is."""
    app = current_app()
    print_number(_basket(app, uid).get(known_id(app, name), default), quiet=quiet)


def _basket(app: "App", uid: str) -> Mapping[str, int]:
    return app.shop.baskets(app.actor.domain).get(uid)
