"""`pay watch`: show the QR code or link and wait until a payment is done."""

import click

from payment_cli.cli.pay.results import follow_up, leave, print_result, show_to_payer
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import exit_status_option, printing_options
from payment_cli.cli.shell.output import end_state, show_state
from payment_cli.cli.shell.printing import Printing
from payment_cli.errors import NotAllowedError
from payment_cli.model.payments.payment import Status
from payment_cli.model.payments.result import Result


@click.command(
    cls=Command,
    short_help="Show the QR code or link and wait for the payer.",
    examples=("pay watch 3fa9c1", "pay watch 3fa9c1 --reverse-after 45 --exit-status"),
)
@click.argument("payment_id", metavar="ID")
@click.option(
    "--reverse-after",
    type=click.IntRange(1, 60),
    metavar="SECONDS",
    help="Reverse a scan that is not confirmed by then (scan_reverse_s of payment.toml, else 45).",
)
@printing_options
@exit_status_option
def watch(
    payment_id: str, reverse_after: int | None, printing: Printing, exit_status: bool
) -> None:
    """Ask about the payment ID at its provider's pace until it is OK or FAIL; then print it.

    On a terminal it shows the QR code or link, and the state. Ctrl-C stops the watch, not the
    payment. A scan is over after 60 seconds in any case. Exit 20: it is FAIL, or its money went
    back. Exit 22: another amount came than was asked for.
    """
    app = current_app()
    looks = app.watcher.watch(payment_id, reverse_after)
    result = next(looks)
    if result.payment.st is Status.NEW:
        raise NotAllowedError(
            f"payment {result.payment.id} is NEW: there is nothing to watch",
            hint=f"pay send {result.payment.id} TYPE TARGET",
        )
    show_to_payer(result.payment)
    show_state(_state(result, app.clock()))
    for result in looks:
        show_state(_state(result, app.clock()))
    end_state()
    print_result(result, printing)
    follow_up(app, result.payment)
    leave(result, exit_status=exit_status, declined_is_error=True)


def _state(result: Result, now: int) -> str:
    payment = result.payment
    waited_s = max(0, (payment.close_at or now) - payment.send_at) // 1000
    amount = f"{payment.fee // 100}.{payment.fee % 100:02d} {payment.cur}"
    said = f"  {result.err_msg}" if result.err_msg else ""
    return (
        f"{payment.id}  {payment.st}  {payment.pay_tp}  {amount}"
        f"  {waited_s // 60}:{waited_s % 60:02d}{said}"
    )
