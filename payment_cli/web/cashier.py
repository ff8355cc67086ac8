"""The cashier: a payer's page for one payment, and the question the page asks.

`GET /pay/<view_key>` is the page; `GET /pay/ajax/get?key=<view_key>` answers the shop API's
envelope `{ok, data: {status, type, data}}` or `{ok, errCode, msg}`. Nothing else of a payment is
shown, but whose store it is: who knows the key is its payer, and no more than that.
"""

import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qs
from wsgiref.types import WSGIApplication, WSGIEnvironment

from payment_cli.app import App
from payment_cli.errors import ConfigError, InvalidValueError, NotFoundError, PaymentError
from payment_cli.services.payments.view import view_payment
from payment_cli.web.cashier_page import CASHIER, draw_notice, draw_payment
from payment_cli.web.envelope import failed, succeeded
from payment_cli.web.html import page_headers
from payment_cli.web.logo import Shown, shown_of
from payment_cli.web.thread_app import app_of_this_thread
from payment_cli.web.words import words_of
from payment_cli.web.wsgi import Response, door, refuse

_PAGE = re.compile(r"/pay/([^/]+)")
_AJAX_GET = "/pay/ajax/get"

#: Longer queries are no question of our page.
_QUERY_MAX = 200


def make_cashier(open_app: Callable[[], App]) -> WSGIApplication:
    """Return the cashier over the tree that `open_app` returns in the thread it is called in."""
    return door(partial(_answer, open_app), _failure)


def _answer(open_app: Callable[[], App], environ: WSGIEnvironment) -> Response:
    path = environ.get("PATH_INFO", "")
    page = _PAGE.fullmatch(path)
    if page is None and path != _AJAX_GET:
        return refuse(404)
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return refuse(405, ("Allow", "GET, HEAD"))
    if page is None:
        view = view_payment(open_app().storage, _asked_key(environ))
        return succeeded(view.to_record())
    app = open_app()
    view = view_payment(app.storage, page[1])
    return _html(200, draw_payment(view, _shown(app, view.seller), words_of(environ)))


def _shown(app: App, seller: str) -> Shown | None:
    """Return whose payment it is; who is no store any more is not shown, but can be paid."""
    try:
        return shown_of(app, seller)
    except (NotFoundError, ConfigError, InvalidValueError):
        return None


def _failure(environ: WSGIEnvironment, status: int, error: PaymentError | None) -> Response:
    """Answer in the form that was asked for; what is wrong inside is not the payer's to read."""
    if environ.get("PATH_INFO") != _AJAX_GET:
        says = "unknown" if status == HTTPStatus.NOT_FOUND else "broken"
        return _html(status, draw_notice(says, words_of(environ)))
    return failed(words_of(environ), status, error)


def _asked_key(environ: WSGIEnvironment) -> str:
    query = environ.get("QUERY_STRING", "")
    keys = parse_qs(query).get("key", []) if len(query) <= _QUERY_MAX else []
    return keys[0] if len(keys) == 1 else ""


def _html(status: int, body: bytes) -> Response:
    return Response(status, body, "text/html; charset=utf-8", page_headers(CASHIER))


application = make_cashier(app_of_this_thread)
