"""`/pay/re`: hands a provider's callback to the receiving service, byte for byte, and answers.

Serve it alone (`gunicorn payment_cli.web.shim:application`) or with the cashier
(`payment_cli.web:application`). It knows paths, methods and sizes, and takes a body however it is
framed and whatever type it is said to be; who may be believed is the service's business. The answer
goes out before the payment's script is started.
"""

import logging
import re
from collections.abc import Callable
from functools import partial
from wsgiref.types import WSGIApplication, WSGIEnvironment

from payment_cli.app import App
from payment_cli.errors import InvalidValueError, NotFoundError, PaymentError, UntrustedError
from payment_cli.gateways.base import HttpRequest
from payment_cli.web.thread_app import app_of_this_thread
from payment_cli.web.wsgi import Response, door, read_body, refuse, require_method

#: The largest callback read; providers' own are a few KiB.
BODY_MAX = 1024 * 1024

#: `/pay/re`, or with pay type, domain and target.
_PATH = re.compile(r"/pay/re(?:/[^/]+/[^/]+/[^/]+)?/?")

_log = logging.getLogger("payment_cli.web")


def make_shim(open_app: Callable[[], App]) -> WSGIApplication:
    """Return the shim over the tree that `open_app` returns in the thread it is called in."""
    return door(partial(_answer, open_app), _refuse)


def _answer(open_app: Callable[[], App], environ: WSGIEnvironment) -> Response:
    if _PATH.fullmatch(environ.get("PATH_INFO", "")) is None:
        return refuse(404)
    require_method(environ, "POST")
    body = read_body(environ, BODY_MAX)
    return _receive(open_app(), _request(environ, body))


def _refuse(environ: WSGIEnvironment, status: int, _error: PaymentError | None) -> Response:
    """Refuse what was not heard, in the form of the provider who seems to have sent it."""
    from payment_cli.gateways.registry import sender_of

    request = _request(environ, b"")
    provider = sender_of(request)
    if provider is None:
        return refuse(status)
    answer = provider.refusal(request, status)
    return Response(answer.status, answer.body, answer.content_type)


def _request(environ: WSGIEnvironment, body: bytes) -> HttpRequest:
    headers = {
        key.removeprefix("HTTP_").replace("_", "-").lower(): value
        for key, value in environ.items()
        if key.startswith("HTTP_") or key in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    return HttpRequest("POST", environ["PATH_INFO"], environ.get("QUERY_STRING", ""), headers, body)


def _receive(app: App, request: HttpRequest) -> Response:
    received = app.receiver.receive(request)
    if received.error is not None:
        _note(request, received.error, is_genuine=received.is_genuine)
    answer = received.acknowledgement
    after = None
    if received.payment is not None:
        after = partial(app.follow_up.detach, received.payment)
    return Response(answer.status, answer.body, answer.content_type, after=after)


def _note(request: HttpRequest, error: PaymentError, *, is_genuine: bool) -> None:
    # What a stranger can cause is not worth a line in a log; what the operator must see is.
    is_theirs = isinstance(error, (UntrustedError, InvalidValueError, NotFoundError))
    level = logging.INFO if is_theirs and not is_genuine else logging.ERROR
    _log.log(level, "callback on %a: %s: %s", request.path, error.code, error)


application = make_shim(app_of_this_thread)
