"""`payment p pay`, `check` and `re`: they print what the `pay` commands of those names print."""

from functools import partial
from typing import TYPE_CHECKING

import click

from payment_cli.cli.pay.results import follow_up, leave, print_result, show_to_payer
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import (
    client_ip_option,
    exit_status_option,
    json_options,
    printing_options,
)
from payment_cli.cli.shell.output import flush, print_text
from payment_cli.cli.shell.printing import Printing
from payment_cli.errors import InvalidValueError
from payment_cli.model.record import Record

if TYPE_CHECKING:
    from payment_cli.model.shop.order import Order
    from payment_cli.services.shop.order_payments import Paying


@click.command(
    cls=Command,
    short_help="Open and send the payment of an order.",
    examples=(
        "payment p pay 3fa9c1",
        "payment p pay 3fa9c1 -pt wx.qrcode -ta main",
        "payment p pay 3fa9c1 -pt wx.scan - < /dev/ttyACM0     # a scanner",
        "payment p pay 3fa9c1 -pt zfb.qrcode --anyway",
    ),
)
@click.argument("order_id", metavar="ORDER")
@click.argument("argument", metavar="[CODE|OPENID]", required=False)
@click.option("-pt", "--pay-type", default="", metavar="TYPE", help="As wx.qrcode (the order's).")
@click.option(
    "-ta", "--target", default="", metavar="TARGET", help="The seller's account (the store's)."
)
@click.option(
    "-anyway",
    "--anyway",
    is_flag=True,
    help="Even if an earlier payment could not be closed for sure.",
)
@client_ip_option
@printing_options
@exit_status_option
def pay(
    order_id: str,
    argument: str | None,
    pay_type: str,
    target: str,
    anyway: bool,
    client_ip: str,
    printing: Printing,
    exit_status: bool,
) -> None:
    """Open the payment of ORDER, send it to its gateway and print what the payer is to see.

    Asked again it prints the stored result. Another TYPE closes the first payment at its gateway
    before the second is opened. If that can't be confirmed the second is refused (exit 21):
    --anyway opens it, and should both be paid, the second is flagged `double` for refund.

    A scan needs the payer's auth CODE, or - to read it from stdin; wx.jsapi needs the OPENID,
    wx.h5 the address of the payer's browser. An order that costs nothing is paid at once.
    """
    app = current_app()
    order = app.shop.orders.get(order_id)
    paying = _paying(order, argument, pay_type, target, client_ip, anyway=anyway)
    with app.follow_up.settling(order.id, partial(follow_up, app)):
        result = app.shop.order_payments.pay(order.id, paying)
    print_result(result, printing)
    show_to_payer(result.payment)
    follow_up(app, result.payment)
    leave(result, exit_status=exit_status, declined_is_error=True)


@click.command(
    cls=Command,
    short_help="Ask the gateway about an order's payment.",
    examples=(
        "payment p check 3fa9c1",
        "payment p check 3fa9c1 --exit-status >/dev/null && echo paid",
    ),
)
@click.argument("order_id", metavar="ORDER")
@printing_options
@exit_status_option
def check(order_id: str, printing: Printing, exit_status: bool) -> None:
    """Ask the gateway about the current payment of ORDER, and record and print what it says.

    A payment that is OK or FAIL is answered from the tree. When it turns OK the order is paid.
    """
    app = current_app()
    result = app.shop.order_payments.check(order_id)
    print_result(result, printing)
    follow_up(app, result.payment)
    leave(result, exit_status=exit_status)


@click.command(
    cls=Command,
    short_help="Take a gateway's callback for an order.",
    examples=(
        'payment p re 3fa9c1 \'{"out_trade_no":"01a200ef080274e3831a25502a450a67"}\'',
        "httpparam -in id:xxx | payment p re 3fa9c1 - -s",
    ),
)
@click.argument("order_id", metavar="ORDER")
@click.argument("fields", metavar="[JSON]", required=False)
@click.option("-s", "--success", is_flag=True, help="Print only the word success.")
@json_options
def re(order_id: str, fields: str | None, success: bool, printing: Printing) -> None:
    """Take the fields of a callback (JSON, or stdin) about a payment of ORDER.

    As `pay re` with -idkey, but the payment is found by the order: one of the fields must be the
    id of a payment that the order owns. Fields without the gateway's own signature are only a
    hint: the gateway is asked. A script is started, not waited for.

    Gateways themselves talk to /pay/re (payment serve, or any web server), not to this command.
    """
    from payment_cli.cli.shell.loose_json import read_object
    from payment_cli.cli.shell.standard_input import typed_or_read

    app = current_app()
    order = app.shop.orders.get(order_id)
    callback = read_object(typed_or_read(fields, "the callback"), "the callback")
    result = app.receiver.receive_json(callback, _id_key(order, callback))
    if success and not result.unknown:
        print_text("success")
    elif not success:
        print_result(result, printing)
    flush()
    app.follow_up.detach(result.payment)
    leave(result, exit_status=False)


def _paying(
    order: "Order",
    argument: str | None,
    pay_type: str,
    target: str,
    client_ip: str,
    *,
    anyway: bool,
) -> "Paying":
    from payment_cli.services.shop.order_payments import Paying

    pay_tp = pay_type or order.pay_tp
    if order.fee == 0:
        return Paying(anyway=anyway)
    if not pay_tp:
        raise InvalidValueError(
            f"order {order.id} does not say how it is paid", hint="-pt TYPE, as -pt wx.qrcode"
        )
    from payment_cli.cli.pay.send import send_arguments

    words = () if argument is None else (argument,)
    return Paying(pay_tp, target, send_arguments(pay_tp, words, client_ip), anyway)


def _id_key(order: "Order", callback: Record) -> str:
    """Return which field names a payment that the order owns.

    Raises:
        InvalidValueError: none does.
    """
    for key, value in callback.items():
        if value in order.pay_ids:
            return key
    raise InvalidValueError(f"the callback names no payment of order {order.id}")
