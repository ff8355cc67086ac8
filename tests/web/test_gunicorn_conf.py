"""gunicorn as the README starts it: what it answers and logs by itself."""

import socket

import pytest

from tests.support.web_server import web_server

CONF = ("-c", "python:payment_cli.web.gunicorn_conf")
VIEW_KEY = "01a22398cceb7707b6a85f4291018da85025239cea964da6351cdb9b84c02c4c"
TOKEN = "demo~eyJyb2xlIjoiY2FzaGllciIsImJ1eWVyIjoiIn0~1ifYm6ZkY6uxdIIhhVpppE02SvH5pINNv2_k0fAesJo"

#: What is no request, and holds what must not be in a log.
NONE_OF_HTTP = {
    "a version alone": (400, f"GET /pay/{VIEW_KEY}\r\nHost: x\r\n\r\n"),
    "another version": (400, f"GET /pay/{VIEW_KEY} HTTP/{VIEW_KEY}\r\nHost: x\r\n\r\n"),
    "a header's name": (400, f"GET / HTTP/1.1\r\nHost: x\r\nCookie {TOKEN}: 1\r\n\r\n"),
    "a header's value": (400, f"GET / HTTP/1.1\r\nHost: x\r\nCookie: {TOKEN}\0\r\n\r\n"),
    "a coding": (501, f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {TOKEN}\r\n\r\n"),
    "an expectation": (417, f"GET / HTTP/1.1\r\nHost: x\r\nExpect: {TOKEN}\r\n\r\n"),
    "a long line": (414, f"GET /pay/{VIEW_KEY}?{'x' * 9000} HTTP/1.1\r\nHost: x\r\n\r\n"),
    "many headers": (431, f"GET / HTTP/1.1\r\n{f'X: {TOKEN}' * 999}\r\n\r\n"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("conf")
    with web_server(folder / "tree", folder / "server.log", options=CONF, workers=1) as server:
        yield server


@pytest.mark.parametrize("name", NONE_OF_HTTP)
def test_what_is_no_http_is_answered_and_logged_without_a_word_of_it(server, name):
    status, said = NONE_OF_HTTP[name]
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(said.encode())
        answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    log = server.log.read_text()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    for header in ("Content-Security-Policy: default-src 'none'", "Cache-Control: no-store",
                   "Referrer-Policy: no-referrer", "X-Content-Type-Options: nosniff",
                   "X-Frame-Options: DENY"):  # fmt: skip
        assert header in answer
    for secret in (VIEW_KEY, TOKEN):
        assert secret not in answer
        assert secret not in log
    assert "127.0.0.1" in log


@pytest.mark.parametrize("address", [f"/pay/ajax/get?token={TOKEN}", f"/pay/checkout/{TOKEN}"])
def test_a_token_that_a_program_puts_into_an_address_is_in_no_log(server, address):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(f"GET {address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        b"".join(iter(lambda: client.recv(65536), b""))
    log = server.log.read_text()
    assert f"{address.removesuffix(TOKEN)}key:" in log
    assert TOKEN not in log
