"""Who asks: the session a request carries, and whether a page of ours sent it.

A session is a token of `payment web token` (model/stores/session.py). It comes as

- `Authorization: Bearer TOKEN`, from a program, or
- a cookie, from our own pages: HttpOnly, SameSite=Strict, and over https Secure under a `__Host-`
  name, which no other host and no plain http can set.

The cookie is set by `POST /pay/session {token}`. A link is `/pay/enter#TOKEN`: a fragment is never
sent to a server, so the token is in no access log and no Referer; the page there takes it out of
the address and posts it.

A browser adds the cookie to whatever it sends here, so a request that acts by cookie must prove
that our own page sent it: it carries the header X-Payment-Web, which no form and no foreign page
can set without asking first (and the answer to that question is no), it is JSON, and Origin and
Sec-Fetch-Site, where the browser sends them, say that it came from here; one of them must.

The cookie of a browser may change while a page of it is open. So the header's value is the digest
of the session that the page was drawn for, with every question and act; where the cookie is of
another session nothing is done and nothing is told (`e.pay.session`). Entering does not take a
browser away from another store or buyer, nor into one from a foreign page, before the person there
was asked: see `enter` in ajax.py. A server on another port of our host can set cookies of our name,
for another path; of two that differ none is believed.
"""

from enum import Enum, auto
from urllib.parse import urlsplit
from wsgiref.types import WSGIEnvironment

from payment_cli.app import App
from payment_cli.errors import NotAllowedError, OtherSessionError, UntrustedError
from payment_cli.model.stores.session import Session
from payment_cli.web.wsgi import RefusedError

#: Says that a page of ours sent the request, and by its value for which session it was drawn.
PAGE_HEADER = "X-Payment-Web"

_COOKIE = "payment_session"
_HOST_COOKIE = "__Host-payment_session"


class Asking(Enum):
    """What a request with a cookie is: a page that is opened, a question of its script, an act."""

    PAGE = auto()
    QUESTION = auto()
    ACT = auto()


def session_of(app: App, environ: WSGIEnvironment, asking: Asking) -> Session:
    """Return the session of a request.

    Raises:
        RefusedError: 401 without a valid session, 403 if another site's page may have sent it,
            409 if the page that asks is of another session, 400 with two.
        ConfigError: the store's key file is not as it must be.
    """
    token = _bearer(environ)
    if token:
        return open_session(app, token)
    token = _cookie(app, environ)
    if token and asking is Asking.ACT:
        require_own_page(app, environ)
    session = open_session(app, token)
    if asking is not Asking.PAGE and environ.get("HTTP_X_PAYMENT_WEB", "") != session.digest:
        raise RefusedError(
            409,
            OtherSessionError(
                "this browser's session is not the one of the page that asks; nothing was done"
            ),
        )
    return session


def present_session(app: App, environ: WSGIEnvironment) -> Session | None:
    """Return the session that a browser is in, None if it is in none.

    Raises:
        RefusedError: 400, it has two. ConfigError: as `session_of`.
    """
    try:
        return app.web_sessions.open(_cookie(app, environ))
    except UntrustedError:
        return None


def open_session(app: App, token: str) -> Session:
    """Return the session of a token.

    Raises:
        RefusedError: 401, it is none. ConfigError: as `session_of`.
    """
    try:
        return app.web_sessions.open(token)
    except UntrustedError as error:
        challenge = ("WWW-Authenticate", "Bearer")
        raise RefusedError(401, UntrustedError("no valid session"), challenge) from error


def require_own_page(app: App, environ: WSGIEnvironment) -> None:
    """Refuse what another site's page could have made a browser send.

    Raises:
        RefusedError: 403.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE", "")
    origin = environ.get("HTTP_ORIGIN", "")
    is_ours = (
        environ.get("HTTP_X_PAYMENT_WEB", "") != ""
        and (site or origin) != ""
        and site in ("", "same-origin")
        and (not origin or _is_own_origin(origin, app, environ))
    )
    if not is_ours:
        raise RefusedError(403, NotAllowedError(f"only our own pages may ask this ({PAGE_HEADER})"))


def session_cookie(token: str, session: Session, now: int, *, is_secure: bool) -> tuple[str, str]:
    """Return the header that gives a browser the token for as long as the session lasts."""
    lasts_s = max(0, session.expi - now) // 1000
    kind = f"Max-Age={lasts_s}; HttpOnly; SameSite=Strict"
    if is_secure:
        return "Set-Cookie", f"{_HOST_COOKIE}={token}; Path=/; Secure; {kind}"
    return "Set-Cookie", f"{_COOKIE}={token}; Path=/; {kind}"


def gone_cookies() -> tuple[tuple[str, str], ...]:
    """Return the headers that take the token from a browser, by whichever name it has it."""
    kind = "Path=/; Max-Age=0; HttpOnly; SameSite=Strict"
    return (
        ("Set-Cookie", f"{_HOST_COOKIE}=; Secure; {kind}"),
        ("Set-Cookie", f"{_COOKIE}=; {kind}"),
    )


def is_secure(app: App, environ: WSGIEnvironment) -> bool:
    """Whether the browser talks https, to us or to the proxy before us."""
    return environ["wsgi.url_scheme"] == "https" or app.settings.public_url.startswith("https:")


def _bearer(environ: WSGIEnvironment) -> str:
    header: str = environ.get("HTTP_AUTHORIZATION", "")
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _cookie(app: App, environ: WSGIEnvironment) -> str:
    wanted = _HOST_COOKIE if is_secure(app, environ) else _COOKIE
    header: str = environ.get("HTTP_COOKIE", "")
    pairs = [part.strip().partition("=") for part in header.split(";")]
    tokens = {value.strip() for name, _, value in pairs if name == wanted}
    if len(tokens) > 1:
        raise RefusedError(400, UntrustedError("this browser sends two sessions"))
    return tokens.pop() if tokens else ""


def _is_own_origin(origin: str, app: App, environ: WSGIEnvironment) -> bool:
    try:
        ours, said = urlsplit(app.settings.public_url), urlsplit(origin)
    except ValueError:
        return False
    # A proxy may speak http to us where the browser speaks https, but never the other way round.
    is_scheme = said.scheme in ("https", environ["wsgi.url_scheme"])
    is_host = said.netloc.lower() == environ.get("HTTP_HOST", "").lower()
    is_public = (said.scheme, said.netloc) == (ours.scheme, ours.netloc)
    return said.netloc != "" and ((is_scheme and is_host) or is_public)
