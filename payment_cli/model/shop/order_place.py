"""Making an order of a priced cart: the goods, discounts and coupons are copied into it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from payment_cli.model.history import with_line
from payment_cli.model.money import to_yuan
from payment_cli.model.record import Record
from payment_cli.model.shop.discount import Discount
from payment_cli.model.shop.order import HISTORY_MAX, Order
from payment_cli.model.shop.pricing import Priced
from payment_cli.model.stores.merchant import Merchant


@dataclass(frozen=True, slots=True)
class Placing:
    """Who orders; `expi` is AMS, 0 for never.

    `title` "" means the merchant's. `delivery` has the names of `order.DELIVERY_NAMES`.
    """

    buyer_id: str
    accounts: str = ""
    title: str = ""
    pay_tp: str = ""
    seller: str = ""
    expi: int = 0
    delivery: Mapping[str, str] = field(default_factory=dict)


def place_order(
    priced: Priced, placing: Placing, merchant: Merchant, *, id: str, now: int, by: str
) -> Order:
    """Return the new order (NW) of `merchant`, made at `now` (AMS) by the actor `by`."""
    return Order(
        id=id,
        ct=now,
        lm=now,
        sto_id=merchant.id,
        sto_nm=merchant.domain,
        title=placing.title or merchant.title,
        ord_ws=priced.lines,
        ord_currency=priced.currency,
        total=priced.total,
        freight=priced.freight,
        discount=priced.discount,
        ord_tp=priced.kind,
        ord_ds=tuple(_discount_row(discount, taken) for discount, taken in priced.discounts),
        coupons=tuple(coupon.order_row(taken) for coupon, taken in priced.coupons),
        ord_expi=placing.expi,
        buyer_id=placing.buyer_id,
        accounts=placing.accounts,
        seller=placing.seller,
        pay_tp=placing.pay_tp,
        stock=dict(priced.stock),
        delivery=placing.delivery,
        history=with_line((), "create", now, by, most=HISTORY_MAX),
    )


def _discount_row(discount: Discount, taken: int) -> Record:
    """Return the row of `ord_ds`: seed 000's two fields, its terms, and what it took in yuan."""
    return {
        "id": discount.id,
        "dis_nm": discount.dis_nm,
        "rev": discount.rev,
        **discount.terms(),
        "taken": to_yuan(taken),
    }
