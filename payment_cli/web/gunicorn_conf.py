"""How gunicorn serves us: `gunicorn -c python:payment_cli.web.gunicorn_conf APPLICATION`.

It is gunicorn's worker with threads, and its heads have an end: gunicorn alone waits for each
next byte of a request line or header for ever, in one of its few threads. What is no HTTP never
comes to our applications: gunicorn alone would log it and send it back as it came, with the keys
in it. Options of the command line win over these.
"""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.workers import gthread

from payment_cli.trace import trace
from payment_cli.web.patience import HEAD_S, Wait
from payment_cli.web.wsgi import SAFE_HEADERS

#: A connection on which nothing comes leaves its thread to others after so many seconds.
IDLE_S = 0.1

gthread.DEFAULT_WORKER_DATA_TIMEOUT = IDLE_S

#: The status of a message that is no request, by gunicorn's name for what is wrong; else 400.
_STATUS: Mapping[str, int] = {
    "ForbiddenProxyRequest": 403,
    "LimitRequestLine": 414,
    "ExpectationFailed": 417,
    "LimitRequestHeaders": 431,
    "UnsupportedTransferCoding": 501,
}


class Worker(gthread.ThreadWorker):  # type: ignore[misc]
    """Serves requests in threads, and waits for no head longer than HEAD_S."""

    def handle(self, conn: Any) -> Any:
        """Read a request of a connection and answer it."""
        conn.head_wait = Wait(conn.sock, HEAD_S)
        try:
            return super().handle(conn)
        finally:
            conn.head_wait.end()

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer a request whose head has come; its body has a time of its own."""
        conn.head_wait.end()
        return super().handle_request(req, conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what can't be served, and quote no word of it: in the answer or in the log."""
        address = addr[0] if addr else "-"
        if isinstance(exc, ParseException):
            kind = type(exc).__name__
            status = _STATUS.get(kind, 400)
            self.log.warning("no request, from %s: %s", address, kind)
        else:
            status = 500
            self.log.error("a request from %s failed: %s", address, trace(exc))
        with suppress(OSError):  # it is gone already
            client.sendall(_answer(HTTPStatus(status)))


def _answer(status: HTTPStatus) -> bytes:
    body = f"{status.phrase}\n"
    headers = (
        *SAFE_HEADERS,
        ("Connection", "close"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
    )
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{k}: {v}" for k, v in headers),
        "",
        body,
    )
    return "\r\n".join(lines).encode("ascii")


worker_class = f"{__name__}.Worker"
threads = 4
