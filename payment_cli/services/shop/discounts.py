"""`payment d`: a store's discounts (seed 000). Delete is logical."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from payment_cli.clock import Clock
from payment_cli.errors import InvalidValueError, NotFoundError
from payment_cli.ids import NewId
from payment_cli.model.actor import Actor
from payment_cli.model.money import same_currency
from payment_cli.model.query.match import Match
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.discount import Discount
from payment_cli.model.shop.product import Product
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

    def query(self, query: Query, *, is_deleted: bool = False) -> Iterator[Record]:
        """Yield the matching discounts; the deleted ones only when asked for."""
        wanted = live(query, is_deleted=is_deleted)
        return self.storage.query(discounts(self.actor.domain), wanted)

    def count(self, match: Match, *, is_deleted: bool = False) -> int:
        """Return how many discounts match."""
        wanted = live(Query(match), is_deleted=is_deleted)
        return self.storage.count(discounts(self.actor.domain), wanted.match)

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
            InvalidValueError: it is no valid discount, or never applies to one of its goods.
            NotFoundError: it is for goods that the store does not have.
        """
        now = self.clock()
        currency = self.find_merchant(self.actor.domain).currency
        discount = Discount.new(
            document, id=self.new_id(now), now=now, currency=currency, keep=keep
        )
        with self.storage.transaction(self.actor.domain) as tx:
            discount = self._by_ids(tx, discount, kept=())
            stored = tx.insert(discounts(self.actor.domain), discount.to_record())
        return Discount.from_record(stored)

    def set(self, fragment: str, changes: Mapping[str, Json], keep: Sequence[str] = ()) -> Discount:
        """Change fields of a discount; null removes one. Orders made before are not touched.

        Words in `keep` are fields of one's own.

        Raises:
            InvalidValueError: the result is none, or never applies to one of its goods.
            NotFoundError: it is for goods that the store does not have.
        """

        def edit(tx: Transaction, discount: Discount) -> Discount:
            edited = discount.edited(changes, self.clock(), keep)
            is_kept = same_currency(edited.dis_currency, discount.dis_currency)
            return self._by_ids(tx, edited, kept=discount.goods if is_kept else ())

        return self._change(fragment, edit)

    def remove(self, fragment: str) -> Discount:
        """Mark a discount as deleted: it applies to no order any more."""
        return self._change(fragment, lambda _tx, discount: discount.deleted(self.clock()))

    def restore(self, fragment: str) -> Discount:
        """Mark a deleted discount as live again: it applies from now on, if it is not over."""
        return self._change(fragment, lambda _tx, discount: discount.restored(self.clock()))

    def _change(
        self, fragment: str, change: Callable[[Transaction, Discount], Discount]
    ) -> Discount:
        collection = discounts(self.actor.domain)
        seen = self.get(fragment)
        with self.storage.transaction(self.actor.domain) as tx:
            discount = change(tx, Discount.from_record(tx.get(collection, seen.id)))
            return Discount.from_record(tx.put(collection, discount.to_record()))

    def _by_ids(self, reader: Reader, discount: Discount, kept: Collection[str]) -> Discount:
        """Return the discount with the ids of the goods that it names by `nm`.

        A discount for goods that are not there would never apply, and nobody would know why. Ids
        in `kept` it had before; what became of them the doctor tells.
        """
        ids = []
        for name in discount.goods:
            if name in kept:
                ids.append(name)
                continue
            found = find_exactly(reader, self.actor.domain, name)
            if found is None:
                raise NotFoundError("product", name, hint="payment w list")
            _require_meant(discount, found)
            ids.append(found.id)
        return replace(discount, goods=tuple(dict.fromkeys(ids)))


def _require_meant(discount: Discount, product: Product) -> None:
    what = f"discount {discount.dis_nm}"
    if not product.is_live:
        raise InvalidValueError(
            f"{what}: product {product.nm} was deleted", hint=f"payment w restore {product.nm}"
        )
    if not same_currency(product.w_currency, discount.dis_currency):
        raise InvalidValueError(
            f"{what} is in {discount.dis_currency}, product {product.nm} in {product.w_currency}",
            hint="dis_currency is a field of the discount",
        )
