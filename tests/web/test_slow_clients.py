"""Clients that take their time hold no server: a true callback is answered beside them.

Over raw sockets, to gunicorn with four threads, to `payment serve`, and through nginx.
"""

import socket
import threading
from contextlib import ExitStack, contextmanager, suppress

import pytest

from payment_cli.app import App
from payment_cli.cli.payment.serve import CONNECTIONS_MAX
from payment_cli.model.payments.payment import Status
from payment_cli.services.payments.records import load
from payment_cli.web import patience
from payment_cli.web.patience import ANSWER_S, Wait, limit_answer
from payment_cli.web.shim import BODY_MAX
from payment_cli.web.wsgi import RefusedError, read_body
from tests.support import alipay
from tests.support.lacks import needs_nginx
from tests.support.nginx import nginx
from tests.support.stored_payment import store_payment
from tests.support.web_server import web_server
from tests.web.test_framing import FORM, PATH, payment_serve

CONF = ("-c", "python:payment_cli.web.gunicorn_conf")
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"
SLOW = {
    "nothing": b"",
    "a head": HEAD.encode(),
    "a body": f"{HEAD}Content-Length: 500\r\n\r\nout".encode(),
    "chunks": f"{HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nout\r\n".encode(),
}
#: Who has said no more is not answered.
HEADS = {"nothing", "a head"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("slow") / "tree"
    alipay.write_target(root / "home/cake/.payment/alipay/main")
    app = App(root, "root", {})
    yield app
    app.close()


@pytest.fixture(scope="module", params=["gunicorn", "payment serve"])
def port(request, tree):
    if request.param == "gunicorn":
        log = tree.root.parent / "server.log"
        with web_server(tree.root, log, options=CONF, workers=1) as server:
            yield server.port
    else:
        with payment_serve(tree.root) as port:
            yield port


@contextmanager
def slow_clients(port, begins, drips):
    """Connect eight clients that begin a request; some then send a byte now and again."""
    stopped = threading.Event()
    with ExitStack() as held:
        address = ("127.0.0.1", port)
        clients = [
            held.enter_context(socket.create_connection(address, timeout=60)) for _ in range(8)
        ]
        for client in clients:
            client.sendall(begins)
        thread = threading.Thread(target=drip, args=(clients, stopped))
        if drips:
            thread.start()
            held.callback(thread.join)
        held.callback(stopped.set)
        yield clients


def drip(clients, stopped):
    while not stopped.wait(0.5):
        for client in clients:
            with suppress(OSError):
                client.send(b"x")


def callback(tree):
    payment = store_payment(tree, pay_tp="zfb.qrcode", pay_target="main", trade_no="")
    fields = alipay.notice_fields(out_trade_no=payment.id, total_amount="23.00", trade_no="T1")
    return payment, alipay.signed_form(fields)


def posted(port, body):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return read_all(client)


def read_all(client):
    answer = b""
    try:
        while data := client.recv(4096):
            answer += data
            if answer.endswith(b"success"):
                break
    except ConnectionResetError:
        pass
    return answer


@pytest.mark.parametrize(
    ("what", "drips"),
    [("nothing", False), ("a head", True), ("a body", False), ("a body", True), ("chunks", True)],
)
def test_a_true_callback_is_answered_beside_eight_slow_clients(port, tree, what, drips):
    payment, body = callback(tree)
    with slow_clients(port, SLOW[what], drips) as clients:
        answer = posted(port, body)
        assert b" 200 OK" in answer
        assert load(tree.storage, payment.id).st is Status.OK
        if what not in HEADS:
            assert b" 408 " in read_all(clients[0])


def test_a_wait_that_is_over_ends_a_read_and_leaves_room_for_an_answer():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wait = Wait(ours, 0)
        assert ours.recv(1) == b""
        assert wait.is_over
        ours.sendall(b"408")
        assert theirs.recv(3) == b"408"


def test_a_wait_that_ended_in_time_cuts_nobody_off():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Wait(ours, 60).end()
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"


def test_who_takes_no_answer_is_given_up_on_any_server_that_says_its_socket():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        limit_answer({"gunicorn.socket": ours})
        assert ours.gettimeout() == ANSWER_S
        limit_answer({})


def test_payment_serve_hangs_up_on_one_connection_too_many_and_serves_on(tree):
    _, body = callback(tree)
    with payment_serve(tree.root) as port, ExitStack() as held:
        address = ("127.0.0.1", port)
        for _ in range(CONNECTIONS_MAX):
            held.enter_context(socket.create_connection(address, timeout=60))
        assert read_all(held.enter_context(socket.create_connection(address, timeout=60))) == b""
        held.close()
        while not (answer := posted(port, body)):
            pass  # those who hung up are being taken leave of
        assert b" 200 OK" in answer


class Dripping:
    """A body whose server does not say which socket it comes from."""

    def read(self, _size):
        return b"x"


def test_a_body_that_never_ends_is_refused_on_any_server(monkeypatch):
    monkeypatch.setattr(patience, "BODY_S", 0)
    environ = {"CONTENT_LENGTH": str(BODY_MAX), "wsgi.input": Dripping()}
    with pytest.raises(RefusedError) as refused:
        read_body(environ, BODY_MAX)
    assert refused.value.status == 408


@needs_nginx
@pytest.mark.parametrize("what", ["a head", "a body", "chunks"])
def test_the_proxy_of_the_examples_keeps_slow_clients_to_itself(tree, tmp_path, what):
    payment, body = callback(tree)
    with (
        web_server(tree.root, tmp_path / "server.log", workers=1) as server,
        nginx(tmp_path, server.port) as port,
    ):
        with slow_clients(port, SLOW[what], drips=True):
            assert posted(port, body).startswith(b"HTTP/1.1 200 ")
        assert load(tree.storage, payment.id).st is Status.OK
    assert server.log.read_text().count('"POST ') == 1


@needs_nginx
def test_the_log_of_the_proxy_of_the_examples_holds_no_view_key(tree, tmp_path):
    payment, _ = callback(tree)
    with (
        web_server(tree.root, tmp_path / "server.log", workers=1) as server,
        nginx(tmp_path, server.port) as port,
    ):
        for path in places(payment.view_key):
            got(port, path)
    logged = (tmp_path / "payment.log").read_text() + server.log.read_text()
    assert payment.view_key[32:] not in logged
    assert '"GET /pay/VIEW_KEY" 200' in logged


def test_the_log_of_no_server_of_ours_holds_a_view_key_or_a_token(tree, tmp_path):
    payment, _ = callback(tree)
    token = "cake~" + "a" * 40 + "~" + "b" * 43
    cookie = f"Cookie: payment_session={token}\r\nAuthorization: Bearer {token}\r\n"
    with web_server(tree.root, tmp_path / "server.log", workers=1) as server:
        answers = [got(server.port, path, cookie) for path in places(payment.view_key)]
        assert answers[0].startswith(b"HTTP/1.1 200 ")
    logged = server.log.read_text()
    lines = [line for line in logged.splitlines() if "GET /pay" in line]
    assert len(lines) == len(answers)
    assert "GET /pay/key:" in lines[0]
    for secret in (payment.view_key[32:], "a" * 40, "b" * 43):
        assert secret not in logged


def places(key):
    """Return where a view key may be in the line of a request."""
    coded = "%" + format(ord(key[0]), "x") + key[1:]
    return (
        f"/pay/{key}", f"/pay/ajax/get?key={key}", f"/pay/{coded}", f"/pay/ajax/get?key={coded}",
        f"/pay/{key}x", f"/pay/{key}/", f"/pay/ajax/get?a=1&key={key}&key={key}",
    )  # fmt: skip


def got(port, path, more=""):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}\r\n".encode()
        )
        return read_all(client)


def test_a_body_has_an_end_on_gunicorn_however_it_is_started(tree, tmp_path):
    payment, body = callback(tree)
    with web_server(tree.root, tmp_path / "server.log", workers=1) as server:
        with slow_clients(server.port, SLOW["a body"], drips=True):
            assert posted(server.port, body).startswith(b"HTTP/1.1 200 ")
        assert load(tree.storage, payment.id).st is Status.OK
