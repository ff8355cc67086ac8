"""The part of the transport that needs `requests`: connections, TLS, and the deadline.

Errors raised here carry no URL and chain nothing: the messages of requests and urllib3 quote whole
URLs, with the signatures and auth codes in their queries.
"""

import errno
import logging
import os
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProtocolError
from urllib3.response import HTTPResponse

from payment_cli.gateways.http import (
    ClientCert,
    HttpCall,
    HttpReply,
    NoAnswerError,
    NotSentError,
)

#: Seconds within which a connection must stand.
CONNECT_TIMEOUT_S = 5.0
_CHUNK_BYTES = 64 * 1024
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

# urllib3 logs whole URLs; whoever turns debug logging on must not get them that way.
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


class Sessions:
    """Kept connections: one session without a client certificate, one for each certificate."""

    def __init__(self, ca_file: str) -> None:
        """Trust `ca_file` instead of the usual certificates, if it is not empty."""
        self._ca_file = ca_file
        self._opened: dict[ClientCert | None, requests.Session] = {}

    def close(self) -> None:
        """Close them all."""
        for session in self._opened.values():
            session.close()
        self._opened.clear()

    def fetch(self, call: HttpCall) -> HttpReply:
        """Send `call` once.

        Raises:
            NotSentError: it was never received.
            NoAnswerError: it may have been.
        """
        session = self._session(call.client_cert)
        failure: NotSentError | NoAnswerError | None
        with _Deadline(call.timeout_s) as deadline:
            try:
                response = _start(session, call, self._ca_file)
                body = _read(response, call.body_max)
                failure = _too_late(deadline) if deadline.passed else None
            except (requests.RequestException, HTTPError, OSError) as error:
                failure = _failure(error, deadline)
        if failure is not None:
            raise failure
        headers = {name.lower(): value for name, value in response.headers.items()}
        return HttpReply(response.status_code, headers, body)

    def _session(self, client_cert: ClientCert | None) -> requests.Session:
        session = self._opened.get(client_cert)
        if session is None:
            session = requests.Session()
            adapter = _Adapter(client_cert)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._opened[client_cert] = session
        return session


class _Deadline:
    """Hangs up on a call that lasts too long; socket time limits alone restart at every byte."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self._socket: Any = None
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._token = _current_deadline.set(self)
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        _current_deadline.reset(self._token)

    def watch(self, socket: Any) -> None:
        """Hang up on `socket` when the time comes, or now if it has."""
        self._socket = socket
        if self.passed:
            self._hang_up()

    def _hang_up(self) -> None:
        self.passed = True
        if self._socket is not None:
            try:
                self._socket.shutdown(2)
            except OSError:  # the other side was faster
                return


_current_deadline: ContextVar[_Deadline] = ContextVar("current_deadline")


class _Connecting(HTTPConnection):
    """Connects within one time limit, however many addresses a host has: all share it."""

    def _new_conn(self) -> socket.socket:
        host, limit_s = self._dns_host, self.timeout
        ends_at = monotonic() + float(limit_s or 0)
        failure: Exception = NewConnectionError(self, f"{host} has no address")
        try:
            for address in self._addresses(host):
                self._dns_host, self.timeout = address, max(ends_at - monotonic(), 0.0)
                if self.timeout <= 0:
                    break
                try:
                    return super()._new_conn()
                except (ConnectTimeoutError, NewConnectionError) as error:
                    failure = error
        finally:
            self._dns_host, self.timeout = host, limit_s
        raise failure

    def _addresses(self, host: str) -> list[str]:
        try:
            found = socket.getaddrinfo(host.strip("[]"), self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NewConnectionError(self, f"no such host: {_words(error)}") from None
        return [str(place[0]) for *_, place in found]


class _PlainConnection(_Connecting):
    """A connection whose answer is read under the deadline of the call."""

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own
        _current_deadline.get().watch(self.sock)
        return super().getresponse()


class _TlsConnection(_Connecting, HTTPSConnection):
    """The same over TLS. A failed handshake counts as never connected: nothing was sent yet."""

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, ValueError) as error:
            raise NewConnectionError(self, f"no TLS: {_words(error)}") from None

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3's own
        _current_deadline.get().watch(self.sock)
        return super().getresponse()


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """The adapter of requests with our connections and, for mutual TLS, our certificate."""

    def __init__(self, client_cert: ClientCert | None) -> None:
        self._context = None if client_cert is None else _tls_context(client_cert)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        if self._context is not None:
            kwargs["ssl_context"] = self._context
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


def _tls_context(client_cert: ClientCert) -> ssl.SSLContext:
    """Load the certificate and its key."""
    context = ssl.create_default_context()
    pem = f"{client_cert.cert.strip()}\n{client_cert.key.reveal().strip()}\n".encode()
    with _readable(pem) as place:
        try:
            context.load_cert_chain(place)
        except (ssl.SSLError, ValueError):
            raise NotSentError("the client certificate and its key don't fit together") from None
    return context


@contextmanager
def _readable(secret: bytes) -> Iterator[str]:
    """Give `secret` a path, as ssl reads files only: of memory, which no disk keeps.

    Where a system has no such files (other than Linux, a root without /proc), it is on disk for a
    moment, in a folder of its own, for this user alone (0600).
    """
    with ExitStack() as held:
        if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
            file = held.enter_context(os.fdopen(os.memfd_create("payment"), "wb", buffering=0))
            place = f"/proc/self/fd/{file.fileno()}"
        else:
            folder = held.enter_context(tempfile.TemporaryDirectory(prefix="payment-"))
            place = f"{folder}/client.pem"
            Path(place).touch(mode=0o600)
            file = held.enter_context(Path(place).open("wb", buffering=0))
        file.write(secret)
        yield place


def _start(session: requests.Session, call: HttpCall, ca_file: str) -> requests.Response:
    # Prepared without the session, or ~/.netrc would replace our Authorization.
    prepared = requests.Request(
        call.method,
        call.url,
        headers={"Accept-Encoding": "identity", **call.headers},
        data=call.body or None,
    ).prepare()
    verify: bool | str = ca_file or True
    settings: Mapping[str, Any] = {"verify": verify, "proxies": {}, "stream": True, "cert": None}
    if urlsplit(call.url).hostname not in _LOOPBACK:
        settings = session.merge_environment_settings(call.url, {}, True, verify, None)  # noqa: FBT003 (their signature)
    timeout = (min(CONNECT_TIMEOUT_S, call.timeout_s), call.timeout_s)
    return session.send(prepared, allow_redirects=False, timeout=timeout, **settings)


def _read(response: requests.Response, body_max: int) -> bytes:
    parts: list[bytes] = []
    left = body_max
    with closing(response.raw) as raw:
        for part in raw.stream(_CHUNK_BYTES, decode_content=False):
            left -= len(part)
            if left < 0:
                raise OSError(errno.EMSGSIZE, f"the answer is longer than {body_max} bytes")
            parts.append(part)
    return b"".join(parts)


def _failure(error: Exception, deadline: _Deadline) -> NotSentError | NoAnswerError:
    if _was_never_sent(error):
        return NotSentError(_words(error))
    return _too_late(deadline) if deadline.passed else NoAnswerError(_words(error))


def _too_late(deadline: _Deadline) -> NoAnswerError:
    return NoAnswerError(f"no whole answer within {deadline.seconds:g} s")


def _was_never_sent(error: Exception) -> bool:
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    if isinstance(error, requests.RequestException) and isinstance(error, ValueError):
        return True  # a URL or header that can't be sent at all
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _words(error: BaseException) -> str:
    """Say what happened by the innermost cause that quotes no URL."""
    while True:
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    if isinstance(error, ssl.SSLError):
        return str(error.reason or "TLS failed")
    if isinstance(error, NewConnectionError):
        return str(error).partition(": ")[2]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, ProtocolError):
        return "the connection broke off"
    return type(error).__name__
