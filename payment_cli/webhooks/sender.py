"""Sends one webhook to an address that was checked, within a time limit over all of it.

Nothing is raised for what a receiver or the network does: it all is a `Delivery`. Redirects are not
followed, proxies are not used (they would look the name up again), and of the answer only the first
bytes are read. Plain `http.client`, because the socket must be ours.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from payment_cli.model.events.notice import Delivery
from payment_cli.model.events.webhook_url import WebhookUrl
from payment_cli.webhooks.address import (
    Lookup,
    RefusedAddressError,
    checked_addresses,
    system_lookup,
)

#: Seconds for everything: looking the name up, connecting, sending, and the answer's head.
TIME_LIMIT_S = 5.0
#: Seconds for connecting to one of several addresses.
CONNECT_LIMIT_S = 2.0
#: The most bytes of an answer that are read.
ANSWER_MAX = 4096
#: How many addresses of a host are tried.
ADDRESSES_MAX = 4

#: Opens a connection to (address, port) within so many seconds.
Connect: TypeAlias = Callable[[tuple[str, int], float], socket.socket]

_TOO_LATE = "it did not answer in time"

_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "payment-cli",
    "Connection": "close",
}


class WebhookSender:
    """Sends webhooks. `ca_file` (PEM) is trusted instead of the usual certificates, if given."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        lookup: Lookup = system_lookup,
        connect: Connect = socket.create_connection,
        time_limit_s: float = TIME_LIMIT_S,
        ca_file: str = "",
    ) -> None:
        """Send to private addresses only if `allow_private`."""
        self._allow_private = allow_private
        self._lookup = lookup
        self._connect = connect
        self._time_limit_s = time_limit_s
        self._ca_file = ca_file

    def send(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Delivery:
        """POST `body` to `url`; return what came of it, at the latest when the time is up."""
        call = _Call(
            url,
            {"Host": url.authority, **_HEADERS, **headers},
            body,
            time.monotonic() + self._time_limit_s,
        )
        # A name that can't be looked up blocks for as long as the resolver likes, so everything
        # happens in a thread that is left behind, with its socket closed, when the time is up.
        thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        thread.start()
        thread.join(self._time_limit_s)
        call.hang_up()
        if call.bug is not None:
            raise call.bug
        return call.delivery or Delivery(0, _TOO_LATE)

    def _run(self, call: "_Call") -> None:
        try:
            self._deliver(call)
        except RefusedAddressError as error:
            call.note(Delivery(0, str(error)))
        except (OSError, ValueError, http.client.HTTPException) as error:
            if call.delivery is None:  # an answer cut off after its status is an answer
                call.note(Delivery(0, _words(error)))
        except Exception as error:  # a bug: it is raised where somebody sees it
            call.bug = error

    def _deliver(self, call: "_Call") -> None:
        url = call.url
        addresses = checked_addresses(
            url.host, url.port, self._lookup, allow_private=self._allow_private
        )
        context = self._context if url.is_tls else None  # it takes its time: not while connected
        connected = self._connected(call, addresses)
        try:
            call.watch(connected)
            if context is not None:
                connected = call.secured(connected, context)
                connected.do_handshake()
            _exchange(call, connected)
        finally:
            connected.close()

    def _connected(self, call: "_Call", addresses: list[str]) -> socket.socket:
        """Return a connection to the first address that takes one."""
        failure: OSError = socket.gaierror("the host has no address")
        for address in addresses[:ADDRESSES_MAX]:
            try:
                seconds = min(call.seconds_left(), CONNECT_LIMIT_S)
                return self._connect((address, call.url.port), seconds)
            except OSError as error:
                failure = error
        raise failure

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._ca_file or None)
        if not self._ca_file:
            import certifi  # what the gateways trust, too: some machines have no list of their own

            context.load_verify_locations(certifi.where())
        return context


@dataclass(slots=True)
class _Call:
    """One call, shared by the thread that makes it and the one that waits for it."""

    url: WebhookUrl
    headers: Mapping[str, str]
    body: bytes
    ends_at: float
    delivery: Delivery | None = None
    bug: Exception | None = None
    is_over: bool = False
    _socket: socket.socket | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seconds_left(self) -> float:
        """Return how long the call may still take.

        Raises:
            TimeoutError: no longer.
        """
        left = self.ends_at - time.monotonic()
        if self.is_over or left <= 0:
            raise TimeoutError("the time is up")
        return left

    def watch(self, connected: socket.socket) -> None:
        """Hang up on `connected` when the time is up.

        Raises:
            TimeoutError: it is up.
        """
        with self._lock:
            self.seconds_left()
            self._socket = connected

    def secured(self, connected: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Return the connection with TLS on it; the handshake is still to be done.

        Raises:
            TimeoutError: the time is up.
        """
        with self._lock:  # a connection that is hung up on in here would be lost, not closed
            self.seconds_left()
            secured = context.wrap_socket(
                connected, server_hostname=self.url.host, do_handshake_on_connect=False
            )
            self._socket = secured
            return secured

    def hang_up(self) -> None:
        """End the call, whatever it waits for."""
        with self._lock:
            self.is_over = True
            if self._socket is not None:
                # An SSLSocket's own shutdown is not made for a second thread; the plain one is.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def note(self, delivery: Delivery) -> None:
        """Remember what came of the call; what comes of hanging up is not that."""
        if not self.is_over:
            self.delivery = delivery


def _exchange(call: _Call, connected: socket.socket) -> None:
    """Send the request and read what is wanted of the answer. The status alone decides."""
    connection = http.client.HTTPConnection(call.url.host, call.url.port)
    connection.sock = connected
    connected.settimeout(call.seconds_left())
    connection.putrequest("POST", call.url.target, skip_host=True, skip_accept_encoding=True)
    for name, value in call.headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Length", str(len(call.body)))
    connection.endheaders(call.body)
    with connection.getresponse() as response:
        call.note(Delivery(response.status, ""))
        said = response.read(ANSWER_MAX).decode("utf-8", "replace")
        call.note(Delivery(response.status, said.strip()))


def _words(error: Exception) -> str:
    """Say what happened without quoting what was sent or answered."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "its host is not known"
    if isinstance(error, TimeoutError):
        return _TOO_LATE
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"its answer is no HTTP ({type(error).__name__})"
