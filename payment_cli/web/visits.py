"""A request of somebody with a session: who it is, how often it may ask, and the store it is at."""

from dataclasses import dataclass, field
from wsgiref.types import WSGIEnvironment

from payment_cli.app import App
from payment_cli.errors import NotAllowedError
from payment_cli.model.stores.session import Session
from payment_cli.services.shop.session_view import SessionView
from payment_cli.services.shop.storefront import Storefront
from payment_cli.web.admission import Limit, address_of, client_of
from payment_cli.web.asking import Places
from payment_cli.web.sessions import Asking, session_of
from payment_cli.web.words import Words, words_of
from payment_cli.web.wsgi import RefusedError


@dataclass(frozen=True, slots=True)
class Limits:
    """How often an address may ask (many people may share one), and how often a session may.

    `places` are those of who asks providers.
    """

    places: Places = field(default_factory=Places)
    addresses: Limit = field(default_factory=lambda: Limit(burst=300, every_ms=50))
    sessions: Limit = field(default_factory=lambda: Limit(burst=30, every_ms=1000))


@dataclass(frozen=True, slots=True)
class Visit:
    """A session, where it is asked from ("" if unknown), the tree as its store sees it.

    `words` are of the language that is asked in.
    """

    session: Session
    client_ip: str
    app: App
    view: SessionView
    front: Storefront
    words: Words
    places: Places


def count_address(app: App, limits: Limits, environ: WSGIEnvironment) -> None:
    """Count a request for the address it comes from.

    Raises:
        RefusedError: 429, one too many.
    """
    _take(limits.addresses, address_of(environ), app.clock())


def visit(app: App, limits: Limits, environ: WSGIEnvironment, asking: Asking) -> Visit:
    """Let a request in.

    Raises:
        RefusedError: as `session_of`; 429, one too many.
    """
    session = session_of(app, environ, asking)
    _take(limits.sessions, session.nonce, app.clock())
    store = app.acting_as(session.domain)
    front = store.shop.storefront(session)
    words = words_of(environ)
    return Visit(session, client_of(environ), store, front.view, front, words, limits.places)


def _take(limit: Limit, key: str, now: int) -> None:
    wait_ms = limit.take(key, now)
    if wait_ms:
        seconds = str(-(-wait_ms // 1000))
        raise RefusedError(429, NotAllowedError("too many requests"), ("Retry-After", seconds))
