"""Volume prices: what one piece costs depends on how many are bought together (w1-shop-order).

A rule set is the field `prices` of a product: `[{name, title, rules: [{sku: "[1,9]", price}]}]`.
A product has its own only rule, or the one that `price_by` (the rule's name) and `pro_id` (the
product that holds it) name. The count is the sum over all lines of the order that share a rule. The
first item that fits wins; where none fits, the product costs what it costs without a rule.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from payment_cli.errors import InvalidValueError
from payment_cli.model.fields import Fields
from payment_cli.model.money import to_yuan
from payment_cli.model.record import Json, Record

_RULES_MAX = 50
_COUNTS = re.compile(r"([\[(]) *(?:([0-9]{0,9}) *, *([0-9]{0,9})|([0-9]{1,9})) *([\])])")


@dataclass(frozen=True, slots=True)
class Counts:
    """A range of whole numbers, both ends included; `high` None is no end."""

    text: str
    low: int
    high: int | None

    def __contains__(self, count: int) -> bool:
        return self.low <= count and (self.high is None or count <= self.high)

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Read `[1,9]`, `[10,)`, `(9,20]` or `[5]`: [ ] include the end, ( ) do not.

        Raises:
            InvalidValueError: `where` holds no such range, or one that nothing fits.
        """
        found = _COUNTS.fullmatch(text.strip())
        if found is None:
            raise InvalidValueError(
                f"{where} must be a range such as [1,9] or [10,), not {text[:40]!a}"
            )
        opened, first, last, only, closed = found.groups()
        first, last = only or first, only or last
        low = int(first) + (opened == "(") if first else 0
        high = int(last) - (closed == ")") if last else None
        if high is not None and high < low:
            raise InvalidValueError(f"{where}: nothing fits {text[:40]!a}")
        return cls(text.strip(), low, high)


@dataclass(frozen=True, slots=True)
class PriceItem:
    """One item of a rule: the price of a piece (fen) for these counts."""

    counts: Counts
    price: int
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A named list of items; the first that fits wins."""

    name: str
    title: str
    items: tuple[PriceItem, ...]
    extra: Mapping[str, Json] = field(default_factory=dict)

    def price_for(self, count: int) -> int | None:
        """Return the price of one piece (fen) when `count` are bought together; None: no item."""
        return next((item.price for item in self.items if count in item.counts), None)

    @property
    def unreached(self) -> PriceItem | None:
        """An item that never applies, as those before it fit whatever it fits; None if all do."""
        for index, item in enumerate(self.items):
            before = [one.counts for one in self.items[:index]]
            begins = [item.counts.low, *(one.high + 1 for one in before if one.high is not None)]
            if not any(n in item.counts and all(n not in one for one in before) for n in begins):
                return item
        return None

    def to_row(self) -> Record:
        """Return the rule as a row of `prices`."""
        items: list[Json] = [
            {**item.extra, "sku": item.counts.text, "price": to_yuan(item.price)}
            for item in self.items
        ]
        return {**self.extra, "name": self.name, "title": self.title, "rules": items}


def read_price_rules(fields: Fields) -> tuple[PriceRule, ...]:
    """Read the field `prices` of a product.

    Raises:
        InvalidValueError: a rule has no name or no items, or two have the same name.
    """
    rules = tuple(_rule(row) for row in fields.rows("prices", most=_RULES_MAX))
    names = [rule.name for rule in rules]
    if len(set(names)) != len(names):
        raise InvalidValueError(f"{fields.what}: prices has two rules of one name")
    return rules


def _rule(row: Fields) -> PriceRule:
    name = row.required_text("name", max_len=64)
    items = tuple(_item(item) for item in row.rows("rules", most=_RULES_MAX))
    if not items:
        raise row.missing("rules")
    return PriceRule(name=name, title=row.text("title"), items=items, extra=row.rest())


def _item(row: Fields) -> PriceItem:
    counts = Counts.parse(row.required_text("sku", max_len=40), f"{row.what}: sku")
    return PriceItem(counts=counts, price=row.required_yuan("price"), extra=row.rest())
