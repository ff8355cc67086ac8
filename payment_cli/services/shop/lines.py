"""Files of goods as text: in which encoding they are, and the number of a line in an error."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager

from payment_cli.errors import InvalidValueError, NotAllowedError, PaymentError

#: From here on a character has three bytes in UTF-8. Two bytes of GB18030 may look like one of two.
_THREE_BYTES = "\u0800"


def decode_table(data: bytes) -> tuple[str, str]:
    """Return the text of a table that a spreadsheet saved, and the name of its encoding.

    It is UTF-8; UTF-16 if it says so in its first bytes ("Unicode text"); else GB18030, which
    contains GBK: that is what a Chinese Excel saves as CSV.

    Raises:
        InvalidValueError: it is none of these.
    """
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in data and not is_utf16:
        raise InvalidValueError("the file is no text", hint="save the sheet as CSV UTF-8")
    if is_utf16:
        return _decoded(data, "utf-16"), "UTF-16"
    try:
        return data.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError as error:
        if data.startswith(codecs.BOM_UTF8) or _is_mostly_utf8(data):
            raise _not_text(data, error.start) from error
        return _decoded(data, "gb18030"), "GB18030"


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


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _not_text(data, error.start) from error


def _is_mostly_utf8(data: bytes) -> bool:
    """Say whether few characters are no UTF-8 beside the Chinese ones that are: they are damaged.

    Nearly any bytes are some GB18030 text; reading a damaged file so would spoil all its names.
    """
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(char >= _THREE_BYTES for char in text) - bad
    return bad * 10 < good


def _not_text(data: bytes, start: int) -> InvalidValueError:
    number = data.count(b"\n", 0, start) + 1
    return InvalidValueError(f"line {number} is not UTF-8 text")
