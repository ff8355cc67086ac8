"""The price of an order: goods, discounts, coupons, freight, every step named.

The identities, in fen and without any rounding between them:

    total     = sum of the lines' price * amount
    discount  = what discounts and coupons took off = sum of the lines' shares
    price     = total + freight
    fee       = price - discount          what is paid
    ord_price = total - discount          goods after discounts

Order of things: unit prices, discounts by priority, coupons in the buyer's order on what is left
of the goods, freight. Neither discounts nor coupons touch the freight, so fee >= freight >= 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.model.fee import FEE_MAX
from payment_cli.model.money import split, to_yuan
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.coupon import Coupon
from payment_cli.model.shop.discount import Discount
from payment_cli.model.shop.freight import Route, order_freight
from payment_cli.model.shop.order_line import OrderLine, pieces
from payment_cli.model.shop.order_state import OrderKind
from payment_cli.model.shop.pricing_discount import apply_discounts
from payment_cli.model.shop.pricing_goods import AS_GOODS_SAY, CartLine, Kinds, goods_lines
from payment_cli.model.shop.pricing_step import Step, StepKind
from payment_cli.model.shop.product_price import Catalogue
from payment_cli.model.stores.settings import KINDS_MAX


@dataclass(frozen=True, slots=True)
class Priced:
    """A priced cart. All amounts are fen; `discounts` and `coupons` come with what they took.

    `stock` is what creating the order takes from the stock: pieces by product id, of the products
    whose stock is counted.
    """

    lines: tuple[OrderLine, ...]
    currency: str
    freight: int
    kind: OrderKind
    discounts: tuple[tuple[Discount, int], ...]
    coupons: tuple[tuple[Coupon, int], ...]
    stock: tuple[tuple[str, int], ...]
    steps: tuple[Step, ...]

    @property
    def total(self) -> int:
        """The goods before discounts."""
        return sum(line.subtotal for line in self.lines)

    @property
    def discount(self) -> int:
        """What discounts and coupons took off."""
        return sum(line.w_discount for line in self.lines)

    @property
    def price(self) -> int:
        """Goods and freight, before discounts."""
        return self.total + self.freight

    @property
    def fee(self) -> int:
        """What is to be paid."""
        return self.price - self.discount

    @property
    def ord_price(self) -> int:
        """The goods after discounts."""
        return self.total - self.discount

    def to_record(self) -> Record:
        """Return the calculation for printing (`payment o price`, `payment d explain`)."""
        lines: list[Json] = [line.to_row() for line in self.lines]
        steps: list[Json] = [step.to_record() for step in self.steps]
        return {
            "ord_tp": str(self.kind),
            "ord_ws": lines,
            "ord_currency": self.currency,
            "total": to_yuan(self.total),
            "freight": to_yuan(self.freight),
            "discount": to_yuan(self.discount),
            "price": to_yuan(self.price),
            "fee": to_yuan(self.fee),
            "ord_price": to_yuan(self.ord_price),
            "steps": steps,
        }


def price_order(
    cart: Sequence[CartLine],
    catalogue: Catalogue,
    *,
    now: int,
    buyer_id: str = "",
    discounts: Iterable[Discount] = (),
    coupons: Sequence[Coupon] = (),
    kinds: Kinds = AS_GOODS_SAY,
    route: Route | None = None,
    currency: str = "",
    kinds_max: int = KINDS_MAX,
) -> Priced:
    """Price a cart at the time `now` (AMS).

    `discounts` are all of the store's, in any order; `coupons` those the buyer listed, in that
    order. `kinds` says which goods are sent; an order of which nothing is has no freight at all.
    `route` None charges only fixed freight: the store weighs nothing. `currency` is what the buyer
    wants to pay in, "" for whatever the goods cost.

    Raises:
        InvalidValueError: as `goods_lines`; a coupon listed twice; an order above FEE_MAX.
        NotFoundError: there is no such product.
        NotAllowedError: as `goods_lines`; a coupon that this buyer can't use now, or that would
            take nothing off; goods that are weighed and no rule for the route, or no route.
        ConfigError: goods that are weighed, and the store does not say where it sends from.
    """
    lines = goods_lines(
        cart, catalogue, now=now, currency=currency, kinds_max=kinds_max, kinds=kinds
    )
    kind = kinds.of(lines)
    currency = catalogue[lines[0].id].w_currency
    _require_payable(lines)
    stock = tuple((k, n) for k, n in pieces(lines).items() if catalogue[k].sku is not None)
    lines, used, steps = apply_discounts(lines, discounts, currency=currency, now=now)
    _require_each_once(coupons)
    spent = []
    for coupon in coupons:
        lines, step = _spend(coupon, lines, buyer_id=buyer_id, currency=currency, now=now)
        spent.append((coupon, step.taken))
        steps = (*steps, step)
    freight = 0
    if kind is not OrderKind.VIRTUAL:
        freight, note = order_freight(lines, route)
        steps = (*steps, Step(StepKind.FREIGHT, "", "", note or "free of freight", freight))
    return Priced(lines, currency, freight, kind, used, tuple(spent), stock, steps)


def _spend(
    coupon: Coupon, lines: tuple[OrderLine, ...], *, buyer_id: str, currency: str, now: int
) -> tuple[tuple[OrderLine, ...], Step]:
    """Return the lines after the coupon, its part split by what is left of each line."""
    left = [line.paid for line in lines]
    fee = sum(left)
    coupon.require_usable(buyer_id=buyer_id, fee=fee, currency=currency, now=now)
    after = coupon.left_of(fee)
    if after == fee:
        raise NotAllowedError(
            f"coupon {coupon.id} would take nothing off", hint="keep it for another order"
        )
    shares = split(fee - after, left)
    reduced = tuple(
        replace(line, w_discount=line.w_discount + share)
        for line, share in zip(lines, shares, strict=True)
    )
    note = f"{to_yuan(fee)} becomes {to_yuan(after)}"
    step = Step(StepKind.COUPON, coupon.id, coupon.title, note, fee - after, tuple(shares))
    return reduced, step


def _require_each_once(coupons: Sequence[Coupon]) -> None:
    ids = [coupon.id for coupon in coupons]
    for coupon_id in ids:
        if ids.count(coupon_id) > 1:
            raise InvalidValueError(f"coupon {coupon_id} is listed twice")


def _require_payable(lines: Sequence[OrderLine]) -> None:
    if sum(line.subtotal + line.freight * line.w_buy_num for line in lines) > FEE_MAX:
        raise InvalidValueError(f"an order is at most {to_yuan(FEE_MAX)}")
