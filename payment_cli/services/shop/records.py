"""Reading and writing a shop's records as model objects, in or outside a transaction."""

from collections.abc import Iterable

from payment_cli.errors import NotFoundError
from payment_cli.model.events.notice import Notice
from payment_cli.model.query.match import equal
from payment_cli.model.shop.coupon import Coupon
from payment_cli.model.shop.discount import Discount
from payment_cli.model.shop.live import LIVE
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.pricing_goods import CartLine, missing_ids
from payment_cli.model.shop.product import Product
from payment_cli.model.shop.product_price import Catalogue
from payment_cli.storage.base import Collection, Query, Reader, Transaction


def products(domain: str) -> Collection:
    """Return where a store's products are."""
    return Collection("thing", domain)


def coupons(domain: str) -> Collection:
    """Return where a store's coupons are."""
    return Collection("coupon", domain)


def discounts(domain: str) -> Collection:
    """Return where a store's discounts are."""
    return Collection("discount", domain)


def orders(domain: str | None) -> Collection:
    """Return where the orders of a store are; None for all stores."""
    return Collection("order", domain)


def load_catalogue(reader: Reader, domain: str, cart: Iterable[CartLine]) -> Catalogue:
    """Return every product that pricing `cart` needs: goods, parts, holders of price rules.

    A product that is not there is left out: pricing names it.
    """
    cart = tuple(cart)
    catalogue: dict[str, Product] = {}
    asked: set[str] = set()
    while wanted := missing_ids(cart, catalogue) - asked:
        asked |= wanted
        for product_id in wanted:
            product = _find_product(reader, domain, product_id)
            if product is not None:
                catalogue[product_id] = product
    return catalogue


def load_coupons(reader: Reader, domain: str, ids: Iterable[str]) -> list[Coupon]:
    """Return the coupons with these ids, in that order.

    Raises:
        NotFoundError: the store has no such coupon.
    """
    return [Coupon.from_record(reader.get(coupons(domain), coupon_id)) for coupon_id in ids]


def load_discounts(reader: Reader, domain: str) -> list[Discount]:
    """Return the store's discounts that are not deleted."""
    records = reader.query(discounts(domain), Query(equal("th_live", LIVE)))
    return [Discount.from_record(record) for record in records]


def load_order(reader: Reader, domain: str, order_id: str) -> Order:
    """Return an order of a store.

    Raises:
        NotFoundError: there is no such order.
    """
    return Order.from_record(reader.get(orders(domain), order_id))


def save_order(tx: Transaction, order: Order) -> Order:
    """Write a changed order; return it as stored."""
    return Order.from_record(tx.put(orders(order.sto_nm), order.to_record()))


def note_delivery(tx: Transaction, notice: Notice, now: int, *, by: str) -> None:
    """Note on an order that its store acknowledged an event of it.

    Raises:
        NotFoundError, CorruptRecordError: the order is missing or damaged.
    """
    order = load_order(tx, notice.sto_nm, notice.or_id)
    save_order(tx, order.noted("notified", now, by, f"{notice.what}: {notice.code}"))


def note_hook(tx: Transaction, store: str, order_id: str, now: int, text: str, *, by: str) -> None:
    """Note on an order what became of a hook of its store.

    Raises:
        NotFoundError, CorruptRecordError: the order is missing or damaged.
    """
    save_order(tx, load_order(tx, store, order_id).noted("hook", now, by, text))


def save_coupon(tx: Transaction, domain: str, coupon: Coupon) -> None:
    """Write a changed coupon."""
    tx.put(coupons(domain), coupon.to_record())


def save_product(tx: Transaction, domain: str, product: Product) -> None:
    """Write a changed product."""
    tx.put(products(domain), product.to_record())


def _find_product(reader: Reader, domain: str, product_id: str) -> Product | None:
    try:
        return Product.from_record(reader.get(products(domain), product_id))
    except NotFoundError:
        return None
