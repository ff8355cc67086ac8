"""`payment backup`: a copy of the tree, made while it is in use."""

from pathlib import Path

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import json_options
from payment_cli.cli.shell.output import progress
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record


@click.command(
    cls=Command,
    short_help="Copy the tree while it is in use.",
    examples=("payment backup /mnt/usb/payment-2026-11-22",),
)
@click.argument("destination", metavar="DIR", type=click.Path(path_type=Path))
@json_options
def backup(destination: Path, printing: Printing) -> None:
    """Copy the whole tree to the new folder DIR, in one state, while others write to it.

    The copy is a tree: PAYMENT_ROOT=DIR looks at it. It holds the keys of the gateways too.
    """
    service = current_app().upkeep.backup
    with progress("backup") as tell_progress:
        count = service.copy(destination.absolute(), tell_progress)
    print_record({"records": count, "path": str(destination.absolute())}, printing)
