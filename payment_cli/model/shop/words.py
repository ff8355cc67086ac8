"""The one table between the words of the shop model (seed 002) and the names in records (seed 000).

Shop words are accepted as input, in a match and as columns, and printed with `--shop`. Kinds are
those of the storage: thing (products), coupon, order. A word that means the same in both
documents (`title` of an order, `value` of a coupon) needs no entry.

`tp` of an order is two things: "order" in every record (seed 000), and the order's kind in the
shop model. A column `tp` and a match for A, Q or S mean the kind, everything else the record.
"""

from collections.abc import Mapping
from dataclasses import replace

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.match import And, Equal, In, Match, Not, Or
from payment_cli.model.record import Json, Record

#: kind -> shop word -> stored name, for the fields of the record itself.
WORDS: Mapping[str, Mapping[str, str]] = {
    "payment": {"pay_st": "st"},  # as the reference's code stores it
    "thing": {"title": "w_nm", "price": "w_price", "currency": "w_currency", "cate": "cat"},
    "coupon": {"expi": "cpn_expi"},
    "order": {
        "products": "ord_ws",
        "tp": "ord_tp",
        "st": "ord_status",
        "currency": "ord_currency",
        "expi": "ord_expi",
    },
}

#: The same for the lines of an order.
LINE_WORDS: Mapping[str, str] = {"title": "w_nm", "price": "w_price", "amount": "w_buy_num"}

_LINES = "ord_ws"
_ORDER_KINDS = ("A", "Q", "S")


def stored_path(kind: str, path: str) -> str:
    """Return the stored path of a column or sort key: `products.title` is `ord_ws.w_nm`."""
    first, dot, rest = path.partition(".")
    name = WORDS.get(kind, {}).get(first, first)
    if kind == "order" and name == _LINES:
        rest = LINE_WORDS.get(rest, rest)
    return name + dot + rest


def stored_match(kind: str, match: Match) -> Match:
    """Return the match with every path as it is stored."""
    if isinstance(match, And | Or):
        return replace(match, parts=tuple(stored_match(kind, part) for part in match.parts))
    if isinstance(match, Not):
        return Not(stored_match(kind, match.part))
    if kind == "order" and match.path == "tp" and not _is_about_order_kind(match):
        return match
    return replace(match, path=stored_path(kind, match.path))


def from_shop(kind: str, document: Mapping[str, Json]) -> Record:
    """Return a document from outside under stored names; words it does not know stay.

    Raises:
        InvalidValueError: it gives a shop word and the stored name of the same thing.
    """
    record = _renamed(document, WORDS.get(kind, {}))
    lines = record.get(_LINES)
    if kind == "order" and isinstance(lines, list | tuple):
        record[_LINES] = [
            _renamed(line, LINE_WORDS) if isinstance(line, Mapping) else line for line in lines
        ]
    return record


def to_shop(kind: str, record: Mapping[str, Json]) -> Record:
    """Return a record in shop words, as the shop model's clients read it."""
    names = {name: word for word, name in WORDS.get(kind, {}).items()}
    shown = {names.get(k, k): v for k, v in record.items() if k not in names.values()}
    lines = shown.get("products")
    if kind == "order" and isinstance(lines, list | tuple):
        words = {name: word for word, name in LINE_WORDS.items()}
        shown["products"] = [
            {words.get(k, k): v for k, v in line.items()} if isinstance(line, Mapping) else line
            for line in lines
        ]
    return shown


def _renamed(document: Mapping[str, Json], words: Mapping[str, str]) -> Record:
    record: Record = {}
    for key, value in document.items():
        name = words.get(key, key)
        if name in record:
            other = next(word for word in document if words.get(word, word) == name)
            raise InvalidValueError(f"{other} and {key} are the same thing", hint="give one")
        record[name] = value
    return record


def _is_about_order_kind(match: Match) -> bool:
    if isinstance(match, Equal):
        return match.value in _ORDER_KINDS
    return isinstance(match, In) and all(value in _ORDER_KINDS for value in match.values)
