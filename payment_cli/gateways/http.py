"""What goes over the network: one call, one reply, and two ways of not getting one.

A call that was *never received* (NotSentError) is safe to repeat. A call that *may have been
received* (NoAnswerError) never is: the adapter answers UNKNOWN and the provider is asked about it
(active_merchant's retry rule). These two never leave the gateways.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from payment_cli.model.secret import Secret

#: The largest answer body read unless a call says otherwise.
BODY_MAX = 1024 * 1024


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
