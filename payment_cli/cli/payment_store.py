"""`payment store`: make a merchant, show and change what its store_info.json says."""

from pathlib import Path

import click

from payment_cli.cli.command import Group, current_app
from payment_cli.cli.options import printing_options
from payment_cli.cli.printing import Printing
from payment_cli.cli.records import print_record, print_records


@click.group(
    cls=Group,
    short_help="Make, show and change merchants.",
    examples=(
        "payment store init redfox --as redfox",
        "payment store show -e '^(id|title)$' -c",
        "payment store set title '红狐商店'",
        'payment store set sellers \'{"wx":"main","zfb":"main"}\'',
    ),
)
def store() -> None:
    """Merchants: domains with a folder .store, which may sell."""


@store.command(examples=("payment store init redfox --www /srv/www",))
@click.argument("name", metavar="NAME")
@click.option(
    "-www",
    "--www",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Link the store's default_home into this folder of a web server, as DIR/NAME.",
)
@printing_options
def init(name: str, www: Path | None, printing: Printing) -> None:
    """Make the domain NAME a merchant, and print it."""
    print_record(current_app().merchants.init(name, www=www).to_record(), printing)


@store.command(examples=("payment store show", "payment store show redfox -c"))
@click.argument("name", metavar="[NAME]", required=False)
@printing_options
def show(name: str | None, printing: Printing) -> None:
    """Print the merchant NAME, or your own."""
    merchants = current_app().merchants
    merchant = merchants.own() if name is None else merchants.get(name)
    print_record(merchant.to_record(), printing)


@store.command("list", examples=("payment store list -bh -t nm,title,currency",))
@printing_options
def list_stores(printing: Printing) -> None:
    """Print the merchants that you may see."""
    print_records((merchant.to_record() for merchant in current_app().merchants.list()), printing)


@store.command("set", examples=('payment store set sellers \'{"wx":"main"}\'',))
@click.argument("key", metavar="KEY")
@click.argument("value", metavar="VALUE")
@click.option("-se", "--store", "name", metavar="NAME", help="The merchant (your own).")
@printing_options
def set_key(key: str, value: str, name: str | None, printing: Printing) -> None:
    """Set one KEY of a merchant (title, currency, sellers, lang), and print it."""
    app = current_app()
    merchant = app.merchants.set(name or app.actor.domain, key, value)
    print_record(merchant.to_record(), printing)
