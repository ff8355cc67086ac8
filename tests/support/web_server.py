"""The web as it is served in earnest: gunicorn, with several processes and threads."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class WebServer:
    """A running server: its address, and the file its errors and requests are written to."""

    url: str
    port: int
    log: Path


@contextmanager
def web_server(
    root: Path,
    log: Path,
    application: str = "payment_cli.web:application",
    *,
    options: tuple[str, ...] = (),
    workers: int = 2,
) -> Iterator[WebServer]:
    """Serve the tree at `root` on a free port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listening, log.open("wb") as errors:
        # Connections wait in the listening socket until the first worker is up.
        port = listening.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", application]
        command += [
            "--bind",
            f"fd://{listening.fileno()}",
            "--workers",
            str(workers),
            "--threads",
            "4",
        ]
        command += ["--access-logfile", "-", *options]
        server = subprocess.Popen(
            command,
            pass_fds=[listening.fileno()],
            stdout=errors,
            stderr=errors,
            cwd=log.parent,
            env={"PATH": os.environ["PATH"], "PAYMENT_ROOT": str(root), "HOME": str(log.parent)},
        )
        try:
            yield WebServer(f"http://127.0.0.1:{port}", port, log)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
