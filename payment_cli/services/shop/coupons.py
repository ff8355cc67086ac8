"""`payment coupon`: a store's coupons (seed 002). Orders reserve, use and free them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.ids import NewId
from payment_cli.model.actor import Actor
from payment_cli.model.query.match import Match
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.coupon import Coupon
from payment_cli.model.stores.merchant import Merchant
from payment_cli.services.shop.live import live
from payment_cli.services.shop.records import coupons, save_coupon
from payment_cli.storage.base import Query, Storage


@dataclass(frozen=True, slots=True)
class Coupons:
    """The coupons of the caller's own store."""

    storage: Storage
    actor: Actor
    clock: Clock
    new_id: NewId
    find_merchant: Callable[[str], Merchant]

    def query(self, query: Query, *, is_deleted: bool = False) -> Iterator[Record]:
        """Yield the matching coupons; the deleted ones only when asked for."""
        wanted = live(query, is_deleted=is_deleted)
        return self.storage.query(coupons(self.actor.domain), wanted)

    def count(self, match: Match, *, is_deleted: bool = False) -> int:
        """Return how many coupons match."""
        wanted = live(Query(match), is_deleted=is_deleted)
        return self.storage.count(coupons(self.actor.domain), wanted.match)

    def get(self, fragment: str) -> Coupon:
        """Return the coupon with this id or part of an id.

        Raises:
            NotFoundError, AmbiguousIdError: there is no such coupon.
        """
        collection = coupons(self.actor.domain)
        coupon_id = self.storage.find_id(collection, fragment)
        return Coupon.from_record(self.storage.get(collection, coupon_id))

    def add(self, document: Mapping[str, Json], keep: Sequence[str] = ()) -> Coupon:
        """Add a coupon. Words in `keep` are fields of one's own.

        Raises:
            InvalidValueError: it is no valid coupon.
        """
        now = self.clock()
        currency = self.find_merchant(self.actor.domain).currency
        coupon = Coupon.new(document, id=self.new_id(now), now=now, currency=currency, keep=keep)
        with self.storage.transaction(self.actor.domain) as tx:
            stored = tx.insert(coupons(self.actor.domain), coupon.to_record())
        return Coupon.from_record(stored)

    def remove(self, fragment: str) -> Coupon:
        """Mark a coupon as deleted.

        Raises:
            NotAllowedError: an order holds it.
        """
        return self._change(fragment, Coupon.deleted)

    def restore(self, fragment: str) -> Coupon:
        """Mark a deleted coupon as live again; a used one stays used.

        Raises:
            NotAllowedError: it is not deleted.
        """
        return self._change(fragment, Coupon.restored)

    def _change(self, fragment: str, change: Callable[[Coupon, int], Coupon]) -> Coupon:
        collection = coupons(self.actor.domain)
        seen = self.get(fragment)
        with self.storage.transaction(self.actor.domain) as tx:
            coupon = Coupon.from_record(tx.get(collection, seen.id))
            save_coupon(tx, self.actor.domain, change(coupon, self.clock()))
        return self.get(seen.id)
