"""The one door to the network: one call, one reply, and two ways of not getting one.

A call that was *never received* (NotSentError) is safe to repeat and is repeated here. A call that
*may have been received* (NoAnswerError) is never repeated here: the adapter answers UNKNOWN and
the provider is asked about it (active_merchant's retry rule). These two never leave the gateways.

Limits: every call has a deadline over all of it, however slowly bytes come, and a largest answer.
No redirects are followed, TLS is verified, nothing is decompressed. What is logged (debug level
only) has gone through scrub.py. `requests` is loaded at the first call.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from payment_cli.gateways.scrub import scrub_body, scrub_headers, scrub_url
from payment_cli.model.secret import Secret

if TYPE_CHECKING:
    from payment_cli.gateways.http_session import Sessions

#: How often a call is tried whose connection could not be made.
TRIES_MAX = 3
#: Seconds between such tries.
TRY_PAUSE_S = 0.2
#: The largest answer body read unless a call says otherwise.
BODY_MAX = 1024 * 1024

_log = logging.getLogger(__name__)


class NotSentError(Exception):
    """The provider never received the call: refused connection, unknown host, no TLS."""


class NoAnswerError(Exception):
    """The provider may have received the call: timeout, reset, unreadable or too long answer."""


@dataclass(frozen=True, slots=True)
class ClientCert:
    """What mutual TLS shows the server: a PEM certificate (chain) and its PEM private key."""

    cert: str
    key: Secret


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request, sent exactly as given.

    `timeout_s` spans the whole call, from connecting to the last byte of the answer. `body` is
    the very bytes that were signed.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout_s: float = 10.0
    client_cert: ClientCert | None = None
    body_max: int = BODY_MAX


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back, whatever its status. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def is_this_machine(host: str) -> bool:
    """Say whether a host name or address is this machine itself: no real money, no real payer."""
    from ipaddress import ip_address

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Transport(Protocol):
    """What an adapter needs of the network."""

    def send(self, call: HttpCall) -> HttpReply:
        """Send `call` and return the reply.

        Raises:
            NotSentError: it was never received.
            NoAnswerError: it may have been.
        """


class HttpTransport:
    """The real network. Connections are kept and used again; `close` lets them go."""

    def __init__(self, *, ca_file: str = "", pause: Callable[[float], None] = time.sleep) -> None:
        """Trust the certificates in `ca_file` (PEM) instead of the usual ones, if given."""
        self._ca_file = ca_file
        self._pause = pause
        self._opened: Sessions | None = None

    def send(self, call: HttpCall) -> HttpReply:
        """Send `call`; one that could not be delivered is tried TRIES_MAX times.

        Raises:
            NotSentError: it was never received.
            NoAnswerError: it may have been.
        """
        for _ in range(TRIES_MAX - 1):
            try:
                return self._send_once(call)
            except NotSentError:
                self._pause(TRY_PAUSE_S)
        return self._send_once(call)

    def close(self) -> None:
        """Close all kept connections."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _send_once(self, call: HttpCall) -> HttpReply:
        _log_call(call)
        try:
            reply = self._sessions().fetch(call)
        except (NotSentError, NoAnswerError) as error:
            _log.debug("%s: %s", type(error).__name__, error)
            raise
        _log_reply(reply)
        return reply

    def _sessions(self) -> "Sessions":
        if self._opened is None:
            from payment_cli.gateways.http_session import Sessions

            self._opened = Sessions(self._ca_file)
        return self._opened


def _log_call(call: HttpCall) -> None:
    if _log.isEnabledFor(logging.DEBUG):
        headers = scrub_headers(call.headers)
        _log.debug(
            "> %s %s %s %s", call.method, scrub_url(call.url), headers, scrub_body(call.body)
        )


def _log_reply(reply: HttpReply) -> None:
    if _log.isEnabledFor(logging.DEBUG):
        _log.debug("< %d %s %s", reply.status, scrub_headers(reply.headers), scrub_body(reply.body))
