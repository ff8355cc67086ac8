"""A coupon (seed 002): its record, its states, when it may be used, and what it leaves to pay.

A coupon is reserved when an order with it is created, used when that order is paid, and free
again when the order expires or is cancelled. A coupon that a buyer lists and that can't be used
is an error, with its reason; the reference passes over it in silence and charges more than the
buyer was shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Self

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.money import WHOLE_BP, at_rate, same_currency, to_yuan
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.live import LIVE, deleted, read_live, restored
from payment_cli.model.shop.words import said, typed

RECORD_TYPE = "coupon"

#: Fields a document from outside does not set.
_OURS = ("id", "tp", "ct", "lm", "rev", "th_live", "cpn_stat", "cpn_orid", "cpn_used")


class CouponType(IntEnum):
    """`type` (seed 002)."""

    CASH = 1  # takes `value` yuan off
    RATE = 2  # leaves the share `value` to pay: 0.8 = pay 80 %


class CouponStatus(StrEnum):
    """`cpn_stat`. USED is absorbing."""

    FREE = "free"
    RESERVED = "reserved"
    USED = "used"


class CouponEvent(StrEnum):
    """What can happen to a coupon."""

    RESERVE = "reserve"  # an order with it was created
    USE = "use"  # that order was paid
    RELEASE = "release"  # that order expired or was cancelled


TRANSITIONS: Mapping[tuple[CouponStatus, CouponEvent], CouponStatus] = {
    (CouponStatus.FREE, CouponEvent.RESERVE): CouponStatus.RESERVED,
    (CouponStatus.RESERVED, CouponEvent.USE): CouponStatus.USED,
    (CouponStatus.RESERVED, CouponEvent.RELEASE): CouponStatus.FREE,
}


@dataclass(frozen=True, slots=True)
class Coupon:
    """One coupon. `value` is fen (cash) or basis points to pay (rate), `thres` fen, times AMS.

    `owner` "" is anyone. `cpn_orid` is the order that reserved or used it, `cpn_used` when it was
    used. `cpn_expi` 0 is forever. `cpn_currency` is the currency of its amounts.
    """

    id: str
    ct: int
    lm: int
    title: str
    type: CouponType
    value: int
    nm: str = ""
    thres: int = 0
    cpn_expi: int = 0
    owner: str = ""
    cpn_currency: str = "RMB"
    cpn_stat: CouponStatus = CouponStatus.FREE
    cpn_orid: str = ""
    cpn_used: int = 0
    th_live: int = LIVE
    rev: int = 0
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether it is not deleted."""
        return self.th_live == LIVE

    def is_for(self, buyer_id: str) -> bool:
        """Whether it is this buyer's, or anybody's."""
        return self.owner in ("", buyer_id)

    def require_usable(self, *, buyer_id: str, fee: int, currency: str, now: int) -> None:
        """Refuse unless this buyer may use it for goods that still cost `fee` fen.

        Raises:
            NotAllowedError: it is deleted, expired, another's, taken, of another currency, or
                `fee` is below its threshold.
        """
        reason = self._why_not(buyer_id, fee, currency, now)
        if reason:
            raise NotAllowedError(f"coupon {self.id}: {reason}", hint="order without it")

    def left_of(self, fee: int) -> int:
        """Return what is left to pay of `fee` fen, rounded half-up to the fen; never negative."""
        if self.type is CouponType.CASH:
            return max(0, fee - self.value)
        return at_rate(fee, self.value)

    def on(self, event: CouponEvent, order_id: str, now: int) -> Self:
        """Return the coupon after `event` of the order `order_id`.

        Raises:
            NotAllowedError: its state does not allow it, or another order holds it.
        """
        state = TRANSITIONS.get((self.cpn_stat, event))
        if state is None:
            raise NotAllowedError(f"coupon {self.id} is {self.cpn_stat}: {event} is not possible")
        if event is not CouponEvent.RESERVE and order_id != self.cpn_orid:
            raise NotAllowedError(f"coupon {self.id} is held by order {self.cpn_orid}")
        return replace(
            self,
            lm=now,
            cpn_stat=state,
            cpn_orid="" if state is CouponStatus.FREE else order_id,
            cpn_used=now if state is CouponStatus.USED else 0,
        )

    def deleted(self, now: int) -> Self:
        """Return the coupon marked as deleted.

        Raises:
            NotAllowedError: it is already, or an order holds it.
        """
        gone = deleted(self, f"coupon {self.id}", now)
        if self.cpn_stat is CouponStatus.RESERVED:
            raise NotAllowedError(f"coupon {self.id} is held by order {self.cpn_orid}")
        return gone

    def restored(self, now: int) -> Self:
        """Return the coupon marked as live again.

        Raises:
            NotAllowedError: it is not deleted.
        """
        return restored(self, f"coupon {self.id}", now)

    @classmethod
    def new(
        cls,
        document: Mapping[str, Json],
        *,
        id: str,
        now: int,
        currency: str,
        keep: Sequence[str] = (),
    ) -> Self:
        """Return a new coupon from what was typed; `currency` is the store's.

        Words in `keep` are fields of one's own, whatever they look like.

        Raises:
            InvalidValueError: it is no valid coupon, or a field is misspelled.
        """
        given = typed("coupon", document, "coupon", keep)
        given = {k: v for k, v in given.items() if k not in _OURS}
        record = {"nm": id, "cpn_currency": currency, **given, "id": id, "ct": now, "lm": now}
        return cls._read(Fields(record, "coupon", said=said("coupon", document)))

    @classmethod
    def from_record(cls, record: Mapping[str, Json]) -> Self:
        """Read a stored record.

        Raises:
            CorruptRecordError: it is no valid coupon.
        """
        what = f"coupon {record.get('id')!a}"
        with reading_stored(what):
            return cls._read(Fields(record, what, exact=False))

    def to_record(self) -> Record:
        """Return the record as it is stored."""
        return {
            **self.extra,
            "id": self.id,
            "nm": self.nm,
            "tp": RECORD_TYPE,
            "ct": self.ct,
            "lm": self.lm,
            "rev": self.rev,
            "th_live": self.th_live,
            "title": self.title,
            "type": int(self.type),
            "value": to_yuan(self.value) if self.type is CouponType.CASH else self._rate(),
            "thres": to_yuan(self.thres),
            "cpn_expi": self.cpn_expi,
            "owner": self.owner,
            "cpn_currency": self.cpn_currency,
            "cpn_stat": str(self.cpn_stat),
            "cpn_orid": self.cpn_orid,
            "cpn_used": self.cpn_used,
        }

    def order_row(self, taken: int) -> Record:
        """Return its copy in an order: the row of seed 002, with the fen it took, in yuan."""
        record = self.to_record()
        row: Record = {name: record[name] for name in ("id", "title", "type", "value", "thres")}
        return {**row, "expi": self.cpn_expi, "taken": to_yuan(taken)}

    def _rate(self) -> Json:
        return to_yuan(self.value).scaleb(-2)

    def _why_not(self, buyer_id: str, fee: int, currency: str, now: int) -> str:
        if not self.is_for(buyer_id):
            return "it belongs to another buyer"
        if not self.is_live:
            return "it was deleted"
        if self.cpn_stat is CouponStatus.USED:
            return "it was used already"
        if self.cpn_stat is CouponStatus.RESERVED:
            return "another order holds it"
        if self.cpn_expi and now > self.cpn_expi:
            return "it has expired"
        if not same_currency(self.cpn_currency, currency):
            return f"it is in {self.cpn_currency}, the order in {currency}"
        if fee < self.thres:
            return f"it needs goods for {to_yuan(self.thres)}, there are {to_yuan(fee)} left to pay"
        return ""

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        coupon_type = CouponType(fields.whole("type", low=1, high=2))
        return cls(
            id=fields.required_text("id", max_len=64),
            ct=fields.whole("ct"),
            lm=fields.whole("lm"),
            nm=fields.text("nm", max_len=64),
            title=fields.required_text("title"),
            type=coupon_type,
            value=_read_value(fields, coupon_type),
            thres=fields.yuan("thres"),
            cpn_expi=fields.whole("cpn_expi"),
            owner=fields.text("owner", max_len=64),
            cpn_currency=fields.currency("cpn_currency"),
            cpn_stat=fields.word("cpn_stat", CouponStatus, CouponStatus.FREE),
            cpn_orid=fields.text("cpn_orid", max_len=64),
            cpn_used=fields.whole("cpn_used"),
            th_live=read_live(fields),
            rev=fields.whole("rev"),
            extra=fields.rest("tp"),
        )


def _read_value(fields: Fields, coupon_type: CouponType) -> int:
    if coupon_type is CouponType.CASH:
        cash = fields.required_yuan("value")
        if not cash:
            raise InvalidValueError(f"{fields.what}: {fields.called('value')} must be above 0 yuan")
        return cash
    if fields.raw("value") is None:
        raise fields.missing("value")
    return int(fields.number("value", high=1, places=4) * WHOLE_BP)
