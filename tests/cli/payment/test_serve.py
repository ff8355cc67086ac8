"""`payment serve`: callbacks and the cashier over HTTP, from the installed program."""

import http.client
import os
import signal
import subprocess
import sys

import pytest


@pytest.fixture
def port(shop):
    process = subprocess.Popen(
        [sys.executable, "-m", "payment_cli.cli.main", "payment", "serve", "--port", "0"],
        env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("serving http://127.0.0.1:")
        yield int(line.rpartition(":")[2])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def answer(port: int, method: str, path: str, **kwargs: object) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, **kwargs)  # type: ignore[arg-type]
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_callbacks_and_the_cashiers_page_are_served(pay, port):
    made = pay("create", "-fee", 2300, "-br", "Two coffees").json
    status, page = answer(port, "GET", f"/pay/{made['view_key']}")
    assert status == 200
    assert b"Two coffees" in page
    headers = {"Content-Type": "application/json"}
    assert answer(port, "POST", "/pay/re", body=b"{}", headers=headers)[0] == 400
    assert answer(port, "GET", "/pay/re")[0] == 405


def test_a_port_that_is_taken_is_a_conflict(payment, port):
    assert "--port" in payment("serve", "--port", port, exit_code=11).err
