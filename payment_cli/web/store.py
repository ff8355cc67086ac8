"""The web of a store: the checkout, the till, the way in, and the questions their scripts ask.

    GET /pay/enter[/ORDER]#TOKEN  takes the token of a link (sessions.py) and goes on
    GET /pay/checkout/ORDER       an order for its buyer: lines, sums, ways to pay, state
    GET /pay/scan[/PAYMENT]       the till, for a cashier: what is due, the code, what became of it
    GET /pay/logo/STORE           see logo.py
    /pay/session, /pay/ajax/…     see ajax.py

Every page but the way in needs a session. What belongs to somebody else is not found.
"""

import re
from collections.abc import Callable
from functools import partial
from wsgiref.types import WSGIApplication, WSGIEnvironment

from payment_cli.app import App
from payment_cli.errors import PaymentError
from payment_cli.web import ajax, logo
from payment_cli.web.cashier_page import CASHIER, draw_notice
from payment_cli.web.checkout_page import Visitor, draw_checkout
from payment_cli.web.envelope import failed, status_of
from payment_cli.web.html import Frame, page_headers
from payment_cli.web.logo import shown_of
from payment_cli.web.sessions import Asking
from payment_cli.web.store_page import CHECKOUT, ENTER, SCAN, Sign, draw_enter
from payment_cli.web.thread_app import app_of_this_thread
from payment_cli.web.till_page import draw_scan, draw_till
from payment_cli.web.visits import Limits, Visit, count_address, visit
from payment_cli.web.words import Words, words_of
from payment_cli.web.wsgi import Response, door, refuse, require_method

_PAGE = re.compile(r"/pay/(enter|checkout|scan)(?:/([0-9A-Za-z_-]{1,64}))?")

#: What a page says that can't be shown.
_SAYS = {400: "two sessions", 401: "no session", 403: "not yours", 404: "no order", 429: "busy"}


def make_checkout(open_app: Callable[[], App], limits: Limits | None = None) -> WSGIApplication:
    """Return the web of the stores over the tree that `open_app` returns in the calling thread."""
    handler = partial(_answer, open_app, limits or Limits())
    return door(handler, _failure, status_of)


def is_of_store(environ: WSGIEnvironment) -> bool:
    """Whether a request is answered here, and not by the cashier."""
    path = environ.get("PATH_INFO", "")
    if path == ajax.GET:
        return ajax.asked(environ, "id") != ""
    if logo.PATH.fullmatch(path) is not None:
        return True
    return path == ajax.ENTER or path in ajax.ACTIONS or _PAGE.fullmatch(path) is not None


def _answer(open_app: Callable[[], App], limits: Limits, environ: WSGIEnvironment) -> Response:
    path = environ.get("PATH_INFO", "")
    if not is_of_store(environ):
        return refuse(404)
    app = open_app()
    count_address(app, limits, environ)
    if path == ajax.ENTER:
        return ajax.enter(app, environ)
    if path in ajax.ACTIONS:
        return ajax.act(app, limits, environ)
    if path == ajax.GET:
        return ajax.get(app, limits, environ)
    if logo.PATH.fullmatch(path) is not None:
        return logo.answer(app, environ)
    return _page(app, limits, environ)


def _page(app: App, limits: Limits, environ: WSGIEnvironment) -> Response:
    require_method(environ, "GET", "HEAD")
    _, _, kind, wanted = f"{environ['PATH_INFO']}/".split("/")[:4]
    words = words_of(environ)
    if kind == "enter":
        return _html(200, ENTER, draw_enter(wanted, words, asks=not _is_own_wish(environ)))
    visitor = visit(app, limits, environ, Asking.PAGE)
    if kind == "checkout":
        return _checkout(visitor, wanted, environ, words)
    return _till(visitor, wanted, words)


def _is_own_wish(environ: WSGIEnvironment) -> bool:
    """Whether the browser says that its user, or a page of ours, opened this page.

    One that says nothing may have been led here by any page.
    """
    return environ.get("HTTP_SEC_FETCH_SITE", "") in ("none", "same-origin")


def _checkout(visitor: Visit, order_id: str, environ: WSGIEnvironment, words: Words) -> Response:
    bill = visitor.view.bill(order_id, words.lang)
    browser = environ.get("HTTP_USER_AGENT", "")
    in_wechat = "MicroMessenger/" in browser
    on_phone = "Mobi" in browser and not in_wechat
    store = shown_of(visitor.app, visitor.session.domain)
    who = Visitor(visitor.session, in_wechat, on_phone, visitor.app.clock(), store)
    return _html(200, CHECKOUT, draw_checkout(bill, who, words))


def _till(visitor: Visit, payment_id: str, words: Words) -> Response:
    visitor.view.require_cashier()
    sign = Sign(visitor.session, shown_of(visitor.app, visitor.session.domain))
    if not payment_id:
        return _html(200, SCAN, draw_till(sign, words))
    offer = visitor.view.offer(payment_id)
    left_ms = visitor.app.watcher.reverse_in(offer.payment)
    return _html(200, SCAN, draw_scan(offer, sign, left_ms, words))


def _failure(environ: WSGIEnvironment, status: int, error: PaymentError | None) -> Response:
    """Answer in the form that was asked for."""
    if _PAGE.fullmatch(environ.get("PATH_INFO", "")) is None:
        return failed(words_of(environ), status, error)
    return _html(status, CASHIER, draw_notice(_SAYS.get(status, "broken"), words_of(environ)))


def _html(status: int, frame: Frame, body: bytes) -> Response:
    return Response(status, body, "text/html; charset=utf-8", page_headers(frame))


application = make_checkout(app_of_this_thread)
