"""`pay check`: ask the gateway about one payment, or about all that are due."""

from typing import TYPE_CHECKING

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import exit_status_option, printing_options
from payment_cli.cli.shell.output import flush, tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record
from payment_cli.errors import CorruptRecordError, InvalidValueError, OutcomeUnknownError

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.services.payments.due import Sweep


@click.command(
    cls=Command,
    short_help="Ask the gateway what became of payments.",
    examples=(
        "pay check 3fa9c1",
        "pay check 3fa9c1 --exit-status >/dev/null && echo paid",
        "* * * * *  pay check --pending -c     # in a crontab",
    ),
)
@click.argument("payment_id", metavar="[ID]", required=False)
@click.option("--pending", is_flag=True, help="All waiting payments that are due, oldest first.")
@click.option(
    "--most",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="With --pending: at most N in one run (pending_max of payment.toml, else 100).",
)
@printing_options
@exit_status_option
def check(
    payment_id: str | None, pending: bool, most: int | None, printing: Printing, exit_status: bool
) -> None:
    """Ask the gateway about the payment ID, and record and print what it says.

    A payment that is OK or FAIL is answered from the tree. One past its expiry is closed. A
    script that is due is run. With --pending all of that for every payment that is due
    to be asked about; it prints a summary, and exits 21 if some could not be asked.
    """
    if pending == (payment_id is not None):
        raise InvalidValueError("name one payment, or say --pending", hint="pay check --help")
    app = current_app()
    if payment_id is None:
        _check_pending(app, most or app.settings.pending_max, printing)
        return
    from payment_cli.cli.pay.results import follow_up, leave, print_result

    result = app.checker.check(payment_id)
    print_result(result, printing)
    follow_up(app, result.payment)
    leave(result, exit_status=exit_status)


def _check_pending(app: "App", most: int, printing: Printing) -> None:
    from payment_cli.services.payments.due import Sweep, due_payments, due_scripts

    # Cron asks every minute, and mostly nothing is due: then no gateway is even imported.
    is_due = due_payments(app.payments, app.clock(), 1)
    sweep = app.checker.check_pending(most) if is_due else Sweep(0, {})
    scripts = due_scripts(app.payments, most)
    print_record(
        {
            "checked": sweep.checked,
            **sweep.by_status,
            "scripts": len(scripts),
            "errors": [{"id": payment_id, "msg": said} for payment_id, said in sweep.errors],
        },
        printing,
    )
    flush()
    damaged = _follow_up(app, sweep, scripts) if sweep.settled or scripts else 0
    for payment_id, said in sweep.errors:
        tell(f"pay: payment {payment_id}: {said}")
    if sweep.errors:
        raise OutcomeUnknownError(f"{len(sweep.errors)} of {sweep.checked} could not be asked")
    if damaged:
        click.get_current_context().exit(CorruptRecordError.exit_code)


def _follow_up(app: "App", sweep: "Sweep", scripts: list[str]) -> int:
    """Do what follows from settled payments, and the scripts; return how many are damaged."""
    from payment_cli.cli.pay.results import follow_up, tell_damaged

    for payment in sweep.settled:
        follow_up(app, payment)
    damaged = 0
    for payment_id in scripts:
        try:
            follow_up(app, app.payments.get_committed(payment_id))
        except CorruptRecordError as error:
            damaged += 1
            tell_damaged(error)
    return damaged
