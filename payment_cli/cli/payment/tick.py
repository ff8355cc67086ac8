"""`payment tick`: what has to be done from time to time, for a crontab."""

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import json_options
from payment_cli.cli.shell.output import tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record


@click.command(
    cls=Command,
    short_help="End overdue orders and do what is left over.",
    examples=(
        "payment tick",
        "* * * * *  payment tick -c --as root     # in a crontab",
        "payment tick --most 1000",
    ),
)
@click.option(
    "--most",
    type=click.IntRange(1, 10_000),
    default=100,
    metavar="N",
    help="At most N each of orders, baskets, scripts, hooks and webhooks in one run (100).",
)
@json_options
def tick(most: int, printing: Printing) -> None:
    """Do what is due, print what was done, and exit 0; put it into a crontab.

    Orders past their time are cancelled, their payments being closed at the gateway first; one
    that was paid in the last moment is settled instead. One is `held` while its gateway knows no
    such payment: it must say so again some minutes after the payment's time. Goods that were paid
    leave the baskets. Scripts and hooks that are due are run, webhooks delivered. What can't be
    done now is under `errors` and is tried again the next time.
    """
    from payment_cli.files.safe_files import check_owner

    app = current_app()
    check_owner(app.root)  # else each thing due were an error of its own, and the run a success
    ticked = app.upkeep.ticker.tick(most)
    print_record(ticked.to_record(), printing)
    for record_id, said in ticked.errors:
        tell(f"payment: {record_id}: {said}")
