"""The keys that sign a store's webhooks, as the lines of its key file: newest first.

While a receiver changes over there are two: every delivery carries a signature of each, so that it
is understood with either. The form is that of Standard Webhooks: `whsec_` and base64.
"""

from dataclasses import dataclass
from typing import Self

from payment_cli.errors import InvalidValueError
from payment_cli.model.secret import Secret

PREFIX = "whsec_"

#: The most keys that sign at a time.
KEYS_MAX = 2

#: How long a key may be (Standard Webhooks: 192 to 512 bits).
_BYTES_MIN, _BYTES_MAX = 24, 64


@dataclass(frozen=True, slots=True)
class WebhookKeys:
    """A store's keys, at least one."""

    keys: tuple[Secret, ...]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read a key file.

        Raises:
            InvalidValueError: it is none; the sentence quotes nothing of it.
        """
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not 1 <= len(lines) <= KEYS_MAX or not all(map(_is_key, lines)):
            raise InvalidValueError(
                f"a webhook key file has 1 to {KEYS_MAX} lines of {PREFIX} and base64",
                hint="payment notify key --rotate writes it anew",
            )
        return cls(tuple(map(Secret, lines)))

    def to_text(self) -> str:
        """Return the key file."""
        return "".join(f"{key.reveal()}\n" for key in self.keys)

    def rotated(self, key: Secret) -> Self:
        """Return the keys with a new first one; the one before it signs too, older ones end."""
        return type(self)((key, *self.keys)[:KEYS_MAX])

    def retired(self) -> Self:
        """Return the newest key alone."""
        return type(self)(self.keys[:1])


def new_key(first: str, second: str) -> Secret:
    """Return a key made of two tokens of 128 random bits each."""
    import base64

    return Secret(PREFIX + base64.b64encode(bytes.fromhex(first + second)).decode())


def key_bytes(key: Secret) -> bytes:
    """Return the bytes that sign."""
    import base64

    return base64.b64decode(key.reveal().removeprefix(PREFIX), validate=True)


def _is_key(line: str) -> bool:
    try:
        length = len(key_bytes(Secret(line)))
    except ValueError:
        return False
    return line.startswith(PREFIX) and _BYTES_MIN <= length <= _BYTES_MAX
