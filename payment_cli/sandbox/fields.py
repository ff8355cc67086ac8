"""What a request has to contain, as tables: each provider's modules list theirs with these."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from payment_cli.sandbox.exchange import Json


class FieldError(Exception):
    """A field is missing, wrong, or should not be there. `issue` is one of those three words."""

    def __init__(self, path: str, issue: str, message: str) -> None:
        """Take the `path` of the field (/amount/total), the `issue` and the sentence."""
        super().__init__(f"{path}: {message}")
        self.path = path
        self.issue = issue
        self.message = message


@dataclass(frozen=True, slots=True)
class Text:
    """A text of 1 to `chars_max` characters (or bytes of UTF-8) that fits `pattern`."""

    chars_max: int
    pattern: str = ".+"
    required: bool = True
    in_bytes: bool = False

    def check(self, value: Any, path: str) -> None:
        """Raise FieldError unless `value` will do."""
        if not isinstance(value, str):
            raise FieldError(path, "wrong", "is not a string")
        size = len(value.encode(errors="replace")) if self.in_bytes else len(value)
        if size > self.chars_max:
            unit = "bytes" if self.in_bytes else "characters"
            raise FieldError(path, "wrong", f"is longer than {self.chars_max} {unit}")
        is_text = not re.search("[\ud800-\udfff]", value)  # half a pair can't be written as UTF-8
        if not is_text or not re.fullmatch(self.pattern, value, re.DOTALL):
            raise FieldError(path, "wrong", "is not in the required form")


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `minimum` to `maximum`; never text, a fraction or a truth value."""

    minimum: int
    maximum: int
    required: bool = True

    def check(self, value: Any, path: str) -> None:
        """Raise FieldError unless `value` will do."""
        if type(value) is not int:
            raise FieldError(path, "wrong", "is not an integer")
        if not self.minimum <= value <= self.maximum:
            raise FieldError(path, "wrong", f"is outside [{self.minimum}, {self.maximum}]")


@dataclass(frozen=True, slots=True)
class Yuan:
    """An amount in yuan with at most two decimals, text or number."""

    minimum: str
    maximum: str
    required: bool = True

    def check(self, value: Any, path: str) -> None:
        """Raise FieldError unless `value` will do."""
        is_number = type(value) in (int, Decimal, str)
        if not is_number or not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", str(value)):
            raise FieldError(path, "wrong", "is not an amount in yuan with up to two decimals")
        if not Decimal(self.minimum) <= Decimal(str(value)) <= Decimal(self.maximum):
            raise FieldError(path, "wrong", f"is outside [{self.minimum}, {self.maximum}]")


@dataclass(frozen=True, slots=True)
class Address:
    """An IP address, version 4 or 6."""

    required: bool = True

    def check(self, value: Any, path: str) -> None:
        """Raise FieldError unless `value` will do."""
        try:
            is_address = isinstance(value, str) and bool(ipaddress.ip_address(value))
        except ValueError:
            is_address = False
        if not is_address:
            raise FieldError(path, "wrong", "is not an IP address")


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    required: bool = False

    def check(self, value: Any, path: str) -> None:
        """Raise FieldError unless `value` will do."""
        if not isinstance(value, bool):
            raise FieldError(path, "wrong", "is not true or false")


@dataclass(frozen=True, slots=True)
class Anything:
    """A field the sandbox knows of and does not look into."""

    required: bool = False

    def check(self, value: Any, path: str) -> None:
        """Take whatever comes."""


@dataclass(frozen=True, slots=True)
class Group:
    """An object with these members. `is_open` allows members that are not listed."""

    members: Mapping[str, "Spec"]
    required: bool = True
    is_open: bool = False

    def check(self, value: Any, path: str = "") -> None:
        """Raise FieldError unless `value` will do."""
        if not isinstance(value, dict):
            raise FieldError(path or "/", "wrong", "is not an object")
        self._check_names(value, path)
        for name, spec in self.members.items():
            if name in value:
                spec.check(value[name], f"{path}/{name}")
            elif spec.required:
                raise FieldError(f"{path}/{name}", "missing", "is required")

    def _check_names(self, value: Json, path: str) -> None:
        extra = sorted(set(value) - set(self.members))
        if extra and not self.is_open:
            raise FieldError(f"{path}/{extra[0]}", "extra", "is not a parameter of this API")


Spec = Text | Whole | Yuan | Address | Flag | Anything | Group
