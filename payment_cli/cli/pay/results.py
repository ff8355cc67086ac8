"""The end of every command that moves a payment: print the result, run its script, exit code."""

from typing import TYPE_CHECKING

import click

from payment_cli.cli.shell.output import draw_qr_code, flush, show_link, tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record
from payment_cli.errors import (
    DeclinedError,
    OutcomeUnknownError,
    UntrustedError,
)
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.payments.result import Result, trouble_of

if TYPE_CHECKING:
    from payment_cli.app import App

#: What `--exit-status` says of each state: a payment that is not decided yet is 3.
EXIT_STATUS = {Status.OK: 0, Status.NEW: 3, Status.WAIT: 3, Status.FAIL: DeclinedError.exit_code}


def print_result(result: Result, printing: Printing) -> None:
    """Print `{payObjId, status, changedKeys, type, data, errMsg?}` at once."""
    print_record(result.to_record(), printing)
    flush()


def show_to_payer(payment: Payment) -> None:
    """Show the QR code or the link that the payer needs, for whoever looks at the terminal."""
    if payment.st is not Status.WAIT:
        return
    if payment.re_tp == ReturnType.QRCODE:
        draw_qr_code(str(payment.re_obj))
    elif payment.re_tp == ReturnType.LINK:
        show_link(str(payment.re_obj))


def follow_up(app: "App", payment: Payment) -> None:
    """Do what follows from a settled payment, and say so if its script failed or did not run."""
    followed = app.follow_up.wait(payment)
    if followed.script_failed:
        tell_failed_script(followed.payment)
    if followed.not_run:
        tell(f"pay: {followed.not_run} (it is due still, and payment tick tries again)")


def tell_failed_script(payment: Payment) -> None:
    """Say that the payment stands, but its script did not do its work."""
    tell(
        f"pay: the script of payment {payment.id} failed with exit code "
        f"{payment.apply_code} (its output: pay get; again: pay apply {payment.id} --again)"
    )


def tell_abandoned(what: str) -> None:
    """Say what it means that no gateway was asked to close it."""
    tell(f"note: {what}: no gateway closed it; should it be paid yet, that is flagged late")


def leave(result: Result, *, exit_status: bool, declined_is_error: bool = False) -> None:
    """End the command with the exit code that the result calls for.

    Raises:
        UntrustedError: the provider says another amount than was asked for.
        OutcomeUnknownError: the provider may or may not have acted.
        DeclinedError: the payment failed, or its money went back, and success is what the command
            was for.
    """
    payment = result.payment
    if payment.has_other_amount:
        raise UntrustedError(
            f"payment {payment.id}: {payment.figures}",
            hint="look it up at the provider; pay check asks again, pay query --flagged lists it",
        )
    if result.unknown:
        raise OutcomeUnknownError(
            f"payment {payment.id}: {result.err_msg or 'no answer'}",
            hint=f"nothing is lost; pay check {payment.id} asks again",
        )
    if declined_is_error and payment.st is Status.FAIL:
        raise DeclinedError(
            f"payment {payment.id}: {payment.fail_re or 'declined'}",
            hint="another try is a new payment",
        )
    if payment.went_back and (declined_is_error or exit_status):
        raise DeclinedError(f"payment {payment.id}: {trouble_of(payment)}")
    if exit_status:
        leave_by_status(payment)


def leave_by_status(payment: Payment) -> None:
    """End the command with the exit code of `--exit-status`."""
    click.get_current_context().exit(EXIT_STATUS[payment.st])
