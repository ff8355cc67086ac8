"""The shop API's envelope, `{ok, data}` or `{ok, errCode, msg}`: what is said of errors, and how.

A client is told what it can mend: its own mistakes, states and rules, in the error's own sentence.
What is wrong on our side is in the log; of that the client hears that it is so.
"""

from collections.abc import Mapping
from http import HTTPStatus

from payment_cli.errors import (
    AmbiguousIdError,
    ConflictError,
    DeclinedError,
    InvalidValueError,
    NotAllowedError,
    NotFoundError,
    OutcomeUnknownError,
    PaymentError,
    ProviderRefusedError,
    UntrustedError,
)
from payment_cli.model.codec import encode
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.record import Json, Record
from payment_cli.model.stores.session import Role, Session
from payment_cli.services.payments.view import view_of
from payment_cli.web.words import ENGLISH, Words
from payment_cli.web.wsgi import Response

#: An unknown outcome is no failure: what was asked for may well have happened.
_STATUS: Mapping[type[PaymentError], int] = {
    InvalidValueError: 400,
    DeclinedError: 402,
    NotAllowedError: 403,
    NotFoundError: 404,
    AmbiguousIdError: 409,
    ConflictError: 409,
    OutcomeUnknownError: 202,
    ProviderRefusedError: 502,
    UntrustedError: 502,
}


def status_of(error: PaymentError) -> int:
    """Return the HTTP status that an error calls for."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 503)


def envelope(status: int, content: Record, *headers: tuple[str, str]) -> Response:
    """Return an envelope as it is sent."""
    body = encode(content).encode("utf-8", "replace")
    return Response(status, body, "application/json", headers)


def succeeded(data: Json, *headers: tuple[str, str]) -> Response:
    """Return `{ok: true, data}`."""
    return envelope(200, {"ok": True, "data": data}, *headers)


def failed(words: Words, status: int, error: PaymentError | None, data: Json = None) -> Response:
    """Return `{ok: false, errCode, msg}`, with the state of things where there is one to tell.

    `msg` is for people, in the language they asked for. In Chinese it says what the code means, and
    `detail` is the error's own sentence; in English `msg` is that.
    """
    code = error.code if error is not None else PaymentError.code
    sentence = _sentence(status, error)
    content: Record = {"ok": False, "errCode": code, "msg": sentence}
    if words is not ENGLISH:
        content["msg"] = words.labels.get(code) or words.labels[PaymentError.code]
        content["detail"] = sentence
    if data is not None:
        content["data"] = data
    return envelope(status, content)


def payment_state(payment: Payment, session: Session) -> Record:
    """Return what the holder of a session is told of a payment: `{id, or_id, status, type, data}`.

    A cashier is also told why it failed (`errMsg`), in the provider's words.
    """
    state: Record = {"id": payment.id, "or_id": payment.or_id, **view_of(payment).to_record()}
    if session.role is Role.CASHIER and payment.st is Status.FAIL:
        state["errMsg"] = payment.fail_re
    return state


def _sentence(status: int, error: PaymentError | None) -> str:
    if error is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return str(error)
    if status == HTTPStatus.BAD_GATEWAY:
        return "the payment service refused; try again, or another way to pay"
    return "try again later"
