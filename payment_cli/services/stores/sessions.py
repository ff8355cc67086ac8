"""`payment web`: issuing the sessions of a store, opening them again, ending them all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from payment_cli.clock import Clock
from payment_cli.errors import NotFoundError, UntrustedError
from payment_cli.model.actor import Actor
from payment_cli.model.secret import Secret
from payment_cli.model.stores.merchant import Merchant
from payment_cli.model.stores.session import Role, Session, new_session, seal, store_of, unseal


class KeyFiles(Protocol):
    """The keys of stores; see config/web_keys.py."""

    def place(self, domain: str) -> Path:
        """Return where the key file of a store is."""

    def load(self, domain: str) -> Secret:
        """Return the key of a store.

        Raises:
            NotFoundError: it has none. ConfigError: its key file is not as it must be.
        """

    def load_or_make(self, domain: str) -> Secret:
        """Return the key of a store, made if it has none."""

    def replace(self, domain: str) -> None:
        """Give a store a new key."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new session and its token."""

    session: Session
    token: Secret


@dataclass(frozen=True, slots=True)
class WebSessions:
    """The sessions of the stores in one tree."""

    actor: Actor
    clock: Clock
    new_token: Callable[[], str]
    find_merchant: Callable[[str], Merchant]
    keys: KeyFiles

    def issue(
        self, domain: str, role: Role, buyer_id: str, *, minutes: int, openid: str = ""
    ) -> Issued:
        """Make a session at a store, for so many minutes.

        Raises:
            InvalidValueError: the buyer or the openid is not well formed, or a buyer is missing.
            NotFoundError: there is no such store that the caller may see.
            ConfigError: its key file is not as it must be. StorageError: the disk refused.
        """
        self._require(domain)
        expi = self.clock() + minutes * 60_000
        session = new_session(
            domain, role, buyer_id, expi=expi, nonce=self.new_token(), openid=openid
        )
        return Issued(session, Secret(seal(session, self.keys.load_or_make(domain))))

    def open(self, token: str) -> Session:
        """Return the session of a token.

        Raises:
            UntrustedError: it is none, was sealed by another key, or is over.
            ConfigError: the store's key file is not as it must be.
        """
        try:
            key = self.keys.load(store_of(token))
        except NotFoundError:
            raise UntrustedError("this session is not one of the store's") from None
        return unseal(token, key, self.clock())

    def rotate(self, domain: str) -> Path:
        """Void every session of a store by a new key; return where the key is.

        Raises:
            NotFoundError, StorageError: as `issue`.
        """
        self._require(domain)
        self.keys.replace(domain)
        return self.keys.place(domain)

    def _require(self, domain: str) -> None:
        self.actor.require_store(domain)
        self.find_merchant(domain)
