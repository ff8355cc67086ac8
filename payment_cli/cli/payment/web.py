"""`payment web`: the sessions that let buyers and cashiers use a store's web pages."""

from typing import TYPE_CHECKING

import click

from payment_cli.cli.shell.command import Group, current_app
from payment_cli.cli.shell.options import json_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record
from payment_cli.cli.shell.standard_input import read_bytes
from payment_cli.errors import InvalidValueError
from payment_cli.model.stores.session import TOKEN_MAX, Role

if TYPE_CHECKING:
    from payment_cli.app import App

DEFAULT_MINUTES = 120
MINUTES_MAX = 60 * 24 * 30


@click.group(
    cls=Group,
    short_help="Sessions of buyers and cashiers.",
    examples=(
        "payment web token --order 3fa9c1",
        "payment web token --buyer 45g67q --minutes 30 -e token -c",
        "payment web token --role cashier --minutes 600",
        "payment web revoke 4f2c81d09b6e4a3f8a1c5d7e9f0b2c46",
        "payment web rotate",
    ),
)
def web() -> None:
    """Sessions for the checkout page, the till and /pay/ajax: signed, and over after some time.

    A token is a key to a store, like a password: give it to whom it is for and to nobody else.
    """


@web.command(
    examples=(
        "payment web token --order 3fa9c1",
        "payment web token --buyer 45g67q --openid oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        "payment web token --role cashier --minutes 600",
    )
)
@click.option(
    "-bu", "--buyer", default="", metavar="UID", help="Whose orders; with --order its buyer."
)
@click.option(
    "--role",
    type=click.Choice([str(role) for role in Role]),
    default=str(Role.BUYER),
    help="A buyer orders and pays for himself (buyer), a cashier takes payments of anybody.",
)
@click.option("--order", "order_id", metavar="ID", help="Print the link to this order's checkout.")
@click.option("--openid", default="", metavar="ID", help="The buyer's openid at WeChat, if known.")
@click.option(
    "--minutes",
    type=click.IntRange(1, MINUTES_MAX),
    default=DEFAULT_MINUTES,
    metavar="N",
    help=f"How long it lasts ({DEFAULT_MINUTES}).",
)
@click.option("-se", "--store", "name", metavar="NAME", help="The merchant (your own).")
@json_options
def token(
    buyer: str,
    role: str,
    order_id: str | None,
    openid: str,
    minutes: int,
    name: str | None,
    printing: Printing,
) -> None:
    """Make a session and print its token and, for the pages, its link.

    The link begins with the tree's public_url. The token is behind its #, which browsers send to
    nobody. A program sends it as "Authorization: Bearer TOKEN".
    """
    app = current_app()
    store = name or app.actor.domain
    order = app.shop.orders.get(order_id) if order_id is not None else None
    if order is not None:
        store = _same("store", name or "", order.sto_nm)
        if role == Role.BUYER:
            buyer = _same("buyer", buyer, order.buyer_id)
    issued = app.web_sessions.issue(store, Role(role), buyer, minutes=minutes, openid=openid)
    said = issued.token.reveal()
    print_record(
        {
            "token": said,
            "id": issued.session.digest,
            "store": store,
            "role": role,
            "buyer": buyer,
            "expi": issued.session.expi,
            "link": _link(app, said, Role(role), order.id if order is not None else ""),
        },
        printing,
    )


@web.command(examples=("payment web rotate", "payment web rotate --store redfox"))
@click.option("-se", "--store", "name", metavar="NAME", help="The merchant (your own).")
@json_options
def rotate(name: str | None, printing: Printing) -> None:
    """End every session of a store at once, by a new key; print where the key is, never it."""
    app = current_app()
    store = name or app.actor.domain
    print_record({"store": store, "file": str(app.web_sessions.rotate(store))}, printing)


@web.command(
    examples=(
        "payment web revoke 4f2c81d09b6e4a3f8a1c5d7e9f0b2c46",
        "payment web revoke - < token",
    )
)
@click.argument("name", metavar="ID|TOKEN|-")
@click.option("-se", "--store", "store", metavar="NAME", help="The merchant (your own).")
@json_options
def revoke(name: str, store: str | None, printing: Printing) -> None:
    """End one session at once: by the `id` that `token` printed, or by its token.

    With - the token is read from stdin, where no list of processes shows it.
    """
    app = current_app()
    if name == "-":
        name = read_bytes("the token", TOKEN_MAX).decode("ascii", "replace").strip()
    print_record({"id": app.web_sessions.revoke(store or app.actor.domain, name)}, printing)


def _same(what: str, said: str, found: str) -> str:
    """Return what the order says, which must be what was said, if anything was."""
    if said and said != found:
        raise InvalidValueError(f"the order's {what} is {found or 'nobody'!a}, not {said[:40]!a}")
    return found


def _link(app: "App", token: str, role: Role, order_id: str) -> str | None:
    """Return the link to a page; None where there is none to lead to."""
    if role is Role.BUYER and not order_id:
        return None
    place = f"/pay/enter/{order_id}" if order_id else "/pay/enter"
    return f"{app.settings.public_url}{place}#{token}"
