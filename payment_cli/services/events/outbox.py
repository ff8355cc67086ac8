"""The outbox: what follows from a commit for parts outside the transaction (basket, webhooks).

A row is written in the commit that causes it and applied afterwards, idempotently: by the
committing command at once, by `payment tick` if that command died.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import (
    AmbiguousIdError,
    ConflictError,
    CorruptRecordError,
    InvalidValueError,
    LockedError,
    NotFoundError,
    PaymentError,
    StorageError,
)
from payment_cli.model.actor import Actor
from payment_cli.model.query.match import is_null
from payment_cli.model.record import Json, Record
from payment_cli.services.events.postponements import Postponements
from payment_cli.services.events.rounds import DONE, Due, End, Round
from payment_cli.storage.base import Collection, Query, Storage, Transaction
from payment_cli.storage.sight import find_owned

OUTBOX = Collection("outbox")

#: Take what was bought out of a buyer's basket.
BASKET_TAKE = "basket.take"

#: A step that a commit called for and that could not be done in it (owed.py).
OWED = "owed"

#: Where rows say whose they are.
_OWNERS = ("store", "data.store", "data.domain")

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


def find_row(storage: Storage, actor: Actor, fragment: str, what: str) -> str:
    """Return the id of the row that a person named; `what` is what he calls it.

    Raises:
        NotFoundError, AmbiguousIdError: there is no such row that the actor may see.
    """
    try:
        row_id = find_owned(storage, OUTBOX, fragment, actor.sight, *_OWNERS)
        row = storage.get(OUTBOX, row_id)
    except AmbiguousIdError as error:
        raise AmbiguousIdError(what, fragment) from error
    except NotFoundError as error:
        raise NotFoundError(what, fragment) from error
    actor.require(store_of(row), what, fragment)
    return row_id


def store_of(row: Record) -> str:
    """Return the domain of the store that a row is about, "" if it says none."""
    found = row.get("data")
    data: Mapping[str, Json] = found if isinstance(found, dict) else {}
    return str(row.get("store") or data.get("store") or data.get("domain") or "")


@dataclass(frozen=True, slots=True)
class Applied:
    """What one run did: how many rows are done, and (id, reason) of those that could not be."""

    count: int = 0
    errors: tuple[tuple[str, str], ...] = ()
    undone: int = 0
    news: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outbox:
    """Applies rows; `handlers` by what they owe."""

    storage: Storage
    actor: str
    clock: Clock
    handlers: Mapping[str, Apply]

    def apply(self, limit: int = 100, *, again: bool = False) -> Applied:
        """Apply at most `limit` rows, each store's oldest first; `again`: also what is postponed.

        One that can't be applied never stops the others: it is postponed.

        Raises:
            LockedError, StorageError: nothing can be written now.
        """
        # Hooks run outside any transaction (hooks.py), and only they have a state.
        rows = self.storage.query(OUTBOX, Query(is_null("st"), (("lm", 1),)))
        due = [Due(str(row["id"]), store_of(row)) for row in rows]
        everybody = Actor(self.actor, is_operator=True)
        run = Round(Postponements(self.storage, everybody, self.clock), OWED, limit, again=again)
        count = 0

        def apply_one(row_id: str) -> End:
            nonlocal count
            try:
                count += self._apply_one(row_id)
            except LockedError:
                raise
            except PaymentError as error:
                self._note(row_id, f"{error.code}: {error}")
                raise
            return DONE

        run.run(due, apply_one)
        return Applied(count, tuple(run.errors), run.undone, run.news)

    def _apply_one(self, row_id: str) -> bool:
        """Apply a row and remove it in one commit; another process may have been faster."""
        with self.storage.transaction(self.actor, leaves_foreign=True) as tx:
            try:
                row = tx.get(OUTBOX, row_id)
            except NotFoundError:
                return False
            handler = self.handlers.get(str(row.get("what")))
            if handler is None:
                raise InvalidValueError(f"outbox {row_id}: nobody here does {row.get('what')!a}")
            handler(tx, row)
            tx.delete(OUTBOX, row_id, int(str(row["rev"])))
        return True

    def _note(self, row_id: str, why: str) -> None:
        """Note on a row, if that can be, how often it was tried, and what came last."""
        try:
            with self.storage.transaction(self.actor, leaves_foreign=True) as tx:
                row = tx.get(OUTBOX, row_id)
                tries = row.get("tries")
                tries = tries + 1 if isinstance(tries, int) else 1
                tx.put(OUTBOX, {**row, "lm": self.clock(), "tries": tries, "re": why})
        except (NotFoundError, ConflictError, CorruptRecordError, StorageError):
            return
