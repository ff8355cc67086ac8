"""Reads a body that comes in chunks (RFC 9112, 7.1): strictly, and of bounded size.

    5;name=value      the size in hexadecimal, extensions that mean nothing to us
    hello             so many bytes
    0                 the last one
    Trailer: x        headers that come too late: read, and never believed

Every line ends in CRLF. What readers take differently is refused, because that is how one request
is hidden within another.
"""

import re
from typing import Protocol

from payment_cli.errors import InvalidValueError

#: The longest line of a size with its extensions, or of a trailer.
LINE_MAX = 4096
#: All such lines together: who sends a MiB in chunks of one byte wants something else.
LINES_MAX = 512 * 1024

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t -~\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n")


class Stream(Protocol):
    """Where the chunks come from."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""

    def readline(self, size: int, /) -> bytes:
        """Return a line, or of a longer one `size` bytes."""


class ChunkedBody:
    """What the chunks of a stream are put together; nothing behind the last one is read."""

    def __init__(self, stream: Stream) -> None:
        """Read from `stream`, which is at the first size."""
        self._stream = stream
        self._left = 0
        self._lines = 0
        self._is_over = False

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end.

        Raises:
            InvalidValueError: these are no chunks, or they end too early.
        """
        body = bytearray()
        while len(body) < size and not self._is_over:
            if not self._left:
                self._open_chunk()
                continue
            data = self._stream.read(min(size - len(body), self._left))
            if not data:
                raise InvalidValueError("a chunk of the request ends too early")
            body += data
            self._left -= len(data)
            if not self._left and self._line() != b"\r\n":
                raise InvalidValueError("a chunk of the request is longer than it says")
        return bytes(body)

    def _open_chunk(self) -> None:
        found = _SIZE.fullmatch(self._line())
        if found is None:
            raise InvalidValueError("the request's chunks don't say their size")
        self._left = int(found[1], 16)
        if not self._left:
            self._read_trailers()
            self._is_over = True

    def _read_trailers(self) -> None:
        while (line := self._line()) != b"\r\n":
            if _TRAILER.fullmatch(line) is None:
                raise InvalidValueError("the request's chunks don't end as they must")

    def _line(self) -> bytes:
        line = self._stream.readline(LINE_MAX)
        self._lines += len(line)
        if self._lines > LINES_MAX:
            raise InvalidValueError("the request has too many chunks")
        return line
