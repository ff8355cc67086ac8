"""A product: its record (seed 000, with the words of seed 002), its stock, its logical delete.

Prices are fen in the code and yuan with two decimals in the record. What a piece costs in an
order is decided in product_price.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Self

from payment_cli.errors import InvalidValueError, NotAllowedError
from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.money import to_yuan
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.live import LIVE, deleted, read_live, restored
from payment_cli.model.shop.order_state import OrderKind
from payment_cli.model.shop.product_rule import PriceRule, read_price_rules
from payment_cli.model.shop.words import said, typed, without

RECORD_TYPE = "product"


#: The most pieces of one product that one order or one package may name.
PIECES_MAX = 1_000_000
_PARTS_MAX = 20
_CATEGORIES_MAX = 20
_WEIGHT_MAX_KG = 100_000
_WEIGHT_PLACES = 6

#: Fields a document from outside does not set.
_OURS = ("id", "tp", "ct", "lm", "rev", "edit_at", "th_live")


@dataclass(frozen=True, slots=True)
class Part:
    """What a package holds: `num` pieces of another product, `id` (`w_id` in the record)."""

    id: str
    num: int
    extra: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Product:
    """One product. `w_price`, `retail` and `freight` are fen, times AMS, `weight` kilograms.

    `w_price` None is for a package whose price is the sum of its parts. `retail` is a list price,
    for show. `freight` is a fixed freight per piece. `sku` is the stock, None when it is not
    counted. `prices` are volume price rules; where there are several, or they are those of the
    product `pro_id`, `price_by` names the one that holds.
    `edit_at` is the last edit by a person; `lm` moves with every sale as well. `w_tp` is its kind:
    A is sent, Q is virtual and has no freight; None is what the store says (setting `w_tp`).
    """

    id: str
    ct: int
    lm: int
    nm: str
    w_nm: str
    w_price: int | None
    w_currency: str = "RMB"
    w_tp: OrderKind | None = None
    w_expi: int = 0
    w_buy_min: int = 1
    w_buy_max: int = 0
    w_pkg: tuple[Part, ...] = ()
    retail: int | None = None
    sku: int | None = None
    weight: Decimal = Decimal(0)
    freight: int = 0
    cat: tuple[str, ...] = ()
    prices: tuple[PriceRule, ...] = ()
    pro_id: str = ""
    price_by: str = ""
    link: str = ""
    description: str = ""
    th_live: int = LIVE
    edit_at: int = 0
    rev: int = 0
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        """Whether it is not deleted."""
        return self.th_live == LIVE

    def require_sold(self, now: int) -> None:
        """Refuse a product that is deleted, or that is not sold any more.

        Raises:
            NotAllowedError: it is.
        """
        if not self.is_live:
            raise NotAllowedError(f"product {self.nm} was deleted")
        if self.w_expi and now > self.w_expi:
            raise NotAllowedError(f"product {self.nm} is not sold any more: w_expi has passed")

    def require_amount(self, amount: int) -> None:
        """Refuse to sell that many: `w_buy_min`, `w_buy_max`; a max up to the min is no limit.

        Raises:
            NotAllowedError: it is too few or too many.
        """
        if amount < self.w_buy_min:
            raise NotAllowedError(
                f"product {self.nm}: {amount} is too few", hint=f"buy at least {self.w_buy_min}"
            )
        if self.w_buy_max > self.w_buy_min and amount > self.w_buy_max:
            raise NotAllowedError(
                f"product {self.nm}: {amount} is too many", hint=f"buy at most {self.w_buy_max}"
            )

    def require_stock(self, amount: int) -> None:
        """Refuse to sell more than there is.

        Raises:
            NotAllowedError: the stock is counted and smaller.
        """
        if self.sku is not None and amount > self.sku:
            left = f"only {self.sku} left" if self.sku else "sold out"
            raise NotAllowedError(f"product {self.nm}: {left}, {amount} wanted")

    def taken(self, amount: int, now: int) -> Self:
        """Return the product with `amount` taken from its counted stock.

        Raises:
            NotAllowedError: there are not so many.
        """
        self.require_stock(amount)
        return self if self.sku is None else replace(self, sku=self.sku - amount, lm=now)

    def given_back(self, amount: int, now: int) -> Self:
        """Return the product with `amount` given back to its counted stock."""
        return self if self.sku is None else replace(self, sku=self.sku + amount, lm=now)

    def require_editable(self, now: int, every_min: int) -> None:
        """Refuse an edit within `every_min` minutes of the last one (setting `edit_every`).

        Raises:
            NotAllowedError: it comes too soon.
        """
        next_at = self.edit_at + every_min * 60_000
        if now < next_at:
            minutes = -(-(next_at - now) // 60_000)
            raise NotAllowedError(
                f"product {self.nm} was edited less than {every_min} minutes ago",
                hint=f"try again in {minutes} minutes",
            )

    def edited(self, changes: Mapping[str, Json], now: int, keep: Sequence[str] = ()) -> Self:
        """Return the product with `changes`, in any words for its fields; null removes one.

        Words in `keep` are fields of one's own, whatever they look like.

        Raises:
            InvalidValueError: the result is no valid product, or a field is misspelled.
        """
        what = f"product {self.nm}"
        stored = self.to_record()
        given = typed("thing", changes, what, keep, stored)
        # A word that means a field now takes the place of one's own that was kept under it.
        left = {k: v for k, v in stored.items() if k in given or k not in changes}
        given = {k: v for k, v in given.items() if k not in _OURS}
        record = {**left, **given, "lm": now, "edit_at": now}
        kept = {k: v for k, v in record.items() if v is not None}
        return self._read(Fields(kept, what, said=said("thing", changes)))

    def sparing_stock(self, changes: Mapping[str, Json]) -> Record:
        """Return changes that a file brings, without those of the stock if it is counted.

        Sales and returns move it: a file knows what it was when the file was written.
        """
        return dict(changes) if self.sku is None else without("thing", changes, "sku")

    def deleted(self, now: int) -> Self:
        """Return the product marked as deleted.

        Raises:
            NotAllowedError: it is already.
        """
        return deleted(self, f"product {self.nm}", now)

    def restored(self, now: int) -> Self:
        """Return the product marked as live again.

        Raises:
            NotAllowedError: it is not deleted.
        """
        return restored(self, f"product {self.nm}", now)

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
        """Return a new product from what was typed or imported, in any words for its fields.

        `currency` is the store's, `nm` defaults to the id. Unknown fields are kept, unless they
        look like one misspelled; those in `keep` may.

        Raises:
            InvalidValueError: it is no valid product, or a field is misspelled.
        """
        given = typed("thing", document, "product", keep)
        given = {k: v for k, v in given.items() if k not in _OURS and v is not None}
        record = {"w_currency": currency, "nm": id, **given}
        what = f"product {str(record['nm'])[:64]!r}"
        record |= {"id": id, "ct": now, "lm": now, "edit_at": now}
        return cls._read(Fields(record, what, said=said("thing", document)))

    @classmethod
    def from_record(cls, record: Mapping[str, Json]) -> Self:
        """Read a stored record.

        Raises:
            CorruptRecordError: it is no valid product.
        """
        what = f"product {record.get('id')!a}"
        with reading_stored(what):
            return cls._read(Fields(record, what, exact=False))

    def to_record(self) -> Record:
        """Return the record as it is stored; fields that say nothing are left out."""
        record: Record = {
            **self.extra,
            "id": self.id,
            "nm": self.nm,
            "tp": RECORD_TYPE,
            "ct": self.ct,
            "lm": self.lm,
            "rev": self.rev,
            "th_live": self.th_live,
            "edit_at": self.edit_at,
            "w_nm": self.w_nm,
            "w_currency": self.w_currency,
            "w_expi": self.w_expi,
            "w_buy_min": self.w_buy_min,
            "w_buy_max": self.w_buy_max,
        }
        for name in ("w_price", "retail"):
            fen = getattr(self, name)
            if fen is not None:
                record[name] = to_yuan(fen)
        if self.sku is not None:
            record["sku"] = self.sku
        record.update({k: v for k, v in self._optional().items() if v})
        return record

    def _optional(self) -> dict[str, Json]:
        parts: list[Json] = [
            {**part.extra, "w_id": part.id, "num": part.num} for part in self.w_pkg
        ]
        return {
            "w_tp": str(self.w_tp or ""),
            "w_pkg": parts,
            "weight": self.weight,
            "freight": to_yuan(self.freight),
            "cat": list(self.cat),
            "prices": [rule.to_row() for rule in self.prices],
            "pro_id": self.pro_id,
            "price_by": self.price_by,
            "link": self.link,
            "description": self.description,
        }

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        product = cls(
            id=fields.required_text("id", max_len=64),
            ct=fields.whole("ct"),
            lm=fields.whole("lm"),
            nm=fields.required_text("nm", max_len=64),
            w_nm=fields.required_text("w_nm"),
            w_price=fields.optional_yuan("w_price"),
            w_currency=fields.currency("w_currency"),
            w_tp=_read_kind(fields),
            w_expi=fields.whole("w_expi"),
            w_buy_min=fields.whole("w_buy_min", 1, low=1, high=PIECES_MAX),
            w_buy_max=fields.whole("w_buy_max", high=PIECES_MAX),
            w_pkg=_read_parts(fields),
            retail=fields.optional_yuan("retail"),
            sku=fields.optional_whole("sku"),
            weight=fields.number("weight", high=_WEIGHT_MAX_KG, places=_WEIGHT_PLACES),
            freight=fields.yuan("freight"),
            cat=fields.texts("cat", most=_CATEGORIES_MAX, max_len=64),
            prices=read_price_rules(fields),
            pro_id=fields.text("pro_id", max_len=64),
            price_by=fields.text("price_by", max_len=64),
            link=fields.text("link", max_len=2000),
            description=fields.text("description", max_len=4000, multiline=True),
            th_live=read_live(fields),
            edit_at=fields.whole("edit_at"),
            rev=fields.whole("rev"),
            extra=fields.rest("tp"),
        )
        if product.w_tp is OrderKind.VIRTUAL and (product.weight or product.freight):
            raise InvalidValueError(
                f"{fields.what}: it is virtual (w_tp Q), and has a weight or a freight",
                hint="what is sent is w_tp A; weight:null, freight:null remove them",
            )
        return product._with_price(fields)

    def _with_price(self, fields: Fields) -> Self:
        """Return it with a price: of price and retail, the missing one copies the other."""
        if self.w_price is not None or self.w_pkg:
            return self
        if self.retail is None:
            raise InvalidValueError(
                str(fields.missing("w_price")), hint="only a package is priced by its parts"
            )
        return replace(self, w_price=self.retail)


def _read_kind(fields: Fields) -> OrderKind | None:
    if fields.raw("w_tp") in (None, ""):
        return None
    kind = fields.word("w_tp", OrderKind)
    if kind is OrderKind.PARENT:
        raise InvalidValueError(f"{fields.what}: {fields.called('w_tp')} must be A or Q")
    return kind


def _read_parts(fields: Fields) -> tuple[Part, ...]:
    parts = []
    for row in fields.rows("w_pkg", most=_PARTS_MAX):
        part_id = row.required_text("w_id", max_len=64)
        num = row.whole("num", 1, low=1, high=PIECES_MAX)
        parts.append(Part(id=part_id, num=num, extra=row.rest()))
    ids = [part.id for part in parts]
    if len(set(ids)) != len(ids):
        raise InvalidValueError(f"{fields.what}: {fields.called('w_pkg')} names a product twice")
    if fields.raw("id") in ids:
        raise InvalidValueError(
            f"{fields.what}: {fields.called('w_pkg')} contains the package itself"
        )
    return tuple(parts)
