"""`payment fsck`: compare the files of the tree with its journal, and make them one again."""

from typing import TYPE_CHECKING

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.output import flush, progress, tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_records
from payment_cli.errors import CorruptRecordError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from payment_cli.model.record import Record
    from payment_cli.services.upkeep.fsck import Report


@click.command(
    cls=Command,
    short_help="Compare the files with the journal.",
    examples=(
        "payment fsck",
        "payment fsck -bh -t kind,path,detail",
        "payment fsck --restore",
        "payment fsck --adopt",
    ),
)
@click.option("--restore", is_flag=True, help="Write the files anew from the journal.")
@click.option("--adopt", is_flag=True, help="Take hand-edited and foreign files into the journal.")
@click.option("--rebuild", is_flag=True, help="Make the journal anew from the files alone.")
@printing_options
def fsck(restore: bool, adopt: bool, rebuild: bool, printing: Printing) -> None:
    """Print every difference between the tree's files and its journal, as a JSON array.

    With --restore the journal is right, with --adopt the files are, and with --rebuild there is
    no journal but the one made of the files: its history is lost. A file that is older than its
    record is never adopted. What differs afterwards is printed.
    Exit 32: there are differences.
    """
    if restore + adopt + rebuild > 1:
        raise InvalidValueError("say one of --restore, --adopt and --rebuild")
    service = current_app().upkeep.fsck
    run = service.check
    if restore:
        run = service.restore
    elif adopt:
        run = service.adopt
    elif rebuild:
        run = service.rebuild
    with progress("fsck") as tell_progress:
        report = run(tell_progress)
    _print(report, printing)


def differences(report: "Report") -> "Iterator[Record]":
    """Yield each difference as it is printed."""
    for one in report.differences:
        yield {"kind": str(one.kind), "path": one.path, "detail": one.detail}


def _repairs(report: "Report") -> str:
    """Name the repairs that fit: a rebuild forgets what the files lack, and fits a lost journal."""
    is_journal = any(one.kind == "journal" for one in report.differences)
    return "--restore, --adopt or --rebuild" if is_journal else "--restore or --adopt"


def _print(report: "Report", printing: Printing) -> None:
    print_records(differences(report), printing)
    flush()
    tell(f"payment: {report.record_count} records, {report.file_count} files")
    if not report.is_clean:
        raise CorruptRecordError(
            f"{len(report.differences)} differences between the files and the journal",
            hint=f"look at them, then {_repairs(report)}",
        )
