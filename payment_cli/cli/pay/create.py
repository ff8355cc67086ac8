"""`pay create`: make a payment, and send it if a type is given."""

from typing import TYPE_CHECKING, NamedTuple

import click

from payment_cli.cli.shell.command import Command, Option, current_app
from payment_cli.cli.shell.options import (
    CommandFunction,
    client_ip_option,
    exit_status_option,
    gathered,
    printing_options,
)
from payment_cli.cli.shell.output import flush, tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_record
from payment_cli.errors import InvalidValueError, PaymentError
from payment_cli.model.fee import check_currency, parse_fee
from payment_cli.model.payments.buyer import Buyer, parse_buyer
from payment_cli.model.record import Record

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.model.payments.payment import Payment
    from payment_cli.services.payments.create import Created, NewPayment
    from payment_cli.services.payments.send import SendArguments


class Asked(NamedTuple):
    """What was typed, word for word."""

    brief: str
    buyer: str | None
    fee: str | None
    currency: str | None
    seller: str
    meta: str | None
    callback: str
    pay_type: str
    target: str
    client_ip: str
    idempotency_key: str
    words: tuple[str, ...]


_OPTIONS = (
    click.option("-br", "--brief", default="", metavar="TEXT", help="What it is for."),
    click.option(
        "-bu",
        "--buyer",
        metavar="BUYER",
        help="Who pays: walnut:ID[:NAME] (a user of the system) or dusr:ID[:NAME] (of the seller).",
    ),
    click.option(
        "-fee",
        "--fee",
        metavar="FEN",
        help="How much, in fen: 2300, or 2300USD. 0 is free, and done at once.",
    ),
    click.option("-cur", "--currency", metavar="CODE", help="The currency (RMB)."),
    click.option(
        "-se", "-sl", "--seller", default="", metavar="DOMAIN", help="Who sells (who you are)."
    ),
    click.option(
        "-meta",
        "--meta",
        cls=Option,
        bare="-",
        metavar="JSON",
        help="More fields to keep; without a value, or with -, from stdin.",
    ),
    click.option(
        "-callback",
        "--callback",
        default="",
        metavar="NAME",
        help="The script in the seller's ~/.payment/callback/ to run when it is paid.",
    ),
    click.option(
        "-pt", "--pay-type", default="", metavar="TYPE", help="Send it at once, as this type."
    ),
    click.option(
        "-ta", "--target", default="", metavar="TARGET", help="The seller's account for -pt."
    ),
    client_ip_option,
    click.option(
        "--idempotency-key",
        default="",
        metavar="KEY",
        help="The same key and input return the same payment; other input exits 11.",
    ),
    click.argument("words", metavar="[CODE|OPENID]", nargs=-1),
)


def _asked(function: CommandFunction) -> CommandFunction:
    return gathered(function, _OPTIONS, "asked", Asked)


@click.command(
    cls=Command,
    short_help="Make a payment, and send it if asked.",
    examples=(
        "pay create -br 'Two coffees' -bu walnut:45g67q -fee 2300",
        "pay create -bu dusr:9ha3ey:Li -fee 199USD -callback after_paid",
        "pay create -bu walnut:45g67q -fee 99 -meta \"{or_id:'9f2c01', table:7}\"",
        "pay create -bu walnut:45g67q -fee 99 -pt wx.qrcode -ta main",
        "echo '{\"table\":7}' | pay create -bu walnut:45g67q -fee 99 -meta",
    ),
)
@_asked
@printing_options
@exit_status_option
def create(asked: Asked, printing: Printing, exit_status: bool) -> None:
    """Make a payment and print it.

    A fee of 0 needs no gateway: it is OK at once. With -pt the payment is sent, as pay send does
    it: a scan then needs the payer's auth CODE (- reads it from stdin), wx.jsapi the OPENID, wx.h5
    the address of the payer's browser.
    """
    app = current_app()
    arguments = _send_arguments(asked)
    new = _new_payment(app, asked)
    created = _created(app, new, arguments)
    if created.ignored:
        tell(f"pay: metadata can't set {', '.join(created.ignored)}: ignored")
    if arguments is None or created.payment.is_final:
        _finish(app, created.payment, printing, exit_status=exit_status)
    else:
        _send(app, created.payment.id, new, arguments, printing, exit_status=exit_status)


def _created(app: "App", new: "NewPayment", arguments: "SendArguments | None") -> "Created":
    """Record the payment; one that is to be sent, only if it can be."""
    if arguments is None or new.fee == 0:
        return app.creator.create(new)

    def require(payment: "Payment") -> None:
        app.sender.require_sendable(payment, new.pay_tp, new.pay_target, arguments)

    return app.creator.create(new, require)


def _new_payment(app: "App", asked: Asked) -> "NewPayment":
    from payment_cli.services.payments.create import NewPayment

    fee, currency = _fee(asked)
    target = asked.target
    if asked.pay_type and not target:
        from payment_cli.cli.pay.send import default_target

        target = default_target(app, asked.pay_type, asked.seller or app.actor.domain)
    return NewPayment(
        fee=fee,
        cur=currency,
        brief=asked.brief,
        buyer=Buyer() if asked.buyer is None else parse_buyer(asked.buyer),
        seller=asked.seller,
        meta=_meta(asked.meta),
        callback=asked.callback,
        pay_tp=asked.pay_type,
        pay_target=target,
        idempotency_key=asked.idempotency_key,
    )


def _fee(asked: Asked) -> tuple[int, str]:
    """Return fee and currency; the fee may carry the currency, but not contradict -cur."""
    if asked.fee is None:
        raise InvalidValueError("the fee is missing", hint="-fee FEN, for instance -fee 2300")
    fee, with_fee = parse_fee(asked.fee)
    said = check_currency(asked.currency) if asked.currency is not None else None
    if with_fee and said and with_fee != said:
        raise InvalidValueError(f"-fee says {with_fee}, -cur says {said}", hint="say it once")
    return fee, said or with_fee or "RMB"


def _meta(text: str | None) -> Record:
    if text is None:
        return {}
    from payment_cli.cli.shell.loose_json import read_object
    from payment_cli.cli.shell.standard_input import typed_or_read

    return read_object(typed_or_read(text, "the metadata"), "the metadata")


def _send_arguments(asked: Asked) -> "SendArguments | None":
    """Return what the send needs, None if nothing is to be sent.

    Type and arguments are checked here, before anything is made.
    """
    if not asked.pay_type:
        if asked.target or asked.words or asked.client_ip:
            raise InvalidValueError(
                "a target, code or address is given, but no type",
                hint="-pt TYPE sends the payment",
            )
        return None
    if asked.meta == "-" and "-" in asked.words:
        raise InvalidValueError("metadata and code can't both be read from stdin")
    from payment_cli.cli.pay.send import send_arguments
    from payment_cli.model.payments.pay_type import pay_type
    from payment_cli.services.payments.send import check_arguments

    arguments = send_arguments(asked.pay_type, asked.words, asked.client_ip)
    check_arguments(pay_type(asked.pay_type), arguments)
    return arguments


def _finish(app: "App", payment: "Payment", printing: Printing, *, exit_status: bool) -> None:
    """Print the payment, and run its script if it was free and so is paid already."""
    print_record(payment.to_record(), printing)
    flush()
    if payment.is_final or exit_status:
        from payment_cli.cli.pay.results import follow_up, leave_by_status

        follow_up(app, payment)
        if exit_status:
            leave_by_status(payment)


def _send(
    app: "App",
    payment_id: str,
    new: "NewPayment",
    arguments: "SendArguments",
    printing: Printing,
    *,
    exit_status: bool,
) -> None:
    from payment_cli.cli.pay.results import follow_up, leave, show_to_payer

    try:
        result = app.sender.send(payment_id, new.pay_tp, new.pay_target, arguments)
    except PaymentError:
        # It is made, whatever became of its send: who asked for it must learn its id.
        print_record(app.payments.get(payment_id).to_record(), printing)
        flush()
        raise
    print_record(result.payment.to_record(), printing)
    flush()
    show_to_payer(result.payment)
    follow_up(app, result.payment)
    leave(result, exit_status=exit_status, declined_is_error=True)
