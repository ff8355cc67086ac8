"""`payment backup`: a copy of the tree, made while it is in use, and whether a copy is whole."""

from pathlib import Path

import click

from payment_cli.cli.payment.fsck import differences
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import json_options
from payment_cli.cli.shell.output import flush, progress, tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.errors import CorruptRecordError, PartDoneError
from payment_cli.model.record import Json


@click.command(
    cls=Command,
    short_help="Copy the tree while it is in use.",
    examples=(
        "payment backup /mnt/usb/payment-2026-11-22",
        "payment backup --verify /mnt/usb/payment-2026-11-22",
    ),
)
@click.argument("destination", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Copy nothing: see whether the backup DIR is whole.")
@click.option("--anyway", is_flag=True, help="Exit 0 though a part could not be reached.")
@json_options
def backup(destination: Path, verify: bool, anyway: bool, printing: Printing) -> None:
    """Copy the whole tree to the new folder DIR, in one state, while others write to it.

    The copy is a tree: PAYMENT_ROOT=DIR looks at it. It holds the keys of the gateways too. Its
    last file is a manifest: `--verify` compares the copy with it, and prints what differs.
    Exit 24: a merchant's home could not be reached, `missing` says which; the rest is copied.
    Exit 32, with --verify: the copy is not whole, or was changed.
    """
    place = destination.absolute()
    if verify:
        _verify(place, printing)
        return
    with progress("backup") as tell_progress:
        made = current_app().upkeep.backup.copy(place, tell_progress)
    missing: list[Json] = list(made.missing)
    print_record({"records": made.total, "path": str(place), "missing": missing}, printing)
    if made.missing and not anyway:
        raise PartDoneError(
            f"the backup lacks what could not be reached: {'; '.join(made.missing)}",
            hint="mount it and back up again; --anyway if it is gone for good",
        )


def _verify(place: Path, printing: Printing) -> None:
    with progress("verify") as tell_progress:
        report = current_app().upkeep.backup.verify(place, tell_progress)
    print_records(differences(report), printing)
    flush()
    tell(f"payment: {report.record_count} records, {report.file_count} files")
    if not report.is_clean:
        raise CorruptRecordError(
            f"{place} is not a whole backup, {len(report.differences)} differences",
            hint="keep an older one; see `payment backup --help`",
        )
