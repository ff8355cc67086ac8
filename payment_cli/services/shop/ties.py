"""What ties goods together: packages to their parts, prices to a rule of another product.

Who changes one product must not make another unsellable without knowing: the change is refused,
and names who needs the product as it is. What broke in another way, the doctor tells.
"""

from collections.abc import Container, Iterator, Sequence

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.model.money import same_currency
from payment_cli.model.query.match import Match, all_of, any_of, equal, is_null, negate
from payment_cli.model.shop.live import LIVE
from payment_cli.model.shop.pricing_goods import CartLine
from payment_cli.model.shop.product import Product
from payment_cli.model.shop.product_price import Catalogue, find_rule, unpack
from payment_cli.services.shop.records import load_catalogue, products
from payment_cli.storage.base import Query, Reader

#: So many of those that need a product are named.
_NAMED_MAX = 5


def require_whole(product: Product, catalogue: Catalogue) -> None:
    """Refuse a product that can't be sold as its record says; `catalogue` holds those it names.

    Raises:
        InvalidValueError: a part of its package or its price rule is missing, deleted or in
            another currency, a part is a package, or a price of its own never applies.
    """
    for rule in product.prices:
        if rule.unreached is not None:
            raise InvalidValueError(
                f"product {product.nm}: price rule {rule.name}: {rule.unreached.counts.text} never "
                f"applies, as what stands before it fits all of it",
                hint="the first that fits holds: give the greater counts first",
            )
    for part in unpack(product, catalogue):
        if not part.product.is_live:
            raise InvalidValueError(
                f"package {product.nm}: product {part.product.nm} was deleted",
                hint=f"payment w restore {part.product.nm}",
            )
    find_rule(product, catalogue)


def require_sound(reader: Reader, domain: str, product: Product) -> None:
    """As `require_whole`, with the products that are stored.

    Raises:
        InvalidValueError: it could not be sold because of another.
    """
    names = [part.id for part in product.w_pkg] + [product.pro_id]
    others = [CartLine(name, 1) for name in names if name and name != product.id]
    require_whole(product, {**load_catalogue(reader, domain, others), product.id: product})


def require_untied(
    reader: Reader, domain: str, before: Product, after: Product, besides: Container[str] = ()
) -> None:
    """Refuse a change of a product that live goods need as it is; `besides` are ids that do not.

    Raises:
        NotAllowedError: packages hold it, or goods have their price from a rule of it, and it would
            be deleted, or in another currency, or without the rule.
    """
    if before.is_live and not after.is_live:
        _require_nobody(reader, domain, before, "it can't be deleted", besides)
    elif not same_currency(before.w_currency, after.w_currency):
        why = f"it can't be sold in {after.w_currency}"
        _require_nobody(reader, domain, before, why, besides)
    elif before.prices != after.prices:
        users = _live(reader, domain, before, equal("pro_id", before.id), besides)
        lost = [user for user in users if not _has_rule(user, after)]
        _refuse(before, lost, "its price rules can't change so: goods have their price by it")


def broken_goods(reader: Reader, domain: str) -> Iterator[tuple[str, InvalidValueError]]:
    """Yield the `nm` of each live product that can't be sold because of another, and why."""
    tied = any_of(*(negate(is_null(name)) for name in ("w_pkg", "pro_id", "price_by", "prices")))
    for record in reader.query(products(domain), Query(all_of(equal("th_live", LIVE), tied))):
        product = Product.from_record(record)
        try:
            require_whole(product, load_catalogue(reader, domain, [CartLine(product.id, 1)]))
        except InvalidValueError as error:
            yield product.nm, error


def _has_rule(user: Product, holder: Product) -> bool:
    try:
        find_rule(user, {holder.id: holder})
    except InvalidValueError:
        return False
    return True


def _require_nobody(
    reader: Reader, domain: str, product: Product, why: str, besides: Container[str]
) -> None:
    packages = _live(reader, domain, product, equal("w_pkg.w_id", product.id), besides)
    _refuse(product, packages, f"{why}: packages hold it")
    users = _live(reader, domain, product, equal("pro_id", product.id), besides)
    _refuse(product, users, f"{why}: goods have their price by it")


def _live(
    reader: Reader, domain: str, product: Product, wanted: Match, besides: Container[str]
) -> list[Product]:
    """Return the live goods that fit, by name, without `product` and those of `besides`."""
    match = all_of(equal("th_live", LIVE), wanted)
    found = map(Product.from_record, reader.query(products(domain), Query(match, (("nm", 1),))))
    return [one for one in found if one.id != product.id and one.id not in besides]


def _refuse(product: Product, others: Sequence[Product], why: str) -> None:
    if others:
        names = [other.nm for other in others[:_NAMED_MAX]]
        more = ", …" if len(others) > _NAMED_MAX else ""
        raise NotAllowedError(
            f"product {product.nm}: {why}: {', '.join(names)}{more}",
            hint="change these first, or all at once by `payment w import`",
        )
