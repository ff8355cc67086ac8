"""Which keys an account's config has, as data beside the account: `gateways/<provider>/account.py`.

config/account_keys.py reads them: what stands for a secret, and where it is kept, is its business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How the value of a key is written."""

    TEXT = "text"
    SECRET = "secret"  # noqa: S105 (a word for one)
    NUMBER = "number"  # of an account at its provider; a text, for it may have many digits
    SERIAL = "serial"  # of a certificate, in hex digits
    URL = "url"
    MINUTES = "minutes"  # or a text like 10m, 2h, 1d
    PRIVATE_KEY = "private key"
    PUBLIC_KEY = "public key"  # or certificates, one or a bundle of them
    PUBLIC_KEYS = "public keys"  # a list of them


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    `one_of` are the texts it may be, `high` is the most minutes, `chars` a secret's length.
    """

    kind: Kind
    one_of: tuple[str, ...] = ()
    high: int = 0
    chars: int = 0


@dataclass(frozen=True, slots=True)
class AccountKeys:
    """The keys of one provider's config.

    Of each group in `together` all are set, or none. Of the groups in `either`, exactly one is.
    """

    keys: Mapping[str, Key]
    required: tuple[str, ...]
    together: tuple[tuple[str, ...], ...] = ()
    either: tuple[tuple[str, ...], ...] = ()


TEXT = Key(Kind.TEXT)
SECRET = Key(Kind.SECRET)
NUMBER = Key(Kind.NUMBER)
URL = Key(Kind.URL)
PRIVATE_KEY = Key(Kind.PRIVATE_KEY)
PUBLIC_KEY = Key(Kind.PUBLIC_KEY)
