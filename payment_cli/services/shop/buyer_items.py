"""What buyers keep at a store, a record each: product id -> a number (baskets, favourites)."""

from collections.abc import Mapping

from payment_cli.errors import NotFoundError
from payment_cli.model.names import check_name
from payment_cli.model.record import Json, Record
from payment_cli.storage.base import Collection, Reader, Transaction


def load_kept(reader: Reader, collection: Collection, uid: str) -> Record | None:
    """Return a buyer's record, None where there is none.

    Raises:
        InvalidValueError: no record can have that id.
    """
    try:
        return reader.get(collection, check_name("id", uid))
    except NotFoundError:
        return None


def items_of(record: Record | None) -> dict[str, int]:
    """Return what a record holds, by product id."""
    items = (record or {}).get("items")
    return dict(items) if isinstance(items, dict) else {}


def save_kept(
    tx: Transaction,
    collection: Collection,
    uid: str,
    known: Record | None,
    items: Mapping[str, int],
    now: int,
) -> None:
    """Write what a buyer keeps by now, if it is something else than in `known`."""
    if items == items_of(known):
        return
    held: dict[str, Json] = dict(items)
    if known is None:
        new: Record = {"id": uid, "nm": uid, "tp": collection.kind, "ct": now, "lm": now}
        tx.insert(collection, {**new, "items": held})
    else:
        tx.put(collection, {**known, "lm": now, "items": held})
