"""A merchant's callback address: a real HTTP server that answers as the test says."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Delivery:
    """One callback as it came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What came in, and what is answered: `script` first, then `default`."""

    url: str = ""
    default: tuple[int, bytes] = (200, b"success")
    script: list[tuple[int, bytes]] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    location: str = ""

    def answer(self, delivery: Delivery) -> tuple[int, bytes]:
        self.deliveries.append(delivery)
        return self.script.pop(0) if self.script else self.default


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listen on a free port of this machine."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.body()
            headers = {k.lower(): v for k, v in self.headers.items()}
            status, answer = receiver.answer(Delivery(self.path, headers, body))
            self.send_response(status)
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def body(self) -> bytes:
            if "Transfer-Encoding" not in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            whole = b""
            while size := int(self.rfile.readline(), 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False
        receiver.url = f"http://127.0.0.1:{server.server_port}/pay/re"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
