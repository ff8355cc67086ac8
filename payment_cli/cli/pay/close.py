"""`pay close`: close a payment, at the gateway too."""

import click

from payment_cli.cli.pay.results import follow_up, leave, print_result, tell_abandoned
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import exit_status_option, printing_options
from payment_cli.cli.shell.printing import Printing


@click.command(
    cls=Command,
    short_help="Close a payment, at the gateway too.",
    examples=(
        "pay close 3fa9c1",
        "pay close 3fa9c1 -re 'the guest left'",
        "pay close 3fa9c1 --as root --abandon -re 'the account was ended'",
    ),
)
@click.argument("payment_id", metavar="ID")
@click.option(
    "-re", "--reason", default="", metavar="TEXT", help="Why; kept on the payment (closed)."
)
@click.option(
    "-abandon",
    "--abandon",
    is_flag=True,
    help="For operators: end it although its account is gone, or can't be asked.",
)
@printing_options
@exit_status_option
def close(
    payment_id: str, reason: str, abandon: bool, printing: Printing, exit_status: bool
) -> None:
    """Close the payment ID at its gateway (a scan is reversed), then it is FAIL.

    Exit 12: it is paid, or was paid before it could be closed. Exit 21: the gateway gave no clear
    answer, so it still waits.

    With --abandon it is FAIL without the gateway's word, and its order may be paid in another way
    or cancelled: stock is free then. Nobody closed it, so the payer may still pay; that money, once
    a true callback or check tells of it, is flagged `late`, to be given back. Exit 12: you are no
    operator, or its account can be asked (it was: what it said is recorded).
    """
    app = current_app()
    if abandon:
        result = app.closer.abandon(payment_id, reason or "abandoned")
        tell_abandoned(f"payment {result.payment.id}")
    else:
        result = app.closer.close(payment_id, reason or "closed")
    print_result(result, printing)
    follow_up(app, result.payment)
    leave(result, exit_status=exit_status)
