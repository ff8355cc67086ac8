"""`payment stats`: what was ordered and paid, by day, product, buyer, pay type or status.

Records are streamed once; what is kept is one row per group. Days are those of the store. Sums
are whole fen inside and yuan in the rows; amounts of different currencies are never added up, so
each row has one currency.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from enum import StrEnum

from payment_cli.model.actor import Actor
from payment_cli.model.money import to_fen, to_yuan
from payment_cli.model.payments.payment import Flag
from payment_cli.model.query.match import Match, all_of, between, equal
from payment_cli.model.query.zones import day_of
from payment_cli.model.record import Json, Record
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.shop.records import orders
from payment_cli.storage.base import Query, Storage


class By(StrEnum):
    """What the rows are of."""

    DAY = "day"
    PRODUCT = "product"
    BUYER = "buyer"
    PAY_TYPE = "pay_type"
    STATUS = "status"


#: The columns of each table, in order. Those in `_MONEY` are yuan.
COLUMNS: Mapping[By, tuple[str, ...]] = {
    By.DAY: (
        "day", "cur", "orders", "paid", "pieces", "total", "freight", "discount", "fee",
    ),
    By.PRODUCT: ("id", "nm", "w_nm", "cur", "orders", "pieces", "total", "discount", "fee"),
    By.BUYER: (
        "buyer_id", "sto_nm", "cur", "orders", "paid", "pieces", "total", "freight", "discount",
        "fee", "last_at",
    ),
    By.PAY_TYPE: ("pay_tp", "cur", "paid", "failed", "fee", "flagged", "flagged_fee"),
    By.STATUS: ("ord_status", "cur", "orders", "pieces", "fee"),
}  # fmt: skip

_MONEY = frozenset({"total", "freight", "discount", "fee", "flagged_fee"})


@dataclass(frozen=True, slots=True)
class Span:
    """Which times count: from `low` to before `high`, AMS; None is no bound."""

    low: int | None = None
    high: int | None = None

    def match(self, path: str) -> Match:
        """Match the records whose time at `path` lies in it; 0 is no time."""
        return between(path, max(1, self.low or 1), self.high, high_open=True)


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts what the caller may see. `zone_of` gives the time zone of a domain's store."""

    storage: Storage
    actor: Actor
    zone_of: Callable[[str], tzinfo]

    def rows(self, by: By, span: Span, store: str = "", buyer: str = "") -> list[Record]:
        """Return the rows, each with the columns COLUMNS[by]; days in order, else by `fee`.

        `buyer` "" is all of them, and those orders that have none.

        `store` "" is all that the caller sees, in days of the caller's own zone.
        What counts in the time span:

        - day: `orders` made that day; `paid` and all sums those paid that day.
        - product: orders paid in it. `fee` is without freight.
        - buyer: as day. A buyer of two stores is two: each store names its own. `last_at` is when
          the last of those orders was paid (AMS, 0 for none).
        - pay_type: payments that ended in it. `flagged` money could not settle and is no `fee`.
        - status: orders made in it.

        Raises:
            NotFoundError: it is no store that the caller may see.
        """
        if store:
            self.actor.require_store(store)
        domain = store or (None if self.actor.is_operator else self.actor.domain)
        table = _Table(by)
        tz = self.zone_of(store or self.actor.domain)
        _COUNT[by](table, _Source(self.storage, domain, tz, buyer), span)
        return table.rows()


@dataclass(frozen=True, slots=True)
class _Source:
    storage: Storage
    domain: str | None
    tz: tzinfo
    buyer: str

    def orders(self, span: Span, path: str) -> Iterator[Record]:
        return self.storage.query(orders(self.domain), self._query(span, path))

    def payments(self, span: Span, path: str) -> Iterator[Record]:
        for record in self.storage.query(PAYMENTS, self._query(span, path)):
            if self.domain in (None, record.get("seller_nm")):
                yield record

    def _query(self, span: Span, path: str) -> Query:
        """Ask for the records whose time at `path` is in the span, and for none beside them."""
        match = span.match(path)
        wanted = all_of(equal("buyer_id", self.buyer), match) if self.buyer else match
        return Query(wanted, ((path, 1),))


class _Table:
    """Sums by group. The group's own columns are texts, the others whole numbers."""

    def __init__(self, by: By) -> None:
        self._by = by
        self._columns = COLUMNS[by]
        self._groups: dict[tuple[str, ...], dict[str, int]] = {}
        self._texts: dict[tuple[str, ...], Record] = {}

    def add(self, texts: Mapping[str, Json], key: tuple[str, ...], **amounts: int) -> None:
        """Add to the row of `key`; `texts` are its columns that are no sums, the latest count."""
        sums = self._groups.setdefault(key, {})
        self._texts[key] = dict(texts)
        for name, amount in amounts.items():
            sums[name] = sums.get(name, 0) + amount

    def rows(self) -> list[Record]:
        found = sorted(self._groups.items(), key=self._place)
        return [self._row(key, sums) for key, sums in found]

    def _place(self, item: tuple[tuple[str, ...], dict[str, int]]) -> tuple[int, tuple[str, ...]]:
        key, sums = item
        return (0 if self._by is By.DAY else -sums.get("fee", 0), key)

    def _row(self, key: tuple[str, ...], sums: dict[str, int]) -> Record:
        texts = self._texts[key]
        row: Record = {}
        for name in self._columns:
            if name in texts:
                row[name] = texts[name]
            else:
                amount = sums.get(name, 0)
                row[name] = to_yuan(amount) if name in _MONEY else amount
        return row


def _by_day(table: _Table, source: _Source, span: Span) -> None:
    for order in source.orders(span, "ct"):
        day, cur = day_of(_whole(order["ct"]), source.tz), str(order["ord_currency"])
        table.add({"day": day, "cur": cur}, (day, cur), orders=1)
    for order in source.orders(span, "ok_at"):
        day, cur = day_of(_whole(order["ok_at"]), source.tz), str(order["ord_currency"])
        table.add({"day": day, "cur": cur}, (day, cur), **_paid(order))


def _by_buyer(table: _Table, source: _Source, span: Span) -> None:
    last: dict[tuple[str, ...], int] = {}
    for path in ("ct", "ok_at"):
        for order in source.orders(span, path):
            key = tuple(
                str(order.get(name) or "") for name in ("buyer_id", "sto_nm", "ord_currency")
            )
            is_paid = path == "ok_at"
            last[key] = max(last.get(key, 0), _whole(order["ok_at"]) if is_paid else 0)
            names = dict(zip(("buyer_id", "sto_nm", "cur"), key, strict=True))
            amounts = _paid(order) if is_paid else {"orders": 1}
            table.add({**names, "last_at": last[key]}, key, **amounts)


def _by_product(table: _Table, source: _Source, span: Span) -> None:
    for order in source.orders(span, "ok_at"):
        cur = str(order["ord_currency"])
        seen: set[str] = set()
        for line in _rows(order, "ord_ws"):
            product_id = str(line["id"])
            pieces = _whole(line["w_buy_num"])
            total = _fen(line, "w_price") * pieces
            discount = _fen(line, "w_discount")
            texts = {name: line.get(name) for name in ("id", "nm", "w_nm")}
            table.add(
                {**texts, "cur": cur},
                (product_id, cur),
                orders=product_id not in seen,
                pieces=pieces,
                total=total,
                discount=discount,
                fee=total - discount,
            )
            seen.add(product_id)


def _by_pay_type(table: _Table, source: _Source, span: Span) -> None:
    for payment in source.payments(span, "close_at"):
        pay_tp, cur = str(payment.get("pay_tp") or ""), str(payment["cur"])
        is_paid, flagged = payment["st"] == "OK", _flagged_fen(payment)
        is_settled = is_paid and payment.get("flag", "") in ("", Flag.DOUBLE)
        table.add(
            {"pay_tp": pay_tp, "cur": cur},
            (pay_tp, cur),
            paid=is_paid,
            failed=not is_paid,
            fee=_whole(payment["fee"]) if is_settled else 0,
            flagged=bool(payment.get("flag")),
            flagged_fee=flagged,
        )


def _by_status(table: _Table, source: _Source, span: Span) -> None:
    for order in source.orders(span, "ct"):
        status, cur = str(order["ord_status"]), str(order["ord_currency"])
        pieces, fee = _whole(order.get("pro_c")), _fen(order, "fee")
        texts = {"ord_status": status, "cur": cur}
        table.add(texts, (status, cur), orders=1, pieces=pieces, fee=fee)


_COUNT: Mapping[By, Callable[[_Table, _Source, Span], None]] = {
    By.DAY: _by_day,
    By.PRODUCT: _by_product,
    By.BUYER: _by_buyer,
    By.PAY_TYPE: _by_pay_type,
    By.STATUS: _by_status,
}


def _paid(order: Record) -> dict[str, int]:
    """Return what a paid order adds to the sums."""
    amounts = {name: _fen(order, name) for name in ("total", "freight", "discount", "fee")}
    return {"paid": 1, "pieces": _whole(order.get("pro_c")), **amounts}


def _flagged_fen(payment: Record) -> int:
    """Return the money of a payment that could not settle: further trades', or all of it.

    What went back before we heard of it is nobody's to return.
    """
    if not payment.get("flag"):
        return 0
    more = _whole(payment.get("double_fee"))
    if payment["flag"] == Flag.REFUNDED or (more and payment["st"] == "OK"):
        return more
    return more + (_whole(payment.get("paid_fee")) or _whole(payment["fee"]))


def _fen(record: Mapping[str, Json], name: str) -> int:
    return to_fen(record.get(name) or 0, name)


def _whole(value: Json) -> int:
    return value if isinstance(value, int) else 0


def _rows(record: Record, name: str) -> Iterator[Mapping[str, Json]]:
    rows = record.get(name)
    for row in rows if isinstance(rows, list | tuple) else ():
        if isinstance(row, Mapping):
            yield row
