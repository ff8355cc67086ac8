"""Raw HTTP requests on stdin."""

import pytest
from hypothesis import strategies as st

from payment_cli.cli.pay.raw_http import SIZE_MAX, parse_request
from payment_cli.errors import InvalidValueError
from tests.support.fuzzing import read_or_refused

CHUNKED = b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
HEAD = b"POST /pay/re/wx.qrcode/demo/main?a=b HTTP/1.1\r\nHost: x\r\n"


def test_method_path_query_headers_and_the_very_body_bytes_are_read():
    request = parse_request(HEAD + b"X-Sig:  s=\xe9 \r\nContent-Length: 4\r\n\r\n\x00\r\n\xffrest")
    assert (request.method, request.path, request.query) == (
        "POST", "/pay/re/wx.qrcode/demo/main", "a=b",
    )  # fmt: skip
    assert request.headers["x-sig"] == "s=\xe9"
    assert request.body == b"\x00\r\n\xff"


def test_bare_newlines_will_do_and_without_length_the_body_is_all_that_follows():
    request = parse_request(b"POST /pay/re HTTP/1.0\nContent-Type: text/xml\n\n<xml/>\n\nmore")
    assert request.body == b"<xml/>\n\nmore"
    assert request.headers == {"content-type": "text/xml"}


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked"])
def test_chunks_are_put_together_and_what_follows_them_is_no_part_of_the_body(coding):
    head = CHUNKED.replace(b"chunked", coding)
    request = parse_request(head + b"\r\n3;x=y\r\na=1\r\n4\r\n&b=2\r\n0\r\nX-Sig: late\r\n\r\nmore")
    assert request.body == b"a=1&b=2"
    assert "x-sig" not in request.headers


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/2", "HTTP/2.0", "HTTP/3"])
def test_the_version_a_proxy_was_spoken_to_in_does_not_matter(version):
    request = parse_request(f"POST /pay/re {version}\r\ncontent-length: 1\r\n\r\nx".encode())
    assert (request.path, request.body) == ("/pay/re", b"x")


def test_a_path_is_decoded_as_servers_do():
    request = parse_request(b"POST /pay/re/wx%2Eqrcode/a/b/?c=%20 HTTP/1.1\r\n\r\n")
    assert (request.path, request.query) == ("/pay/re/wx.qrcode/a/b/", "c=%20")


def test_an_absolute_target_is_read_as_its_path():
    assert parse_request(b"POST https://shop.example/pay/re?x HTTP/1.1\r\n\r\n").path == "/pay/re"


def test_a_header_that_comes_twice_is_joined():
    request = parse_request(HEAD + b"Wechatpay-Signature: a\r\nwechatpay-signature: b\r\n\r\n")
    assert request.headers["wechatpay-signature"] == "a, b"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no empty line"),
        (b"garbage\r\n\r\n", "not an HTTP request line"),
        (b"POST  /x HTTP/1.1\r\n\r\n", "not an HTTP request line"),
        (b"POST /x HTTP/4\r\n\r\n", "not an HTTP request line"),
        (b"POST /x HTTP/1.1\r\nno colon\r\n\r\n", "not an HTTP header"),
        (b"POST /x HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", "not an HTTP header"),
        (b"POST /x HTTP/1.1\r\nA : b\r\n\r\n", "not an HTTP header"),
        (b"POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcd", "has 4 bytes"),
        (b"POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "not a Content-Length"),
        (
            b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "not a Content-L",
        ),
        (CHUNKED + b"Content-Length: 1\r\n\r\n0\r\n\r\n", "no Content-Length"),
        (CHUNKED.replace(b"/1.1", b"/1.0") + b"\r\n0\r\n\r\n", "by HTTP/1.1"),
        (CHUNKED.replace(b"/1.1", b"/2") + b"\r\n0\r\n\r\n", "by HTTP/1.1"),
        (CHUNKED.replace(b"chunked", b"gzip, chunked") + b"\r\n0\r\n\r\n", "no transfer coding"),
        (CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "no transfer coding"),
        (CHUNKED + b'\r\n{"put":"together"}', "don't say their size"),
        (b"POST /x HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", "no empty line"),
        (b"x" * (SIZE_MAX + 1), "larger than 1024 KiB"),
    ],
)
def test_what_is_not_one_whole_request_is_refused(data, words):
    with pytest.raises(InvalidValueError, match=words):
        parse_request(data)


def test_no_bytes_do_anything_but_parse_or_be_refused():
    def holds(data, request):
        assert request.method
        assert request.body in data

    requests = st.binary(max_size=20).map(
        lambda body: f"POST /x HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    read_or_refused(st.binary(max_size=300) | requests, parse_request, holds)
