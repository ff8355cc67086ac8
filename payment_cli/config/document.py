"""Reads a config document: JSON, or JSON5 (comments, unquoted keys, trailing commas)."""

import re
from pathlib import Path
from typing import NoReturn

from simplejson import JSONDecodeError

from payment_cli.errors import ConfigError, InvalidValueError
from payment_cli.model.codec import decode_foreign

#: A config is some keys and PEM texts; anything bigger is not one.
SIZE_MAX = 256 * 1024

_DEPTH_MAX = 8


def parse_document(path: Path, raw: bytes) -> dict[str, object]:
    """Read `raw` as one JSON or JSON5 object; `path` is for the errors.

    A key that occurs twice is refused in JSON; the JSON5 library takes the last one.

    Raises:
        ConfigError: it is no such document; the sentence names file and line.
    """
    if len(raw) > SIZE_MAX:
        raise ConfigError(f"{path} is bigger than {SIZE_MAX} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}: line {line} is not UTF-8") from error
    value = _decode(path, text)
    if not isinstance(value, dict):
        raise ConfigError(f"{path} must hold one object: {{key: value, …}}")
    return value


def _decode(path: Path, text: str) -> object:
    try:
        return decode_foreign(text, str(path))
    except InvalidValueError as error:
        if not isinstance(error.__cause__, JSONDecodeError):
            raise ConfigError(str(error)) from error
        return _decode_json5(path, text)


def _decode_json5(path: Path, text: str) -> object:
    import pyjson5

    try:
        return pyjson5.decode(text, _DEPTH_MAX)
    except pyjson5.Json5DecoderException as error:
        _refuse(path, text, error)


def _refuse(path: Path, text: str, error: Exception) -> NoReturn:
    sentence = str(error.args[0])
    place = re.search(r"near (\d+)", sentence)
    line = text.count("\n", 0, int(place[1])) + 1 if place else 1
    reason = re.sub(r"b'(\w+)'", r"\1", sentence)
    # The cause holds what was read so far, keys and all, and --debug prints causes.
    raise ConfigError(f"{path}: line {line} is not JSON5: {reason}") from None
