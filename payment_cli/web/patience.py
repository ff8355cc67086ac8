"""How long a client may take to say what it wants.

A server that gives each request a thread has few of them, and one that sends a byte a second holds
one for as long as it likes: the server's own time-outs are for silence. So each phase has an end:
the head (for servers that we run, see gunicorn_conf.py and `payment serve`), the body, and taking
the answer (for every server that says which socket a request comes from). At the end of a wait the
socket is shut for reading: whoever waits for more then gets nothing more, and can still answer.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from wsgiref.types import WSGIEnvironment

#: A request line and its headers must have come whole within so many seconds.
HEAD_S = 5

#: A body must have come whole within so many seconds, whether it has a length or comes in chunks.
BODY_S = 5

#: An answer must be taken within so many seconds.
ANSWER_S = 30

#: Where servers say which socket a request comes from: gunicorn, and our own.
_SOCKETS = ("gunicorn.socket", "payment.socket")


class Wait:
    """A wait for a client: once it `is_over`, nothing more is read from it."""

    def __init__(self, client: socket.socket | None, seconds: float) -> None:
        """Begin to wait; without a socket a read that is under way can't be ended."""
        self.is_over = False
        self._client = client
        self._timer = Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Wait no longer: it has said all."""
        self._timer.cancel()

    def _cut(self) -> None:
        self.is_over = True
        if self._client is not None:
            with suppress(OSError):  # it is gone already
                # Not the method of an SSL socket: that would send what follows in the clear.
                socket.socket.shutdown(self._client, socket.SHUT_RD)


@contextmanager
def body_wait(environ: WSGIEnvironment) -> Iterator[Wait]:
    """Wait for the body of a request, for BODY_S."""
    wait = Wait(_client(environ), BODY_S)
    try:
        yield wait
    finally:
        wait.end()


def limit_answer(environ: WSGIEnvironment) -> None:
    """Let nobody take longer than ANSWER_S to take the answer that follows."""
    client = _client(environ)
    if client is not None:
        with suppress(OSError):  # it is gone already
            client.settimeout(ANSWER_S)


def _client(environ: WSGIEnvironment) -> socket.socket | None:
    return next((environ[name] for name in _SOCKETS if name in environ), None)
