"""`payment fsck`: compare the files of the tree with its journal, and make them one again."""

from typing import TYPE_CHECKING

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.output import flush, progress, tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_records
from payment_cli.errors import CorruptRecordError, InvalidValueError
from payment_cli.files.safe_files import check_owner

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
@click.option("--rebuild", is_flag=True, help="Make a lost or damaged journal anew.")
@printing_options
def fsck(restore: bool, adopt: bool, rebuild: bool, printing: Printing) -> None:
    """Print every difference between the tree's files and its journal, as a JSON array.

    With --restore the journal is right, with --adopt the files are. An older revision of the
    journal's own (stale, as a power cut leaves it) is never adopted, nor what would undo a payment.
    --rebuild is for a journal that is lost or damaged: it takes what can be read of it, and of the
    files what is newer and whole, and keeps the old one. A journal that is whole and newer than the
    files is not replaced. What differs afterwards is printed.
    Exit 32: there are differences.
    """
    if restore + adopt + rebuild > 1:
        raise InvalidValueError("say one of --restore, --adopt and --rebuild")
    app = current_app()
    if restore or adopt or rebuild:
        check_owner(app.place)
    service = app.upkeep.fsck
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


#: Which repair fits a kind of difference, and what it costs.
_REPAIRS = (
    (
        {"missing", "stale", "damaged", "edited", "left"},
        "--restore overwrites the files with the journal's records",
    ),
    ({"edited", "foreign", "left"}, "--adopt takes the files over the journal's records"),
    ({"leftover"}, "--restore removes what dead writers left"),
    (
        {"journal"},
        "--adopt takes the whole file of a record that is damaged in the journal; --rebuild makes"
        " the journal anew: of what can be read of it and the files, what neither has is lost, and"
        " the old one is kept",
    ),
    (
        {"backup"},
        "put back what is missing, or use another backup; the first change made here ends the"
        " comparison with the manifest for good",
    ),
)


def differences(report: "Report") -> "Iterator[Record]":
    """Yield each difference as it is printed."""
    for one in report.differences:
        yield {"kind": str(one.kind), "path": one.path, "detail": one.detail}


def _repairs(report: "Report") -> str:
    """Name the repairs that fit, and what they overwrite or lose."""
    kinds = {str(one.kind) for one in report.differences}
    return "; ".join(sentence for fits, sentence in _REPAIRS if fits & kinds)


def _print(report: "Report", printing: Printing) -> None:
    print_records(differences(report), printing)
    flush()
    for path, size in report.kept:
        tell(f"payment: the old journal is kept: {path}, {size} bytes")
    tell(f"payment: {report.record_count} records, {report.file_count} files")
    if not report.is_clean:
        raise CorruptRecordError(
            f"{len(report.differences)} differences between the files and the journal",
            hint=f"look at them first: {_repairs(report)}",
        )
