"""Names that stand in a language file: `i18n:key` (seed 000), resolved when they are printed.

They are names that a store gives: of its goods, discounts and coupons. The title of an order is
what its buyer typed, and is shown as that, whatever it begins with.
"""

from collections.abc import Mapping

from payment_cli.model.record import Json, Record

PREFIX = "i18n:"

#: The fields that may hold such a name, in products, discounts, coupons, and their rows in orders.
_NAMES = ("w_nm", "dis_nm", "title")

#: What only orders have.
_OF_ORDERS = "ord_ws"
_LISTS = ("ord_ws", "ord_ds", "coupons", "w_pkg")


def resolve(text: str, messages: Mapping[str, Json]) -> str:
    """Return the message that `i18n:key` names, any other text as it is.

    A dotted key goes into nested messages, unless the whole key is one. A key without a message
    is shown as itself, so that a missing translation is seen but does no harm.
    """
    if not text.startswith(PREFIX):
        return text
    key = text.removeprefix(PREFIX).strip()
    found: Json = messages.get(key)
    if found is None:
        found = messages
        for part in key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else key


def resolve_record(record: Mapping[str, Json], messages: Mapping[str, Json]) -> Record:
    """Return a record for printing, with its names and those of its rows resolved."""
    shown = dict(record)
    for name in _NAMES:
        value = shown.get(name)
        is_typed = name == "title" and _OF_ORDERS in shown
        if isinstance(value, str) and not is_typed:
            shown[name] = resolve(value, messages)
    for name in _LISTS:
        rows = shown.get(name)
        if isinstance(rows, list | tuple):
            shown[name] = [
                resolve_record(row, messages) if isinstance(row, Mapping) else row for row in rows
            ]
    return shown
