"""Is a freight sheet one that orders can be sent by? Asked when it is set, and by the doctor.

An order reads a sheet as it is (freight.py): what is misspelled in it is passed over there, and
what is missing refuses the order. Here it is told beforehand.
"""

import re
from collections.abc import Iterable, Mapping

from payment_cli.errors import InvalidValueError
from payment_cli.model.country import check_country
from payment_cli.model.fields import unknown_field
from payment_cli.model.record import Json
from payment_cli.model.shop.address import CHINA
from payment_cli.model.shop.freight import FreightRule, FreightSheet

_SHEET = ("first_weight", "additional_unit", "rules", "title")
_RULE = ("title", "ship_code", "target_code", "first", "additional")

#: Province, city, area and more of a Chinese division code; orders look at the first six digits.
_CHINESE = re.compile("[0-9]{2}|[0-9]{4}|[0-9]{6,12}")


def check_sheet(document: Mapping[str, Json]) -> FreightSheet | None:
    """Return the freight sheet that a document is; None for an empty one, which is none.

    Raises:
        InvalidValueError: it is no freight sheet, has a field that a sheet does not have, has no
            rules, or rules for a country or from a place that is none.
    """
    if not document:
        return None
    _refuse_unknown("freight sheet", document, _SHEET)
    sheet = FreightSheet.from_document(document)
    if not any(sheet.rules.values()):
        raise InvalidValueError(
            "freight sheet: it has no rules, so nothing that has a weight could be sold",
            hint='{"rules":{"CN":[{"ship_code":"000000","target_code":"000000","first":10}]}};'
            " {} is no sheet",
        )
    for country, rules in sheet.rules.items():
        if check_country(country) != country:
            raise InvalidValueError(f"freight sheet: {country!a} must be in capital letters")
        for rule in rules:
            _check_codes(country, rule)
    _refuse_unknown_in_rules(document["rules"])
    return sheet


def serves_from(sheet: FreightSheet, ship_code: str) -> bool:
    """Whether any rule of the sheet is for what is sent from there."""
    rules = (rule for of_country in sheet.rules.values() for rule in of_country)
    return any(rule.score(ship_code, rule.target_code) is not None for rule in rules)


def _check_codes(country: str, rule: FreightRule) -> None:
    chinese = [rule.ship_code, *([rule.target_code] if country == CHINA else [])]
    for code in chinese:
        if code.isdecimal() and not _CHINESE.fullmatch(code):
            raise InvalidValueError(
                f"freight sheet: {code!a} is no division code",
                hint="6 digits, 000000 is everywhere",
            )
    if country == CHINA and not rule.target_code.isdecimal():
        raise InvalidValueError(
            f"freight sheet: {rule.target_code[:20]!a} is no Chinese division code", hint="6 digits"
        )


def _refuse_unknown_in_rules(by_country: Json) -> None:
    for rules in by_country.values() if isinstance(by_country, Mapping) else ():
        for rule in rules if isinstance(rules, list | tuple) else ():
            if isinstance(rule, Mapping):
                _refuse_unknown("freight sheet: a rule", rule, _RULE)


def _refuse_unknown(what: str, document: Mapping[str, Json], known: Iterable[str]) -> None:
    for name in document:
        if name not in known:
            raise unknown_field(what, name, known)
