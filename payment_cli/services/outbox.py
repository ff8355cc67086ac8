"""The outbox: what follows from a commit for parts outside the transaction (basket, webhooks).

A row is written in the commit that causes it and applied afterwards, idempotently: by the
committing command at once, by `payment tick` if that command died.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from payment_cli.errors import ConflictError, NotFoundError
from payment_cli.model.match import everything
from payment_cli.model.record import Json, Record
from payment_cli.storage.base import Collection, Query, Storage, Transaction

OUTBOX = Collection("outbox")

#: Take what was bought out of a buyer's basket.
BASKET_TAKE = "basket.take"

#: Applies a row inside the transaction that also removes it.
Apply = Callable[[Transaction, Record], None]


def outbox_row(row_id: str, now: int, what: str, **data: Json) -> Record:
    """Return a row that owes `what` with `data`."""
    return {
        "id": row_id,
        "nm": row_id,
        "tp": "outbox",
        "ct": now,
        "lm": now,
        "what": what,
        "data": dict(data),
    }


@dataclass(frozen=True, slots=True)
class Outbox:
    """Applies rows; `handlers` by what they owe."""

    storage: Storage
    actor: str
    handlers: Mapping[str, Apply]

    def apply(self, limit: int = 100) -> int:
        """Apply at most `limit` rows, oldest first; return how many were."""
        rows = list(self.storage.query(OUTBOX, Query(everything(), (("id", 1),), limit=limit)))
        return sum(self._apply_one(str(row["id"])) for row in rows)

    def _apply_one(self, row_id: str) -> bool:
        """Apply a row and remove it in one commit; another process may have been faster."""
        with self.storage.transaction(self.actor) as tx:
            try:
                row = tx.get(OUTBOX, row_id)
                self.handlers[str(row["what"])](tx, row)
                tx.delete(OUTBOX, row_id, int(str(row["rev"])))
            except (NotFoundError, ConflictError):
                return False
        return True
