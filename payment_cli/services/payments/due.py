"""What is due: payments to be asked about, and scripts to be run. Reading only.

No gateway is imported here: cron asks every minute, and mostly nothing is due.
"""

from typing import NamedTuple

from payment_cli.model.payments.payment import ApplyStatus, Payment
from payment_cli.model.query.match import between, equal
from payment_cli.model.record import Record
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.pace import BACK_OFF_MAX_MS
from payment_cli.storage.base import Query


class Sweep(NamedTuple):
    """What one `pay check --pending` did; `settled` are the payments that are final by now."""

    checked: int
    by_status: dict[str, int]
    errors: tuple[tuple[str, str], ...] = ()
    settled: tuple[Payment, ...] = ()


def due_payments(payments: Payments, now: int, limit: int) -> list[Record]:
    """Return what is due by `next_check_at`, oldest first, at most `limit`.

    After it comes what is planned further ahead than anything ever is.
    """
    due = between("next_check_at", low=1, high=now)
    # The clock was wrong when these were planned, and was set back since.
    astray = between("next_check_at", low=now + BACK_OFF_MAX_MS + 1)
    order = (("next_check_at", 1),)
    found = [
        record
        for match in (due, astray)
        for record in payments.query(Query(match=match, sort=order, limit=limit))
    ]
    return found[:limit]


def due_scripts(payments: Payments, limit: int) -> list[str]:
    """Return the ids of payments whose script is due, oldest first."""
    match = equal("apply_st", str(ApplyStatus.DUE))
    records = payments.query(Query(match=match, sort=(("lm", 1),), limit=limit))
    return [str(record["id"]) for record in records]
