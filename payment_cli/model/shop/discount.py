"""A discount: a rule of the whole store (seed 000). Its record; what it takes is in pricing.

`dis_mode` is left open by the seed; ours, with their parameters (money in yuan, rates in basis
points off, 1000 = 10 % off):

- percent: `off_bp`
- amount: `off`
- tiered: `tiers: [{thres or count, off or off_bp}]`; the highest tier that is reached counts
- nth: `nth`, `off_bp`: every n-th piece is cheaper, the dearest pieces counted first

Every mode but tiered also takes `thres` (the least amount) and `count` (the least pieces). All
may be limited to `goods` (ids) and `cats` (categories; a product in either is meant), and to the
time from `start_at` to `dis_expi`.

Discounts are applied by `priority`, smallest first, then by id. One with `stack` takes its part of
what the ones before it left. One without works alone: it passes over lines that another already
made cheaper, and nothing after it touches its lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from payment_cli.errors import InvalidValueError
from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.money import WHOLE_BP, to_yuan
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.forms import FORMS
from payment_cli.model.shop.live import LIVE, deleted, read_live, restored
from payment_cli.model.shop.product import PIECES_MAX
from payment_cli.model.shop.words import said, typed

RECORD_TYPE = "discount"

_TIERS_MAX = 50
_SCOPE_MAX = 1000
_PRIORITY_MAX = 1_000_000

#: Fields a document from outside does not set.
_OURS = ("id", "dis_id", "tp", "ct", "lm", "rev", "th_live")


class Mode(StrEnum):
    """`dis_mode`."""

    PERCENT = "percent"
    AMOUNT = "amount"
    TIERED = "tiered"
    NTH = "nth"


@dataclass(frozen=True, slots=True)
class Tier:
    """From `thres` fen and `count` pieces on, `off` fen or `off_bp` basis points are taken off."""

    thres: int = 0
    count: int = 0
    off: int = 0
    off_bp: int = 0
    extra: Mapping[str, Json] = field(default_factory=dict)

    def to_row(self) -> Record:
        """Return the tier as its fields in a record; what is 0 is left out."""
        row: Record = {
            "thres": to_yuan(self.thres),
            "count": self.count,
            "off": to_yuan(self.off),
            "off_bp": self.off_bp,
        }
        return {**self.extra, **{name: value for name, value in row.items() if value}}


@dataclass(frozen=True, slots=True)
class Discount:
    """One discount. Every mode has its conditions and effect in `tiers`; all but tiered have one.

    `dis_currency` is the currency of its amounts; it does not apply to orders in another.
    """

    id: str
    ct: int
    lm: int
    dis_nm: str
    dis_mode: Mode
    tiers: tuple[Tier, ...]
    nth: int = 0
    goods: tuple[str, ...] = ()
    cats: tuple[str, ...] = ()
    start_at: int = 0
    dis_expi: int = 0
    priority: int = 0
    stack: bool = False
    dis_currency: str = "RMB"
    th_live: int = LIVE
    rev: int = 0
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether it is not deleted."""
        return self.th_live == LIVE

    def covers(self, product_id: str, cats: tuple[str, ...]) -> bool:
        """Whether it is meant for a product; without goods and cats it is for all."""
        if not self.goods and not self.cats:
            return True
        return product_id in self.goods or any(cat in self.cats for cat in cats)

    def deleted(self, now: int) -> Self:
        """Return the discount marked as deleted.

        Raises:
            NotAllowedError: it is already.
        """
        return deleted(self, f"discount {self.id}", now)

    def restored(self, now: int) -> Self:
        """Return the discount marked as live again.

        Raises:
            NotAllowedError: it is not deleted.
        """
        return restored(self, f"discount {self.id}", now)

    def edited(self, changes: Mapping[str, Json], now: int, keep: Sequence[str] = ()) -> Self:
        """Return the discount with `changes`; null removes a field.

        Words in `keep` are fields of one's own, whatever they look like.

        Raises:
            InvalidValueError: the result is no valid discount, or a field is misspelled or not one
                of its mode.
        """
        what = f"discount {self.id}"
        stored = self.to_record()
        given = typed("discount", changes, what, keep, stored)
        given = {k: v for k, v in given.items() if k not in _OURS}
        record = {**stored, **given, "lm": now}
        left = {k: v for k, v in record.items() if v is not None}
        edited = self._read(Fields(left, what, said=said("discount", changes)))
        edited._require_of_its_mode(what, self.extra)
        return edited

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
        """Return a new discount from what was typed; `currency` is the store's.

        Words in `keep` are fields of one's own, whatever they look like.

        Raises:
            InvalidValueError: it is no valid discount, or a field is misspelled or not one of its
                mode.
        """
        given = typed("discount", document, "discount", keep)
        given = {k: v for k, v in given.items() if k not in _OURS}
        record = {"dis_currency": currency, **given, "id": id, "ct": now, "lm": now}
        what = f"discount {str(given.get('dis_nm', id))[:64]!r}"
        discount = cls._read(Fields(record, what, said=said("discount", document)))
        discount._require_of_its_mode(what, {})
        return discount

    @classmethod
    def from_record(cls, record: Mapping[str, Json]) -> Self:
        """Read a stored record.

        Raises:
            CorruptRecordError: it is no valid discount.
        """
        what = f"discount {record.get('id')!a}"
        with reading_stored(what):
            return cls._read(Fields(record, what, exact=False))

    def to_record(self) -> Record:
        """Return the record as it is stored."""
        return {
            **self.extra,
            "id": self.id,
            "nm": self.id,
            "tp": RECORD_TYPE,
            "ct": self.ct,
            "lm": self.lm,
            "rev": self.rev,
            "th_live": self.th_live,
            "dis_id": self.id,
            "dis_nm": self.dis_nm,
            **self.terms(),
        }

    def terms(self) -> Record:
        """Return the fields that decide what it takes; an order keeps a copy of them."""
        terms: Record = {
            "dis_mode": str(self.dis_mode),
            "dis_currency": self.dis_currency,
            "priority": self.priority,
            "stack": self.stack,
            "start_at": self.start_at,
            "dis_expi": self.dis_expi,
        }
        if self.dis_mode is Mode.TIERED:
            terms["tiers"] = [tier.to_row() for tier in self.tiers]
        else:
            terms.update(self.tiers[0].to_row())
        optional: Record = {"nth": self.nth, "goods": list(self.goods), "cats": list(self.cats)}
        terms.update({name: value for name, value in optional.items() if value})
        return terms

    def _require_of_its_mode(self, what: str, own: Mapping[str, Json]) -> None:
        """Refuse fields that discounts have, but not those of its mode: they would say nothing."""
        for name in self.extra:
            if name in FORMS["discount"].fields and name not in own:
                raise InvalidValueError(f"{what}: {name!r} is not a field of mode {self.dis_mode}")

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        mode = fields.word("dis_mode", Mode)
        discount = cls(
            id=fields.required_text("id", max_len=64),
            ct=fields.whole("ct"),
            lm=fields.whole("lm"),
            dis_nm=fields.required_text("dis_nm"),
            dis_mode=mode,
            tiers=_read_tiers(fields) if mode is Mode.TIERED else (_read_tier(fields, mode),),
            nth=fields.whole("nth", 2, low=2, high=PIECES_MAX) if mode is Mode.NTH else 0,
            goods=fields.texts("goods", most=_SCOPE_MAX, max_len=64),
            cats=fields.texts("cats", most=_SCOPE_MAX, max_len=64),
            start_at=fields.whole("start_at"),
            dis_expi=fields.whole("dis_expi"),
            priority=fields.whole("priority", low=-_PRIORITY_MAX, high=_PRIORITY_MAX),
            stack=fields.flag("stack"),
            dis_currency=fields.currency("dis_currency"),
            th_live=read_live(fields),
            rev=fields.whole("rev"),
            extra=fields.rest("dis_id", "nm", "tp"),
        )
        if discount.dis_expi and discount.dis_expi < discount.start_at:
            raise InvalidValueError(
                f"{fields.what}: it ends ({fields.called('dis_expi')}) before it starts"
            )
        return discount


def _read_tiers(fields: Fields) -> tuple[Tier, ...]:
    tiers = []
    for row in fields.rows("tiers", most=_TIERS_MAX):
        tiers.append(replace(_read_tier(row, Mode.TIERED), extra=row.rest()))
    if not tiers:
        raise fields.missing("tiers")
    starts = {(tier.thres, tier.count) for tier in tiers}
    if len(starts) != len(tiers) or len({bool(tier.thres) for tier in tiers}) > 1:
        raise InvalidValueError(
            f"{fields.what}: tiers must start at different thres, or all at different count"
        )
    return tuple(tiers)


def _read_tier(row: Fields, mode: Mode) -> Tier:
    tier = Tier(
        thres=row.yuan("thres"),
        count=row.whole("count", high=PIECES_MAX),
        off=0 if mode in (Mode.PERCENT, Mode.NTH) else row.yuan("off"),
        off_bp=0 if mode is Mode.AMOUNT else row.whole("off_bp", high=WHOLE_BP),
    )
    if mode is Mode.TIERED:
        if bool(tier.thres) == bool(tier.count):
            raise InvalidValueError(f"{row.what}: a tier starts at thres or at count")
        if bool(tier.off) == bool(tier.off_bp):
            raise InvalidValueError(f"{row.what}: a tier takes off or off_bp")
    elif not tier.off and not tier.off_bp:
        raise row.missing("off" if mode is Mode.AMOUNT else "off_bp")
    return tier
