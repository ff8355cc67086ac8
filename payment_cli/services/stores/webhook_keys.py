"""`payment notify key`: the keys of the caller's stores. The keys themselves are never returned."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from payment_cli.errors import NotFoundError
from payment_cli.model.actor import Actor
from payment_cli.model.events.webhook_key import WebhookKeys
from payment_cli.model.stores.merchant import Merchant


class KeyFiles(Protocol):
    """The key files of stores; see config/webhook_keys.py."""

    def place(self, domain: str) -> Path:
        """Return where the key file of a store is."""

    def load(self, domain: str) -> WebhookKeys:
        """Return the keys of a store.

        Raises:
            NotFoundError: it has none. ConfigError: its key file is not as it must be.
        """

    def make(self, domain: str) -> WebhookKeys:
        """Write a first key; return it."""

    def rotate(self, domain: str) -> WebhookKeys:
        """Put a new key before the newest one; return both."""

    def retire(self, domain: str) -> WebhookKeys:
        """Keep the newest key alone; return it."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What may be said of a store's keys: where they are, how many sign, and what was done."""

    store: str
    file: Path
    count: int
    done: str


@dataclass(frozen=True, slots=True)
class WebhookKeyService:
    """The keys of the stores the caller may act for."""

    actor: Actor
    find_merchant: Callable[[str], Merchant]
    files: KeyFiles

    def ensure(self, domain: str) -> KeyFacts:
        """Make a key for a store that has none.

        Raises:
            NotFoundError: there is no such store that the caller may see.
            ConfigError: its key file is not as it must be. StorageError: the disk refused.
        """
        self._require(domain)
        try:
            return self._facts(domain, self.files.load(domain), "kept")
        except NotFoundError:
            return self._facts(domain, self.files.make(domain), "made")

    def rotate(self, domain: str) -> KeyFacts:
        """Make a new key; the one before it signs, too, until it is retired.

        Raises:
            As `ensure`; NotFoundError also if there is no key yet.
        """
        self._require(domain)
        return self._facts(domain, self.files.rotate(domain), "rotated")

    def retire(self, domain: str) -> KeyFacts:
        """Let the newest key alone sign.

        Raises:
            As `rotate`.
        """
        self._require(domain)
        return self._facts(domain, self.files.retire(domain), "retired")

    def _require(self, domain: str) -> None:
        self.actor.require_store(domain)
        self.find_merchant(domain)

    def _facts(self, domain: str, keys: WebhookKeys, done: str) -> KeyFacts:
        return KeyFacts(domain, self.files.place(domain), len(keys.keys), done)
