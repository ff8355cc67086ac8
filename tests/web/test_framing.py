"""However a true callback is framed it is heard, and no framing makes two requests of one.

Over raw sockets, to gunicorn and to `payment serve`.
"""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress

import pytest

from payment_cli.app import App
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.web.shim import BODY_MAX
from tests.support import alipay
from tests.support.stored_payment import store_payment
from tests.support.web_server import web_server

FORM = "application/x-www-form-urlencoded; charset=utf-8"
PATH = "/pay/re/zfb.qrcode/cake/main"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A tree with one Alipay account, whose keys the tests hold."""
    root = tmp_path_factory.mktemp("framing") / "tree"
    alipay.write_target(root / "home/cake/.payment/alipay/main")
    app = App(root, "root", {})
    yield app
    app.close()


@contextmanager
def payment_serve(root):
    words = ["-m", "payment_cli.cli.main", "payment", "serve", "--port", "0"]
    with subprocess.Popen(
        [sys.executable, *words], stderr=subprocess.PIPE, text=True,
        env={"PATH": os.environ["PATH"], "PAYMENT_ROOT": str(root), "HOME": str(root.parent)},
    ) as process:  # fmt: skip
        try:
            yield int(process.stderr.readline().rpartition(":")[2])
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


@pytest.fixture(scope="module", params=["gunicorn", "payment serve"])
def port(request, tree):
    if request.param == "gunicorn":
        with web_server(tree.root, tree.root.parent / "server.log") as server:
            yield server.port
    else:
        with payment_serve(tree.root) as port:
            yield port


@pytest.fixture
def payment(tree):
    return store_payment(tree, pay_tp="zfb.qrcode", pay_target="main", trade_no="")


def notice(payment):
    return alipay.signed_form(
        alipay.notice_fields(out_trade_no=payment.id, total_amount="23.00", trade_no="T1")
    )


def chunks(body, size=100, extension=""):
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    framed = [f"{len(part):x}{extension}\r\n".encode() + part + b"\r\n" for part in parts]
    return b"".join(framed) + b"0\r\n\r\n"


def say(port, head, body=b"", path=PATH, version="HTTP/1.1", *, ends=False):
    """Send a request as it stands; return all that is answered until the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        lines = [f"POST {path} {version}", "Host: x", "Connection: close", *head]
        client.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        if ends:
            with suppress(OSError):  # it was refused already
                client.shutdown(socket.SHUT_WR)
        return read_all(client)


def read_all(client):
    answer = b""
    try:
        while data := client.recv(65536):
            answer += data
    except ConnectionResetError:  # it was hung up on with bytes unread
        pass
    return answer


def status(answer):
    return int(answer.split(b" ", 2)[1])


def st(tree, payment):
    return Payment.from_record(tree.storage.get(PAYMENTS, payment.id)).st


TYPE = f"Content-Type: {FORM}"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    "head",
    [
        [TYPE],
        [],
        ["Content-Type: text/plain"],
        ["CONTENT-TYPE: APPLICATION/X-WWW-FORM-URLENCODED"],
        ["content-type: application/x-www-form-urlencoded;charset=GBK"],
        [TYPE, "Content-Encoding: identity"],
    ],
)
@pytest.mark.parametrize("framing", ["length", "chunks", "CHUNKS", "extensions", "bytes"])
def test_a_true_callback_is_heard(port, tree, payment, head, framing):
    body = notice(payment)
    framings = {
        "length": (f"content-LENGTH: {len(body)}", body),
        "chunks": (CHUNKED, chunks(body)),
        "CHUNKS": ("TRANSFER-ENCODING: Chunked", chunks(body, 1000)),
        "extensions": (CHUNKED, chunks(body, 7, ";a=b")),
        "bytes": (CHUNKED, chunks(body, 1)),
    }
    framed, wire = framings[framing]
    answer = say(port, [*head, framed], wire)
    assert status(answer) == 200, answer
    assert answer.endswith(b"\r\n\r\nsuccess")
    assert st(tree, payment) is Status.OK


@pytest.mark.parametrize("path", [PATH + "/", "/pay/re", "/pay/re/", PATH.replace(".", "%2E")])
@pytest.mark.parametrize("head", [[TYPE], []])
def test_its_path_may_be_written_in_other_ways(port, tree, payment, path, head):
    answer = say(port, [*head, CHUNKED], chunks(notice(payment)), path)
    assert (status(answer), st(tree, payment)) == (200, Status.OK)


def test_trailers_are_no_headers(port, tree, payment):
    wire = chunks(notice(payment))[:-2] + b"X-Checksum: 1\r\n\r\n"
    assert status(say(port, [TYPE, CHUNKED], wire)) == 200
    assert st(tree, payment) is Status.OK


def test_http_1_0_will_do(port, tree, payment):
    body = notice(payment)
    assert (
        status(say(port, [TYPE, f"Content-Length: {len(body)}"], body, version="HTTP/1.0")) == 200
    )
    assert st(tree, payment) is Status.OK


@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_who_waits_to_be_told_to_go_on_is_told(port, tree, payment, framing):
    body = notice(payment)
    wire = body if framing == "length" else chunks(body)
    framed = f"Content-Length: {len(body)}" if framing == "length" else CHUNKED
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        head = ["POST " + PATH + " HTTP/1.1", "Host: x", TYPE, framed, "Expect: 100-continue"]
        client.sendall("\r\n".join([*head, "Connection: close"]).encode() + b"\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(wire)
        assert status(read_all(client)) == 200
    assert st(tree, payment) is Status.OK


BAD_CHUNKS = {
    "no size": b"\r\nabc\r\n0\r\n\r\n",
    "not hexadecimal": b"xyz\r\nabc\r\n0\r\n\r\n",
    "signed": b"+3\r\nabc\r\n0\r\n\r\n",
    "prefixed": b"0x3\r\nabc\r\n0\r\n\r\n",
    "longer than said": b"2\r\nabc\r\n0\r\n\r\n",
    "bare newlines": b"3\nabc\n0\n\n",
    "bad trailer": b"3\r\nabc\r\n0\r\nno colon\r\n\r\n",
    "endless extension": b"3;" + b"x" * 100_000 + b"\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_what_is_no_chunk_is_refused_and_nothing_more_is_answered(port, name):
    answer = say(port, [TYPE, CHUNKED], BAD_CHUNKS[name], ends=True)
    assert answer.count(b"HTTP/1.") == 1
    assert status(answer) == 400


def test_chunks_that_end_too_early_are_not_handed_on(port, tree, payment):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{TYPE}\r\n{CHUNKED}\r\n\r\n".encode()
        client.sendall(head + chunks(notice(payment))[:-5])
        client.shutdown(socket.SHUT_WR)
        answer = read_all(client)
    assert answer == b"" or status(answer) == 400
    assert st(tree, payment) is Status.WAIT


HIDDEN = b"GET /pay/scan HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "version"),
    [
        ([CHUNKED, "Content-Length: 5"], "HTTP/1.1"),
        (["Content-Length: 5", CHUNKED], "HTTP/1.1"),
        (["Content-Length: 5", "Content-Length: 50"], "HTTP/1.1"),
        ([CHUNKED], "HTTP/1.0"),
        (["Transfer-Encoding: chunked, chunked"], "HTTP/1.1"),
        (["Transfer-Encoding: xchunked"], "HTTP/1.1"),
        (["Transfer-Encoding: gzip"], "HTTP/1.1"),
        ([CHUNKED, CHUNKED], "HTTP/1.1"),
        (["Content-Length: +5"], "HTTP/1.1"),
    ],
)
def test_a_request_with_two_ends_is_refused_and_hides_no_other(port, head, version):
    answer = say(port, [TYPE, *head], b"0\r\n\r\n" + HIDDEN, version=version)
    assert answer.count(b"HTTP/1.") == 1
    assert status(answer) in (400, 501)


def test_compressed_bodies_are_not_taken_and_it_is_said_what_is(port):
    answer = say(port, [TYPE, "Content-Encoding: gzip", "Content-Length: 1"], b"x")
    assert status(answer) == 415
    assert b"accept-encoding: identity" in answer.lower()


@pytest.mark.parametrize("head", [[], ["Content-Length: 0"], [CHUNKED]])
def test_an_empty_callback_is_refused_for_what_it_does_not_say(port, head):
    wire = b"0\r\n\r\n" if head == [CHUNKED] else b""
    answer = say(port, [TYPE, *head], wire)
    assert (status(answer), answer.endswith(b"fail")) == (400, True)


def test_chunks_have_the_same_limit_as_a_length(port):
    answer = say(port, [TYPE, CHUNKED], chunks(b"x" * (BODY_MAX + 1), 65536))
    assert answer == b"" or status(answer) == 413
