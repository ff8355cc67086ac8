"""The key files of webhooks: `home/<domain>/.payment/webhook.key`, readable by its owner alone.

The file is how a merchant gets the key: no command prints it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from payment_cli.errors import ConfigError, InvalidValueError
from payment_cli.files.key_file import KeyFile
from payment_cli.model.events.webhook_key import WebhookKeys, new_key
from payment_cli.model.secret import Secret


@dataclass(frozen=True, slots=True)
class TreeWebhookKeys:
    """The key files of one tree. `new_token` returns 128 random bits as 32 hex digits."""

    root: Path
    new_token: Callable[[], str]

    def place(self, domain: str) -> Path:
        """Return where the key file of a store is.

        Raises:
            InvalidValueError: the domain is not well formed.
        """
        return self._file(domain).path

    def load(self, domain: str) -> WebhookKeys:
        """Return the keys of a store.

        Raises:
            NotFoundError: it has none.
            ConfigError: others can read the file, or it holds no keys.
        """
        file = self._file(domain)
        try:
            return WebhookKeys.from_text(file.read("payment notify key").decode("ascii"))
        except UnicodeDecodeError:
            raise ConfigError(f"{file.path} is not a key file") from None
        except InvalidValueError as error:
            raise ConfigError(f"{file.path}: {error}", hint=error.hint) from None

    def make(self, domain: str) -> WebhookKeys:
        """Write a first key for a store that has none; return its keys."""
        return self._write(domain, WebhookKeys((self._new(),)))

    def rotate(self, domain: str) -> WebhookKeys:
        """Put a new key before the newest one, which still signs; return both."""
        return self._write(domain, self.load(domain).rotated(self._new()))

    def retire(self, domain: str) -> WebhookKeys:
        """Keep the newest key alone; return it."""
        return self._write(domain, self.load(domain).retired())

    def _new(self) -> Secret:
        return new_key(self.new_token(), self.new_token())

    def _write(self, domain: str, keys: WebhookKeys) -> WebhookKeys:
        self._file(domain).replace(keys.to_text().encode())
        return keys

    def _file(self, domain: str) -> KeyFile:
        return KeyFile(self.root, domain, "webhook")
