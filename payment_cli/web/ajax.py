"""`/pay/ajax/…`: ordering and paying, for pages and programs that hold a session (seed 001).

    POST /pay/session      {token, asks, leaves}          sets the cookie; data {session, holder, …}
    POST /pay/ajax/create  an order, {or_id}, or {fee, brief} from a cashier
                           data {payTypes: [{pay_tp, type, needs}], payment: {…}}
    POST /pay/ajax/send    {or_id or id, pay_tp, args: {openid, auth_code}}
                           data {id, or_id, status, type, data, view_key}
    POST /pay/ajax/check   {id}: asks the provider when it is time; a slow scan is reversed
    POST /pay/ajax/logout  {}: ends the session for good, and removes the cookie
    GET  /pay/ajax/get     ?id=… data {id, or_id, status, type, data, fee, cur, brief}

`fee` is fen. An order is what a client of the shop model sends (model/shop/order_input.py); prices
in it are ignored. `create` records the order and opens its payment, as NEW: `send` chooses its
type. A scan needs no `pay_tp`: the auth code tells. An auth code is read here and handed on; it is
never recorded, quoted in an error or logged.

Answers are envelopes (envelope.py). HTTP 202 with `e.pay.unknown` means that the provider may or
may not have acted: `data` is the state as it is, and `check` finds out. FAIL is a state, not an
error. HTTP 503 with Retry-After means that nothing was done: many wait for a slow provider.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple
from urllib.parse import parse_qs
from wsgiref.types import WSGIEnvironment

from payment_cli.app import App
from payment_cli.errors import (
    InvalidValueError,
    LockedError,
    NotAllowedError,
    OtherSessionError,
    OutcomeUnknownError,
)
from payment_cli.model.codec import decode_foreign_object
from payment_cli.model.fee import FEE_MAX
from payment_cli.model.fields import Fields
from payment_cli.model.payments.pay_type import Argument, PayType
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.payments.result import Result
from payment_cli.model.record import Json, Record
from payment_cli.model.secret import Secret
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.stores.session import TOKEN_MAX, Session
from payment_cli.services.payments.send import SendArguments
from payment_cli.services.shop.session_view import Offer
from payment_cli.services.shop.storefront import Storefront
from payment_cli.web.envelope import failed, payment_state, succeeded
from payment_cli.web.sessions import (
    Asking,
    gone_cookies,
    is_secure,
    open_session,
    present_session,
    require_own_page,
    session_cookie,
)
from payment_cli.web.visits import Limits, Visit, visit
from payment_cli.web.words import words_of
from payment_cli.web.wsgi import RefusedError, Response, read_body, require_method, require_type

#: The largest request read.
BODY_MAX = 64 * 1024

#: Longer queries are no question of ours.
_QUERY_MAX = 200

#: The longest auth code is Alipay's, of 24 digits.
_AUTH_CODE_MAX = 64

#: Who found no place to send may try again after so many seconds.
RETRY_S = "1"

#: What a client must bring to `send` for a pay type, in `args`.
_NEEDS = {Argument.NONE: "", Argument.AUTH_CODE: "auth_code", Argument.OPENID: "openid"}

ENTER = "/pay/session"
GET = "/pay/ajax/get"


def enter(app: App, environ: WSGIEnvironment) -> Response:
    """Answer `POST /pay/session`: give the browser the session of a link as a cookie.

    A browser in the session of another store, role or buyer is not moved unasked, nor is any that
    a foreign page may have sent here (`asks`): the answer is `e.pay.session` with data {at, to},
    what it is in now (null: nothing) and what it would be in. Whoever was asked says so by
    `leaves`: the digest of the session that is left, "" for none.
    """
    require_method(environ, "POST")
    require_own_page(app, environ)
    fields = _document(environ)
    token = fields.required_text("token", max_len=TOKEN_MAX)
    asks = fields.flag("asks")
    leaves = None if fields.raw("leaves") is None else fields.text("leaves")
    fields.refuse_rest()
    session = open_session(app, token)
    present = present_session(app, environ)
    if asks or present is not None:
        is_moved = present is None or present.holder != session.holder
        was_asked = leaves == ("" if present is None else present.digest)
        if is_moved and not was_asked:
            return _question(app, environ, present, session)
    cookie = session_cookie(token, session, app.clock(), is_secure=is_secure(app, environ))
    return succeeded(_place(app, session), cookie)


def _question(
    app: App, environ: WSGIEnvironment, present: Session | None, wanted: Session
) -> Response:
    at = None if present is None else _place(app, present)
    error = OtherSessionError("entering takes this browser elsewhere; whoever uses it must say so")
    return failed(words_of(environ), 409, error, {"at": at, "to": _place(app, wanted)})


def _place(app: App, session: Session) -> Record:
    """Return what a browser is told of a session it is in or is to be in."""
    return {
        "store": session.domain,
        "title": app.merchants.get(session.domain).title,
        "role": str(session.role),
        "session": session.digest,
        "holder": session.holder,
    }


def act(app: App, limits: Limits, environ: WSGIEnvironment) -> Response:
    """Answer a POST to one of ACTIONS."""
    require_method(environ, "POST")
    visitor = visit(app, limits, environ, Asking.ACT)
    return ACTIONS[environ["PATH_INFO"]](visitor, _document(environ))


def get(app: App, limits: Limits, environ: WSGIEnvironment) -> Response:
    """Answer `GET /pay/ajax/get?id=…`."""
    require_method(environ, "GET", "HEAD")
    visitor = visit(app, limits, environ, Asking.QUESTION)
    payment = visitor.view.payment(asked(environ, "id"))
    state = payment_state(payment, visitor.session)
    return succeeded({**state, "fee": payment.fee, "cur": payment.cur, "brief": payment.brief})


def asked(environ: WSGIEnvironment, name: str) -> str:
    """Return the one value that the query gives `name`; "" without exactly one."""
    query = environ.get("QUERY_STRING", "")
    values = parse_qs(query).get(name, []) if len(query) <= _QUERY_MAX else []
    return values[0] if len(values) == 1 else ""


def _create(visitor: Visit, fields: Fields) -> Response:
    offer = _offer(visitor.front, fields)
    payment = offer.payment
    data: Record = {
        "payTypes": [_pay_type(kind) for kind in offer.pay_types],
        "payment": {
            "id": payment.id,
            "or_id": payment.or_id,
            "fee": payment.fee,
            "cur": payment.cur,
            "brief": payment.brief,
            "st": str(payment.st),
            "view_key": payment.view_key,
        },
    }
    return _followed_up(visitor, payment, succeeded(data))


def _offer(front: Storefront, fields: Fields) -> Offer:
    if fields.raw("or_id") is not None:
        order_id = fields.required_text("or_id")
        fields.refuse_rest()
        return front.open(order_id)
    document = fields.rest()
    if "fee" in document and not {"products", "ord_ws"} & document.keys():
        fee = fields.whole("fee", low=1, high=FEE_MAX)
        brief = fields.text("brief", max_len=128)
        fields.refuse_rest()
        return front.charge(fee, brief)
    return front.order(OrderInput.from_document(document))


def _pay_type(kind: PayType) -> Json:
    return {"pay_tp": kind.name, "type": str(kind.re_tp), "needs": _NEEDS[kind.argument]}


class _Sending(NamedTuple):
    """What `send` was asked for; one of the two ids is there."""

    order_id: str
    payment_id: str
    pay_tp: str
    arguments: SendArguments


def _send(visitor: Visit, fields: Fields) -> Response:
    wanted = _sending(fields, visitor.client_ip)
    try:
        with visitor.places.take() as has_place:
            if not has_place:
                busy = LockedError("too many wait for the payment service; nothing was sent")
                raise RefusedError(503, busy, ("Retry-After", RETRY_S))
            result = _sent(visitor.front, wanted)
    except (OutcomeUnknownError, NotAllowedError) as error:
        current = visitor.view.current(wanted.order_id, wanted.payment_id)
        if isinstance(error, OutcomeUnknownError):
            state = payment_state(current, visitor.session) if current is not None else None
            return failed(visitor.words, 202, error, state)
        if current is None or current.st is not Status.OK:
            raise
        result = Result(current)  # it was paid while its type was being changed
    state = payment_state(result.payment, visitor.session)
    return _answer(visitor, result, {**state, "view_key": result.payment.view_key})


def _sent(front: Storefront, wanted: _Sending) -> Result:
    if wanted.order_id:
        return front.pay(wanted.order_id, wanted.pay_tp, wanted.arguments)
    return front.send(wanted.payment_id, wanted.pay_tp, wanted.arguments)


def _sending(fields: Fields, client_ip: str) -> _Sending:
    arguments = Fields(fields.mapping("args"), "args")
    wanted = _Sending(
        order_id=fields.text("or_id"),
        payment_id=fields.text("id"),
        pay_tp=fields.text("pay_tp"),
        arguments=SendArguments(_auth_code(arguments), arguments.text("openid"), client_ip),
    )
    arguments.refuse_rest()
    fields.refuse_rest()
    if bool(wanted.order_id) == bool(wanted.payment_id):
        raise InvalidValueError("one of or_id and id says what is to be paid")
    return wanted


def _auth_code(arguments: Fields) -> Secret | None:
    """Read the auth code; no error quotes it."""
    value = arguments.raw("auth_code")
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _AUTH_CODE_MAX:
        raise InvalidValueError("args: auth_code must be the digits of a payment code, as text")
    return Secret(value.strip())


def _check(visitor: Visit, fields: Fields) -> Response:
    payment_id = fields.required_text("id")
    fields.refuse_rest()
    with visitor.places.take() as has_place:
        # Who finds no place is told what is known, and will ask again.
        look = visitor.front.look if has_place else lambda id: Result(visitor.view.payment(id))
        result = look(payment_id)
    return _answer(visitor, result, payment_state(result.payment, visitor.session))


def _answer(visitor: Visit, result: Result, state: Record) -> Response:
    payment = result.payment
    if result.unknown:
        unsure = OutcomeUnknownError(f"payment {payment.id}: no sure answer yet")
        return failed(visitor.words, 202, unsure, state)
    return _followed_up(visitor, payment, succeeded(state))


def _followed_up(visitor: Visit, payment: Payment, response: Response) -> Response:
    """Do what a settled payment calls for once the answer is out."""
    after = partial(visitor.app.follow_up.detach, payment)
    return Response(response.status, response.body, response.content_type, response.headers, after)


def _document(environ: WSGIEnvironment) -> Fields:
    require_type(environ, "application/json")
    body = read_body(environ, BODY_MAX)
    return Fields(decode_foreign_object(body, "the request"), "the request")


def _logout(visitor: Visit, fields: Fields) -> Response:
    fields.refuse_rest()
    visitor.app.web_sessions.end(visitor.session)
    return succeeded({}, *gone_cookies())


ACTIONS: Mapping[str, Callable[[Visit, Fields], Response]] = {
    "/pay/ajax/create": _create,
    "/pay/ajax/send": _send,
    "/pay/ajax/check": _check,
    "/pay/ajax/logout": _logout,
}
