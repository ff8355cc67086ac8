"""`payment tick`: what has to be done from time to time, for a crontab."""

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import json_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record
from payment_cli.cli.shell.sweeps import again_option, leave_undone, sweeping


@click.command(
    cls=Command,
    short_help="End overdue orders and do what is left over.",
    examples=(
        "payment tick",
        "* * * * *  payment tick -c --as root >/dev/null    # in a crontab",
        "payment tick --all     # also what is postponed, after a repair",
    ),
)
@click.option(
    "--most",
    type=click.IntRange(1, 10_000),
    default=100,
    metavar="N",
    help="At most N each of orders, baskets, scripts, hooks and webhooks in one run (100).",
)
@again_option
@json_options
def tick(most: int, again: bool, printing: Printing) -> None:
    """Do what is due, and print what was done; put it into a crontab.

    Orders past their time are cancelled, their payments being closed at the gateway first; one
    that was paid in the last moment is settled instead. One is `held` while its gateway knows no
    such payment: it must say so again some minutes after the payment's time. Goods that were paid
    leave the baskets. Scripts and hooks that are due are run, webhooks delivered. What can't be
    done now is under `errors`, and is tried again after a minute, then after two, at last every
    hour; of an account that does not answer only one payment. Exit 24: something is postponed.
    A tick while another one runs does nothing, says `busy`, and exits 0.
    """
    from payment_cli.services.upkeep.tick import NOTHING

    app = current_app()
    with sweeping(app, "tick") as is_only:
        if not is_only:
            print_record({**NOTHING, "busy": True, "errors": []}, printing)
            return
        ticked = app.upkeep.ticker.tick(most, again=again)
        print_record(ticked.to_record(), printing)
        leave_undone(app, "payment tick", ticked.undone, ticked.news)
