"""`payment address`: the addresses of buyers, and those a shop sends from (seed 002)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from payment_cli.clock import Clock
from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.ids import NewId
from payment_cli.model.actor import Actor
from payment_cli.model.query.match import equal
from payment_cli.model.record import Json
from payment_cli.model.shop.address import Address, AddressType, with_default
from payment_cli.storage.base import Collection, Query, Reader, Storage, Transaction

#: The most addresses one owner may have.
ADDRESSES_MAX = 50


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses kept by the caller's store. `uid` "" is the shop itself.

    A buyer's address is of type U, the shop's of type S: what a buyer keeps never becomes the
    place that the shop's freight is counted from.
    """

    storage: Storage
    actor: Actor
    clock: Clock
    new_id: NewId

    def list(self, uid: str) -> list[Address]:
        """Return an owner's addresses, the default ones first, then the newest."""
        found = _of(self.storage, self._collection, uid)
        return sorted(found, key=lambda address: (not address.dftaddr, -address.ct))

    def get(self, fragment: str) -> Address:
        """Return the address with this id or part of an id.

        Raises:
            NotFoundError, AmbiguousIdError: there is no such address.
        """
        address_id = self.storage.find_id(self._collection, fragment)
        return Address.from_record(self.storage.get(self._collection, address_id))

    def add(self, uid: str, document: Mapping[str, Json], keep: Sequence[str] = ()) -> Address:
        """Add an address of `uid`; an owner's first one becomes the default.

        Words in `keep` are fields of one's own.

        Raises:
            InvalidValueError: it is no valid address.
            NotAllowedError: the owner has as many as one may have.
        """
        now = self.clock()
        kind = str(AddressType.BUYER if uid else AddressType.SHOP)
        address = Address.new(
            {"tp": kind, **document}, id=self.new_id(now), uid=uid, now=now, keep=keep
        )
        _require_kind(address)
        with self.storage.transaction(self.actor.domain) as tx:
            others = _of(tx, self._collection, uid)
            if len(others) >= ADDRESSES_MAX:
                raise NotAllowedError(f"{uid or 'the shop'} has {ADDRESSES_MAX} addresses already")
            stored = tx.insert(self._collection, replace(address, dftaddr=not others).to_record())
        return Address.from_record(stored)

    def set(self, fragment: str, changes: Mapping[str, Json], keep: Sequence[str] = ()) -> Address:
        """Change fields of an address; null removes one. Words in `keep` are fields of one's own.

        Raises:
            InvalidValueError: the result is no valid address.
        """

        def edit(_tx: Transaction, address: Address, now: int) -> Address:
            edited = address.edited(changes, now, keep)
            _require_kind(edited)
            return edited

        return self._change(fragment, edit)

    def set_default(self, fragment: str) -> Address:
        """Make it the one of its kind that its owner's orders use when they name none."""

        def choose(tx: Transaction, address: Address, now: int) -> Address:
            for changed in with_default(_of(tx, self._collection, address.uid), address, now):
                if changed.id != address.id:
                    tx.put(self._collection, changed.to_record())
            return replace(address, dftaddr=True, lm=now)

        return self._change(fragment, choose)

    def remove(self, fragment: str) -> Address:
        """Remove an address for good; orders keep their copy.

        If it was the default, the owner's newest other one takes its place: a shop without a
        default would charge no freight by weight, and say nothing about it.
        """
        seen = self.get(fragment)
        with self.storage.transaction(self.actor.domain) as tx:
            address = Address.from_record(tx.get(self._collection, seen.id))
            tx.delete(self._collection, address.id, address.rev)
            others = _of(tx, self._collection, address.uid)
            if address.dftaddr and others:
                heir = max(others, key=lambda other: (other.ct, other.id))
                heir = replace(heir, dftaddr=True, lm=self.clock())
                tx.put(self._collection, heir.to_record())
        return address

    @property
    def _collection(self) -> Collection:
        return Collection("address", self.actor.domain)

    def _change(
        self, fragment: str, change: Callable[[Transaction, Address, int], Address]
    ) -> Address:
        seen = self.get(fragment)
        with self.storage.transaction(self.actor.domain) as tx:
            address = Address.from_record(tx.get(self._collection, seen.id))
            changed = change(tx, address, self.clock())
            return Address.from_record(tx.put(self._collection, changed.to_record()))


def _of(reader: Reader, collection: Collection, uid: str) -> list[Address]:
    records = reader.query(collection, Query(equal("uid", uid)))
    return [Address.from_record(record) for record in records]


def _require_kind(address: Address) -> None:
    if (address.tp is AddressType.BUYER) is not bool(address.uid):
        raise InvalidValueError(
            f"address: {address.tp} is not the type of {address.uid or 'the shop'}",
            hint="a buyer's address is of type U, the shop's of type S",
        )
