"""`pay apply`: run scripts that are due, and decide those whose fate is unknown."""

from typing import TYPE_CHECKING

import click

from payment_cli.cli.pay.results import tell_failed_script
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import printing_options
from payment_cli.cli.shell.output import progress, tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.errors import DeclinedError, InvalidValueError, PartDoneError
from payment_cli.files.safe_files import check_owner
from payment_cli.model.payments.payment import ApplyStatus, Payment
from payment_cli.model.record import Record

if TYPE_CHECKING:
    from payment_cli.app import App

_SHOWN = (
    "id", "brief", "seller_nm", "st", "apply_st", "apply_by", "apply_at", "apply_end_at",
    "apply_code", "apply_re",
)  # fmt: skip


@click.command(
    cls=Command,
    short_help="Run the scripts of payments that are due.",
    examples=(
        "pay apply -bh -t id,apply_st,apply_by,apply_at:time",
        "pay apply --due",
        "pay apply 3fa9c1 --again",
        "pay apply 3fa9c1 --skip",
    ),
)
@click.argument("payment_id", metavar="[ID]", required=False)
@click.option("--due", is_flag=True, help="Run all that are due, stores taking turns.")
@click.option("--again", is_flag=True, help="Run ID's script although it failed, or may have run.")
@click.option("--skip", is_flag=True, help="Decide that ID's script is not to run (again).")
@click.option(
    "--most",
    type=click.IntRange(1, 10_000),
    default=100,
    metavar="N",
    help="At most N scripts (100).",
)
@printing_options
def apply(
    payment_id: str | None,
    due: bool,
    again: bool,
    skip: bool,
    most: int,
    printing: Printing,
) -> None:
    """Run the script of the payment ID; without ID, list scripts that are not settled.

    A script is due from the moment its payment is OK. It is claimed before it starts and runs to
    its end at most once. One that was claimed and never heard of again is unknown: look at what
    it did, then decide with --again or --skip. Exit 20: a script failed;
    with --due 24: one could not be run.
    """
    if again and skip:
        raise InvalidValueError("decide one: --again or --skip")
    if payment_id is None and (again or skip):
        raise InvalidValueError("--again and --skip go with an ID")
    if payment_id is not None and due:
        raise InvalidValueError("--due goes without an ID")
    app = current_app()
    if payment_id is not None:
        applier = app.applier
        payment = applier.skip(payment_id) if skip else applier.apply(payment_id, again=again)
        print_record(_shown(payment.to_record()), printing)
        _leave([payment])
    elif due:
        _apply_due(app, most, printing)
    else:
        print_records(map(_shown, app.applier.list_open(most)), printing)


def _apply_due(app: "App", most: int, printing: Printing) -> None:
    check_owner(app.place)
    damaged = app.storage.take_damaged()
    with progress("scripts") as tell_progress:
        count = 0

        def run(payment: Payment) -> Payment:
            nonlocal count
            count += 1
            tell_progress(count, most)
            return app.applier.apply_if_due(payment)

        ran = app.applier.run_due(most, run, again=True)
    print_records((_shown(payment.to_record()) for payment in ran.after), printing)
    for payment_id, said in ran.errors:
        tell(f"pay: payment {payment_id}: {said}")
    for name in sorted(damaged):
        tell(f"pay: {name} is damaged in the journal, and left out")
    _leave(list(ran.after))
    if ran.undone or damaged:
        click.get_current_context().exit(PartDoneError.exit_code)


def _leave(payments: list[Payment]) -> None:
    failed = [payment for payment in payments if payment.apply_st == ApplyStatus.FAILED]
    for payment in failed:
        tell_failed_script(payment)
    if failed:
        click.get_current_context().exit(DeclinedError.exit_code)


def _shown(record: Record) -> Record:
    return {key: record[key] for key in _SHOWN if key in record}
