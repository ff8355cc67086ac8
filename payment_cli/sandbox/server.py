"""Serving the sandbox on this machine, threaded, and stopping it without a trace."""

import fcntl
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from payment_cli.sandbox.app import Sandbox, make_app
from payment_cli.sandbox.control import read_token
from payment_cli.sandbox.exchange import SandboxError
from payment_cli.sandbox.notifier import is_loopback
from payment_cli.sandbox.private_file import make_private_dir, write_private
from payment_cli.sandbox.world import machine_clock

#: Where `targets.init` makes the configs point unless told otherwise.
DEFAULT_PORT = 8499
#: A client that says nothing for so long is hung up on.
SILENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that is being served."""

    url: str
    state: Path
    sandbox: Sandbox


def serve(
    state: Path,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    speed: float = 1.0,
    announce: Callable[[str], object] = sys.stdout.write,
) -> None:
    """Serve until SIGINT or SIGTERM; the URL goes to `announce` as one line. Main thread only.

    Raises:
        SandboxError: not a loopback host, the port is taken, or another one serves this state.
    """
    stop = threading.Event()
    before = {s: signal.signal(s, lambda *_: stop.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        with running_sandbox(state, host=host, port=port, speed=speed) as running:
            announce(f"{running.url}\n")
            stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def running_sandbox(
    state: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    speed: float = 1.0,
    clock: Callable[[], int] = machine_clock,
) -> Iterator[Running]:
    """Serve the sandbox of `state` in the background; port 0 picks a free one.

    Raises:
        SandboxError: as `serve`.
    """
    if not is_loopback(host):
        raise SandboxError("invalid", f"{host} is not this machine; the sandbox serves 127.0.0.1")
    make_private_dir(state)
    with (
        _sole_server_of(state),
        closing(make_app(state, speed=speed, clock=clock)) as sandbox,
        _bind(host, port) as server,
    ):
        sandbox.control.token = read_token(state)
        server.set_app(sandbox)
        running = Running(f"http://{host}:{server.server_port}", state, sandbox)
        with _serving(server, running):
            yield running


@contextmanager
def _serving(server: "_Server", running: Running) -> Iterator[None]:
    address = running.state / "server.json"
    stopping = running.sandbox.world.stopping
    thread = threading.Thread(target=server.serve_until, args=(stopping,), name="sandbox-server")
    running.sandbox.notifier.start()
    thread.start()
    write_private(address, json.dumps({"url": running.url, "pid": os.getpid()}))
    try:
        yield
    finally:
        address.unlink(missing_ok=True)
        running.sandbox.world.stop()
        server.wake_up()
        thread.join()
        server.stop_reading()


@contextmanager
def _sole_server_of(state: Path) -> Iterator[None]:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(state / "lock", flags, 0o600)
    except OSError as error:
        raise SandboxError("damaged", f"{state / 'lock'} is not a plain file") from error
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SandboxError("conflict", f"another sandbox already serves {state}") from None
        yield


def _bind(host: str, port: int) -> "_Server":
    try:
        return _Server((host, port), _Handler)
    except OSError as error:
        raise SandboxError("conflict", f"can't serve {host}:{port}: {error.strerror}") from error


class _Server(ThreadingMixIn, WSGIServer):
    """One thread a request; closing waits for them all, so nothing outlives the sandbox."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # As in HTTPServer, but without looking up a name for the address.
        TCPServer.server_bind(self)
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])
        self.setup_environ()

    def serve_until(self, stopping: threading.Event) -> None:
        """Answer requests; `wake_up` makes it see that it has to stop. No polling."""
        while not stopping.is_set():
            self.handle_request()

    def wake_up(self) -> None:
        """Let `serve_until` look up, by a connection that says nothing."""
        with suppress(OSError):
            socket.create_connection((self.server_name, self.server_port)).close()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def stop_reading(self) -> None:
        """Let go of clients that hold a connection and say nothing."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(WSGIRequestHandler):
    """Hands the raw request line and the connection to the application."""

    timeout = SILENCE_S

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ["REQUEST_URI"] = self.path
        environ["sandbox.connection"] = self.connection
        return environ

    def address_string(self) -> str:
        return str(self.client_address[0])

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing; the ledger keeps the requests."""
