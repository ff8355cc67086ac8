"""Notices as records: which are due, and reading and changing one in a transaction."""

from collections.abc import Callable

from payment_cli.errors import NotFoundError
from payment_cli.model.events.notice import Notice, NoticeStatus
from payment_cli.model.query.match import all_of, between, equal
from payment_cli.model.record import Record
from payment_cli.storage.base import Collection, Reader, Transaction

NOTICES = Collection("notice")


def may_start_delivery(reader: Reader, order_id: str, store: str, now: int) -> bool:
    """Whether an order's notice is due and nobody is at work for its store.

    Who is at work takes along what is queued meanwhile. So a store that does not answer never
    keeps more than one process waiting, however many orders are paid.
    """
    waiting = equal("st", str(NoticeStatus.WAITING))
    due = all_of(equal("or_id", order_id), waiting, between("next_at", high=now))
    has_owner = between("owner", low="", low_open=True)
    under_way = all_of(equal("sto_nm", store), waiting, has_owner, between("next_at", low=now))
    return reader.count(NOTICES, due) > 0 and reader.count(NOTICES, under_way) == 0


def load_notice(tx: Transaction, notice_id: str) -> Notice:
    """Read a notice in `tx`; nobody else changes it until `tx` ends."""
    return Notice.from_record(tx.get(NOTICES, notice_id))


def save_notice(tx: Transaction, notice: Notice) -> Notice:
    """Write a changed notice in `tx` and return it as stored."""
    return Notice.from_record(tx.put(NOTICES, notice.to_record()))


def remove_notice(
    tx: Transaction, notice_id: str, is_meant: Callable[[Record], bool] = lambda _record: True
) -> None:
    """Remove a notice in `tx` if it is meant as it is by then; another process may be faster."""
    try:
        record = tx.get(NOTICES, notice_id)
    except NotFoundError:
        return
    if is_meant(record):
        tx.delete(NOTICES, notice_id, int(str(record["rev"])))
