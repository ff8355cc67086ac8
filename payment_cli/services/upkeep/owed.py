"""`payment owed`: what commits owe and could not be done yet; an operator may give one up."""

from collections.abc import Iterator
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import (
    CorruptRecordError,
    InvalidValueError,
    NotFoundError,
)
from payment_cli.model.actor import Actor
from payment_cli.model.query.match import everything
from payment_cli.model.record import Json, Record
from payment_cli.services.events.outbox import OUTBOX, OWED, find_row, store_of
from payment_cli.services.events.postponements import Postponements
from payment_cli.services.payments.records import load, save
from payment_cli.storage.base import Query, Storage

#: The longest reason that is kept of why a step was given up.
REASON_MAX = 150

#: What one is called to a person; *outbox* is the storage's word.
_ONE = "owed step"


@dataclass(frozen=True, slots=True)
class OwedSteps:
    """The rows of the outbox that the caller may see."""

    storage: Storage
    actor: Actor
    clock: Clock

    def list(self, *, failed_only: bool = False) -> Iterator[Record]:
        """Yield what is owed, longest untried first, each as `shown`, with `next_at`.

        That is when `payment tick` tries it again (AMS), 0 if the next one does.

        With `failed_only` without what no attempt was made at yet.
        """
        everybody = Actor(self.actor.domain, is_operator=True)
        rows = Postponements(self.storage, everybody, self.clock).all(OWED)
        until = {row.what: row.until for row in rows}
        for row in self.storage.query(OUTBOX, Query(everything(), (("lm", 1),))):
            seen = {**shown(row), "next_at": until.get(str(row["id"]), 0)}
            is_ours = self.actor.is_operator or seen["store"] == self.actor.domain
            if is_ours and (seen["tries"] or not failed_only):
                yield seen

    def drop(self, fragment: str, reason: str) -> Record:
        """Give up what is owed, by an operator's word; the payment's history keeps it.

        Return the row as `shown`.

        Raises:
            NotFoundError, AmbiguousIdError: nothing of that id is owed.
            InvalidValueError: the reason is not one line of REASON_MAX characters or less.
        """
        if len(reason) > REASON_MAX or not reason.isprintable():
            raise InvalidValueError(f"the reason must be one line, at most {REASON_MAX} characters")
        row_id = find_row(self.storage, self.actor, fragment, _ONE)
        by = self.actor.domain
        with self.storage.transaction(by, leaves_foreign=True) as tx:
            row = tx.get(OUTBOX, row_id)
            seen = shown(row)
            tx.delete(OUTBOX, row_id, int(str(row["rev"])))
            if seen["payment"]:
                note = f"{seen['what']}: {reason}"
                try:
                    payment = load(tx, str(seen["payment"]))
                except (NotFoundError, InvalidValueError, CorruptRecordError):
                    return seen  # there is nobody to tell
                save(tx, payment.noted("given up", self.clock(), by, note))
        return seen


def shown(row: Record) -> Record:
    """Return a row as it is printed: `{id, ct, lm, what, store, or_id, payment, tries, re}`.

    `what` is the step, `re` why it could not be done the last time.
    """
    found = row.get("data")
    data: dict[str, Json] = found if isinstance(found, dict) else {}
    return {
        "id": row["id"],
        "ct": row.get("ct"),
        "lm": row.get("lm"),
        "what": data.get("step") or " ".join(str(row[k]) for k in ("what", "event") if k in row),
        "store": store_of(row),
        "or_id": data.get("order_id") or "",
        "payment": data.get("payment_id") or "",
        "tries": row.get("tries") or 0,
        "re": row.get("re") or "",
    }
