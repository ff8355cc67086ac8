"""Notices as records: owing one in the commit of what it tells, and changing one."""

from payment_cli.errors import CorruptRecordError, NotFoundError
from payment_cli.ids import new_id
from payment_cli.model.events.notice import Notice, NoticeStatus
from payment_cli.model.payments.payment import Payment
from payment_cli.model.query.match import all_of, between, equal, negate
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_notice import NoticeType, order_notice
from payment_cli.model.stores.settings import SETTINGS_ID
from payment_cli.storage.base import Collection, Reader, Transaction

NOTICES = Collection("notice")


def queue_notice(
    tx: Transaction, what: NoticeType, order: Order, *, now: int, payment: Payment | None = None
) -> None:
    """Owe the order's store a notice of what `tx` does to the order, if the store wants any."""
    if _wants_notices(tx, order.sto_nm):
        notice = order_notice(what, order, new_id(now), now, payment=payment)
        tx.insert(NOTICES, notice.to_record())


def may_start_delivery(reader: Reader, order_id: str, store: str, now: int) -> bool:
    """Whether an order's notice is due and nobody is at work for its store.

    Who is at work takes along what is queued meanwhile. So a store that does not answer never
    keeps more than one process waiting, however many orders are paid.
    """
    waiting = equal("st", str(NoticeStatus.WAITING))
    due = all_of(equal("or_id", order_id), waiting, between("next_at", high=now))
    under_way = all_of(
        equal("sto_nm", store), waiting, negate(equal("owner", "")), between("next_at", low=now)
    )
    return reader.count(NOTICES, due) > 0 and reader.count(NOTICES, under_way) == 0


def load_notice(tx: Transaction, notice_id: str) -> Notice:
    """Read a notice in `tx`; nobody else changes it until `tx` ends."""
    return Notice.from_record(tx.get(NOTICES, notice_id))


def save_notice(tx: Transaction, notice: Notice) -> Notice:
    """Write a changed notice in `tx` and return it as stored."""
    return Notice.from_record(tx.put(NOTICES, notice.to_record()))


def remove_notice(tx: Transaction, notice_id: str) -> None:
    """Remove a notice in `tx`; another process may have been faster."""
    try:
        record = tx.get(NOTICES, notice_id)
    except NotFoundError:
        return
    tx.delete(NOTICES, notice_id, int(str(record["rev"])))


def _wants_notices(tx: Transaction, domain: str) -> bool:
    """Whether the store has a webhook; one whose settings are damaged is told when they are mended.

    Only the one field is read: settings that can't be read must not keep money from being settled.
    """
    try:
        return bool(tx.get(Collection("settings", domain), SETTINGS_ID).get("webhook_url"))
    except NotFoundError:
        return False
    except CorruptRecordError:
        return True
