"""Which goods a cart holds and what a piece of each costs, or why it can't be sold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.model.money import same_currency
from payment_cli.model.shop.order_line import OrderLine, OrderPart, pieces
from payment_cli.model.shop.order_state import OrderKind
from payment_cli.model.shop.product import PIECES_MAX, Product
from payment_cli.model.shop.product_price import (
    Catalogue,
    PackedPart,
    RuleKey,
    find_product,
    find_rule,
    unit_price,
    unpack,
)
from payment_cli.model.stores.settings import KINDS_MAX

#: The most lines; several may name one product.
LINES_MAX = 100


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which goods are sent (A) and which are virtual (Q): the store's word, never a buyer's.

    `usual` is what goods are that do not say (`w_tp`); `order` is what the store itself says of
    the whole order, None for what its goods say.
    """

    usual: OrderKind = OrderKind.NORMAL
    order: OrderKind | None = None

    def is_virtual(self, product: Product, parts: Sequence[PackedPart] = ()) -> bool:
        """Whether nothing of it is sent; a package that does not say is sent if a part is."""
        if self.order is OrderKind.VIRTUAL:
            return True
        if product.w_tp is None and parts:
            return all(self.is_virtual(part.product) for part in parts)
        return (product.w_tp or self.usual) is OrderKind.VIRTUAL

    def of(self, lines: Iterable[OrderLine]) -> OrderKind:
        """Return the kind of an order of these lines: it is sent if one of them is."""
        if self.order is not None:
            return self.order
        is_virtual = all(line.is_virtual for line in lines)
        return OrderKind.VIRTUAL if is_virtual else OrderKind.NORMAL


#: Goods that do not say are sent.
AS_GOODS_SAY = Kinds()


@dataclass(frozen=True, slots=True)
class CartLine:
    """What a buyer asks for: `amount` pieces of a product."""

    id: str
    amount: int


def goods_lines(
    cart: Sequence[CartLine],
    catalogue: Catalogue,
    *,
    now: int,
    currency: str = "",
    kinds_max: int = KINDS_MAX,
    kinds: Kinds = AS_GOODS_SAY,
) -> tuple[OrderLine, ...]:
    """Return the cart's lines with prices, before any discount; refuse what can't be sold.

    Several lines of one product stay several lines, but count together for its least and most
    amount, its stock and its volume price. `catalogue` holds all products that the cart names,
    the parts of packages, and the holders of price rules. `currency` is what the buyer wants to
    pay in, "" for whatever the goods cost. `kinds` says what is sent and what is virtual.

    Raises:
        InvalidValueError: an empty cart, an amount below 1 or too large, mixed currencies, or a
            product that is not well set up (its package or price rule points nowhere).
        NotFoundError: there is no such product.
        NotAllowedError: too many kinds, a product that is deleted, expired or sold out, too few or
            too many pieces.
    """
    amounts = _amounts(cart, kinds_max)
    goods = {product_id: find_product(catalogue, product_id) for product_id in amounts}
    parts = {product_id: unpack(product, catalogue) for product_id, product in goods.items()}
    for product_id, product in goods.items():
        product.require_sold(now)
        product.require_amount(amounts[product_id])
        for part in parts[product_id]:
            part.product.require_sold(now)
    _require_one_currency(goods.values(), currency)
    prices = _unit_prices(goods, parts, amounts, catalogue)
    lines = tuple(
        _line(goods[line.id], parts[line.id], prices[line.id], line.amount, kinds) for line in cart
    )
    for product_id, amount in pieces(lines).items():
        catalogue[product_id].require_stock(amount)
    return lines


def missing_ids(cart: Iterable[CartLine], catalogue: Catalogue) -> frozenset[str]:
    """Return the ids that pricing needs and `catalogue` lacks: load them, and ask again.

    With an empty catalogue these are the goods, then their parts and the holders of their price
    rules. An id that the shop does not have is named every time.
    """
    needed = {line.id for line in cart}
    for product_id in tuple(needed):
        product = catalogue.get(product_id)
        if product is not None:
            needed.update(part.id for part in product.w_pkg)
            needed.update([product.pro_id] if product.pro_id else [])
    return frozenset(needed - set(catalogue))


def _amounts(cart: Sequence[CartLine], kinds_max: int) -> dict[str, int]:
    if not cart:
        raise InvalidValueError("an order needs at least one product")
    if len(cart) > LINES_MAX:
        raise NotAllowedError(f"an order has at most {LINES_MAX} lines, not {len(cart)}")
    amounts: dict[str, int] = {}
    for line in cart:
        if not 1 <= line.amount <= PIECES_MAX:
            raise InvalidValueError(
                f"product {line.id}: amount must be 1 to {PIECES_MAX}, not {line.amount}"
            )
        amounts[line.id] = amounts.get(line.id, 0) + line.amount
    if len(amounts) > kinds_max:
        raise NotAllowedError(
            f"an order holds at most {kinds_max} kinds of goods, not {len(amounts)}"
        )
    return amounts


def _require_one_currency(goods: Iterable[Product], currency: str) -> None:
    wanted, by = currency, "the order"
    for product in goods:
        wanted, by = (wanted, by) if wanted else (product.w_currency, f"product {product.nm}")
        if not same_currency(wanted, product.w_currency):
            raise InvalidValueError(
                f"{by} is in {wanted}, product {product.nm} in {product.w_currency}",
                hint="one order has one currency",
            )


def _unit_prices(
    goods: Mapping[str, Product],
    parts: Mapping[str, tuple[PackedPart, ...]],
    amounts: Mapping[str, int],
    catalogue: Catalogue,
) -> dict[str, int]:
    """Return the price of one piece of each product, in fen; a volume price goes first."""
    rules = {product_id: find_rule(product, catalogue) for product_id, product in goods.items()}
    counts: dict[RuleKey, int] = {}
    for product_id, found in rules.items():
        if found is not None:
            counts[found[0]] = counts.get(found[0], 0) + amounts[product_id]
    prices = {}
    for product_id, product in goods.items():
        found = rules[product_id]
        price = None if found is None else found[1].price_for(counts[found[0]])
        prices[product_id] = unit_price(product, parts[product_id]) if price is None else price
    return prices


def _line(
    product: Product, parts: tuple[PackedPart, ...], price: int, amount: int, kinds: Kinds
) -> OrderLine:
    is_virtual = kinds.is_virtual(product, parts)
    weight, freight = (Decimal(0), 0) if is_virtual else _sending(product, parts, kinds)
    return OrderLine(
        id=product.id,
        nm=product.nm,
        w_nm=product.w_nm,
        w_price=price,
        w_buy_num=amount,
        retail=product.retail,
        weight=weight,
        freight=freight,
        cat=product.cat,
        link=product.link,
        description=product.description,
        rev=product.rev,
        is_virtual=is_virtual,
        w_pkg=tuple(
            OrderPart(
                id=part.product.id,
                w_nm=part.product.w_nm,
                w_price=part.product.w_price or 0,
                w_num=part.num,
                rev=part.product.rev,
            )
            for part in parts
        ),
    )


def _sending(product: Product, parts: Iterable[PackedPart], kinds: Kinds) -> tuple[Decimal, int]:
    """Return weight and fixed freight of one piece; a package without either has its parts'."""
    if product.weight or product.freight:
        return product.weight, product.freight
    weight, freight = Decimal(0), 0
    for part in parts:
        if kinds.is_virtual(part.product):
            continue
        weight += part.product.weight * part.num
        freight += part.product.freight * part.num
    return weight, freight
