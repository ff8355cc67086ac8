"""Reads one raw HTTP/1.1 request from a stream, as a CGI or a shell forwards a callback.

    POST /pay/re/wx.qrcode/redfox/main HTTP/1.1
    Content-Type: application/json
    Content-Length: 742

    {"id":"…"}

The body is exactly Content-Length bytes, or the chunks of `Transfer-Encoding: chunked` put
together; without either header it is all that follows. Its bytes are never touched, because
providers sign them. A request that a proxy took by HTTP/2 or 3 may say so in its first line.
"""

import re
from collections.abc import Iterable
from io import BytesIO
from urllib.parse import unquote

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.base import HttpRequest
from payment_cli.gateways.chunked import ChunkedBody

#: The largest request; providers' own callbacks are a few KiB.
SIZE_MAX = 1024 * 1024

_HEAD_MAX = 64 * 1024
_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (\S{1,4096}) (HTTP/[123](?:\.[01])?)", re.ASCII)
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}):[ \t]*(.*?)[ \t]*", re.ASCII)
_ORIGIN = re.compile(r"https?://[^/?#]*", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,10}", re.ASCII)
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


def parse_request(data: bytes) -> HttpRequest:
    """Return the request that `data` holds.

    Raises:
        InvalidValueError: it is none, too large, or its body not framed as it says.
    """
    if len(data) > SIZE_MAX:
        raise InvalidValueError(f"the HTTP request is larger than {SIZE_MAX // 1024} KiB")
    head, body = _split(data)
    first, *lines = head.split("\n")
    found = _REQUEST_LINE.fullmatch(first.rstrip("\r"))
    if found is None:
        raise InvalidValueError(
            f"{first[:60]!a} is not an HTTP request line",
            hint="POST /pay/re/TYPE/DOMAIN/TARGET HTTP/1.1",
        )
    method, target, version = found.groups()
    headers = _headers(lines)
    path, _, query = _ORIGIN.sub("", target, count=1).partition("?")
    # As a server hands paths on: decoded, each byte a character.
    path = unquote(path, "latin-1") or "/"
    return HttpRequest(method, path, query, headers, _body(headers, body, version))


def _split(data: bytes) -> tuple[str, bytes]:
    end = _END_OF_HEAD.search(data, 0, _HEAD_MAX)
    if end is None:
        raise InvalidValueError("the HTTP request has no empty line after its headers")
    # Header bytes are Latin-1 by definition, so this loses nothing.
    return data[: end.start()].decode("latin-1"), data[end.end() :]


def _headers(lines: Iterable[str]) -> dict[str, str]:
    """Read the headers; one that occurs twice is joined, so that two signatures verify as none."""
    headers: dict[str, str] = {}
    for line in lines:
        found = _HEADER.fullmatch(line.rstrip("\r"))
        if found is None:
            raise InvalidValueError(f"{line[:60]!a} is not an HTTP header")
        name, value = found[1].lower(), found[2]
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _body(headers: dict[str, str], rest: bytes, version: str) -> bytes:
    length = headers.get("content-length")
    if "transfer-encoding" in headers:
        if length is not None or version != "HTTP/1.1":
            raise InvalidValueError("a body in chunks has no Content-Length, and comes by HTTP/1.1")
        return _dechunked(headers["transfer-encoding"], rest)
    if length is None:
        return rest
    if _LENGTH.fullmatch(length) is None:
        raise InvalidValueError(f"{length[:40]!a} is not a Content-Length")
    if len(rest) < int(length):
        raise InvalidValueError(
            f"the HTTP body has {len(rest)} bytes, its Content-Length says {int(length)}"
        )
    return rest[: int(length)]


def _dechunked(coding: str, rest: bytes) -> bytes:
    if coding.lower() != "chunked":
        raise InvalidValueError(f"{coding[:40]!a} is no transfer coding we know, but chunked is")
    try:
        return ChunkedBody(BytesIO(rest)).read(SIZE_MAX)
    except InvalidValueError as error:
        hint = "who forwards a body put together must leave the header Transfer-Encoding out"
        raise InvalidValueError(str(error), hint=hint) from error
