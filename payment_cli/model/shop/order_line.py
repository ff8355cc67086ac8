"""A line of an order: a copy of the product as it was sold (seed 000), with its share of discount.

Later edits of the goods do not matter: prices, names, link, description, the goods' revision and
the parts of a package are copied. `w_discount` is what all discounts and coupons together took
off this line; the lines' shares add up to the order's discount, so a refund of one line knows
what was really paid for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from payment_cli.model.fields import Fields
from payment_cli.model.money import to_yuan
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.order_state import OrderKind

#: One piece may be a package of a million of the heaviest products.
_WEIGHT_MAX_KG = 10**13
_WEIGHT_PLACES = 6


@dataclass(frozen=True, slots=True)
class OrderPart:
    """A product inside a package that was sold: `w_num` pieces in each package, price in fen."""

    id: str
    w_nm: str
    w_price: int
    w_num: int
    rev: int = 0
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line: `w_buy_num` pieces at `w_price` fen each.

    `weight` (kg) and `freight` (fen, fixed) are those of one piece, `rev` is the goods' revision.
    `is_virtual` (`w_tp` Q in the record): nothing of it is sent, and it has neither.
    """

    id: str
    nm: str
    w_nm: str
    w_price: int
    w_buy_num: int
    w_discount: int = 0
    retail: int | None = None
    weight: Decimal = Decimal(0)
    freight: int = 0
    cat: tuple[str, ...] = ()
    link: str = ""
    description: str = ""
    rev: int = 0
    is_virtual: bool = False
    w_pkg: tuple[OrderPart, ...] = ()
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def subtotal(self) -> int:
        """What the line costs before discounts, in fen."""
        return self.w_price * self.w_buy_num

    @property
    def paid(self) -> int:
        """What the line costs after discounts and coupons, in fen."""
        return self.subtotal - self.w_discount

    def to_row(self) -> Record:
        """Return the line as a row of `ord_ws`; what is empty is left out."""
        row: Record = {
            **self.extra,
            "id": self.id,
            "nm": self.nm,
            "w_nm": self.w_nm,
            "w_price": to_yuan(self.w_price),
            "w_buy_num": self.w_buy_num,
            "w_discount": to_yuan(self.w_discount),
            "rev": self.rev,
        }
        parts: list[Json] = [_part_row(part) for part in self.w_pkg]
        optional: Record = {
            "weight": self.weight,
            "freight": to_yuan(self.freight),
            "cat": list(self.cat),
            "link": self.link,
            "description": self.description,
            "w_tp": str(OrderKind.VIRTUAL) if self.is_virtual else "",
            "w_pkg": parts,
        }
        row.update({name: value for name, value in optional.items() if value})
        if self.retail is not None:
            row["retail"] = to_yuan(self.retail)
        return row

    @classmethod
    def from_row(cls, row: Fields) -> Self:
        """Read a row of `ord_ws`.

        Raises:
            InvalidValueError: it is no such row.
        """
        return cls(
            id=row.required_text("id"),
            nm=row.text("nm"),
            w_nm=row.required_text("w_nm"),
            w_price=row.required_yuan("w_price"),
            w_buy_num=row.whole("w_buy_num", low=1),
            w_discount=row.yuan("w_discount"),
            retail=row.optional_yuan("retail"),
            weight=row.number("weight", high=_WEIGHT_MAX_KG, places=_WEIGHT_PLACES),
            freight=row.yuan("freight"),
            cat=row.texts("cat"),
            link=row.text("link", max_len=2000),
            description=row.text("description", max_len=4000, multiline=True),
            rev=row.whole("rev"),
            is_virtual=row.raw("w_tp") == OrderKind.VIRTUAL,
            w_pkg=tuple(_part(part) for part in row.rows("w_pkg")),
            extra=row.rest(),
        )


def pieces(lines: Iterable[OrderLine]) -> dict[str, int]:
    """Return how many pieces of each product leave the stock: of the lines and of their parts.

    A package takes both from its own stock and from that of its parts; those whose stock is not
    counted (`sku` missing) are passed over where the stock is changed.
    """
    needed: dict[str, int] = {}
    for line in lines:
        needed[line.id] = needed.get(line.id, 0) + line.w_buy_num
        for part in line.w_pkg:
            needed[part.id] = needed.get(part.id, 0) + part.w_num * line.w_buy_num
    return needed


def _part_row(part: OrderPart) -> Record:
    return {
        **part.extra,
        "id": part.id,
        "w_nm": part.w_nm,
        "w_price": to_yuan(part.w_price),
        "w_num": part.w_num,
        "rev": part.rev,
    }


def _part(row: Fields) -> OrderPart:
    return OrderPart(
        id=row.required_text("id"),
        w_nm=row.required_text("w_nm"),
        w_price=row.required_yuan("w_price"),
        w_num=row.whole("w_num", low=1),
        rev=row.whole("rev"),
        extra=row.rest(),
    )
