"""`payment lbs`: countries and their codes, for addresses."""

import click

from payment_cli.cli.shell.command import Group
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.model.country import LANG


@click.group(
    cls=Group,
    short_help="Countries and their codes.",
    examples=("payment lbs countries CN US", "payment lbs countries -lang en -bh -t key,name"),
)
def lbs() -> None:
    """Places, as addresses name them."""


@lbs.command(
    short_help="List countries with their codes.",
    examples=(
        "payment lbs countries CN US -c",
        "payment lbs countries -lang en -bh -t key,name",
        "payment lbs countries -map name -c",
    ),
)
@click.argument("codes", metavar="[CODE…]", nargs=-1)
@click.option(
    "-lang", "--lang", default=LANG, metavar="LANG", help="The language of the names (zh_cn)."
)
@click.option(
    "-map",
    "--map",
    "shape",
    type=click.Choice(("name", "obj")),
    metavar="name|obj",
    help="One object by code: of the names, or of the rows.",
)
@printing_options
def countries(codes: tuple[str, ...], lang: str, shape: str | None, printing: Printing) -> None:
    """Print {key, name} of the countries CODE, or of all (ISO 3166-1)."""
    from payment_cli.model.country import countries as list_countries

    rows = list_countries(codes, lang)
    if shape is None:
        print_records((dict(row) for row in rows), printing)
    elif shape == "name":
        print_record({row["key"]: row["name"] for row in rows}, printing)
    else:
        print_record({row["key"]: row for row in rows}, printing)
