"""What the log knows about an order: every commit that touched it, with the fields it changed."""

from dataclasses import dataclass

from payment_cli.model.record import Json, Record
from payment_cli.model.shop.order import Order
from payment_cli.services.shop.records import orders
from payment_cli.storage.base import LogEntry, Storage

#: Fields that change with every commit, and the short history, which says the same in words.
_NOISE = frozenset({"rev", "lm", "history"})


@dataclass(frozen=True, slots=True)
class OrderLog:
    """Reads the log of one tree."""

    storage: Storage

    def of(self, order: Order) -> list[Record]:
        """Return the commits that changed `order`, the oldest first.

        Each is `{seq, at, actor, op, changed: {field: {from, to}}}`; `at` is AMS.
        """
        entries = list(self.storage.history(orders(order.sto_nm), order.id))
        states: list[Json] = [entry.before for entry in entries] + [order.to_record()]
        return [
            _row(entry, before, after)
            for entry, before, after in zip(entries, states, states[1:], strict=False)
        ]


def _row(entry: LogEntry, before: Json, after: Json) -> Record:
    old = before if isinstance(before, dict) else {}
    new = after if isinstance(after, dict) else {}
    names = [name for name in {**old, **new} if name not in _NOISE]
    changed: dict[str, Json] = {
        name: {"from": old.get(name), "to": new.get(name)}
        for name in names
        if old.get(name) != new.get(name)
    }
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "op": entry.op,
        "changed": changed if old else {},
    }
