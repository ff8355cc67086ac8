"""`payment store`: make a merchant, show and change it and its settings."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from payment_cli.cli.shell.command import Group, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.errors import InvalidValueError
from payment_cli.model.record import Record
from payment_cli.model.stores.merchant import SETTABLE_KEYS
from payment_cli.model.stores.settings import SETTINGS

if TYPE_CHECKING:
    from payment_cli.app import App


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
    help="Have the store's default_home in this folder of a web server, as DIR/NAME.",
)
@printing_options
def init(name: str, www: Path | None, printing: Printing) -> None:
    """Make the domain NAME a merchant, and print it."""
    print_record(current_app().merchants.init(name, www=www).to_record(), printing)


@store.command(examples=("payment store show", "payment store show redfox -c"))
@click.argument("name", metavar="[NAME]", required=False)
@printing_options
def show(name: str | None, printing: Printing) -> None:
    """Print the merchant NAME, or your own, with the store's `settings`."""
    app = current_app()
    print_record(_with_settings(app, name or app.actor.domain), printing)


@store.command("list", examples=("payment store list -bh -t nm,title,currency",))
@printing_options
def list_stores(printing: Printing) -> None:
    """Print the merchants that you may see."""
    print_records((merchant.to_record() for merchant in current_app().merchants.list()), printing)


@store.command(
    "set",
    examples=(
        'payment store set sellers \'{"wx":"main"}\'',
        "payment store set order_minutes 30",
    ),
)
@click.argument("key", metavar="KEY")
@click.argument("value", metavar="VALUE")
@click.option("-se", "--store", "name", metavar="NAME", help="The merchant (your own).")
@printing_options
def set_key(key: str, value: str, name: str | None, printing: Printing) -> None:
    """Set one KEY of a merchant, and print it as `show` does.

    About the merchant: title, currency, sellers, lang. Settings of the store: kinds_max,
    pending_max, order_minutes, edit_every, order_callback, freight_sheet, timezone, w_tp,
    webhook_url.
    """
    app = current_app()
    domain = name or app.actor.domain
    if key in SETTABLE_KEYS:
        app.merchants.set(domain, key, value)
    elif key in SETTINGS:
        app.merchants.show(domain)
        app.shop.settings.set(domain, key, value)
    else:
        raise InvalidValueError(
            f"{key[:40]!a} is not a key of a store",
            hint=f"one of {', '.join([*SETTABLE_KEYS, *SETTINGS])}",
        )
    print_record(_with_settings(app, domain), printing)


def _with_settings(app: "App", domain: str) -> Record:
    merchant = app.merchants.show(domain).to_record()
    settings = app.shop.settings.get(domain)
    return {**merchant, "settings": {name: getattr(settings, name) for name in SETTINGS}}
