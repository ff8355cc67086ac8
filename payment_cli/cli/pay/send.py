"""`pay send`: send a payment to its gateway."""

from typing import TYPE_CHECKING

import click

from payment_cli.cli.pay.results import follow_up, leave, print_result, show_to_payer
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import client_ip_option, exit_status_option, printing_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.errors import InvalidValueError
from payment_cli.model.payments.pay_type import Argument, pay_type

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.services.payments.send import SendArguments


@click.command(
    cls=Command,
    short_help="Send a payment to its gateway.",
    examples=(
        "pay send 3fa9c1 wx.qrcode main",
        "pay send 3fa9c1 wx.jsapi main oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        "read-scanner | pay send 3fa9c1 wx.scan main -",
        "pay send 3fa9c1 zfb.qrcode --exit-status",
        "pay send 3fa9c1 wx.h5 main --client-ip 203.0.113.7",
    ),
)
@click.argument("payment_id", metavar="ID")
@click.argument("pay_tp", metavar="TYPE")
@click.argument("target", metavar="[TARGET]", required=False)
@click.argument("argument", metavar="[CODE|OPENID]", required=False)
@client_ip_option
@printing_options
@exit_status_option
def send(
    payment_id: str,
    pay_tp: str,
    target: str | None,
    argument: str | None,
    client_ip: str,
    printing: Printing,
    exit_status: bool,
) -> None:
    """Send the payment ID to a gateway and print what the payer is to see.

    TYPE is wx.qrcode, wx.jsapi, wx.h5, wx.scan, zfb.qrcode, zfb.page, zfb.wap, zfb.scan or free.
    TARGET is the seller's account there, else the one the store's `sellers` name. A scan needs the
    payer's auth CODE, or - to read it from stdin, where no list of processes shows it; wx.jsapi
    needs the OPENID, wx.h5 the address of the payer's browser.

    Sending twice returns the stored result. Exit 20: declined. Exit 21: the gateway may or may
    not have taken it; pay check finds out.
    """
    app = current_app()
    arguments = send_arguments(pay_tp, (argument,) if argument is not None else (), client_ip)
    account = target or default_target(app, pay_tp, app.payments.get(payment_id).seller_nm)
    result = app.sender.send(payment_id, pay_tp, account, arguments)
    print_result(result, printing)
    show_to_payer(result.payment)
    follow_up(app, result.payment)
    leave(result, exit_status=exit_status, declined_is_error=True)


def send_arguments(pay_tp: str, words: tuple[str, ...], client_ip: str) -> "SendArguments":
    """Return what a send of this type needs beside its target; `-` reads the auth code.

    Raises:
        InvalidValueError: there is no such type, or it takes no such words.
    """
    from payment_cli.services.payments.send import SendArguments

    kind = pay_type(pay_tp)
    if len(words) > 1 or (words and kind.argument is Argument.NONE):
        raise InvalidValueError(f"{pay_tp} takes {_taken(kind.argument)}")
    if not words:
        return SendArguments(client_ip=client_ip)
    if kind.argument is Argument.OPENID:
        return SendArguments(openid=words[0], client_ip=client_ip)
    from payment_cli.cli.shell.standard_input import typed_or_read
    from payment_cli.model.secret import Secret

    code = Secret(typed_or_read(words[0], "the code"))
    return SendArguments(auth_code=code, client_ip=client_ip)


def default_target(app: "App", pay_tp: str, seller: str) -> str:
    """Return the account that the seller's store names for this type.

    Raises:
        ConfigError: it names none.
    """
    return "free" if pay_tp == "free" else app.merchants.get(seller).target_for(pay_tp)


def _taken(argument: Argument) -> str:
    return "no further argument" if argument is Argument.NONE else f"one argument, the {argument}"
