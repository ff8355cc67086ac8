"""Checks that every config file shares: its keys, and the shape of a URL in it."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from payment_cli.errors import ConfigError, InvalidValueError

#: What may be shown of a key that nobody knows: words and versions, as in `api_v3_key`.
_NAME = re.compile(r"[A-Za-z]+[0-9]{0,2}([_-][A-Za-z]+[0-9]{0,2}){0,5}", re.ASCII)

if TYPE_CHECKING:
    from pathlib import Path


def check_keys(
    path: "Path | str", found: Iterable[str], known: Iterable[str], required: Iterable[str] = ()
) -> None:
    """Refuse a document whose keys are not those it may and must have.

    Raises:
        ConfigError: a key is unknown (the nearest known one is named) or missing.
    """
    found, known = list(found), list(known)
    for key in found:
        if key not in known:
            raise ConfigError(f"{path}: unknown key {_shown(key)}", hint=_nearest(key, known))
    for key in required:
        if key not in found:
            raise ConfigError(f"{path}: {key} is missing")


def check_url(text: str) -> None:
    """Refuse what is not an absolute http(s) URL without query string.

    Not every provider takes a notify URL with a query string, and ours is a path anyway.

    Raises:
        InvalidValueError: the sentence says what it must be.
    """
    from urllib.parse import urlsplit  # only settings that are there have a URL

    try:
        parts = urlsplit(text)
        has_host = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if "@" in parts.netloc:
            raise InvalidValueError("must be a URL without user and password")
    except ValueError:
        has_host = False
    if not has_host or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidValueError("must be an absolute http or https URL")
    if "?" in text or "#" in text:
        raise InvalidValueError("must be a URL without query string")


def _shown(key: str) -> str:
    """Return a key as errors may name it: what was meant as a value may stand where a key goes."""
    return ascii(key) if _NAME.fullmatch(key) else f"of {len(key)} characters"


def _nearest(key: str, known: list[str]) -> str:
    from payment_cli.model.spelling import resembled  # only the error needs it

    near = resembled(key.lower(), known)
    return f"did you mean {near}?" if near else f"known keys: {', '.join(known)}"
