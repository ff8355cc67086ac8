"""A real nginx with the lines of examples/nginx.conf, before a server of ours."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "nginx.conf"


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[int]:
    """Serve what is at the port `upstream`; yield nginx's port. Its log is `payment.log`."""
    port = _free_port()
    text = EXAMPLE.read_text()
    text = re.sub(r"(?m)^ *ssl_certificate.*\n", "", text)
    text = text.replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
    text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    text = text.replace("/var/log/nginx/", f"{folder}/")
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    conf = folder / "nginx.conf"
    conf.write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{ }}\nhttp {{\n{paths}{text}}}\n"
    )
    program = shutil.which("nginx")
    assert program is not None
    server = subprocess.Popen([program, "-p", folder, "-c", conf], stderr=subprocess.PIPE)
    try:
        _await(port, server)
        yield port
    finally:
        server.terminate()
        server.communicate(timeout=30)


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


def _await(port: int, server: "subprocess.Popen[bytes]") -> None:
    while server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
        except ConnectionRefusedError:
            continue
        return
    assert server.stderr is not None
    raise AssertionError(server.stderr.read())
