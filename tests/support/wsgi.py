"""Calling a WSGI application as a server would, watched by wsgiref's validator."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any
from wsgiref.types import WSGIApplication
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator


@dataclass(frozen=True)
class Reply:
    """What a client would have got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def call(
    application: WSGIApplication,
    method: str,
    path: str,
    body: bytes | None = None,
    **environ: Any,
) -> Reply:
    """Call `application` as a server would, watched by wsgiref's validator.

    Upper-case keywords replace entries of the environ; None removes one.
    """
    path, _, query = path.partition("?")
    full: dict[str, Any] = {"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path}
    full["QUERY_STRING"] = query
    setup_testing_defaults(full)
    if body is not None:
        full |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
    full |= {key.replace("wsgi_", "wsgi."): value for key, value in environ.items()}
    full = {key: value for key, value in full.items() if value is not None}
    started: list[tuple[str, dict[str, str]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        started.append((status, {name.lower(): value for name, value in headers}))
        return lambda _data: None

    chunks = validator(application)(full, start_response)
    try:
        data = b"".join(chunks)
    finally:
        chunks.close()  # type: ignore[attr-defined]  # the validator gives them one
    [(status, headers)] = started
    if method != "HEAD" and "content-length" in headers:
        assert int(headers["content-length"]) == len(data)
    return Reply(int(status.split()[0]), headers, data)
