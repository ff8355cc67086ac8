"""Bodies in chunks: what is one, and what is refused."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.chunked import LINE_MAX, ChunkedBody
from tests.support.fuzzing import read_or_refused

END = b"0\r\n\r\n"


def read(data: bytes, size: int = 1 << 20) -> bytes:
    return ChunkedBody(BytesIO(data)).read(size)


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=50), max_size=8),
    steps=st.integers(1, 30),
    upper=st.booleans(),
)
def test_chunks_are_put_together_whatever_is_read_at_a_time(chunks, steps, upper):
    sizes = [f"{len(chunk):X}" if upper else f"{len(chunk):03x}" for chunk in chunks]
    wire = b"".join(
        size.encode() + b"\r\n" + chunk + b"\r\n" for size, chunk in zip(sizes, chunks, strict=True)
    )
    stream = BytesIO(wire + END + b"next request")
    body = ChunkedBody(stream)
    assert b"".join(iter(lambda: body.read(steps), b"")) == b"".join(chunks)
    assert stream.read() == b"next request"


@pytest.mark.parametrize("line", [b"3;a", b"3 ;a=b", b'3;a="b;c"', b"3\t;\t a"])
def test_extensions_mean_nothing(line):
    assert read(line + b"\r\nabc\r\n" + END) == b"abc"


def test_trailers_are_read_and_left():
    assert read(b"1\r\na\r\n0\r\nSignature: x\r\nB:\r\n\r\n") == b"a"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"3\r\nab",
        b"3\r\nabc",
        b"3\r\nabc\r\n",
        b"3\r\nabc\r\n0\r\n",
        b"3\r\nabc\r\n0\r\nA: b\r\n",
        b"3\nabc\n0\n\n",
        b"3\rabc",
        b"2\r\nabc\r\n" + END,
        b"4\r\nabc\r\n" + END,
        b"3\r\nabc\n" + END,
        b"+3\r\nabc\r\n" + END,
        b"-3\r\nabc\r\n" + END,
        b"0x3\r\nabc\r\n" + END,
        b" 3\r\nabc\r\n" + END,
        b"3 \r\nabc\r\n" + END,
        b"3_0\r\nabc\r\n" + END,
        b";a\r\nabc\r\n" + END,
        b"3,a\r\nabc\r\n" + END,
        b"3;a\nb\r\nabc\r\n" + END,
        b"3;a\rb\r\nabc\r\n" + END,
        b"\xd9\xa3\r\nabc\r\n" + END,
        b"100000000\r\nabc",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\nA : b\r\n\r\n",
        b"0\r\nA: b\r\n folded\r\n\r\n",
        b"3;" + b"x" * LINE_MAX + b"\r\nabc\r\n" + END,
        b"0\r\nA: " + b"x" * LINE_MAX + b"\r\n\r\n",
        b"0\r\n" + b"A: b\r\n" * 200_000 + b"\r\n",
        (b"1;" + b"x" * 1000 + b"\r\na\r\n") * 1000 + END,
    ],
)
def test_what_is_no_chunked_body_is_refused(data):
    with pytest.raises(InvalidValueError):
        read(data)


def in_one_chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n" + END


def test_no_bytes_do_anything_but_parse_or_be_refused():
    def holds(data, value):
        assert value in data

    bodies = st.binary(min_size=1, max_size=20).map(in_one_chunk)
    read_or_refused(st.binary(max_size=200) | bodies, read, holds)


def test_a_large_chunk_is_not_read_before_it_is_asked_for():
    stream = BytesIO(b"10000\r\n" + b"x" * 0x10000 + b"\r\n" + END)
    assert ChunkedBody(stream).read(10) == b"x" * 10
    assert stream.tell() == len(b"10000\r\n") + 10
