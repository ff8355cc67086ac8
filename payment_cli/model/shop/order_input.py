"""What a client sends to order or to ask for a price (seed 002, w1-shop-order), strictly read.

The seed marks each field: what the client must or may send, what the shop looks up itself, and
what the shop sets. Looked-up fields may come along, as a client sends back what it was shown, and
are ignored: prices and the kind of an order (`tp`) are always the shop's. Fields the shop sets, and
unknown ones, are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from payment_cli.errors import InvalidValueError
from payment_cli.model.fields import Fields
from payment_cli.model.names import check_name
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.record import Json
from payment_cli.model.shop.address import Address
from payment_cli.model.shop.forms import DELIVERY
from payment_cli.model.shop.pricing_goods import LINES_MAX, CartLine
from payment_cli.model.shop.product import PIECES_MAX
from payment_cli.model.shop.words import from_shop, said, typed

COUPONS_MAX = 20

#: Fields that the shop looks up: ignored.
_LOOKED_UP = ("ord_tp", "price", "fee", "total", "freight", "discount", "seller")
_LINE_LOOKED_UP = ("nm", "w_nm", "w_price", "w_tp", "retail", "subtotal")
_COUPON_LOOKED_UP = ("title", "type", "value", "thres", "expi")

#: Fields that the shop sets: refused by name.
_SET_BY_SHOP = frozenset(
    (
        "id", "nm", "ct", "lm", "rev", "race", "buyer_id", "accounts", "ord_status", "ord_price",
        "ord_expi", "ord_ds", "sto_id", "sto_nm", "pay_id", "pay_ids", "proid0", "proids", "pro_c",
        "wt_at", "ok_at", "fa_at", "sp_at", "dn_at", "ca_at",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OrderInput:
    """What is wanted. Empty texts were not given.

    `address_id` names an address of the buyer, `delivery` is one written out (the names of
    forms.DELIVERY); at most one of the two is there.
    """

    cart: tuple[CartLine, ...]
    coupon_ids: tuple[str, ...] = ()
    currency: str = ""
    title: str = ""
    pay_tp: str = ""
    address_id: str = ""
    delivery: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Self:
        """Read a client's document, in shop words or stored names.

        Raises:
            InvalidValueError: a field is missing, wrong, unknown, or not the client's to set.
        """
        words = said("order", document)
        for name in from_shop("order", document):
            if name in _SET_BY_SHOP:
                word = words.words[name]
                raise InvalidValueError(f"order: {word} is set by the shop, not by the buyer")
        fields = Fields(typed("order", document, "order"), "order", said=words)
        pay_tp = fields.text("pay_tp")
        address_id, delivery = _address(fields)
        wanted = cls(
            cart=_cart(fields),
            coupon_ids=_coupon_ids(fields),
            currency=fields.currency("ord_currency") if fields.raw("ord_currency") else "",
            title=fields.text("title", max_len=128),
            pay_tp=pay_type(pay_tp).name if pay_tp else "",
            address_id=address_id,
            delivery=delivery,
        )
        fields.refuse_rest(*_LOOKED_UP)
        return wanted


def _cart(fields: Fields) -> tuple[CartLine, ...]:
    cart = []
    for row in fields.rows("ord_ws", most=LINES_MAX):
        product_id = check_name("id", row.required_text("id"))
        amount = row.whole("w_buy_num", low=1, high=PIECES_MAX)
        row.refuse_rest(*_LINE_LOOKED_UP)
        cart.append(CartLine(product_id, amount))
    if not cart:
        raise InvalidValueError("order: products is missing", hint="products: [{id, amount}]")
    return tuple(cart)


def _coupon_ids(fields: Fields) -> tuple[str, ...]:
    """Read `[{id}]`, or a plain list of ids."""
    given = fields.raw("coupons")
    if isinstance(given, list | tuple) and given and isinstance(given[0], str):
        ids = list(fields.texts("coupons", most=COUPONS_MAX))
    else:
        ids = []
        for row in fields.rows("coupons", most=COUPONS_MAX):
            ids.append(row.required_text("id"))
            row.refuse_rest(*_COUPON_LOOKED_UP)
    if len(set(ids)) != len(ids):
        raise InvalidValueError("order: a coupon is listed twice")
    return tuple(check_name("id", coupon_id) for coupon_id in ids)


def _address(fields: Fields) -> tuple[str, dict[str, str]]:
    address_id = fields.text("address")
    written = {name: fields.raw(name) for name in DELIVERY}
    if not any(written.values()):
        return (check_name("id", address_id) if address_id else ""), {}
    if address_id:
        raise InvalidValueError("order: address and addr_user_code both say where it goes")
    return "", Address.from_delivery(written).delivery()
