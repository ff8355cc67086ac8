"""A server on loopback that answers what a test tells it to, and can misbehave below HTTP."""

import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from io import BufferedIOBase
from typing import Any


class How(StrEnum):
    WHOLE = "whole"
    CUT = "cut"  # half of the body, then the connection is closed
    HANG_UP = "hang up"  # closed without a word
    SILENCE = "silence"  # received, and never answered
    OPEN_END = "open end"  # no length: the body ends with the connection, which stays open
    DRIP = "drip"  # one byte now and then
    DRIP_HEADERS = "drip headers"


@dataclass(frozen=True)
class Heard:
    """A request as it came; headers have lower-case names."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Said:
    """An answer and how it is delivered."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    how: How = How.WHOLE


class ScriptedServer:
    """`answer` decides; `heard` remembers, `connections` counts."""

    def __init__(self) -> None:
        self.url = ""
        self.heard: list[Heard] = []
        self.connections = 0
        self.closing = threading.Event()
        self.answer: Callable[[Heard], Said] = lambda _heard: Said()

    def says(self, *answers: Said) -> None:
        """Give these answers one after the other, the last one for ever."""
        left = list(answers)
        self.answer = lambda _heard: left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def scripted_server(tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[ScriptedServer]:
    """Run a server for the length of the block."""
    script = ScriptedServer()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            script.connections += 1
            try:
                while _serve_one(script, self.rfile, self.wfile):
                    pass
            except OSError:  # the client has gone
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def finish_request(self, request: Any, client_address: Any) -> None:
            if tls is not None:
                try:
                    request = tls.wrap_socket(request, server_side=True)
                except OSError:  # the client did not like us
                    return
            with request:
                super().finish_request(request, client_address)

        def handle_error(self, request: Any, client_address: Any) -> None:
            return

    with Server(("127.0.0.1", port), Handler) as server:
        script.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            script.closing.set()
            server.shutdown()
            thread.join()


def _serve_one(script: ScriptedServer, rfile: BufferedIOBase, wfile: BufferedIOBase) -> bool:
    """Answer one request; say whether the connection stays."""
    line = rfile.readline().decode("ascii").split()
    if len(line) != 3:
        return False
    headers = {}
    while (header := rfile.readline().decode("latin-1").strip()) != "":
        name, _, value = header.partition(":")
        headers[name.strip().lower()] = value.strip()
    body = rfile.read(int(headers.get("content-length", "0")))
    heard = Heard(line[0], line[1], headers, body)
    script.heard.append(heard)
    return _say(script, script.answer(heard), wfile)


def _say(script: ScriptedServer, said: Said, wfile: BufferedIOBase) -> bool:
    lines = [f"HTTP/1.1 {said.status} Scripted"]
    if said.status != 204 and said.how is not How.OPEN_END:
        lines.append(f"Content-Length: {len(said.body)}")
    lines += [f"{name}: {value}" for name, value in said.headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    match said.how:
        case How.WHOLE | How.OPEN_END:
            wfile.write(head + said.body)
        case How.CUT:
            wfile.write(head + said.body[: len(said.body) // 2])
        case How.DRIP:
            wfile.write(head)
            _drip(script, said.body, wfile)
        case How.DRIP_HEADERS:
            _drip(script, head + said.body, wfile)
        case How.HANG_UP | How.SILENCE:
            pass
    if said.how in (How.OPEN_END, How.SILENCE):
        script.closing.wait(30)
    return said.how is How.WHOLE


def _drip(script: ScriptedServer, data: bytes, wfile: BufferedIOBase) -> None:
    for byte in data:
        wfile.write(bytes([byte]))
        wfile.flush()
        if script.closing.wait(0.02):
            return
