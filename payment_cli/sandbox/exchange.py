"""A request as it came over the wire, and the answer to it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

#: A JSON document. What is in it is checked where it is read.
Json = dict[str, Any]

#: Nothing a payment client sends is anywhere near this long.
BODY_BYTES_MAX = 1 << 20


class SandboxError(Exception):
    """What the operator of the sandbox can put right, in one line.

    `kind` is one of `invalid`, `not found`, `conflict`, `damaged`, `unreachable`.
    """

    def __init__(self, kind: str, message: str) -> None:
        """Take the `kind` of mistake and the sentence to show."""
        super().__init__(message)
        self.kind = kind


class RefusalError(Exception):
    """A provider says no: its HTTP `status`, its `code`, its words, and fields of its own."""

    def __init__(self, status: int, code: str, message: str, **extra: Any) -> None:
        """Take the provider's own code and message; `extra` is laid out by its module."""
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.extra = extra


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `target` is the very text of the request line, for signatures."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, decoded."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def json_or_empty(self) -> Json:
        """Return the body as a JSON object, empty where it is anything else."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


@dataclass(slots=True)
class Reply:
    """One HTTP answer; `outcome` is what the request log says about it."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    outcome: str = "OK"


def json_reply(status: int, document: Any) -> Reply:
    """Return `document` as a JSON answer."""
    # A refusal may repeat a name that nobody can write as UTF-8.
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    return Reply(status, "application/json; charset=utf-8", body)


def read_request(environ: Mapping[str, Any]) -> Request:
    """Read a WSGI request.

    The raw target is taken from `REQUEST_URI` (our server) or `RAW_URI` (gunicorn); elsewhere it
    is put together again, which is right for every path without unusual characters.

    Raises:
        RefusalError: nobody can tell how long its body is.
    """
    length = min(_content_length(environ), BODY_BYTES_MAX)
    headers = {
        name[5:].replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    headers["content-type"] = str(environ.get("CONTENT_TYPE") or "")
    return Request(
        method=str(environ["REQUEST_METHOD"]),
        target=_target(environ),
        headers=headers,
        body=environ["wsgi.input"].read(length) if length else b"",
    )


def _content_length(environ: Mapping[str, Any]) -> int:
    text = str(environ.get("CONTENT_LENGTH") or 0)
    if not re.fullmatch("[0-9]{1,18}", text):
        raise RefusalError(400, "PARAM_ERROR", "Content-Length is not a length")
    return int(text)


def last_segment(path: str) -> str:
    """Return the last part of `path`, decoded."""
    return unquote(path.rpartition("/")[2])


def _target(environ: Mapping[str, Any]) -> str:
    raw = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    if raw:
        return str(raw)
    query = environ.get("QUERY_STRING", "")
    return quote(str(environ.get("PATH_INFO", "/"))) + (f"?{query}" if query else "")
