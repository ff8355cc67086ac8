"""Names that stand in a language file: `i18n:key` (seed 000), resolved when they are printed."""

from collections.abc import Mapping

from payment_cli.model.record import Json, Record

PREFIX = "i18n:"

#: The fields that may hold such a name, in products, discounts, orders and their lines.
_NAMES = ("w_nm", "dis_nm", "title")
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
        if isinstance(value, str):
            shown[name] = resolve(value, messages)
    for name in _LISTS:
        rows = shown.get(name)
        if isinstance(rows, list | tuple):
            shown[name] = [
                resolve_record(row, messages) if isinstance(row, Mapping) else row for row in rows
            ]
    return shown
