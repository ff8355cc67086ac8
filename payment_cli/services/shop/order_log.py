"""What the log knows about an order: every commit that touched it, with the fields it changed."""

from dataclasses import dataclass

from payment_cli.model.record import Json, Record
from payment_cli.model.shop.order import Order
from payment_cli.storage.base import LogEntry, Storage

#: Fields that change with every commit, and the short history, which says the same in words.
_NOISE = frozenset({"rev", "lm", "history"})

#: How far clocks may have been set back between two commits, in ms.
_CLOCK_SLACK = 3_600_000


@dataclass(frozen=True, slots=True)
class OrderLog:
    """Reads the log of one tree."""

    storage: Storage

    def of(self, order: Order) -> list[Record]:
        """Return the commits that changed `order`, the oldest first.

        Each is `{seq, at, actor, op, changed: {field: {from, to}}}`; `at` is AMS.
        """
        entries = [
            entry
            for entry in self.storage.log(after=self._seq_before(order.ct - _CLOCK_SLACK))
            if (entry.kind, entry.domain, entry.id) == ("order", order.sto_nm, order.id)
        ]
        states: list[Json] = [entry.before for entry in entries] + [order.to_record()]
        return [
            _row(entry, before, after)
            for entry, before, after in zip(entries, states, states[1:], strict=False)
        ]

    def _seq_before(self, at: int) -> int:
        """Return a sequence of the log that all entries since `at` come after."""
        low, high = 0, 1
        while self._is_before(high, at):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            if self._is_before(middle, at):
                low = middle
            else:
                high = middle
        return low

    def _is_before(self, seq: int, at: int) -> bool:
        entry = next(iter(self.storage.log(after=seq - 1, limit=1)), None)
        return entry is not None and entry.at < at


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
