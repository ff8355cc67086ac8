"""`payment d`: a store's discounts (seed 000). Delete is logical."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.ids import NewId
from payment_cli.model.actor import Actor
from payment_cli.model.discount import Discount
from payment_cli.model.match import all_of, equal
from payment_cli.model.merchant import Merchant
from payment_cli.model.product import LIVE
from payment_cli.model.record import Json, Record
from payment_cli.services.shop_records import discounts
from payment_cli.storage.base import Query, Storage


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
        match = all_of(equal("th_live", LIVE), query.match)
        return self.storage.query(
            discounts(self.actor.domain), Query(match, query.sort, query.skip, query.limit)
        )

    def get(self, fragment: str) -> Discount:
        """Return the discount with this id or part of an id.

        Raises:
            NotFoundError, AmbiguousIdError: there is no such discount.
        """
        collection = discounts(self.actor.domain)
        discount_id = self.storage.find_id(collection, fragment)
        return Discount.from_record(self.storage.get(collection, discount_id))

    def add(self, document: Mapping[str, Json]) -> Discount:
        """Add a discount.

        Raises:
            InvalidValueError: it is no valid discount.
        """
        now = self.clock()
        currency = self.find_merchant(self.actor.domain).currency
        discount = Discount.new(document, id=self.new_id(now), now=now, currency=currency)
        with self.storage.transaction(self.actor.domain) as tx:
            stored = tx.insert(discounts(self.actor.domain), discount.to_record())
        return Discount.from_record(stored)

    def set(self, fragment: str, changes: Mapping[str, Json]) -> Discount:
        """Change fields of a discount; null removes one. Orders made before are not touched.

        Raises:
            InvalidValueError: the result is no valid discount.
        """
        return self._change(fragment, lambda discount, now: discount.edited(changes, now))

    def remove(self, fragment: str) -> Discount:
        """Mark a discount as deleted: it applies to no order any more."""
        return self._change(fragment, lambda discount, now: discount.deleted(now))

    def _change(self, fragment: str, change: Callable[[Discount, int], Discount]) -> Discount:
        collection = discounts(self.actor.domain)
        seen = self.get(fragment)
        with self.storage.transaction(self.actor.domain) as tx:
            discount = Discount.from_record(tx.get(collection, seen.id))
            return Discount.from_record(
                tx.put(collection, change(discount, self.clock()).to_record())
            )
