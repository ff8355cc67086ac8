"""What may stand in each document of the shop: its fields, and the words that mean them.

One form for each kind of document (thing, discount, coupon, address, order) and for the rows
inside them. The words are those of the shop model (seed 002), of the shell's document (seed 000)
and of the options of our own commands. They are accepted wherever such a document is read: as
JSON, as a column of CSV, over the web. What is done with them is in words.py.
"""

from collections.abc import Mapping
from typing import NamedTuple

_NONE: Mapping[str, str] = {}
_NOTHING: Mapping[str, Mapping[str, int]] = {}


class Form(NamedTuple):
    """One kind of document.

    `fields` are the names in its record. `shop` are the shop model's words for them, which
    `--shop` prints; `also` are further words that are accepted, `implies` what such a word says
    besides. `rows` names the forms of the rows in a field. Whatever begins with `prefix` is meant
    to be a field. In a `careful` form a word that resembles a field is taken for a misspelled one:
    a coupon whose threshold is passed over is a gift to everybody. In a `strict` one there are no
    other words at all: it is what a client sends, and nobody looks what became of it.
    """

    fields: frozenset[str]
    shop: Mapping[str, str] = _NONE
    also: Mapping[str, str] = _NONE
    implies: Mapping[str, Mapping[str, int]] = _NOTHING
    rows: Mapping[str, str] = _NONE
    prefix: str = ""
    careful: bool = False
    strict: bool = False

    def field(self, word: str) -> str | None:
        """Return the field that a word means; None if it means none here."""
        name = self.shop.get(word) or self.also.get(word)
        return name or (word if word in self.fields else None)


#: The names of w1-shop-order, and the fields of an address that they are.
DELIVERY = {
    "addr_user_country": "country",
    "addr_user_code": "code",
    "addr_user_postcode": "postcode",
    "addr_user_city": "city",
    "addr_user_door": "street",
    "user_name": "consignee",
    "user_phone": "phone",
    "user_email": "email",
}

_THING = Form(
    fields=frozenset(
        (
            "id", "nm", "tp", "ct", "lm", "rev", "th_live", "edit_at", "w_nm", "w_price",
            "w_tp", "w_currency", "w_expi", "w_buy_min", "w_buy_max", "w_pkg", "retail", "sku",
            "weight", "freight", "cat", "prices", "pro_id", "price_by", "link", "description",
        )
    ),
    shop={
        "title": "w_nm", "price": "w_price", "currency": "w_currency", "cate": "cat", "tp": "w_tp",
    },
    also={
        "name": "nm", "cur": "w_currency", "stock": "sku", "expi": "w_expi", "expires": "w_expi",
        "min": "w_buy_min", "buy_min": "w_buy_min", "max": "w_buy_max", "buy_max": "w_buy_max",
        "category": "cat", "part": "w_pkg", "parts": "w_pkg", "type": "w_tp",
    },
    rows={"w_pkg": "part", "prices": "price_rule"},
    prefix="w_",
)  # fmt: skip

_DISCOUNT = Form(
    fields=frozenset(
        (
            "id", "dis_id", "nm", "tp", "ct", "lm", "rev", "th_live", "dis_nm", "dis_mode",
            "dis_currency", "dis_expi", "start_at", "priority", "stack", "goods", "cats", "tiers",
            "nth", "thres", "count", "off", "off_bp",
        )
    ),
    also={
        "title": "dis_nm", "name": "dis_nm", "mode": "dis_mode", "currency": "dis_currency",
        "cur": "dis_currency", "expi": "dis_expi", "expires": "dis_expi", "until": "dis_expi",
        "from": "start_at", "category": "cats", "cat": "cats", "threshold": "thres",
    },
    rows={"tiers": "tier"},
    prefix="dis_",
    careful=True,
)  # fmt: skip

_COUPON = Form(
    fields=frozenset(
        (
            "id", "nm", "tp", "ct", "lm", "rev", "th_live", "title", "type", "value", "thres",
            "owner", "cpn_expi", "cpn_currency", "cpn_stat", "cpn_orid", "cpn_used",
        )
    ),
    also={
        "name": "title", "expi": "cpn_expi", "expires": "cpn_expi", "currency": "cpn_currency",
        "cur": "cpn_currency", "threshold": "thres", "off": "value", "rate": "value",
    },
    implies={"off": {"type": 1}, "rate": {"type": 2}},
    prefix="cpn_",
    careful=True,
)  # fmt: skip

_ADDRESS = Form(
    fields=frozenset(
        (
            "id", "nm", "tp", "ct", "lm", "rev", "uid", "country", "code", "postcode", "city",
            "street", "consignee", "phone", "email", "dftaddr",
        )
    ),
    also=DELIVERY,
    prefix="addr_",
    careful=True,
)  # fmt: skip

_ORDER = Form(
    fields=frozenset(
        (
            "id", "nm", "tp", "race", "ct", "lm", "rev", "ord_ws", "ord_ds", "ord_tp",
            "ord_status", "ord_price", "ord_currency", "ord_expi", "title", "coupons", "seller",
            "price", "fee", "total", "freight", "discount", "pay_tp", "address", *DELIVERY,
        )
    ),
    shop={
        "products": "ord_ws", "tp": "ord_tp", "st": "ord_status", "currency": "ord_currency",
        "expi": "ord_expi",
    },
    also={
        "item": "ord_ws", "items": "ord_ws", "type": "ord_tp", "cur": "ord_currency",
        "coupon": "coupons", "pay_type": "pay_tp",
    },
    rows={"ord_ws": "line", "coupons": "order_coupon"},
    strict=True,
)  # fmt: skip

_LINE = Form(
    fields=frozenset(
        (
            "id", "nm", "w_nm", "w_tp", "w_price", "w_buy_num", "w_discount", "retail", "subtotal",
            "weight", "freight", "cat", "link", "description", "rev", "w_pkg",
        )
    ),
    shop={
        "title": "w_nm", "price": "w_price", "amount": "w_buy_num", "cate": "cat", "tp": "w_tp",
    },
    also={"w_id": "id", "w_num": "w_buy_num", "num": "w_buy_num", "count": "w_buy_num"},
    rows={"w_pkg": "line_part"},
    strict=True,
)  # fmt: skip

#: kind of document -> what may stand in it.
FORMS: Mapping[str, Form] = {
    "payment": Form(frozenset(("st",)), {"pay_st": "st"}),  # as the reference's code stores it
    "thing": _THING,
    "part": Form(
        frozenset(("w_id", "num")),
        also={"id": "w_id", "w_num": "num", "amount": "num", "count": "num"},
        prefix="w_",
    ),
    "price_rule": Form(
        frozenset(("name", "title", "rules")), also={"nm": "name"}, rows={"rules": "price_item"}
    ),
    "price_item": Form(
        frozenset(("sku", "price")), also={"w_price": "price", "amount": "sku", "count": "sku"}
    ),
    "discount": _DISCOUNT,
    "tier": Form(
        frozenset(("thres", "count", "off", "off_bp")), also={"threshold": "thres"}, careful=True
    ),
    "coupon": _COUPON,
    "address": _ADDRESS,
    "order": _ORDER,
    "line": _LINE,
    "line_part": Form(
        frozenset(("id", "w_nm", "w_price", "w_num", "rev")),
        shop={"title": "w_nm", "price": "w_price", "amount": "w_num"},
        strict=True,
    ),
    "order_coupon": Form(
        frozenset(("id", "title", "type", "value", "thres", "expi", "taken")),
        also={"cpn_expi": "expi"},
        strict=True,
    ),
}
