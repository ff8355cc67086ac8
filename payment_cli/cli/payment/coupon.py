"""`payment coupon`: the coupons of a store."""

import re
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import click

from payment_cli.cli.payment.listing import Listing, Page, listing_options, print_listing
from payment_cli.cli.payment.views import View, show_record, view_options
from payment_cli.cli.shell.command import Group, current_app
from payment_cli.cli.shell.documents import (
    keep_option,
    read_document,
    read_time,
    tell_if_over,
    with_options,
    yuan,
)
from payment_cli.cli.shell.options import CommandFunction, gathered, printing_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.errors import InvalidValueError
from payment_cli.model.record import Record

if TYPE_CHECKING:
    from payment_cli.app import App


class Typed(NamedTuple):
    """The fields that have options, word for word."""

    document: str | None
    title: str | None
    off: Decimal | None
    rate: str | None
    thres: Decimal | None
    expires: str | None
    owner: str | None
    keep: tuple[str, ...]


_OPTIONS = (
    click.argument("document", metavar="[JSON]", required=False),
    click.option("-title", "--title", metavar="TEXT", help="What it is called."),
    click.option("-off", "--off", callback=yuan, metavar="YUAN", help="Cash (type 1): taken off."),
    click.option(
        "-rate", "--rate", metavar="RATE", help="A rate (type 2): 0.8 is pay 80 %, 20 % off."
    ),
    click.option(
        "-thres", "--thres", callback=yuan, metavar="YUAN", help="Only from this amount on (0)."
    ),
    click.option("-expires", "--expires", metavar="TIME", help="Not after this day (never)."),
    click.option("-owner", "--owner", metavar="ID", help="Only for this buyer (anyone)."),
    keep_option,
)


def _typed(function: CommandFunction) -> CommandFunction:
    return gathered(function, _OPTIONS, "typed", Typed)


@click.group(
    cls=Group,
    short_help="Coupons: add, list, delete, restore.",
    examples=(
        "payment coupon add --title '20 off 100' --off 20 --thres 100 --owner xiaobai",
        "payment coupon list -match \"{cpn_stat:'free'}\" -bish -t id,title,owner,cpn_expi:time",
    ),
)
def coupon() -> None:
    """Coupons. An order reserves those it uses; paid they are used, cancelled they are free again.

    A coupon is named by its id, or 6 characters or more of its start or end.
    """


@coupon.command(
    short_help="Add a coupon.",
    examples=(
        "payment coupon add --title '20 off 100' --off 20 --thres 100 --expires 2027-01-01",
        "payment coupon add --title 'Friends pay 80 %' --rate 0.8 --owner xiaobai",
        "payment coupon add \"{title:'A gift', type:1, value:5, batch:'spring'}\"",
    ),
)
@_typed
@printing_options
@view_options
def add(typed: Typed, printing: Printing, view: View) -> None:
    """Add a coupon and print it: from options, JSON (- reads stdin), or both."""
    app = current_app()
    made = app.shop.coupons.add(_document(app, typed), typed.keep)
    tell_if_over(made.cpn_expi, app.clock(), "the coupon")
    show_record(app, "coupon", made.to_record(), printing, view)


@coupon.command(
    "list",
    short_help="List coupons that match.",
    examples=(
        "payment coupon list -bish -t id,title,type,value,cpn_stat,cpn_expi:time",
        "payment coupon list -match \"{owner:'xiaobai', cpn_stat:'free'}\" --shop",
        "payment coupon list --deleted",
    ),
)
@click.option("--deleted", is_flag=True, help="Those that were deleted, instead.")
@listing_options
def list_coupons(deleted: bool, page: Page) -> None:
    """Print the coupons of your store: free, reserved by an order (cpn_orid) or used."""
    app = current_app()
    coupons = app.shop.coupons
    listing = Listing(
        "coupon",
        partial(coupons.query, is_deleted=deleted),
        partial(coupons.count, is_deleted=deleted),
    )
    print_listing(app, listing, page)


@coupon.command(short_help="Print one coupon.", examples=("payment coupon get 3fa9c1 --shop",))
@click.argument("coupon_id", metavar="ID")
@printing_options
@view_options
def get(coupon_id: str, printing: Printing, view: View) -> None:
    """Print the coupon ID."""
    app = current_app()
    show_record(app, "coupon", app.shop.coupons.get(coupon_id).to_record(), printing, view)


@coupon.command(
    "rm", short_help="Delete a coupon; it can be restored.", examples=("payment coupon rm 3fa9c1",)
)
@click.argument("coupon_id", metavar="ID")
@printing_options
@view_options
def remove(coupon_id: str, printing: Printing, view: View) -> None:
    """Mark coupon ID as deleted. Exit 12: an order holds it."""
    app = current_app()
    show_record(app, "coupon", app.shop.coupons.remove(coupon_id).to_record(), printing, view)


@coupon.command(
    short_help="Bring a deleted coupon back.", examples=("payment coupon restore 3fa9c1",)
)
@click.argument("coupon_id", metavar="ID")
@printing_options
@view_options
def restore(coupon_id: str, printing: Printing, view: View) -> None:
    """Mark the deleted coupon ID as live again; a used one stays used."""
    app = current_app()
    made = app.shop.coupons.restore(coupon_id)
    tell_if_over(made.cpn_expi, app.clock(), "the coupon")
    show_record(app, "coupon", made.to_record(), printing, view)


def _document(app: "App", typed: Typed) -> Record:
    if typed.off is not None and typed.rate is not None:
        raise InvalidValueError("a coupon is either --off YUAN or --rate RATE")
    options: Record = {
        "title": typed.title,
        "type": 1 if typed.off is not None else 2 if typed.rate is not None else None,
        "value": typed.off if typed.off is not None else _rate(typed.rate),
        "thres": typed.thres,
        "cpn_expi": read_time(typed.expires, app.times(), "--expires", is_end=True),
        "owner": typed.owner,
    }
    return with_options("coupon", read_document(typed.document, "the coupon"), options)


def _rate(text: str | None) -> Decimal | None:
    if text is None:
        return None
    if re.fullmatch(r"[01](\.[0-9]{1,4})?", text, re.ASCII) is None:
        raise InvalidValueError(f"--rate {text[:40]!a} is not a rate", hint="0.8 is pay 80 %")
    return Decimal(text)
