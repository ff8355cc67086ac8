"""What one piece of a product costs, and what a package holds (seed 000, w1-shop-order)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from payment_cli.errors import InvalidValueError, NotFoundError
from payment_cli.model.money import same_currency
from payment_cli.model.shop.product import Product
from payment_cli.model.shop.product_rule import PriceRule

#: Products by id: whatever an order, its packages and its price rules name.
Catalogue = Mapping[str, Product]

#: Lines with the same key count together for a volume price: rule holder's id, rule's name.
RuleKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PackedPart:
    """A product inside a package, `num` times."""

    product: Product
    num: int


def find_product(catalogue: Catalogue, product_id: str) -> Product:
    """Return the product.

    Raises:
        NotFoundError: the shop has no such product.
    """
    product = catalogue.get(product_id)
    if product is None:
        raise NotFoundError("product", product_id)
    return product


def unpack(package: Product, catalogue: Catalogue) -> tuple[PackedPart, ...]:
    """Return what the package holds; nothing for a single product.

    Raises:
        InvalidValueError: a part points nowhere, is a package itself (they nest one level, seed
            000), has no price, or another currency.
    """
    return tuple(PackedPart(_part(package, part.id, catalogue), part.num) for part in package.w_pkg)


def unit_price(product: Product, parts: Sequence[PackedPart]) -> int:
    """Return the price of one piece in fen: its own, else the sum of its parts'."""
    if product.w_price is not None:
        return product.w_price
    return sum((part.product.w_price or 0) * part.num for part in parts)


def find_rule(product: Product, catalogue: Catalogue) -> tuple[RuleKey, PriceRule] | None:
    """Return the volume price rule of a product, and its key; None for none.

    The holder is the product that `pro_id` names, or itself; of several rules `price_by` names one.

    Raises:
        InvalidValueError: the rule or the product that holds it is missing or not told, or it is
            in another currency.
    """
    if not (product.pro_id or product.price_by or product.prices):
        return None
    what = f"product {product.nm}: its price rule {product.price_by}".rstrip()
    holder = catalogue.get(product.pro_id) if product.pro_id else product
    if holder is None:
        raise InvalidValueError(f"{what} is of product {product.pro_id}, which is not there")
    if not holder.is_live and holder is not product:
        raise InvalidValueError(f"{what} is of product {holder.nm}, which was deleted")
    if not same_currency(holder.w_currency, product.w_currency):
        raise InvalidValueError(f"{what} is of product {holder.nm}, sold in {holder.w_currency}")
    names = ", ".join(rule.name for rule in holder.prices)
    found = [rule for rule in holder.prices if product.price_by in ("", rule.name)]
    if not found:
        raise InvalidValueError(
            f"{what} is not among the prices of product {holder.nm}",
            hint=f"it has {names}" if names else "prices: [{name, rules: [{sku, price}]}]",
        )
    if len(found) > 1:
        raise InvalidValueError(
            f"product {product.nm}: which price rule of product {holder.nm} is meant?",
            hint=f"price_by says it: {names}",
        )
    return (holder.id, found[0].name), found[0]


def _part(package: Product, part_id: str, catalogue: Catalogue) -> Product:
    part = catalogue.get(part_id)
    what = f"package {package.nm}"
    if part is None:
        raise InvalidValueError(f"{what}: there is no product {part_id}")
    if part.w_pkg:
        raise InvalidValueError(
            f"{what}: product {part.nm} is a package itself", hint="packages nest one level only"
        )
    if not same_currency(part.w_currency, package.w_currency):
        raise InvalidValueError(f"{what}: product {part.nm} is sold in {part.w_currency}")
    return part
