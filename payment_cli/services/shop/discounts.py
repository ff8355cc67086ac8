"""`payment d`: a store's discounts (seed 000). Delete is logical."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from payment_cli.clock import Clock
from payment_cli.errors import NotFoundError
from payment_cli.ids import NewId
from payment_cli.model.actor import Actor
from payment_cli.model.query.match import Match
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.discount import Discount
from payment_cli.model.stores.merchant import Merchant
from payment_cli.services.shop.goods import find_exactly
from payment_cli.services.shop.live import live
from payment_cli.services.shop.records import discounts
from payment_cli.storage.base import Query, Reader, Storage, Transaction


@dataclass(frozen=True, slots=True)
class Discounts:
    """The discounts of the caller's own store."""

    storage: Storage
    actor: Actor
    clock: Clock
    new_id: NewId
    find_merchant: Callable[[str], Merchant]

    def query(self, query: Query) -> Iterator[Record]:
        """Yield the matching discounts that are not deleted."""
        return self.storage.query(discounts(self.actor.domain), live(query))

    def count(self, match: Match) -> int:
        """Return how many discounts match that are not deleted."""
        return self.storage.count(discounts(self.actor.domain), live(Query(match)).match)

    def get(self, fragment: str) -> Discount:
        """Return the discount with this id or part of an id.

        Raises:
            NotFoundError, AmbiguousIdError: there is no such discount.
        """
        collection = discounts(self.actor.domain)
        discount_id = self.storage.find_id(collection, fragment)
        return Discount.from_record(self.storage.get(collection, discount_id))

    def add(self, document: Mapping[str, Json], keep: Sequence[str] = ()) -> Discount:
        """Add a discount; its `goods` may be named by `nm`. Words in `keep` are one's own fields.

        Raises:
            InvalidValueError: it is no valid discount.
            NotFoundError: it is for goods that the store does not have.
        """
        now = self.clock()
        currency = self.find_merchant(self.actor.domain).currency
        discount = Discount.new(
            document, id=self.new_id(now), now=now, currency=currency, keep=keep
        )
        with self.storage.transaction(self.actor.domain) as tx:
            discount = self._by_ids(tx, discount)
            stored = tx.insert(discounts(self.actor.domain), discount.to_record())
        return Discount.from_record(stored)

    def set(self, fragment: str, changes: Mapping[str, Json], keep: Sequence[str] = ()) -> Discount:
        """Change fields of a discount; null removes one. Orders made before are not touched.

        Words in `keep` are fields of one's own.

        Raises:
            InvalidValueError: the result is no valid discount.
            NotFoundError: it is for goods that the store does not have.
        """

        def edit(tx: Transaction, discount: Discount) -> Discount:
            return self._by_ids(tx, discount.edited(changes, self.clock(), keep))

        return self._change(fragment, edit)

    def remove(self, fragment: str) -> Discount:
        """Mark a discount as deleted: it applies to no order any more."""
        return self._change(fragment, lambda _tx, discount: discount.deleted(self.clock()))

    def _change(
        self, fragment: str, change: Callable[[Transaction, Discount], Discount]
    ) -> Discount:
        collection = discounts(self.actor.domain)
        seen = self.get(fragment)
        with self.storage.transaction(self.actor.domain) as tx:
            discount = change(tx, Discount.from_record(tx.get(collection, seen.id)))
            return Discount.from_record(tx.put(collection, discount.to_record()))

    def _by_ids(self, reader: Reader, discount: Discount) -> Discount:
        """Return the discount with the ids of the goods that it names by `nm`.

        A discount for goods that are not there would never apply, and nobody would know why.
        """
        ids = []
        for name in discount.goods:
            found = find_exactly(reader, self.actor.domain, name)
            if found is None:
                raise NotFoundError("product", name, hint="payment w list")
            ids.append(found.id)
        return replace(discount, goods=tuple(dict.fromkeys(ids)))
