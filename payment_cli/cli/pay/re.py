"""`pay re`: take a gateway's callback, as JSON or as the raw HTTP request."""

from http import HTTPStatus
from typing import TYPE_CHECKING

import click

from payment_cli.cli.pay.results import leave, print_result
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import json_options
from payment_cli.cli.shell.output import flush, print_text, write_bytes
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.standard_input import read_bytes, typed_or_read
from payment_cli.errors import InvalidValueError, PaymentError

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.gateways.base import Acknowledgement, HttpRequest
    from payment_cli.services.payments.receive import Received


@click.command(
    cls=Command,
    short_help="Take a gateway's callback.",
    examples=(
        "pay re --http < request.txt",
        "pay re --http -i < request.txt > answer.txt",
        "httpparam -in id:xxx | pay re -idkey out_trade_no -s",
    ),
)
@click.argument("fields", metavar="[JSON]", required=False)
@click.option(
    "-idkey", "--id-key", metavar="KEY", help="The key of JSON that holds the payment's id."
)
@click.option("-s", "--success", is_flag=True, help="Print only the word success.")
@click.option("--http", is_flag=True, help="stdin is a raw HTTP request of at most 1 MiB.")
@click.option(
    "-i", "--include", is_flag=True, help="With --http: print a status line and headers, too."
)
@json_options
def re(
    fields: str | None,
    id_key: str | None,
    success: bool,
    http: bool,
    include: bool,
    printing: Printing,
) -> None:
    """Verify a callback, record what it says, and answer it.

    With --http it prints exactly what the gateway wants as the answer, and the path of the
    request says whose keys to try: /pay/re/TYPE/DOMAIN/TARGET, or /pay/re alone. A refused
    callback changes nothing and exits 22; its answer is printed all the same.

    JSON (argument or stdin) holds the fields of a callback, its payment named by -idkey. Fields
    without the gateway's own signature are only a hint: the gateway is asked.

    A script is started, not waited for.
    """
    if http == (id_key is not None):
        raise InvalidValueError("say either --http, or -idkey KEY", hint="pay re --help")
    app = current_app()
    if id_key is None:
        if fields is not None or success:
            raise InvalidValueError("--http reads stdin and takes neither JSON nor -s")
        _receive_http(app, has_head=include)
    else:
        if include:
            raise InvalidValueError("-i goes with --http")
        _receive_json(app, fields, id_key, printing, only_success=success)


def _receive_http(app: "App", *, has_head: bool) -> None:
    from payment_cli.cli.pay.raw_http import SIZE_MAX, parse_request

    request = None
    try:
        request = parse_request(read_bytes("the HTTP request", SIZE_MAX))
        received = app.receiver.receive(request)
    except PaymentError as error:  # no HTTP at all, or a tree that can't be opened
        received = _not_received(request, error)
    if has_head:
        write_bytes(_head(received.acknowledgement))
    write_bytes(received.acknowledgement.body)
    flush()
    if received.payment is not None:
        app.follow_up.detach(received.payment)
    if received.error is not None:
        raise received.error


def _not_received(request: "HttpRequest | None", error: PaymentError) -> "Received":
    """Return the answer to who sent something that nobody could look at."""
    from payment_cli.gateways.base import Acknowledgement
    from payment_cli.services.payments.receive import Received, refusal_unheard

    status = 500 if error.is_ours else 400
    if request is not None:
        return Received(refusal_unheard(request, status), error=error)
    return Received(Acknowledgement(status, "text/plain", b"refused"), error=error)


def _receive_json(
    app: "App", fields: str | None, id_key: str, printing: Printing, *, only_success: bool
) -> None:
    from payment_cli.cli.shell.loose_json import read_object

    callback = read_object(typed_or_read(fields, "the callback"), "the callback")
    result = app.receiver.receive_json(callback, id_key)
    if only_success and not result.unknown:
        print_text("success")
    elif not only_success:
        print_result(result, printing)
    flush()
    app.follow_up.detach(result.payment)
    leave(result, exit_status=False)


def _head(answer: "Acknowledgement") -> bytes:
    lines = (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "Connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
