"""Who buys: a user of the system (`walnut:ID[:NAME]`) or of the seller's domain (`dusr:…`)."""

from typing import NamedTuple

from payment_cli.errors import InvalidValueError

#: `buyer_tp` of a user of the system, and of one of the seller's domain (seed 001).
SYSTEM_USER, STORE_USER = 1, 2

#: The words for `buyer_tp`. `@wn` is how the reference's filter writes walnut.
_TYPES = {"walnut": SYSTEM_USER, "wn": SYSTEM_USER, "@wn": SYSTEM_USER, "dusr": STORE_USER}

_LENGTH_MAX = 64
_HINT = "walnut:ID[:NAME] for a user of the system, dusr:ID[:NAME] for one of the seller's domain"
_FILTER_HINT = "[TYPE]:[ID]:[NAME], for instance dusr::, :45d2:, ::xiaobai"


class Buyer(NamedTuple):
    """The buyer of a payment; `tp` is SYSTEM_USER or STORE_USER, 0 for nobody known."""

    tp: int = 0
    id: str = ""
    nm: str = ""


def parse_buyer(text: str) -> Buyer:
    """Read `walnut:ID[:NAME]` or `dusr:ID[:NAME]`.

    Raises:
        InvalidValueError: another type word, no id, or characters a name can't have.
    """
    word, _, rest = text.partition(":")
    buyer_id, _, name = rest.partition(":")
    if word not in _TYPES or not buyer_id:
        raise InvalidValueError(f"{_shown(text)} is not a buyer", hint=_HINT)
    return Buyer(_TYPES[word], _checked(buyer_id, text), _checked(name, text))


def parse_buyer_filter(text: str) -> dict[str, int | str]:
    """Read the filter `[TYPE]:[ID]:[NAME]`; return what the fields of a payment must equal.

    Raises:
        InvalidValueError: another type word, or nothing to filter by.
    """
    word, _, rest = text.partition(":")
    buyer_id, _, name = rest.partition(":")
    if (word and word not in _TYPES) or not (word or buyer_id or name):
        raise InvalidValueError(f"{_shown(text)} is not a filter for buyers", hint=_FILTER_HINT)
    fields: dict[str, int | str] = {}
    if word:
        fields["buyer_tp"] = _TYPES[word]
    if buyer_id:
        fields["buyer_id"] = buyer_id
    if name:
        fields["buyer_nm"] = name
    return fields


def _checked(part: str, text: str) -> str:
    if len(part) > _LENGTH_MAX or not part.isprintable():
        raise InvalidValueError(
            f"{_shown(text)} is not a buyer",
            hint=f"id and name are at most {_LENGTH_MAX} printable characters each",
        )
    return part


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:40] + "…")
