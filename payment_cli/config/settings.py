"""The settings of a tree: `etc/payment.toml`, optional. Reading none must cost nothing."""

import os
import stat
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from payment_cli.config.key_checks import check_keys, check_url
from payment_cli.errors import ConfigError, CorruptRecordError, InvalidValueError
from payment_cli.files.guarded import read_trusted
from payment_cli.model.names import check_name
from payment_cli.model.secret import Secret

if TYPE_CHECKING:  # pathlib would cost every start some milliseconds
    from pathlib import Path

#: Where the settings lie, relative to the root.
SETTINGS_PLACE = "etc/payment.toml"

#: A provider forbids to reverse a scan in its first 15 s; after 60 s it is over at the provider
#: (services/payments/send.py: SCAN_EXPIRE_MS). Its pages of 2025-08 advise 45 s.
SCAN_REVERSE_RANGE = (15, 60)

_THE_TREE = Secret("")


class Settings(NamedTuple):
    """What etc/payment.toml may say; each default holds without the file.

    `storage` is a URL and may hold a password; "" is the tree itself. `public_url` is where the
    world reaches the shim, without a slash at its end; "" means it can't. Times are
    seconds. `timezone` is that of stores which set none, "" as services/stores/zones.py says;
    whether there is such a zone is seen when a day is meant.
    """

    domain: str = ""
    operators: tuple[str, ...] = ()
    storage: Secret = _THE_TREE
    public_url: str = ""
    callback_timeout_s: int = 60
    lock_timeout_s: int = 10
    allow_private_webhooks: bool = False
    pending_max: int = 100
    timezone: str = ""
    scan_reverse_s: int = 45


def load_settings(root: "Path | str") -> Settings:
    """Read the settings of the tree at `root`; the defaults where there is no file.

    Raises:
        ConfigError: the file is unreadable or not TOML, others can write to it, a key is unknown
            or has a wrong value.
    """
    path = f"{root}/{SETTINGS_PLACE}"
    try:
        raw = read_trusted(root, SETTINGS_PLACE)
    except FileNotFoundError:
        return Settings()
    except CorruptRecordError as error:
        raise ConfigError(f"{path} can't be read: {error}", hint=error.hint) from error
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror}") from error
    settings = _parse(path, raw)
    _check_private(path, settings)
    return settings


def _parse(path: str, raw: bytes) -> Settings:
    import tomllib

    try:
        document = tomllib.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML{_place(error)}") from error
    check_keys(path, document, _READERS)
    values = {key: _read(path, key, value) for key, value in document.items()}
    return Settings(**cast(dict[str, Any], values))


def _place(error: Exception) -> str:
    """Return where the document breaks off: the parser's other words may quote a password."""
    import re

    found = re.search(r"\(at (line [0-9]+, column [0-9]+|end of document)\)$", str(error))
    return f": {found[1]}" if found else ""


def _read(path: str, key: str, value: object) -> object:
    try:
        return _READERS[key](value)
    except InvalidValueError as error:
        raise ConfigError(f"{path}: {key}: {error}", hint=error.hint) from error


def _check_private(path: str, settings: Settings) -> None:
    has_password = "@" in settings.storage.reveal()
    if has_password and stat.S_IMODE(os.stat(path).st_mode) & 0o077:  # noqa: PTH116
        raise ConfigError(
            f"{path}: storage holds a password and others can read the file",
            hint=f"chmod 600 {path}",
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValueError("must be a text")
    return value


def _domain(value: object) -> str:
    return check_name("domain", _text(value))


def _domains(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidValueError("must be a list of domains")
    return tuple(_domain(item) for item in value)


def _storage(value: object) -> Secret:
    return Secret(_text(value))


def _public_url(value: object) -> str:
    text = _text(value).rstrip("/")
    check_url(text)
    return text


def _whole(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise InvalidValueError(f"must be a whole number from {low} to {high}")
        return value

    return read


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidValueError("must be true or false")
    return value


_READERS: Mapping[str, Callable[[object], object]] = {
    "domain": _domain,
    "operators": _domains,
    "storage": _storage,
    "public_url": _public_url,
    "callback_timeout_s": _whole(1, 86_400),
    "lock_timeout_s": _whole(1, 600),
    "allow_private_webhooks": _flag,
    "pending_max": _whole(1, 10_000),
    "timezone": _text,
    "scan_reverse_s": _whole(*SCAN_REVERSE_RANGE),
}
