"""`pay get`: print one payment."""

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import exit_status_option, printing_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record


@click.command(
    cls=Command,
    short_help="Print one payment.",
    examples=(
        "pay get 019a3f6b2c4d7e8f9a0b1c2d3e4f5a6b",
        "pay get 3fa9c1 -e '^(st|fee|cur)$' -c",
        "pay get 3fa9c1 -t id,st,fee,close_at:time -bh",
        "pay get 3fa9c1 --exit-status >/dev/null && echo paid",
    ),
)
@click.argument("payment_id", metavar="ID")
@printing_options
@exit_status_option
def get(payment_id: str, printing: Printing, exit_status: bool) -> None:
    """Print the payment ID: all that is recorded of it, as JSON or as you ask.

    ID is a full id, or the first or last 6 characters or more of one.
    """
    payment = current_app().payments.get(payment_id)
    print_record(payment.to_record(), printing)
    if exit_status:
        from payment_cli.cli.pay.results import leave_by_status

        leave_by_status(payment)
