"""A notice: what the webhook of a store is owed, and when it is tried (again).

It is a name and a document; what they mean is known to who made it, for an order
`model/shop/order_notice.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self

from payment_cli.model.codec import encode
from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.record import Json, Record

RECORD_TYPE = "notice"

#: Seconds between one try and the next: WeChat Pay's own schedule for its merchants, 24 h 4 min
#: in all. After the last try the notice has failed.
GAPS_S = (
    15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600,
)  # fmt: skip
TRIES_MAX = len(GAPS_S) + 1

#: What is planned further ahead than this was planned by a clock that was wrong.
GAP_MAX_MS = max(GAPS_S) * 1000 + 1

#: How long a try may take before it counts as lost, and the notice is due again.
CLAIM_MS = 60_000

#: A notice older than this fails at its next miss, however few tries its store's silence left it.
STALE_MS = 3 * 86_400_000

#: How long a failed notice is kept for `payment notify retry`.
KEPT_MS = 30 * 86_400_000

#: The most characters kept of what the receiver answered.
SAID_MAX = 200


class NoticeStatus(StrEnum):
    """`st` of a notice. A delivered one is removed: its order's history has the fact."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of one try. `status` is the receiver's HTTP status, 0 if there was no answer.

    `said` is the answer, or why there was none; it never quotes a URL or a key.
    """

    status: int
    said: str

    @property
    def is_taken(self) -> bool:
        """Whether the receiver acknowledged."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice of `what` happened; `id` is the event's id in every try. Times are AMS, 0 = not.

    `since` is when its tries began. `owner` names the try that is under way: `next_at` is then
    when it counts as lost. `code` and `re` are of the last try.
    """

    id: str
    ct: int
    lm: int
    what: str
    sto_nm: str
    or_id: str
    data: Mapping[str, Json]
    st: NoticeStatus = NoticeStatus.WAITING
    tries: int = 0
    since: int = 0
    next_at: int = 0
    try_at: int = 0
    owner: str = ""
    code: int = 0
    re: str = ""
    rev: int = 0
    extra: Mapping[str, Json] = field(default_factory=dict)

    def is_due(self, now: int) -> bool:
        """Whether it may be tried now."""
        is_time = self.next_at <= now or self.next_at >= now + GAP_MAX_MS
        return self.st is NoticeStatus.WAITING and is_time

    def is_stale(self, now: int) -> bool:
        """Whether it has been tried for long enough."""
        return now - self.since > STALE_MS

    def claimed(self, owner: str, now: int) -> Self:
        """Return the notice as `owner` is about to try it; lost after CLAIM_MS."""
        return replace(
            self,
            lm=now,
            tries=self.tries + 1,
            since=min(self.since, now),
            try_at=now,
            owner=owner,
            next_at=now + CLAIM_MS,
        )

    def delivered(self, delivery: Delivery, now: int) -> Self:
        """Return the notice as the receiver acknowledged it."""
        return self._ended(NoticeStatus.DELIVERED, delivery, now)

    def missed(self, delivery: Delivery, now: int) -> Self:
        """Return the notice after a try in vain: due again later, or failed."""
        if self.tries >= TRIES_MAX or self.is_stale(now):
            return self._ended(NoticeStatus.FAILED, delivery, now)
        gap_ms = GAPS_S[max(self.tries, 1) - 1] * 1000
        return replace(self._ended(NoticeStatus.WAITING, delivery, now), next_at=now + gap_ms)

    def given_up(self, now: int) -> Self:
        """Return the notice as failed, without another try."""
        return self._ended(NoticeStatus.FAILED, Delivery(self.code, self.re), now)

    def again(self, now: int) -> Self:
        """Return the notice due at once, its tries counted anew."""
        return replace(
            self, lm=now, st=NoticeStatus.WAITING, tries=0, since=now, next_at=now, owner=""
        )

    def body(self) -> bytes:
        """Return what is sent: the payload that Standard Webhooks recommends, and the id."""
        payload: Record = {
            "id": self.id,
            "type": self.what,
            "timestamp": _iso_time(self.ct),
            "data": dict(self.data),
        }
        return encode(payload).encode()

    def to_record(self) -> Record:
        """Return the record as it is stored."""
        record: Record = {**self.extra, "nm": self.id, "tp": RECORD_TYPE}
        for name in _NAMES:
            record[name] = getattr(self, name)
        return {**record, "st": str(self.st), "data": dict(self.data)}

    @classmethod
    def from_record(cls, record: Mapping[str, Json]) -> Self:
        """Read a stored record.

        Raises:
            CorruptRecordError: a field every notice has is missing or impossible.
        """
        what = f"notice {record.get('id')!a}"
        with reading_stored(what):
            given = Fields(record, what)
            known: dict[str, Any] = {name: given.text(name) for name in ("owner", "re")}
            known |= {name: given.required_text(name) for name in _TEXT_NAMES}
            known |= {name: given.whole(name) for name in _WHOLE_NAMES}
            known["st"] = given.word("st", NoticeStatus)
            return cls(**known, data=given.mapping("data"), extra=given.rest("nm", "tp"))

    def _ended(self, st: NoticeStatus, delivery: Delivery, now: int) -> Self:
        said = "".join(char if char.isprintable() else " " for char in delivery.said)[:SAID_MAX]
        return replace(self, lm=now, st=st, next_at=0, owner="", code=delivery.status, re=said)


_NAMES = tuple(f.name for f in fields(Notice) if f.name not in ("st", "data", "extra"))
_TEXT_NAMES = ("id", "what", "sto_nm", "or_id")
_WHOLE_NAMES = ("ct", "lm", "tries", "since", "next_at", "try_at", "code", "rev")


def _iso_time(ams: int) -> str:
    """Return AMS as ISO 8601 in UTC, as Standard Webhooks has it."""
    from datetime import UTC, datetime, timedelta  # only a delivery pays for it

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ams)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
