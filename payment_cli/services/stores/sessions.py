"""`payment web`: issuing the sessions of a store, opening them again, ending one or all.

A session is nowhere but in its token. One that is ended before its time is a record of the store,
named by the id of the session, that is forgotten when the session would be over.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from payment_cli.clock import Clock
from payment_cli.errors import InvalidValueError, NotFoundError, UntrustedError
from payment_cli.model.actor import Actor
from payment_cli.model.query.match import between
from payment_cli.model.record import Record
from payment_cli.model.secret import Secret
from payment_cli.model.stores.merchant import Merchant
from payment_cli.model.stores.session import (
    Role,
    Session,
    is_token,
    new_session,
    seal,
    store_of,
    unseal,
)
from payment_cli.storage.base import Collection, Query, Storage

#: A session that is voided by its id is so for as long as any session may last.
VOID_DAYS = 30

#: So many voided sessions are forgotten, when they are over anyway, each time one is voided.
FORGOTTEN_MAX = 20

_ID = re.compile(r"[0-9a-f]{32}")


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
    storage: Callable[[], Storage]

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
            UntrustedError: it is none, was sealed by another key, is over, or was ended.
            ConfigError: the store's key file is not as it must be.
        """
        session = self._unsealed(token)
        try:
            self.storage().get(_revoked(session.domain), session.digest)
        except NotFoundError:
            return session
        raise UntrustedError("this session was ended", hint="payment web token makes another")

    def end(self, session: Session) -> None:
        """End one session: no copy of its token opens anything from now on, in any process."""
        self._void(session.domain, session.digest, session.expi)

    def revoke(self, domain: str, name: str) -> str:
        """End the session of a token, or that of the id of it; return that id.

        A token is its store's own. What an id is of can't be seen: it is void for VOID_DAYS.

        Raises:
            UntrustedError: the token is none, or is over.
            InvalidValueError: the id is none.
            NotFoundError: there is no such store that the caller may see.
        """
        if is_token(name):
            self._require(store_of(name))
            session = self._unsealed(name)
            self.end(session)
            return session.digest
        self._require(domain)
        if _ID.fullmatch(name) is None:
            raise InvalidValueError("that is neither a token nor its id, of 32 hex digits")
        self._void(domain, name, self.clock() + VOID_DAYS * 86_400_000)
        return name

    def rotate(self, domain: str) -> Path:
        """Void every session of a store by a new key; return where the key is.

        Raises:
            NotFoundError, StorageError: as `issue`.
        """
        self._require(domain)
        self.keys.replace(domain)
        return self.keys.place(domain)

    def _unsealed(self, token: str) -> Session:
        try:
            key = self.keys.load(store_of(token))
        except NotFoundError:
            raise UntrustedError("this session is not one of the store's") from None
        return unseal(token, key, self.clock())

    def _void(self, domain: str, name: str, expi: int) -> None:
        """Record that a session is void until `expi`; forget some that are over by themselves."""
        now, place = self.clock(), _revoked(domain)
        with self.storage().transaction(self.actor.domain) as tx:
            try:
                tx.get(place, name)
            except NotFoundError:
                times: Record = {"ct": now, "lm": now, "expi": expi}
                tx.insert(place, {"id": name, "nm": name, "tp": "revoked", **times})
            over = Query(between("expi", 1, now), (("expi", 1),), limit=FORGOTTEN_MAX)
            for record in list(tx.query(place, over)):
                tx.delete(place, str(record["id"]), int(str(record["rev"])))

    def _require(self, domain: str) -> None:
        self.actor.require_store(domain)
        self.find_merchant(domain)


def _revoked(domain: str) -> Collection:
    return Collection("revoked", domain)
