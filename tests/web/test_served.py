"""Callbacks over real HTTP, to gunicorn with processes and threads, on a real tree."""

import json
import os
import select
import socket
import threading
from http.client import HTTPConnection

import pytest

from payment_cli.app import App
from payment_cli.model.payments.payment import ApplyStatus, Payment, Status
from payment_cli.services.payments.records import PAYMENTS
from tests.support import alipay
from tests.support.stored_payment import store_payment
from tests.support.web_server import web_server

FORM = "application/x-www-form-urlencoded; charset=utf-8"
PATH = "/pay/re/zfb.qrcode/cake/main"

#: Leaves a trace of each run, then waits for somebody to listen.
SCRIPT = b'echo run >> runs; echo "$id $fee $trade_no" > told'


@pytest.fixture
def tree(root):
    """A tree with one Alipay account, whose keys the tests hold."""
    alipay.write_target(root / "home/cake/.payment/alipay/main")
    app = App(root, "root", {})
    yield app
    app.close()


@pytest.fixture
def server(tree, tmp_path):
    with web_server(tree.root, tmp_path / "server.log") as server:
        yield server


@pytest.fixture
def told(tree):
    """Where the script of a payment speaks; nobody listens before `listen`."""
    path = tree.root / "home/cake/told"
    os.mkfifo(path)

    def listen():
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert select.select([reader], [], [], 60)[0], "the script never spoke"
            return os.read(reader, 4096).decode()
        finally:
            os.close(reader)

    return listen


def a_waiting_payment(tree, **changes):
    return store_payment(
        tree, pay_tp="zfb.qrcode", pay_target="main", trade_no="", **changes
    )  # fmt: skip


def a_notice(payment, **changes):
    fields = alipay.notice_fields(
        out_trade_no=payment.id, total_amount="23.00", trade_no="T1", **changes
    )
    return alipay.signed_form(fields)


def stored(tree, payment):
    return Payment.from_record(tree.storage.get(PAYMENTS, payment.id))


def post(server, body, **headers):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("POST", PATH, body, {"Content-Type": FORM, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_one_true_callback_many_times_at_once_is_one_payment_and_one_run(server, tree, told):
    payment = a_waiting_payment(tree, script=SCRIPT)
    body = a_notice(payment)
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(post(server, body))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # All are answered although the script can not end: nobody listens to it yet.
    assert answers == [(200, b"success")] * 16
    assert stored(tree, payment).st is Status.OK
    assert told() == f"{payment.id} 2300 T1\n"
    assert post(server, body) == (200, b"success")
    assert (tree.root / "home/cake/runs").read_text() == "run\n"
    done = stored(tree, payment)
    assert done.apply_st in (ApplyStatus.CLAIMED, ApplyStatus.DONE)
    assert [line["what"] for line in done.history].count("pay") == 1


def test_a_forged_callback_changes_nothing(server, tree):
    payment = a_waiting_payment(tree)
    before = tree.storage.get(PAYMENTS, payment.id)
    body = a_notice(payment).replace(b"23.00", b"23.01")
    assert post(server, body) == (400, b"fail")
    assert tree.storage.get(PAYMENTS, payment.id) == before


def test_ten_megabytes_are_refused_before_they_are_sent(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
        client.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"
            "Content-Length: 10000000\r\n\r\n".encode()
        )
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_the_cashier_is_served_beside_it(server, tree):
    payment = a_waiting_payment(tree)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", f"/pay/ajax/get?key={payment.view_key}")
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer["data"]["status"] == "WAIT"
