"""`pay close`: close a payment, at the gateway too."""

import click

from payment_cli.cli.pay.results import follow_up, leave, print_result
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import exit_status_option, printing_options
from payment_cli.cli.shell.printing import Printing


@click.command(
    cls=Command,
    short_help="Close a payment, at the gateway too.",
    examples=("pay close 3fa9c1", "pay close 3fa9c1 -re 'the guest left'"),
)
@click.argument("payment_id", metavar="ID")
@click.option(
    "-re", "--reason", default="closed", metavar="TEXT", help="Why; kept on the payment (closed)."
)
@printing_options
@exit_status_option
def close(payment_id: str, reason: str, printing: Printing, exit_status: bool) -> None:
    """Close the payment ID at its gateway (a scan is reversed), then it is FAIL.

    Exit 12: it is paid, or was paid before it could be closed. Exit 21: the gateway gave no clear
    answer, so it still waits.
    """
    app = current_app()
    result = app.closer.close(payment_id, reason)
    print_result(result, printing)
    follow_up(app, result.payment)
    leave(result, exit_status=exit_status)
