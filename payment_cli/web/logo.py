"""`GET /pay/logo/STORE`: the logo of a store, which anybody may see; and whose page it is, drawn.

The picture is the store's own file, `.store/store_logo.jpg`. It is sent as the kind of picture it
is found to be, under a policy that lets it do nothing.
"""

import re
from typing import NamedTuple
from wsgiref.types import WSGIEnvironment

from payment_cli.app import App
from payment_cli.errors import (
    ConfigError,
    CorruptRecordError,
    InvalidValueError,
    NotFoundError,
    StorageError,
)
from payment_cli.model.stores.logo import Logo
from payment_cli.web.html import text_of
from payment_cli.web.wsgi import Response, refuse, require_method

PATH = re.compile(r"/pay/logo/([0-9a-z][0-9a-z_.-]{0,31})")

#: How long a browser may show a logo without asking again.
CACHE_S = 300

_HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ("Cache-Control", f"public, max-age={CACHE_S}"),
)


class Shown(NamedTuple):
    """What a page shows of a store: its domain, its title, and whether it has a logo."""

    domain: str
    title: str
    has_logo: bool


def shown_of(app: App, domain: str) -> Shown:
    """Return what pages show of a store.

    Raises:
        NotFoundError, ConfigError: as `Merchants.get`.
    """
    return Shown(domain, app.merchants.get(domain).title, _logo_of(app, domain) is not None)


def draw_shown(store: Shown, up: str = "") -> str:
    """Return it for the head of a page; `up` leads from the page to /pay/."""
    logo = f'<img class="logo" src="{up}logo/{text_of(store.domain)}" alt="">\n'
    return (logo if store.has_logo else "") + f'<p class="store">{text_of(store.title)}</p>'


def answer(app: App, environ: WSGIEnvironment) -> Response:
    """Answer a request for a logo."""
    require_method(environ, "GET", "HEAD")
    found = PATH.fullmatch(environ["PATH_INFO"])
    logo = _logo_of(app, found[1]) if found is not None else None
    if logo is None:
        return refuse(404)
    return Response(200, logo.data, logo.media_type, _HEADERS)


def _logo_of(app: App, domain: str) -> Logo | None:
    """Return a store's logo, None without one that can be shown: `payment doctor` says why."""
    try:
        return app.merchants.logo(domain)
    except (NotFoundError, InvalidValueError, ConfigError, CorruptRecordError, StorageError):
        return None
