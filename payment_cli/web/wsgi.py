"""The small part of WSGI that every handler needs: a response, and the door errors stop at."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from payment_cli.errors import NotFoundError, PaymentError

_log = logging.getLogger("payment_cli.web")

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `after` runs when it has been sent."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Headers = ()
    after: Callable[[], None] | None = None


#: Answers one request; may raise.
Handler = Callable[[WSGIEnvironment], Response]

#: Makes the answer to a request that failed, with this HTTP status; None is an error of ours.
OnError = Callable[[WSGIEnvironment, int, PaymentError | None], Response]


def door(handler: Handler, on_error: OnError) -> WSGIApplication:
    """Return `handler` as a WSGI application: no error passes, no traceback reaches a client."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            response = handler(environ)
        except PaymentError as error:
            status = 404 if isinstance(error, NotFoundError) else 503
            if status != HTTPStatus.NOT_FOUND:
                _log.error("%a: %s: %s", environ.get("PATH_INFO"), error.code, error)
            response = on_error(environ, status, error)
        except Exception:  # this is the door of the web; the log has what the client must not see
            _log.exception("%a failed", environ.get("PATH_INFO"))
            response = on_error(environ, 500, None)
        return _send(response, environ, start_response)

    return application


def refuse(status: int, *headers: tuple[str, str]) -> Response:
    """Return a plain answer that says no more than its status."""
    return Response(status, f"{HTTPStatus(status).phrase}\n".encode(), headers=headers)


class _Body:
    """The body of a response; the server closes it when it is sent."""

    def __init__(self, body: bytes, after: Callable[[], None] | None) -> None:
        self._body = body
        self._after = after

    def __iter__(self) -> Iterator[bytes]:
        if self._body:
            yield self._body

    def close(self) -> None:
        if self._after is not None:
            self._after()


def _send(
    response: Response, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    headers = list(response.headers)
    if response.status != HTTPStatus.NO_CONTENT:
        headers.append(("Content-Type", response.content_type))
        headers.append(("Content-Length", str(len(response.body))))
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers)
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body
    return _Body(body, response.after)
