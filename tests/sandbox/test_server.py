"""Serving: two processes, clean stopping, and who is let in."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.exchange import SandboxError
from payment_cli.sandbox.server import Running, running_sandbox
from tests.support.receiver import Receiver
from tests.support.sandbox_clients import RawV3, Shop

SERVE = """
import sys
from pathlib import Path
from payment_cli.sandbox.server import serve
def announce(line):
    sys.stdout.write(line)
    sys.stdout.flush()
serve(Path(sys.argv[1]), port=0, speed=1000, announce=announce)
"""
SCAN = """
import json, sys
from pathlib import Path
from payment_cli.sandbox import client
print(json.dumps(client.scan(Path(sys.argv[1]), sys.argv[2])))
"""


@contextmanager
def serving(state: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-W", "error", "-c", SERVE, str(state)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()


def test_one_process_serves_and_another_scans(shop: Shop, receiver: Receiver) -> None:
    receiver.default = (204, b"")
    with serving(shop.state) as (process, url):
        v3 = RawV3(url, shop.conf("wxpay"))
        body = v3.body(notify_url=receiver.url)
        v3.order("native", body)
        number = body["out_trade_no"]
        scanned = subprocess.run(
            [sys.executable, "-c", SCAN, str(shop.state), number[-8:]],
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(scanned.stdout)["notification"]["state"] == "acknowledged"
        assert v3.query(number).json["trade_state"] == "SUCCESS"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert len(receiver.deliveries) == 1
    assert not (shop.state / "server.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_without_a_word(shop: Shop, number: signal.Signals) -> None:
    with serving(shop.state) as (process, _):
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_what_was_placed_is_there_after_a_restart(shop: Shop) -> None:
    with running_sandbox(shop.state) as running:
        v3 = RawV3(running.url, shop.conf("wxpay"))
        body = v3.body()
        code_url = v3.order("native", body).json["code_url"]
    with running_sandbox(shop.state) as running:
        v3 = RawV3(running.url, shop.conf("wxpay"))
        assert v3.query(body["out_trade_no"]).json["trade_state"] == "NOTPAY"
        assert client.scan(shop.state, code_url, wait_s=0)["order"]["state"] == "paid"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "example.com", ""])
def test_only_this_machine_is_served(shop: Shop, host: str) -> None:
    refused = pytest.raises(SandboxError, match="not this machine")
    with refused, running_sandbox(shop.state, host=host):
        pass


def test_a_state_is_served_once(running: Running, shop: Shop) -> None:
    with pytest.raises(SandboxError, match="already serves"), running_sandbox(shop.state):
        pass


def test_a_port_is_served_once(running: Running, tmp_path: Path) -> None:
    port = int(running.url.rpartition(":")[2])
    refused = pytest.raises(SandboxError, match="can't serve")
    with refused, running_sandbox(tmp_path / "other", port=port):
        pass


def test_stopping_leaves_no_thread_and_no_warning(shop: Shop, receiver: Receiver) -> None:
    before = set(threading.enumerate())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with running_sandbox(shop.state) as running:
            v3 = RawV3(running.url, shop.conf("wxpay"))
            body = v3.body(notify_url=receiver.url)
            v3.order("native", body)
            client.scan(shop.state, body["out_trade_no"])
            ours = set(threading.enumerate()) - before
    assert ours
    assert not [t for t in ours if t.is_alive()]


def test_a_silent_client_does_not_hold_it_up(shop: Shop) -> None:
    with running_sandbox(shop.state) as running:
        port = int(running.url.rpartition(":")[2])
        silent = socket.create_connection(("127.0.0.1", port))
        client.ledger(shop.state)  # by now the silent one was accepted too
        started = time.monotonic()
    silent.close()
    assert time.monotonic() - started < 20, "not the 30 seconds a silent client is given"


def test_a_client_held_in_a_timeout_does_not_hold_it_up(shop: Shop) -> None:
    with running_sandbox(shop.state) as running:
        v3 = RawV3(running.url, shop.conf("wxpay"))
        client.misbehave(shop.state, "timeout-before", hold_s=3600)
        answers: list[object] = []

        def ask() -> None:
            with pytest.raises((http.client.HTTPException, ConnectionError)):
                v3.order("native", v3.body())
            answers.append("hung up")

        thread = threading.Thread(target=ask)
        thread.start()
        rules, ledger = running.sandbox.world.rules, running.sandbox.world.ledger
        with ledger.changed:
            assert ledger.changed.wait_for(lambda: not rules.as_json(), timeout=20)
    thread.join()
    assert answers == ["hung up"]


def test_many_merchants_at_once_get_their_own_answers(running: Running, shop: Shop) -> None:
    v3 = RawV3(running.url, shop.conf("wxpay"))
    bodies = [v3.body() for _ in range(24)]
    codes: dict[str, str] = {}

    def place(body: dict[str, str]) -> None:
        codes[body["out_trade_no"]] = v3.order("native", body).json["code_url"]

    threads = [threading.Thread(target=place, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    orders = {o["out_trade_no"]: o["code"] for o in client.ledger(shop.state)["orders"]}
    assert orders == codes
    assert len(set(codes.values())) == 24


def test_a_lock_that_leads_elsewhere_is_not_made_there(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SandboxError, match="not a plain file"), running_sandbox(state):
        pass
    assert not (tmp_path / "elsewhere").exists()
