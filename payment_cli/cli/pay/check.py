"""`pay check`: ask the gateway about one payment, or about all that are due."""

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import exit_status_option, printing_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record
from payment_cli.cli.shell.sweeps import again_option
from payment_cli.errors import InvalidValueError, PaymentError
from payment_cli.model.record import Json, Record

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.model.payments.payment import Payment
    from payment_cli.services.payments.apply import ScriptsRun
    from payment_cli.services.payments.due import Sweep


@click.command(
    cls=Command,
    short_help="Ask the gateway what became of payments.",
    examples=(
        "pay check 3fa9c1",
        "pay check 3fa9c1 --exit-status >/dev/null && echo paid",
        "* * * * *  pay check --pending -c --as root >/dev/null    # in a crontab",
    ),
)
@click.argument("payment_id", metavar="[ID]", required=False)
@click.option(
    "--pending", is_flag=True, help="All waiting payments that are due, stores taking turns."
)
@click.option(
    "--most",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="With --pending: at most N in one run (pending_max of payment.toml, else 100).",
)
@again_option
@printing_options
@exit_status_option
def check(
    payment_id: str | None,
    pending: bool,
    most: int | None,
    again: bool,
    printing: Printing,
    exit_status: bool,
) -> None:
    """Ask the gateway about the payment ID, and record and print what it says.

    A payment that is OK or FAIL is answered from the tree. One past its expiry is closed. A
    script that is due is run. With --pending all of that for every payment that is due
    to be asked about; it prints a summary, and exits 24 if some could not be asked: they are
    asked about later, after a minute, two, at last every hour (--all: now). An account that is
    silent three times is left alone. A run beside another one does nothing, and says `busy`.
    """
    if pending == (payment_id is not None) or (again and not pending):
        raise InvalidValueError("name one payment, or say --pending", hint="pay check --help")
    app = current_app()
    if payment_id is None:
        _check_pending(app, most or app.settings.pending_max, printing, again=again)
        return
    from payment_cli.cli.pay.results import follow_up, leave, print_result

    result = app.checker.check(payment_id)
    print_result(result, printing)
    follow_up(app, result.payment)
    leave(result, exit_status=exit_status)


def _check_pending(app: "App", most: int, printing: Printing, *, again: bool) -> None:
    from payment_cli.cli.shell.sweeps import leave_undone, sweeping
    from payment_cli.services.payments.due import is_quiet

    with sweeping(app, "check") as is_only:
        if not is_only:
            print_record({"checked": 0, "scripts": 0, "busy": True, "errors": []}, printing)
            return
        # Cron asks every minute, and mostly nothing is due: then no gateway is even imported.
        if is_quiet(app.payments, app.clock()) and not app.storage.take_damaged():
            print_record({"checked": 0, "scripts": 0, "errors": []}, printing)
            return
        sweep, ran = _sweep(app, most, again=again)
        errors: list[Json] = [
            {"id": payment_id, "msg": said} for payment_id, said in (*sweep.errors, *ran.errors)
        ]
        summary: Record = {"checked": sweep.checked, **sweep.by_status}
        print_record({**summary, "scripts": len(ran.after), "errors": errors}, printing)
        leave_undone(app, "pay check", sweep.undone + ran.undone, (*sweep.news, *ran.news))


def _sweep(app: "App", most: int, *, again: bool) -> "tuple[Sweep, ScriptsRun]":
    """Ask about what is due, follow up what is settled by it, run the scripts that are due."""
    from payment_cli.cli.pay.results import tell_failed_script

    def follow_up(payment: "Payment") -> "Payment":
        followed = app.follow_up.wait(payment)
        if followed.script_failed:
            tell_failed_script(followed.payment)
        return followed.payment

    sweep = app.checker.check_pending(most, again=again)
    for payment in sweep.settled:
        with suppress(PaymentError):  # `payment tick` does what is left, and says what can't be
            follow_up(payment)
    return sweep, app.applier.run_due(most, follow_up, again=again)
