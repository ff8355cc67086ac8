import logging
from dataclasses import dataclass, field
from io import BytesIO

import pytest

from payment_cli.errors import (
    ConfigError,
    InvalidValueError,
    NotFoundError,
    StorageError,
    UntrustedError,
)
from payment_cli.gateways.base import Acknowledgement, HttpRequest
from payment_cli.model.payments.payment import Payment
from payment_cli.services.payments.receive import Received
from payment_cli.web.shim import BODY_MAX, make_shim
from tests.support.wsgi import call

PATH = "/pay/re/wx.qrcode/cake/main"
JSON = "application/json"
SUCCESS = Acknowledgement(200, "text/plain", b"success")


@dataclass
class ScriptedApp:
    """Stands for an open tree whose receiving service answers what the test says."""

    answer: Received | Exception = field(default_factory=lambda: Received(SUCCESS))
    received: list[HttpRequest] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)

    @property
    def receiver(self):
        return self

    def receive(self, request):
        self.received.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @property
    def follow_up(self):
        return self

    def detach(self, payment):
        self.followed.append(payment.id)


@pytest.fixture
def tree():
    return ScriptedApp()


@pytest.fixture
def shim(tree):
    return make_shim(lambda: tree)


def a_payment(apply_st):
    return Payment("p1", 0, 0, "", 1, "RMB", "s", "cake", apply_st=apply_st)


class UnreadableInput(BytesIO):
    def read(self, *_):
        raise AssertionError("the body was read")


def test_the_service_gets_the_very_bytes_and_all_that_was_signed(shim, tree):
    body = b'{"a" : "\\/",\r\n "b":"\xff\x00"}\n '
    call(
        shim, "POST", PATH + "?x=1&y=%20", body, CONTENT_TYPE=JSON,
        HTTP_WECHATPAY_SIGNATURE="a+b/c==", HTTP_WECHATPAY_TIMESTAMP="1700000000",
    )  # fmt: skip
    [request] = tree.received
    assert (request.method, request.path, request.query) == ("POST", PATH, "x=1&y=%20")
    assert request.body == body
    assert request.headers["wechatpay-signature"] == "a+b/c=="
    assert request.headers["wechatpay-timestamp"] == "1700000000"
    assert request.headers["content-type"] == JSON
    assert all(name == name.lower() and "_" not in name for name in request.headers)


@pytest.mark.parametrize(
    "answer",
    [
        Acknowledgement(200, "text/plain", b"success"),
        Acknowledgement(200, "application/json", '{"code":"SUCCESS","message":"成功"}'.encode()),
        Acknowledgement(200, "text/xml", b"<xml><return_code>SUCCESS</return_code></xml>"),
        Acknowledgement(401, "application/json", b'{"code":"FAIL","message":"refused"}'),
    ],
)
def test_the_providers_answer_goes_out_to_the_byte(shim, tree, answer):
    tree.answer = Received(answer)
    reply = call(shim, "POST", PATH, b"{}", CONTENT_TYPE=JSON)
    assert (reply.status, reply.headers["content-type"], reply.body) == (
        answer.status,
        answer.content_type,
        answer.body,
    )


def test_an_answer_without_content_has_no_headers_about_it(shim, tree):
    tree.answer = Received(Acknowledgement(204, "", b""))
    reply = call(shim, "POST", PATH, b"{}", CONTENT_TYPE=JSON)
    assert (reply.status, reply.body) == (204, b"")
    assert not {"content-type", "content-length"} & reply.headers.keys()


@pytest.mark.parametrize("path", ["/pay/re", "/pay/re/", PATH, PATH + "/"])
def test_a_callback_may_come_with_or_without_its_account(shim, tree, path):
    assert call(shim, "POST", path, b"{}", CONTENT_TYPE=JSON).status == 200
    assert tree.received[0].path == path


@pytest.mark.parametrize(
    "path",
    ["/", "/pay", "/pay/rex", "/pay/re/wx.qrcode", "/pay/re/wx.qrcode/cake", PATH + "/more",
     "/PAY/RE", "//pay/re", "/pay/re//cake/main", "/x/pay/re", "/pay/re\n"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_any_other_path_is_not_found(shim, tree, path, method):
    assert call(shim, method, path, b"{}", CONTENT_TYPE=JSON).status == 404
    assert tree.received == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_any_other_method_is_told_what_is_allowed(shim, tree, method):
    reply = call(shim, method, PATH)
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert tree.received == []


@pytest.mark.parametrize(
    "content_type",
    [JSON, "APPLICATION/JSON; charset=utf-8", "text/xml", "application/xml;charset=UTF-8",
     "application/x-www-form-urlencoded; text/html; charset=utf-8",
     None, "", "text/plain", "multipart/form-data", "json"],
)  # fmt: skip
def test_no_type_is_a_reason_not_to_listen(shim, tree, content_type):
    assert call(shim, "POST", PATH, b"x", CONTENT_TYPE=content_type).status == 200
    assert tree.received[0].body == b"x"


XML_REFUSAL = b"<xml><return_code>FAIL</return_code><return_msg>refused</return_msg></xml>"


@pytest.mark.parametrize(("length", "status"), [(str(BODY_MAX + 1), 413), ("1e3", 400), ("9", 400)])
def test_xml_that_is_refused_unheard_is_refused_in_xml(tree, length, status):
    said = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/pay/re",
        "CONTENT_TYPE": "text/xml; charset=utf-8",
        "CONTENT_LENGTH": length,
        "wsgi.input": BytesIO(b"<xml/>"),
    }
    body = make_shim(lambda: tree)(environ, lambda *head: said.append(head))
    assert b"".join(body) == XML_REFUSAL
    assert said[0][0].startswith(str(status))
    assert ("Content-Type", "text/xml; charset=utf-8") in said[0][1]
    assert tree.received == []


@pytest.mark.parametrize(
    ("fault", "status"), [(StorageError("/srv: no space left"), 503), (ValueError("a bug"), 500)]
)
def test_xml_that_a_fault_of_ours_refuses_is_refused_in_xml(shim, tree, fault, status):
    tree.answer = fault
    reply = call(shim, "POST", "/pay/re", b"<xml/>", CONTENT_TYPE="application/xml")
    assert (reply.status, reply.body) == (status, XML_REFUSAL)


@pytest.mark.parametrize("length", [None, ""])
def test_without_a_length_there_is_no_body(shim, tree, length):
    reply = call(
        shim, "POST", PATH, CONTENT_TYPE=JSON, CONTENT_LENGTH=length, wsgi_input=UnreadableInput()
    )
    assert (reply.status, tree.received[0].body) == (200, b"")


def in_chunks(shim, body, **environ):
    """Post what a server has put together of chunks."""
    return call(
        shim, "POST", PATH,
        **{"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked",
           "SERVER_PROTOCOL": "HTTP/1.1", "wsgi_input": BytesIO(body),
           "wsgi_input_terminated": True, **environ},
    )  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"a=1", b"x" * BODY_MAX])
def test_what_came_in_chunks_is_taken(shim, tree, body):
    assert in_chunks(shim, body).status == 200
    assert tree.received[0].body == body


@pytest.mark.parametrize(
    ("status", "environ"),
    [
        (411, {"wsgi_input_terminated": None}),
        (400, {"CONTENT_LENGTH": "3"}),
        (400, {"SERVER_PROTOCOL": "HTTP/1.0"}),
        (501, {"HTTP_TRANSFER_ENCODING": "gzip, chunked"}),
        (501, {"HTTP_TRANSFER_ENCODING": "xchunked"}),
        (415, {"HTTP_CONTENT_ENCODING": "gzip"}),
        (200, {"HTTP_CONTENT_ENCODING": "Identity"}),
    ],
)
def test_chunks_whose_end_or_meaning_is_not_certain_are_refused(shim, tree, status, environ):
    assert in_chunks(shim, b"a=1", **environ).status == status
    assert bool(tree.received) is (status == 200)


def test_chunks_that_become_too_large_are_refused(shim, tree):
    assert in_chunks(shim, b"x" * (BODY_MAX + 1)).status == 413
    assert tree.received == []


def test_a_body_that_the_server_can_not_read_is_the_clients_fault(shim, tree):
    class Broken(BytesIO):
        def read(self, *_):
            raise RuntimeError("bad trailer")

    reply = call(shim, "POST", PATH, CONTENT_LENGTH="3", wsgi_input=Broken())
    assert (reply.status, tree.received) == (400, [])


@pytest.mark.parametrize("length", ["1e3", "+1", " 1", "1.0", "0x10", "²", "9" * 5000])
def test_a_length_that_is_no_number_is_refused_unread(tree, length):
    # Past wsgiref's validator, which would not let such a length through.
    statuses = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": PATH,
        "CONTENT_TYPE": JSON,
        "CONTENT_LENGTH": length,
        "wsgi.input": UnreadableInput(),
    }
    make_shim(lambda: tree)(environ, lambda status, _headers: statuses.append(status))
    assert statuses == ["400 Bad Request"]


@pytest.mark.parametrize("length", [BODY_MAX + 1, 10_000_000, 10**17])
def test_a_body_too_large_is_refused_unread(shim, tree, length):
    reply = call(
        shim, "POST", PATH, CONTENT_TYPE=JSON, CONTENT_LENGTH=str(length),
        wsgi_input=UnreadableInput(),
    )  # fmt: skip
    assert reply.status == 413
    assert tree.received == []


def test_the_largest_body_is_taken(shim, tree):
    assert call(shim, "POST", PATH, b"x" * BODY_MAX, CONTENT_TYPE=JSON).status == 200
    assert len(tree.received[0].body) == BODY_MAX


def test_a_body_that_ends_early_is_not_handed_on(shim, tree):
    reply = call(shim, "POST", PATH, b"{}", CONTENT_TYPE=JSON, CONTENT_LENGTH="3")
    assert reply.status == 400
    assert tree.received == []


def test_what_follows_from_it_begins_after_the_answer_went_out(shim, tree):
    tree.answer = Received(SUCCESS, a_payment("due"))
    followed_before_the_end = []

    def watched(environ, start_response):
        chunks = shim(environ, start_response)
        for chunk in chunks:
            followed_before_the_end.extend(tree.followed)
            yield chunk
        chunks.close()

    reply = call(watched, "POST", PATH, b"{}", CONTENT_TYPE=JSON)
    assert reply.body == b"success"
    assert followed_before_the_end == []
    assert tree.followed == ["p1"]


def test_what_fails_after_an_answer_is_in_the_log_by_its_place(shim, tree, caplog, monkeypatch):
    def fails(payment):
        raise OSError("canary-5512")

    tree.answer = Received(SUCCESS, a_payment("due"))
    monkeypatch.setattr(tree, "detach", fails)
    assert call(shim, "POST", PATH, b"{}", CONTENT_TYPE=JSON).body == b"success"
    assert "in fails\nbuiltins.OSError" in caplog.text
    assert "canary-5512" not in caplog.text


def test_nothing_follows_from_a_callback_about_no_payment(shim, tree):
    tree.answer = Received(SUCCESS)
    call(shim, "POST", PATH, b"{}", CONTENT_TYPE=JSON)
    assert tree.followed == []


@pytest.mark.parametrize(
    "error",
    [
        UntrustedError("the signature is not right"),
        InvalidValueError("not a callback"),
        NotFoundError("target", "main"),
    ],
)
def test_what_a_stranger_sends_is_answered_and_leaves_no_line_in_the_log(shim, tree, caplog, error):
    refusal = Acknowledgement(400, JSON, b'{"code":"FAIL","message":"refused"}')
    tree.answer = Received(refusal, error=error)
    with caplog.at_level(logging.WARNING):
        reply = call(shim, "POST", PATH, b"{}", CONTENT_TYPE=JSON)
    assert (reply.status, reply.body) == (400, refusal.body)
    assert caplog.records == []


def test_a_true_callback_that_is_refused_is_logged_for_no_stranger_can_cause_it(shim, tree, caplog):
    refusal = Acknowledgement(400, JSON, b"{}")
    error = UntrustedError("the callback names no payment of ours")
    tree.answer = Received(refusal, error=error, is_genuine=True)
    call(shim, "POST", PATH, b"{}", CONTENT_TYPE=JSON)
    assert caplog.messages == [f"callback on '{PATH}': {error.code}: {error}"]


def test_what_the_operator_must_mend_is_logged_in_one_line(shim, tree, caplog):
    answer = Acknowledgement(500, "text/plain", b"fail")
    tree.answer = Received(answer, error=ConfigError("main/wxpay.conf: appid is missing"))
    assert call(shim, "POST", PATH, b"{}", CONTENT_TYPE=JSON).status == 500
    assert caplog.messages == [
        f"callback on '{PATH}': e.pay.config: main/wxpay.conf: appid is missing"
    ]


def test_a_bug_is_a_plain_500_and_its_place_is_only_in_the_log(shim, tree, caplog):
    tree.answer = RuntimeError("canary-5512")
    reply = call(shim, "POST", PATH, b"{}", CONTENT_TYPE=JSON)
    assert (reply.status, reply.body) == (500, b"Internal Server Error\n")
    assert "builtins.RuntimeError" in caplog.text
    assert "canary-5512" not in caplog.text


def test_a_tree_that_can_not_be_opened_is_a_503(caplog):
    def open_app():
        raise StorageError("/srv/canary: no space left")

    reply = call(make_shim(open_app), "POST", PATH, b"{}", CONTENT_TYPE=JSON)
    assert (reply.status, reply.body) == (503, b"Service Unavailable\n")
    assert "/srv/canary" in caplog.text


def test_a_path_can_not_write_lines_into_the_log(shim, tree, caplog):
    tree.answer = RuntimeError("bug")
    call(shim, "POST", "/pay/re/a\nFORGED/b/c", b"{}", CONTENT_TYPE=JSON)
    assert "\\nFORGED" in caplog.messages[0]
    assert "\n" not in caplog.messages[0]
