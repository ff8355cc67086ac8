"""The one door to the network. A call that was never received is repeated here, no other is.

Limits: every call has a deadline over all of it, however slowly bytes come, and a largest answer.
No redirects are followed, TLS is verified, nothing is decompressed. What is logged (debug level
only) has gone through scrub.py. `requests` is loaded at the first call (http_session.py).
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from payment_cli.gateways.http import HttpCall, HttpReply, NoAnswerError, NotSentError
from payment_cli.gateways.scrub import scrub_body, scrub_headers, scrub_url

if TYPE_CHECKING:
    from payment_cli.gateways.http_session import Sessions

#: How often a call is tried whose connection could not be made.
TRIES_MAX = 3
#: Seconds between such tries.
TRY_PAUSE_S = 0.2

_log = logging.getLogger(__name__)


class HttpTransport:
    """The real network. Connections are kept and used again; `close` lets them go."""

    def __init__(
        self,
        *,
        ca_file: str = "",
        pause: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Trust the certificates in `ca_file` (PEM) instead of the usual ones, if given."""
        self._monotonic = monotonic
        self._ca_file = ca_file
        self._pause = pause
        self._opened: Sessions | None = None

    def send(self, call: HttpCall) -> HttpReply:
        """Send `call`; one that could not be delivered is tried TRIES_MAX times.

        All tries share the time limit of the call.

        Raises:
            NotSentError: it was never received.
            NoAnswerError: it may have been.
        """
        end = self._monotonic() + call.timeout_s
        for _ in range(TRIES_MAX - 1):
            try:
                return self._send_once(call)
            except NotSentError:
                left_s = end - self._monotonic() - TRY_PAUSE_S
                if left_s <= 0:
                    raise
                self._pause(TRY_PAUSE_S)
                call = replace(call, timeout_s=left_s)
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
