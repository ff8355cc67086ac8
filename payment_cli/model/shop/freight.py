"""What sending an order costs: a fixed freight per piece, or the freight sheet by weight.

The sheet is the reference's (`lbs freight`): `{first_weight, additional_unit, rules: {CN: [{title,
ship_code, target_code, first, additional}]}}`, weights in kilograms, prices in yuan. Our rules,
and where the reference's page and its code disagree:

- A product with a fixed freight pays that for each piece, and its weight does not count (the page
  w1-shop-order says "else"; the code adds both).
- The weight above `first_weight` is rounded up to whole `additional_unit`s (the code charges
  fractions of a unit). `first_weight` and `additional_unit` are 1 kg when missing (the page; the
  code takes 0, and then charges nothing beyond the first weight).
- A weight of 0 on the sheet still costs `first`. An order whose goods have no weight at all is not
  weighed: a product without weight is free of it (w1-shop).
- The freight of an order is rounded half-up to the whole yuan (w1-shop-order: 运费则对齐到元).
- Without a sheet only fixed freight is charged.
- Where goods are weighed and the sheet has no rule for where they go, or nobody says where they go,
  or the address does not tell which of several rules is meant (a province, where one of its cities
  has another price), the order is refused: nobody knows what it costs, and it is never nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Self

from payment_cli.errors import ConfigError, NotAllowedError
from payment_cli.model.fields import Fields
from payment_cli.model.money import div_half_up, to_yuan
from payment_cli.model.record import Json
from payment_cli.model.shop.order_line import OrderLine

_RULES_MAX = 5000
_WEIGHT_MAX_KG = 100_000
_WEIGHT_PLACES = 6
_FEN_PER_YUAN = 100


@dataclass(frozen=True, slots=True)
class FreightRule:
    """One rule: from `ship_code` to `target_code`, prices in fen; 000000 is the whole country."""

    title: str
    ship_code: str
    target_code: str
    first: int
    additional: int

    def score(self, ship_code: str, target_code: str) -> int | None:
        """Return how well it fits: the levels (province, city, area) that agree, None for not."""
        ship = _levels_shared(self.ship_code, ship_code)
        target = _levels_shared(self.target_code, target_code)
        return None if ship is None or target is None else ship + target

    @property
    def prices(self) -> tuple[int, int]:
        """What the first weight and each additional unit cost."""
        return self.first, self.additional

    def is_finer_than(self, target_code: str) -> bool:
        """Whether it is for a part of a region only."""
        return len(_levels(self.target_code)) > len(_levels(target_code))


@dataclass(frozen=True, slots=True)
class FreightSheet:
    """A freight sheet; `rules` by the country that is sent to."""

    first_weight: Decimal
    additional_unit: Decimal
    rules: Mapping[str, tuple[FreightRule, ...]]

    def rule_for(self, country: str, ship_code: str, target_code: str) -> FreightRule:
        """Return the rule that fits best; of equally good ones the first.

        A rule for a part of where it goes to may be meant or not. Where it has another price, the
        address is too coarse: a buyer does not choose the cheaper one by saying less.

        Raises:
            NotAllowedError: no rule fits, or the address does not tell which one does.
        """
        best, best_score, finer = None, -1, []
        for rule in self.rules.get(country, ()):
            score = rule.score(ship_code, target_code)
            if score is None:
                continue
            if rule.is_finer_than(target_code):
                finer.append(rule)
            elif score > best_score:
                best, best_score = rule, score
        where = f"{country} {target_code}".rstrip()
        if best is None and not finer:
            raise NotAllowedError(
                f"the freight sheet has no rule from {ship_code} to {where}",
                hint="a rule with target_code 000000 serves a whole country",
            )
        if best is None or any(rule.prices != best.prices for rule in finer):
            raise NotAllowedError(
                f"the freight can't be told: {where} is not the whole region code",
                hint=f"the sheet has a rule for {finer[0].target_code}",
            )
        return best

    def units(self, weight: Decimal) -> int:
        """Return how many additional units a weight in kilograms has, rounded up."""
        above = max(Decimal(0), weight - self.first_weight)
        return int((above / self.additional_unit).to_integral_value(ROUND_CEILING))

    def cost(self, rule: FreightRule, weight: Decimal) -> int:
        """Return what sending a weight (kg) costs by `rule`, in fen, before rounding to yuan."""
        return rule.first + self.units(weight) * rule.additional

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Self:
        """Read a freight sheet.

        Raises:
            InvalidValueError: it is no freight sheet.
        """
        fields = Fields(document, "freight sheet")
        first_weight = fields.number("first_weight", 1, high=_WEIGHT_MAX_KG, places=_WEIGHT_PLACES)
        unit = fields.number("additional_unit", 1, high=_WEIGHT_MAX_KG, places=_WEIGHT_PLACES)
        if not unit:
            raise fields.error("additional_unit", "must be above 0", unit)
        by_country = Fields(fields.mapping("rules"), "freight sheet: rules")
        rules = {
            country: tuple(_rule(row) for row in by_country.rows(country, most=_RULES_MAX))
            for country in by_country.rest()
        }
        return cls(first_weight, unit, rules)


def read_sheet(document: Mapping[str, Json]) -> FreightSheet | None:
    """Return the freight sheet of a store's settings; None where the store has none.

    Raises:
        InvalidValueError: it is no freight sheet.
    """
    return FreightSheet.from_document(document) if document else None


@dataclass(frozen=True, slots=True)
class Route:
    """From where to where, and by which sheet; codes are Chinese division codes.

    `ship_code` None: the store does not say where it sends from. `country` "": nobody says where
    the order goes.
    """

    sheet: FreightSheet
    country: str
    ship_code: str | None
    target_code: str

    def rule(self) -> FreightRule:
        """Return the rule of the sheet for this route.

        Raises:
            NotAllowedError: it is not known where the order goes, or the sheet has no rule for it.
            ConfigError: it is not known where it comes from.
        """
        if self.ship_code is None:
            raise ConfigError(
                "the freight sheet can't be used: the store has no address that it sends from",
                hint="payment address add, without --buyer",
            )
        if not self.country:
            raise NotAllowedError(
                "the freight can't be told: nobody says where the order goes",
                hint="an address of the buyer, or addr_user_code and its fellows",
            )
        return self.sheet.rule_for(self.country, self.ship_code, self.target_code)


def order_freight(lines: Iterable[OrderLine], route: Route | None) -> tuple[int, str]:
    """Return the freight of an order in fen (whole yuan), and how it came about.

    Raises:
        NotAllowedError, ConfigError: there are goods to be weighed, and the route has no rule.
    """
    fixed, weight = 0, Decimal(0)
    for line in lines:
        if line.freight:
            fixed += line.freight * line.w_buy_num
        else:
            weight += line.weight * line.w_buy_num
    cost, notes = fixed, [f"{to_yuan(fixed)} fixed"] if fixed else []
    if weight and route is not None:
        weighed, note = _by_sheet(route, weight)
        cost, notes = cost + weighed, [*notes, note]
    rounded = div_half_up(cost, _FEN_PER_YUAN) * _FEN_PER_YUAN
    return rounded, ", ".join(notes)


def _by_sheet(route: Route, weight: Decimal) -> tuple[int, str]:
    rule = route.rule()
    units = route.sheet.units(weight)
    note = (
        f"{weight.normalize():f} kg by {rule.title or 'the sheet'}:"
        f" {to_yuan(rule.first)} + {units} * {to_yuan(rule.additional)}"
    )
    return route.sheet.cost(rule, weight), note


def _rule(row: Fields) -> FreightRule:
    return FreightRule(
        title=row.text("title"),
        ship_code=row.required_text("ship_code", max_len=12),
        target_code=row.required_text("target_code", max_len=12),
        first=row.required_yuan("first"),
        additional=row.yuan("additional"),
    )


def _levels_shared(rule_code: str, code: str) -> int | None:
    """Return how many levels agree, down to the shallower of both; None when one differs.

    The reference also lets a rule for one city serve another city of its province; here it does
    not, since a rule for the province or the whole country is what is meant for that.
    """
    rule_levels, levels = _levels(rule_code), _levels(code)
    shared = min(len(rule_levels), len(levels))
    return shared if rule_levels[:shared] == levels[:shared] else None


def _levels(code: str) -> tuple[str, ...]:
    """Split a Chinese code into province, city and area: only its first six digits count.

    A shorter one is padded (`11` is 110000). Codes of other countries have one level.
    """
    if not code.isdecimal():
        return (code,) if code else ()
    digits = code[:6].ljust(6, "0")
    levels = (digits[:2], digits[2:4], digits[4:])
    depth = max((i + 1 for i, level in enumerate(levels) if level != "00"), default=0)
    return levels[:depth]
