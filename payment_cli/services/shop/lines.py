"""Files of goods as text: in which encoding they are, and the number of a line in an error."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from payment_cli.errors import InvalidValueError, NotAllowedError, PaymentError

#: From here on a character has three bytes in UTF-8. Two bytes of GB18030 may look like one of two.
_THREE_BYTES = "\u0800"

_PIECE = 1 << 16


def encoding_of(table: BinaryIO) -> tuple[str, str]:
    """Return the encoding of a table that a spreadsheet saved: for Python, and its name.

    It is UTF-8; UTF-16 if it says so in its first bytes ("Unicode text"); else GB18030, which
    contains GBK: that is what a Chinese Excel saves as CSV. The table is read to its end, a piece
    at a time, and is at its beginning again.

    Raises:
        InvalidValueError: it is none of these.
    """
    table.seek(0)
    start = table.read(3)
    is_utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not is_utf16 and any(b"\0" in piece for piece in _pieces(table)):
        raise InvalidValueError("the file is no text", hint="save the sheet as CSV UTF-8")
    encoding, name = ("utf-16", "UTF-16") if is_utf16 else ("utf-8-sig", "UTF-8")
    try:
        _require_text(table, encoding)
    except InvalidValueError:
        if is_utf16 or start == codecs.BOM_UTF8 or _is_mostly_utf8(table):
            raise
        encoding, name = "gb18030", "GB18030"
        _require_text(table, encoding)
    table.seek(0)
    return encoding, name


@contextmanager
def naming(number: int) -> Iterator[None]:
    """Put the number of the line before whatever goes wrong with it.

    Raises:
        NotAllowedError: a rule forbids it. InvalidValueError: it is wrong.
    """
    try:
        yield
    except NotAllowedError as error:
        raise NotAllowedError(f"line {number}: {error}", hint=error.hint) from error
    except PaymentError as error:
        raise InvalidValueError(f"line {number}: {error}", hint=error.hint) from error


def _require_text(table: BinaryIO, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    for piece in _pieces(table):
        try:
            decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            number = lines + error.object[: error.start].count(b"\n")
            raise InvalidValueError(f"line {number} is not UTF-8 text") from error
        lines += piece.count(b"\n")


def _is_mostly_utf8(table: BinaryIO) -> bool:
    """Say whether few characters are no UTF-8 beside the Chinese ones that are: they are damaged.

    Nearly any bytes are some GB18030 text; reading a damaged file so would spoil all its names.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    bad = good = 0
    for piece in _pieces(table):
        text = decoder.decode(piece, final=not piece)
        damaged = text.count("\ufffd")
        bad += damaged
        good += sum(char >= _THREE_BYTES for char in text) - damaged
    return bad * 10 < good


def _pieces(table: BinaryIO) -> Iterator[bytes]:
    """Yield a table from its beginning; the last piece is empty."""
    table.seek(0)
    while True:
        piece = table.read(_PIECE)
        yield piece
        if not piece:
            return
