"""What is due: payments to be asked about, and scripts to be run. Reading only.

No gateway is imported here: cron asks every minute, and mostly nothing is due.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from payment_cli.model.payments.payment import ApplyStatus, Payment
from payment_cli.model.query.match import between, equal
from payment_cli.model.record import Record
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.pace import ASTRAY_MS
from payment_cli.storage.base import Collection, Query

#: What the sweep of payments is called where it remembers what it could not do.
PENDING = "payment"


class Sweep(NamedTuple):
    """What one `pay check --pending` did; `settled` are the payments that are final by now.

    `undone` and `news` are those of the round (services/events/rounds.py).
    """

    checked: int
    by_status: dict[str, int]
    errors: tuple[tuple[str, str], ...] = ()
    settled: tuple[Payment, ...] = ()
    undone: int = 0
    news: tuple[str, ...] = ()


def is_quiet(payments: Payments, now: int) -> bool:
    """Whether no payment or script is due, and nothing was postponed that may be over by now."""
    if any(due_payments(payments, now, 1)) or due_scripts(payments, 1):
        return False
    postponed = Query(between("work", low="", low_open=True), limit=1)
    return not any(payments.storage.query(Collection("postponed"), postponed))


def due_payments(payments: Payments, now: int, limit: int | None = None) -> Iterator[Record]:
    """Yield what is due by `next_check_at`, oldest first, at most `limit`.

    After it comes what is planned further ahead than anything ever is.
    """
    due = between("next_check_at", low=1, high=now)
    # The clock was wrong when these were planned, and was set back since.
    astray = between("next_check_at", low=now + ASTRAY_MS + 1)
    order = (("next_check_at", 1),)
    found = (
        record
        for match in (due, astray)
        for record in payments.query(Query(match=match, sort=order, limit=limit))
    )
    yield from islice(found, limit)


def due_scripts(payments: Payments, limit: int | None = None) -> list[tuple[str, str]]:
    """Return the payments whose script is due, oldest first, as (id, store)."""
    match = equal("apply_st", str(ApplyStatus.DUE))
    records = payments.query(Query(match=match, sort=(("lm", 1),), limit=limit))
    return [(str(record["id"]), str(record.get("seller_nm"))) for record in records]
