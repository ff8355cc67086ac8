"""`payment serve`: callbacks and the cashier on this machine, for development."""

import threading
from collections.abc import Iterable
from http import HTTPStatus
from signal import SIGINT, SIGTERM, signal
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.output import tell
from payment_cli.errors import ConflictError
from payment_cli.files.safe_files import check_owner
from payment_cli.gateways.chunked import ChunkedBody
from payment_cli.web.logged import without_keys
from payment_cli.web.patience import HEAD_S, Wait
from payment_cli.web.whole import make_application

if TYPE_CHECKING:
    from payment_cli.app import App

DEFAULT_PORT = 8480

#: So many connections are served at once; one more is hung up on.
CONNECTIONS_MAX = 32

#: How often an idle server looks whether it was told to stop.
LOOK_UP_S = 0.5


@click.command(
    cls=Command,
    short_help="Serve callbacks and the cashier page.",
    examples=(
        "payment serve",
        "payment serve --port 9000",
        "gunicorn -c python:payment_cli.web.gunicorn_conf payment_cli.web:application",
    ),
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    metavar="PORT",
    help=f"Where to listen on 127.0.0.1 ({DEFAULT_PORT}); 0 is any free port.",
)
def serve(port: int) -> None:
    """Serve /pay/re and the cashier's pages on 127.0.0.1 until Ctrl-C.

    It is for development; in earnest gunicorn serves payment_cli.web:application.
    """
    app = current_app(domain="root")
    check_owner(app.root)
    try:
        server = _Server(port, app.place)
    except OSError as error:
        raise ConflictError(
            f"can't serve 127.0.0.1:{port}: {error.strerror}", hint="--port takes another"
        ) from error
    with server:
        server.set_app(_put_together(make_application(server.open_app)))
        _serve_until_told(server)


class _Server(ThreadingMixIn, WSGIServer):
    """Serves each connection in a thread of its own, which opens the tree for itself."""

    def __init__(self, port: int, root: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self._root = root
        self._free = BoundedSemaphore(CONNECTIONS_MAX)
        self._of_thread = threading.local()

    def open_app(self) -> "App":
        from payment_cli.app import open_app

        # As in web/thread_app.py: a signature or a view key is what allows here, not this login.
        app: App = open_app(self._root, domain="root")
        self._of_thread.app = app
        return app

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return self._free.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            app = getattr(self._of_thread, "app", None)
            if app is not None:
                app.close()
            self._free.release()


def _serve_until_told(server: WSGIServer) -> None:
    """Serve until SIGINT or SIGTERM; the request at hand is answered first."""
    told: list[int] = []
    before = {s: signal(s, lambda number, _frame: told.append(number)) for s in (SIGINT, SIGTERM)}
    server.timeout = LOOK_UP_S
    try:
        tell(f"serving http://127.0.0.1:{server.server_port}")
        while not told:
            server.handle_request()
    finally:
        for number, handler in before.items():
            signal(number, handler)


def _put_together(application: WSGIApplication) -> WSGIApplication:
    """Let `application` read bodies that come in chunks, which wsgiref leaves as they are."""

    def put_together(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = ChunkedBody(environ["wsgi.input"])
            environ["wsgi.input_terminated"] = True
        return application(environ, start_response)

    return put_together


class _Handler(WSGIRequestHandler):
    #: A client that takes nothing of its answer for so long is hung up on.
    timeout = 10
    #: Who sends `Expect: 100-continue` is told to go on.
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        self._head = Wait(self.connection, HEAD_S)
        try:
            super().handle()
        finally:
            self._head.end()

    def parse_request(self) -> bool:
        is_whole = super().parse_request()
        self._head.end()
        if not is_whole or self._head.is_over:
            return False
        if len(self.headers.get_all("content-length", [])) > 1:
            self.send_error(HTTPStatus.BAD_REQUEST, "Two lengths")
            return False
        return True

    def get_environ(self) -> dict[str, Any]:
        # The type that was sent: wsgiref says text/plain where there is none.
        content_type = self.headers.get("content-type", "")
        environ = super().get_environ()
        return environ | {"CONTENT_TYPE": content_type, "payment.socket": self.connection}

    def address_string(self) -> str:
        return str(self.client_address[0])

    def log_message(self, format: str, *args: Any) -> None:
        tell(f"{self.address_string()} {without_keys(unquote(format % args))}")
