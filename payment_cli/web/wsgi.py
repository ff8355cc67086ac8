"""The small part of WSGI that every handler needs: a response, and the door errors stop at."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from payment_cli.errors import InvalidValueError, NotFoundError, PaymentError
from payment_cli.trace import trace
from payment_cli.web.logged import clean_environ, without_keys
from payment_cli.web.patience import body_wait, limit_answer

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


#: Of every answer, whoever makes it, unless it says otherwise: what keeps it out of caches, frames,
#: other origins' hands and sniffers' guesses.
SAFE_HEADERS: Headers = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)

#: Answers one request; may raise.
Handler = Callable[[WSGIEnvironment], Response]

#: Makes the answer to a request that failed, with this HTTP status; None is an error of ours.
OnError = Callable[[WSGIEnvironment, int, PaymentError | None], Response]

_LENGTH = re.compile(r"[0-9]{1,18}")


class RefusedError(Exception):
    """A request that is answered without being done: the status, the reason, further headers."""

    def __init__(self, status: int, error: PaymentError, *headers: tuple[str, str]) -> None:
        """Refuse with `status` because of `error`."""
        super().__init__(str(error))
        self.status = status
        self.error = error
        self.headers = headers


def status_of_reading(error: PaymentError) -> int:
    """Return the HTTP status of an error met by who only looks something up."""
    return 404 if isinstance(error, NotFoundError) else 503


def door(
    handler: Handler,
    on_error: OnError,
    status_of: Callable[[PaymentError], int] = status_of_reading,
) -> WSGIApplication:
    """Return `handler` as a WSGI application: no error passes, no traceback reaches a client."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            response = handler(environ)
        except RefusedError as refused:
            response = on_error(environ, refused.status, refused.error)
            response = replace(response, headers=(*response.headers, *refused.headers))
        except PaymentError as error:
            status = status_of(error)
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                _log.error("%a: %s: %s", _place(environ), error.code, error)
            response = on_error(environ, status, error)
        except Exception as error:  # the door of the web; the log has what no client must see
            _log.error("%a failed", _place(environ))
            _log.error("%s", trace(error))
            response = on_error(environ, 500, None)
        clean_environ(environ)
        return _send(response, environ, start_response)

    return application


def _place(environ: WSGIEnvironment) -> str:
    return without_keys(environ.get("PATH_INFO", ""))


def refuse(status: int, *headers: tuple[str, str]) -> Response:
    """Return a plain answer that says no more than its status."""
    return Response(status, f"{HTTPStatus(status).phrase}\n".encode(), headers=headers)


def require_method(environ: WSGIEnvironment, *methods: str) -> None:
    """Refuse any other method.

    Raises:
        RefusedError: 405.
    """
    if environ["REQUEST_METHOD"] not in methods:
        allowed = ", ".join(methods)
        raise RefusedError(405, InvalidValueError(f"only {allowed}"), ("Allow", allowed))


def require_type(environ: WSGIEnvironment, *content_types: str) -> None:
    """Refuse a body of any other type.

    Raises:
        RefusedError: 415.
    """
    media_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type not in content_types:
        raise RefusedError(
            415, InvalidValueError(f"the request must be {' or '.join(content_types)}")
        )


def read_body(environ: WSGIEnvironment, most: int) -> bytes:
    """Return the body as it was sent, of a stated length or in chunks; one too large is not read.

    Chunks are put together by the server, which says so (`wsgi.input_terminated`). A request
    with neither has no body (RFC 9112, 6.3); one with both has two ends, and is refused.

    Raises:
        RefusedError: 400, 408, 411, 413, 415 or 501.
    """
    length = environ.get("CONTENT_LENGTH", "")
    is_terminated = bool(environ.get("wsgi.input_terminated"))
    _require_plain(environ, length, is_terminated=is_terminated)
    if not length:
        body = _read(environ, most + 1) if is_terminated else b""
        if len(body) > most:
            raise _too_large(most)
        return body
    if _LENGTH.fullmatch(length) is None:
        raise RefusedError(400, InvalidValueError("the length of the request is no number"))
    if int(length) > most:
        raise _too_large(most)
    body = _read(environ, int(length))
    if len(body) != int(length):
        raise RefusedError(400, InvalidValueError("the request ends too early"))
    return body


def _require_plain(environ: WSGIEnvironment, length: str, *, is_terminated: bool) -> None:
    """Refuse a body whose end is not certain, or that is not sent as it is."""
    chunks = environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower()
    if chunks not in ("", "chunked"):
        raise RefusedError(501, InvalidValueError("of transfer codings only chunked is known"))
    if chunks and (length or environ.get("SERVER_PROTOCOL") == "HTTP/1.0"):
        raise RefusedError(400, InvalidValueError("chunks, and a length or HTTP/1.0, are too much"))
    if chunks and not is_terminated:
        raise RefusedError(411, InvalidValueError("this server does not put chunks together"))
    if environ.get("HTTP_CONTENT_ENCODING", "").strip().lower() not in ("", "identity"):
        error = InvalidValueError("the request must not be compressed")
        raise RefusedError(415, error, ("Accept-Encoding", "identity"))


def _read(environ: WSGIEnvironment, size: int) -> bytes:
    """Read up to `size` bytes, in time; each server has its own errors for what is no HTTP."""
    body, source = bytearray(), environ["wsgi.input"]
    with body_wait(environ) as wait:
        try:
            while len(body) < size and not wait.is_over and (data := source.read(size - len(body))):
                body += data
        except Exception as error:
            if not wait.is_over:
                wrong = InvalidValueError("the request can't be read")
                raise RefusedError(400, wrong) from error
    if wait.is_over and len(body) < size:
        slow = InvalidValueError("the request did not come in time")
        raise RefusedError(408, slow)
    return bytes(body)


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, InvalidValueError(f"the request is larger than {most} bytes"))


class _Body:
    """The body of a response; the server closes it when it is sent."""

    def __init__(self, body: bytes, after: Callable[[], None] | None) -> None:
        self._body = body
        self._after = after

    def __iter__(self) -> Iterator[bytes]:
        if self._body:
            yield self._body

    def close(self) -> None:
        if self._after is None:
            return
        try:
            self._after()
        except Exception as error:  # the answer is sent; a server would log what the error quotes
            _log.error("after an answer: %s", trace(error))


def _send(
    response: Response, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    limit_answer(environ)
    said = {name for name, _ in response.headers}
    headers = [*response.headers, *(safe for safe in SAFE_HEADERS if safe[0] not in said)]
    if response.status != HTTPStatus.NO_CONTENT:
        headers.append(("Content-Type", response.content_type))
        headers.append(("Content-Length", str(len(response.body))))
    start_response(f"{response.status} {HTTPStatus(response.status).phrase}", headers)
    body = b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body
    return _Body(body, response.after)
