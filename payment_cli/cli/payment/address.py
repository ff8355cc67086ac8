"""`payment address`: where orders go, and where the shop sends from."""

from typing import NamedTuple

import click

from payment_cli.cli.shell.command import Group, current_app
from payment_cli.cli.shell.documents import keep_option, read_document, with_options
from payment_cli.cli.shell.options import CommandFunction, gathered, printing_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.errors import InvalidValueError
from payment_cli.model.record import Record


class Typed(NamedTuple):
    """The fields that have options, word for word."""

    document: str | None
    country: str | None
    code: str | None
    postcode: str | None
    city: str | None
    street: str | None
    consignee: str | None
    phone: str | None
    email: str | None
    keep: tuple[str, ...]


_OPTIONS = (
    click.argument("document", metavar="[JSON]", required=False),
    click.option("-country", "--country", metavar="CC", help="Its country: CN, US, … (CN)."),
    click.option("-code", "--code", metavar="CODE", help="Its division; in China 6 or 12 digits."),
    click.option("-postcode", "--postcode", metavar="TEXT", help="Its postcode."),
    click.option("-city", "--city", metavar="TEXT", help="Its city."),
    click.option("-street", "--street", metavar="TEXT", help="District, street, door."),
    click.option("-consignee", "--consignee", metavar="NAME", help="Who takes it."),
    click.option("-phone", "--phone", metavar="NUMBER", help="Their phone; + for other countries."),
    click.option("-email", "--email", metavar="ADDRESS", help="Their email address."),
    keep_option,
)

_buyer_option = click.option(
    "-bu", "--buyer", default="", metavar="ID", help="Whose they are (the shop's own)."
)


def _typed(function: CommandFunction) -> CommandFunction:
    return gathered(function, _OPTIONS, "typed", Typed)


@click.group(
    cls=Group,
    short_help="Addresses of buyers, and the shop's own.",
    examples=(
        "payment address add --buyer xiaobai --code 110108017000 --street 'Shangdi 1' "
        "--consignee Li --phone 13912345678",
        "payment address add --code 310115     # where the shop sends from",
        "payment address list --buyer xiaobai -bish -t id,nm,street,consignee,dftaddr",
    ),
)
def address() -> None:
    """Addresses. One is named by its id, or 6 characters or more of its start or end.

    Without --buyer they are the shop's: the default one is where freight is counted from. A
    buyer's default one is where orders go that name none.
    """


@address.command(
    short_help="Add an address.",
    examples=(
        "payment address add --buyer xiaobai --code 110108017000 --street 'Shangdi 1' "
        "--consignee Li --phone 13912345678",
        "payment address add --buyer bob --country US --code CA --city Oakland --street '1 Main' "
        "--consignee Bob --phone +15105550123",
        "payment address add --code 310115",
        "payment address add --buyer xiaobai - < address.json",
    ),
)
@_buyer_option
@_typed
@printing_options
def add(buyer: str, typed: Typed, printing: Printing) -> None:
    """Add an address and print it: from options, JSON (- reads stdin), or both.

    An owner's first address is the default one. A buyer's needs street, consignee and phone.
    """
    addresses = current_app().shop.addresses
    print_record(addresses.add(buyer, _document(typed), typed.keep).to_record(), printing)


@address.command(
    "list",
    short_help="List the addresses of a buyer, or the shop's.",
    examples=("payment address list --buyer xiaobai -c", "payment address list -bh -t id,nm,city"),
)
@_buyer_option
@printing_options
def list_addresses(buyer: str, printing: Printing) -> None:
    """Print the addresses of a buyer, or those of the shop, the default one first."""
    found = current_app().shop.addresses.list(buyer)
    print_records((one.to_record() for one in found), printing)


@address.command(short_help="Print one address.", examples=("payment address get 3fa9c1",))
@click.argument("address_id", metavar="ID")
@printing_options
def get(address_id: str, printing: Printing) -> None:
    """Print the address ID."""
    print_record(current_app().shop.addresses.get(address_id).to_record(), printing)


@address.command(
    "set",
    short_help="Change fields of an address.",
    examples=(
        "payment address set 3fa9c1 --phone 13987654321",
        "payment address set 3fa9c1 'email:null'",
    ),
)
@click.argument("address_id", metavar="ID")
@_typed
@printing_options
def set_fields(address_id: str, typed: Typed, printing: Printing) -> None:
    """Change the fields of address ID that options or JSON name; in JSON null removes one.

    Orders keep the address they were made with.
    """
    changes = _document(typed)
    if not changes:
        raise InvalidValueError("there is nothing to change", hint="for instance --phone NUMBER")
    changed = current_app().shop.addresses.set(address_id, changes, typed.keep)
    print_record(changed.to_record(), printing)


@address.command(
    "rm", short_help="Remove an address for good.", examples=("payment address rm 3fa9c1",)
)
@click.argument("address_id", metavar="ID")
@printing_options
def remove(address_id: str, printing: Printing) -> None:
    """Remove address ID and print it. Was it the default, the newest other one becomes it."""
    print_record(current_app().shop.addresses.remove(address_id).to_record(), printing)


@address.command(
    short_help="Make it the default address.", examples=("payment address default 3fa9c1",)
)
@click.argument("address_id", metavar="ID")
@printing_options
def default(address_id: str, printing: Printing) -> None:
    """Make address ID the default one of its owner, and print it."""
    print_record(current_app().shop.addresses.set_default(address_id).to_record(), printing)


def _document(typed: Typed) -> Record:
    options: Record = {
        name: value for name, value in typed._asdict().items() if name not in ("document", "keep")
    }
    return with_options("address", read_document(typed.document, "the address"), options)
