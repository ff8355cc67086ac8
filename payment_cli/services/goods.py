"""`payment w`: a store's goods (seed 000). Delete is logical; `nm` is unique in the store."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import ConflictError, NotFoundError
from payment_cli.ids import NewId
from payment_cli.model.actor import Actor
from payment_cli.model.match import Match, all_of, equal
from payment_cli.model.merchant import Merchant
from payment_cli.model.product import LIVE, Product
from payment_cli.model.product_price import unpack
from payment_cli.model.record import Json, Record
from payment_cli.services.shop_records import load_settings, save_product, things
from payment_cli.storage.base import Query, Reader, Storage, Transaction


@dataclass(frozen=True, slots=True)
class Goods:
    """The goods of the caller's own store."""

    storage: Storage
    actor: Actor
    clock: Clock
    new_id: NewId
    find_merchant: Callable[[str], Merchant]

    @property
    def domain(self) -> str:
        """The store these goods belong to."""
        return self.actor.domain

    def query(self, query: Query, *, is_deleted: bool = False) -> Iterator[Record]:
        """Yield the matching goods; the deleted ones only when asked for."""
        return self.storage.query(things(self.domain), _living(query, is_deleted=is_deleted))

    def count(self, match: Match, *, is_deleted: bool = False) -> int:
        """Return how many goods match."""
        query = _living(Query(match), is_deleted=is_deleted)
        return self.storage.count(things(self.domain), query.match)

    def get(self, name: str) -> Product:
        """Return the product with this id, part of an id, or `nm`.

        Raises:
            NotFoundError, AmbiguousIdError: there is no such product.
        """
        return find_product(self.storage, self.domain, name)

    def add(self, document: Mapping[str, Json]) -> Product:
        """Add a product, in shop words or stored names.

        Raises:
            InvalidValueError: it is no valid product, or its package is not.
            ConflictError: its `nm` is taken.
        """
        now = self.clock()
        merchant = self.find_merchant(self.domain)
        product = Product.new(document, id=self.new_id(now), now=now, currency=merchant.currency)
        with self.storage.transaction(self.domain) as tx:
            require_free_name(tx, self.domain, product)
            require_sound_package(tx, self.domain, product)
            return Product.from_record(tx.insert(things(self.domain), product.to_record()))

    def set(self, name: str, changes: Mapping[str, Json]) -> Product:
        """Change fields of a product; null removes one. Orders made before are not touched.

        Raises:
            InvalidValueError: the result is no valid product.
            ConflictError: the new `nm` is taken.
            NotAllowedError: it was edited too short a time ago (setting `edit_every`).
        """

        def edit(tx: Transaction, product: Product, now: int) -> Product:
            every = load_settings(tx, self.domain).edit_every
            product.require_editable(now, every)
            edited = product.edited(changes, now)
            require_free_name(tx, self.domain, edited)
            require_sound_package(tx, self.domain, edited)
            return edited

        return self._change(name, edit)

    def remove(self, name: str) -> Product:
        """Mark a product as deleted; it can be restored."""
        return self._change(name, lambda _tx, product, now: product.deleted(now))

    def restore(self, name: str) -> Product:
        """Mark a deleted product as live again."""
        return self._change(name, lambda _tx, product, now: product.restored(now))

    def _change(self, name: str, change: Callable[[Transaction, Product, int], Product]) -> Product:
        seen = self.get(name)
        with self.storage.transaction(self.domain) as tx:
            product = Product.from_record(tx.get(things(self.domain), seen.id))
            return save_product(tx, self.domain, change(tx, product, self.clock()))


def find_product(reader: Storage, domain: str, name: str) -> Product:
    """Return a store's product by `nm`, id, or part of an id.

    Raises:
        NotFoundError, AmbiguousIdError: there is no such product.
    """
    named = list(reader.query(things(domain), Query(equal("nm", name), limit=1)))
    if named:
        return Product.from_record(named[0])
    try:
        product_id = reader.find_id(things(domain), name)
    except NotFoundError:
        raise NotFoundError("product", name, hint="payment w list") from None
    return Product.from_record(reader.get(things(domain), product_id))


def require_free_name(reader: Reader, domain: str, product: Product) -> None:
    """Refuse a product whose `nm` another one has, deleted ones included.

    Raises:
        ConflictError: it is taken.
    """
    for other in reader.query(things(domain), Query(equal("nm", product.nm), limit=2)):
        if other["id"] != product.id:
            raise ConflictError(f"the name {product.nm} is taken by product {other['id']}")


def require_sound_package(reader: Reader, domain: str, product: Product) -> None:
    """Refuse a package that holds itself, another package, or what is not there.

    Raises:
        InvalidValueError: it does.
    """
    if not product.w_pkg:
        return
    catalogue: dict[str, Product] = {product.id: product}
    for part in product.w_pkg:
        try:
            record = reader.get(things(domain), part.id)
        except NotFoundError:
            continue
        if part.id != product.id:
            catalogue[part.id] = Product.from_record(record)
    unpack(product, catalogue)


def _living(query: Query, *, is_deleted: bool) -> Query:
    wanted = equal("th_live", -LIVE if is_deleted else LIVE)
    return Query(all_of(wanted, query.match), query.sort, query.skip, query.limit)
