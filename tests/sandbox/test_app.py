import json
from contextlib import closing
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from payment_cli.sandbox import pages
from payment_cli.sandbox.app import make_app
from payment_cli.sandbox.exchange import read_request
from payment_cli.sandbox.server import Running
from tests.support.sandbox_clients import RawV3


@pytest.mark.parametrize(
    "path", ["/nothing", "/v3/certificates", "/gateway.do", "/pay/micropay", "/sandbox/ledger"]
)
def test_it_is_a_proper_wsgi_application(tmp_path: Path, path: str) -> None:
    app = make_app(tmp_path / "state")
    environ = {"PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    statuses: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None):
        statuses.append(status)
        return lambda part: None

    parts = validator(app)(environ, start_response)
    assert b"".join(parts)
    parts.close()
    assert len(statuses) == 1
    app.close()


def test_an_empty_answer_is_signed_and_has_no_type(v3: RawV3) -> None:
    v3.order("native", v3.body(out_trade_no="order001"))
    closed = v3.act("order001", "close")
    assert (closed.status, closed.body) == (204, b"")
    assert "content-type" not in closed.headers
    assert closed.headers["wechatpay-signature"]


def test_other_servers_hand_over_the_target_in_their_own_way() -> None:
    common = {"REQUEST_METHOD": "GET", "wsgi.input": BytesIO()}
    gunicorn = read_request({**common, "RAW_URI": "/v3/a%7Cb?x=1", "PATH_INFO": "/v3/a|b"})
    assert gunicorn.target == "/v3/a%7Cb?x=1"
    plain = read_request({**common, "PATH_INFO": "/v3/a b", "QUERY_STRING": "x=1"})
    assert plain.target == "/v3/a%20b?x=1"


def test_a_new_state_can_be_served_before_there_is_a_merchant(tmp_path: Path) -> None:
    app = make_app(tmp_path / "new" / "state")
    app.close()
    assert (tmp_path / "new" / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("length", ["-5", "abc", "1_0", "+1", "9" * 5000, "\u00b2"])
def test_a_body_of_no_length_is_a_bad_request(running: Running, length: str) -> None:
    connection = HTTPConnection(urlsplit(running.url).netloc)
    with closing(connection):
        connection.putrequest("POST", "/v3/pay/transactions/native")
        connection.putheader("Content-Length", length.encode("latin-1"))
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["code"]) == (400, "PARAM_ERROR")


@pytest.mark.parametrize("url", ["http://shop.example/\r\nSet-Cookie: a=b", "http://a/\x00"])
def test_no_address_to_go_to_becomes_a_header(url: str) -> None:
    reply = pages.go(url)
    assert (reply.status, "Location" in reply.headers) == (400, False)
