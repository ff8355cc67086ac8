from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import CorruptRecordError
from payment_cli.model.codec import decode
from payment_cli.model.events.notice import (
    CLAIM_MS,
    GAPS_S,
    STALE_MS,
    TRIES_MAX,
    Delivery,
    Notice,
    NoticeStatus,
)

BUSY = Delivery(503, "busy")
DAY_MS = 86_400_000
NOW = 1_700_000_000_000


def a_notice() -> Notice:
    return Notice(
        id="e1", ct=NOW, lm=NOW, what="order.paid", sto_nm="tea", or_id="order-1",
        data={"fee": 3450}, since=NOW, next_at=NOW,
    )  # fmt: skip


def tried(notice: Notice, now: int, delivery: Delivery = BUSY) -> Notice:
    return notice.claimed("owner", now).missed(delivery, now)


def test_tries_follow_the_schedule_of_a_day_and_then_the_notice_has_failed() -> None:
    notice, now, gaps = a_notice(), NOW, []
    while notice.st is NoticeStatus.WAITING:
        assert notice.is_due(now)
        assert not notice.is_due(now - 1)
        notice = tried(notice, now)
        gaps.append(max(notice.next_at - now, 0) // 1000)
        now = notice.next_at
    assert gaps == [*GAPS_S, 0]
    assert (notice.tries, TRIES_MAX) == (16, 16)
    assert sum(GAPS_S) == 24 * 3600 + 4 * 60
    assert notice.st is NoticeStatus.FAILED
    assert not notice.is_due(NOW + 1000 * DAY_MS)


def test_a_claimed_notice_is_due_again_when_its_try_counts_as_lost() -> None:
    claimed = a_notice().claimed("me", NOW)
    assert (claimed.owner, claimed.tries, claimed.try_at) == ("me", 1, NOW)
    assert not claimed.is_due(NOW + CLAIM_MS - 1)
    assert claimed.is_due(NOW + CLAIM_MS)


def test_a_stale_notice_fails_at_its_next_miss_and_starts_anew_when_asked() -> None:
    late = NOW + STALE_MS + 1
    failed = tried(a_notice(), late)
    assert (failed.st, failed.tries, failed.code) == (NoticeStatus.FAILED, 1, 503)
    again = failed.again(late)
    assert again.is_due(late)
    assert not again.is_stale(late)
    assert tried(again, late).st is NoticeStatus.WAITING
    assert tried(again, late).next_at == late + 15_000


def test_a_lost_last_try_is_tried_once_more() -> None:
    lost = replace(a_notice(), tries=TRIES_MAX - 1).claimed("gone", NOW)
    after = tried(lost, lost.next_at)
    assert (after.st, after.tries) == (NoticeStatus.FAILED, TRIES_MAX + 1)


def test_the_body_is_a_standard_webhook_with_the_events_id() -> None:
    assert decode(a_notice().body()) == {
        "id": "e1",
        "type": "order.paid",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "data": {"fee": 3450},
    }


@given(st.text(max_size=400))
def test_what_a_receiver_says_is_kept_short_and_printable(said: str) -> None:
    kept = tried(a_notice(), NOW, Delivery(500, said))
    assert len(kept.re) <= 200
    assert kept.re.isprintable()
    stored = Notice.from_record({**kept.to_record(), "rev": 1})
    assert stored.re == kept.re.strip()


def test_a_record_is_read_back_with_what_others_added() -> None:
    notice = a_notice().claimed("me", NOW)
    record = {**notice.to_record(), "rev": 3, "added": {"by": "others"}}
    assert Notice.from_record(record).to_record() == record
    assert (record["tp"], record["nm"], record["st"]) == ("notice", "e1", "waiting")


@pytest.mark.parametrize(
    "damage",
    [{"st": "lost"}, {"what": ""}, {"sto_nm": None}, {"tries": -1}, {"next_at": "1"}, {"data": 3}],
)
def test_a_damaged_record_is_named(damage) -> None:
    with pytest.raises(CorruptRecordError, match="e1"):
        Notice.from_record({**a_notice().to_record(), **damage})
