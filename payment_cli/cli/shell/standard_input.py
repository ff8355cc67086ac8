"""Reading stdin: once, bounded, as UTF-8."""

import sys

from payment_cli.errors import InvalidValueError

#: The most that a command reads as text.
TEXT_MAX = 1024 * 1024


def read_text(what: str) -> str:
    """Return all of stdin as text, without the newline that `echo` adds.

    Raises:
        InvalidValueError: there is none, it is not UTF-8, or larger than TEXT_MAX.
    """
    data = read_bytes(what, TEXT_MAX)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"{what} on stdin is not UTF-8 text") from error
    if "\0" in text:
        raise InvalidValueError(f"{what} on stdin has a NUL character")
    return text.strip()


def typed_or_read(text: str | None, what: str) -> str:
    """Return what was typed; nothing, or `-`, stands for what is on stdin, see `read_text`."""
    return read_text(what) if text is None or text == "-" else text


def read_bytes(what: str, most: int) -> bytes:
    """Return all of stdin.

    Raises:
        InvalidValueError: stdin is closed, or larger than `most`.
    """
    if sys.stdin is None:
        raise InvalidValueError(f"{what} is to be read from stdin, which is closed")
    data = sys.stdin.buffer.read(most + 1)
    if len(data) > most:
        raise InvalidValueError(f"{what} on stdin is larger than {most // 1024} KiB")
    return data
