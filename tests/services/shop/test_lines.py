"""In which encoding a table is."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.services.shop import lines
from payment_cli.services.shop.lines import encoding_of


def decode_table(data: bytes) -> tuple[str, str]:
    table = io.BytesIO(data)
    encoding, name = encoding_of(table)
    return table.read().decode(encoding), name


TEXT = "nm,名称\r\ncup,蓝色茶杯\r\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "UTF-8"),
        (TEXT.encode("utf-8-sig"), "UTF-8"),
        (b"nm,w_nm\n", "UTF-8"),
        (b"", "UTF-8"),
        (TEXT.encode("gb18030"), "GB18030"),
        (TEXT.encode("gbk"), "GB18030"),
        (TEXT.encode("utf-16"), "UTF-16"),
    ],
)
def test_a_table_is_read_as_a_spreadsheet_saves_it(data: bytes, encoding: str) -> None:
    text, found = decode_table(data)
    assert found == encoding
    assert text in (TEXT, "nm,w_nm\n", "")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (TEXT.encode() + b"cup,\xff\n", "line 3 is not UTF-8 text"),
        (TEXT.encode() * 3 + "杯".encode()[:2] + b"\n", "line 7 is not UTF-8 text"),
        (b"\xef\xbb\xbf" + TEXT.encode("gbk"), "line 1 is not UTF-8 text"),
        (b"nm,\xff\xff\n", "line 1 is not UTF-8 text"),
        (b"PK\x03\x04\x14\x00\x06", "the file is no text"),
        (b"\xff\xfea", "line 1 is not UTF-8 text"),
    ],
)
def test_what_is_damaged_or_no_text_is_refused_and_not_guessed_at(data: bytes, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said):
        decode_table(data)


@given(st.text("茶杯名称价格库存蓝色红壶", min_size=1))
def test_chinese_of_either_encoding_is_told_apart(text: str) -> None:
    table = f"名称\n{text}\n"
    assert decode_table(table.encode())[0] == table
    assert decode_table(table.encode("gb18030"))[0] == table


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_pieces_may_end_within_a_character(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(lines, "_PIECE", 1)
    assert decode_table(TEXT.encode(encoding))[0] == TEXT
    with pytest.raises(InvalidValueError, match="line 3 is not UTF-8 text"):
        decode_table(TEXT.encode() + b"cup,\xff\n")


def test_a_replacement_character_that_is_written_is_one() -> None:
    assert decode_table("nm,\ufffd\n".encode()) == ("nm,\ufffd\n", "UTF-8")
