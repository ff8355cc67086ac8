"""`payment w`: a store's goods (seed 000). Delete is logical; `nm` is unique in the store.

Wherever one product names another (the parts of a package, the holder of a price rule), it may be
typed by `nm`; what is stored is the id.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from payment_cli.clock import Clock
from payment_cli.errors import ConflictError, InvalidValueError, NotAllowedError, NotFoundError
from payment_cli.ids import NewId
from payment_cli.model.actor import Actor
from payment_cli.model.query.match import Match, equal
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.product import Product
from payment_cli.model.stores.merchant import Merchant
from payment_cli.services.shop.live import live
from payment_cli.services.shop.records import products
from payment_cli.services.shop.ties import require_sound, require_untied
from payment_cli.services.stores.records import load_settings
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
        return self.storage.query(products(self.domain), live(query, is_deleted=is_deleted))

    def count(self, match: Match, *, is_deleted: bool = False) -> int:
        """Return how many goods match."""
        query = live(Query(match), is_deleted=is_deleted)
        return self.storage.count(products(self.domain), query.match)

    def get(self, name: str) -> Product:
        """Return the product with this id, part of an id, or `nm`.

        Raises:
            NotFoundError, AmbiguousIdError: there is no such product.
        """
        return find_product(self.storage, self.domain, name)

    def add(self, document: Mapping[str, Json], keep: Sequence[str] = ()) -> Product:
        """Add a product, in any words for its fields; those in `keep` are fields of one's own.

        Raises:
            InvalidValueError: it is no valid product, or its package or its price rule is not.
            ConflictError: its `nm` is taken.
        """
        now = self.clock()
        merchant = self.find_merchant(self.domain)
        product = Product.new(
            document, id=self.new_id(now), now=now, currency=merchant.currency, keep=keep
        )
        with self.storage.transaction(self.domain) as tx:
            require_free_name(tx, self.domain, product)
            product = _by_ids(tx, self.domain, product)
            require_sound(tx, self.domain, product)
            return Product.from_record(tx.insert(products(self.domain), product.to_record()))

    def set(
        self,
        name: str,
        changes: Mapping[str, Json],
        keep: Sequence[str] = (),
        *,
        is_file: bool = False,
    ) -> Product:
        """Change fields of a product; null removes one. Orders made before are not touched.

        Words in `keep` are fields of one's own. Changes from a file leave a counted stock as it is.

        Raises:
            InvalidValueError: the result is no valid product.
            ConflictError: the new `nm` is taken.
            NotAllowedError: it was edited too short a time ago (setting `edit_every`), or other
                goods need it as it is (ties.py).
        """

        def edit(tx: Transaction, product: Product, now: int) -> Product:
            every = load_settings(tx, self.domain).edit_every
            product.require_editable(now, every)
            given = product.sparing_stock(changes) if is_file else changes
            if not given:
                raise InvalidValueError(
                    f"product {product.nm}: a file does not change the stock that is counted",
                    hint="--stock N sets it, payment w stock moves it",
                )
            edited = product.edited(given, now, keep)
            require_free_name(tx, self.domain, edited)
            edited = _by_ids(tx, self.domain, edited)
            require_sound(tx, self.domain, edited)
            if not product.w_pkg:
                require_no_part(tx, self.domain, edited)
            require_untied(tx, self.domain, product, edited)
            return edited

        return self._change(name, edit)

    def add_stock(self, name: str, n: int) -> Product:
        """Add `n` pieces to the counted stock of a product; below 0 takes some out.

        Raises:
            NotAllowedError: its stock is not counted, or there are not so many.
        """

        def added(_tx: Transaction, product: Product, now: int) -> Product:
            if product.sku is None:
                raise NotAllowedError(
                    f"product {product.nm}: its stock is not counted", hint="=N begins to count"
                )
            product.require_stock(-n)
            return _with_stock(product, product.sku + n, now)

        return self._change(name, added)

    def set_stock(self, name: str, n: int) -> Product:
        """Set the stock of a product, which is counted from now on.

        Raises:
            InvalidValueError: not a number that a stock can be.
        """
        return self._change(name, lambda _tx, product, now: _with_stock(product, n, now))

    def remove(self, name: str) -> Product:
        """Mark a product as deleted; it can be restored.

        Raises:
            NotAllowedError: it was already, or live goods need it: packages that hold it, goods
                that have their price from a rule of it.
        """

        def deleted(tx: Transaction, product: Product, now: int) -> Product:
            after = product.deleted(now)
            require_untied(tx, self.domain, product, after)
            return after

        return self._change(name, deleted)

    def restore(self, name: str) -> Product:
        """Mark a deleted product as live again.

        Raises:
            NotAllowedError: it is not deleted.
            InvalidValueError: it could not be sold: a part of it or its price rule is gone.
        """

        def restored(tx: Transaction, product: Product, now: int) -> Product:
            require_sound(tx, self.domain, product)
            return product.restored(now)

        return self._change(name, restored)

    def _change(self, name: str, change: Callable[[Transaction, Product, int], Product]) -> Product:
        seen = self.get(name)
        with self.storage.transaction(self.domain) as tx:
            product = Product.from_record(tx.get(products(self.domain), seen.id))
            changed = change(tx, product, self.clock())
            return Product.from_record(tx.put(products(self.domain), changed.to_record()))


def find_product(reader: Storage, domain: str, name: str) -> Product:
    """Return a store's product by `nm`, id, or part of an id, checked as any record read by its id.

    A whole id comes first: it needs no journal, and is no other product's `nm`.

    Raises:
        NotFoundError, AmbiguousIdError: there is no such product.
    """
    place = products(domain)
    with suppress(NotFoundError, InvalidValueError):
        return Product.from_record(reader.get(place, name))
    try:
        named = [*reader.query(place, Query(equal("nm", name), limit=1))]
        product_id = str(named[0]["id"]) if named else reader.find_id(place, name)
    except (NotFoundError, InvalidValueError):
        raise NotFoundError("product", ascii(name[:64])[1:-1], hint="payment w list") from None
    return Product.from_record(reader.get(place, product_id))


def find_exactly(reader: Reader, domain: str, name: str) -> Product | None:
    """Return a store's product by `nm` or whole id; None where there is none."""
    for record in reader.query(products(domain), Query(equal("nm", name), limit=1)):
        return Product.from_record(record)
    try:
        return Product.from_record(reader.get(products(domain), name))
    except (NotFoundError, InvalidValueError):
        return None


def require_free_name(reader: Reader, domain: str, product: Product) -> None:
    """Refuse a product whose `nm` another one has as `nm` or id, deleted ones included.

    Raises:
        ConflictError: it is taken.
    """
    other = find_exactly(reader, domain, product.nm)
    if other is not None and other.id != product.id:
        raise ConflictError(f"the name {product.nm} is taken by product {other.id}")


def require_no_part(reader: Reader, domain: str, product: Product) -> None:
    """Refuse a package that is a part of another one: packages nest one level only (seed 000).

    Raises:
        InvalidValueError: it is.
    """
    if not product.w_pkg:
        return
    for package in reader.query(products(domain), Query(equal("w_pkg.w_id", product.id), limit=1)):
        raise InvalidValueError(
            f"product {product.nm} is a part of package {package['nm']}",
            hint="packages nest one level only",
        )


def _by_ids(reader: Reader, domain: str, product: Product) -> Product:
    """Return the product with the ids of the products that it names by `nm`."""

    def id_of(name: str) -> str:
        found = find_exactly(reader, domain, name)
        return name if found is None else found.id

    parts = tuple(replace(part, id=id_of(part.id)) for part in product.w_pkg)
    if len({part.id for part in parts}) < len(parts):
        raise InvalidValueError(f"product {product.nm}: w_pkg names a product twice")
    return replace(product, w_pkg=parts, pro_id=id_of(product.pro_id) if product.pro_id else "")


def _with_stock(product: Product, n: int, now: int) -> Product:
    """Return the product with a stock; moving stock is no edit (setting `edit_every`)."""
    return replace(product.edited({"sku": n}, now), edit_at=product.edit_at)
