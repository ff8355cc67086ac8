"""Reads the values of a gateway config, each as gateways/account_keys.py says it is declared.

An InvalidValueError says what the value must be, never what it is.
"""

import re
from collections.abc import Callable

from payment_cli.config.key_checks import check_url
from payment_cli.config.references import References
from payment_cli.errors import InvalidValueError
from payment_cli.gateways.account_keys import Key, Kind
from payment_cli.gateways.key_material import KeyMaterial
from payment_cli.model.secret import Secret

_DURATION = re.compile(r"([0-9]{1,5})([mhd])")
_UNIT_MINUTES = {"m": 1, "h": 60, "d": 24 * 60}


def read_value(references: References, name: str, key: Key, value: object) -> object:
    """Return what `value` of the key called `name` stands for.

    Raises:
        InvalidValueError: it is not what it must be.
        ConfigError: what it refers to is missing, or others can read or write it.
    """
    return _READERS[key.kind](references, name, key, value)


def _text(references: References, name: str, key: Key, value: object) -> str:
    text = references.text(name, _as_text(value))
    if key.one_of and text not in key.one_of:
        raise InvalidValueError(f"must be one of {', '.join(key.one_of)}")
    return text


def _secret(references: References, name: str, key: Key, value: object) -> Secret:
    secret = references.secret(name, _as_text(value))
    text = secret.reveal()
    if key.chars and (len(text) != key.chars or not text.isascii()):
        raise InvalidValueError(f"must have {key.chars} ASCII characters")
    return secret


def _url(references: References, name: str, key: Key, value: object) -> str:
    text = _text(references, name, key, value).rstrip("/")
    check_url(text)
    return text


def _number(references: References, name: str, key: Key, value: object) -> str:
    """Read an account's number at its provider: a text, because 2021… has more digits than 2⁵³."""
    text = _text(references, name, key, value)
    if re.fullmatch(r"[0-9A-Za-z_-]{1,64}", text) is None:
        raise InvalidValueError("must be 1 to 64 letters and digits")
    return text


def _serial(references: References, name: str, key: Key, value: object) -> str:
    """Read a certificate's serial number, as openssl prints it with or without colons."""
    text = _text(references, name, key, value).replace(":", "").upper()
    if re.fullmatch(r"[0-9A-F]{1,40}", text) is None:
        raise InvalidValueError("must be the certificate's serial number in hex digits")
    return text


def _private_key(references: References, name: str, key: Key, value: object) -> KeyMaterial:
    return references.private_key(name, _as_text(value))


def _public_key(references: References, name: str, key: Key, value: object) -> KeyMaterial:
    return references.public_key(name, _as_text(value))


def _public_keys(
    references: References, name: str, key: Key, value: object
) -> tuple[KeyMaterial, ...]:
    """Read a list; one text alone, such as a whole bundle, is a list of it."""
    items = value if isinstance(value, list) else [value]
    return tuple(references.public_key(name, _as_text(item)) for item in items)


def _minutes(references: References, name: str, key: Key, value: object) -> int:
    minutes = _to_minutes(value)
    if minutes is None or not 1 <= minutes <= key.high:
        raise InvalidValueError(f"must be 1 to {key.high} minutes, or a text like 10m, 2h, 1d")
    return minutes


def _to_minutes(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else int(match[1]) * _UNIT_MINUTES[match[2]]


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValueError("must be a text, in quotes")
    return value


_READERS: dict[Kind, Callable[[References, str, Key, object], object]] = {
    Kind.TEXT: _text,
    Kind.SECRET: _secret,
    Kind.NUMBER: _number,
    Kind.SERIAL: _serial,
    Kind.URL: _url,
    Kind.MINUTES: _minutes,
    Kind.PRIVATE_KEY: _private_key,
    Kind.PUBLIC_KEY: _public_key,
    Kind.PUBLIC_KEYS: _public_keys,
}
