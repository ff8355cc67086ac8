"""An order: its record (seeds 000 and 002), and what may be done with it.

Its states are in order_state.py; `order_place.py` makes one from a priced cart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from payment_cli.errors import CorruptRecordError, NotAllowedError
from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.history import with_line
from payment_cli.model.money import same_currency, to_yuan
from payment_cli.model.payments.payment import Flag, Payment
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.forms import DELIVERY
from payment_cli.model.shop.order_line import OrderLine
from payment_cli.model.shop.order_state import (
    COMMANDS,
    PAID,
    PENDING,
    STAMPS,
    TRANSITIONS,
    OrderEvent,
    OrderKind,
    OrderStatus,
)

#: `tp` and `race` of every order (seed 000).
RECORD_TYPE = "order"
RACE = "FILE"

#: The most entries the short history on an order keeps; the log has them all.
HISTORY_MAX = 50


#: Where it goes to and comes from, under the names of the reference's order (w1-shop-order).
DELIVERY_NAMES = (*DELIVERY, "addr_ship_country", "addr_ship_code")


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `total`, `freight`, `discount` are fen (yuan in the record), times AMS, 0 = not.

    `ord_ds` and `coupons` are copies of what took something off. `pay_ids` are the payments this
    order owns: only they can pay it; `pay_id` is the newest, and in the end the one that paid.
    `stock` is what the order took from the stock, given back when it is cancelled. `delivery`
    holds the fields of DELIVERY_NAMES. `seller` is the gateway target.
    """

    id: str
    ct: int
    lm: int
    sto_id: str
    sto_nm: str
    title: str
    ord_ws: tuple[OrderLine, ...]
    ord_currency: str
    total: int
    freight: int
    discount: int
    ord_tp: OrderKind = OrderKind.NORMAL
    ord_status: OrderStatus = OrderStatus.NEW
    ord_ds: tuple[Json, ...] = ()
    coupons: tuple[Json, ...] = ()
    ord_expi: int = 0
    buyer_id: str = ""
    accounts: str = ""
    seller: str = ""
    pay_tp: str = ""
    pay_id: str = ""
    pay_ids: tuple[str, ...] = ()
    wt_at: int = 0
    ok_at: int = 0
    fa_at: int = 0
    sp_at: int = 0
    dn_at: int = 0
    ca_at: int = 0
    stock: Mapping[str, int] = field(default_factory=dict)
    delivery: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Json, ...] = ()
    rev: int = 0
    extra: Mapping[str, Json] = field(default_factory=dict)

    @property
    def price(self) -> int:
        """Goods and freight, before discounts, in fen."""
        return self.total + self.freight

    @property
    def fee(self) -> int:
        """What is to be paid, in fen: the fee of its payment."""
        return self.price - self.discount

    @property
    def ord_price(self) -> int:
        """The goods after discounts, in fen."""
        return self.total - self.discount

    @property
    def is_pending(self) -> bool:
        """Whether it is neither paid nor cancelled."""
        return self.ord_status in PENDING

    @property
    def coupon_ids(self) -> tuple[str, ...]:
        """The coupons it reserved or used."""
        return tuple(str(row["id"]) for row in self.coupons if isinstance(row, Mapping))

    def is_overdue(self, now: int) -> bool:
        """Whether it is pending and past its `ord_expi`."""
        return self.is_pending and 0 < self.ord_expi < now

    def commands(self) -> tuple[str, ...]:
        """Return the commands that its state allows."""
        return tuple(str(e) for e in COMMANDS if (self.ord_status, e) in TRANSITIONS)

    def require(self, event: OrderEvent) -> None:
        """Refuse unless `event` is possible now.

        Raises:
            NotAllowedError: the state does not allow it; says the state and what it allows.
        """
        if (self.ord_status, event) not in TRANSITIONS:
            allowed = self.commands()
            raise NotAllowedError(
                f"order {self.id} is {self.ord_status}: {event} is not possible",
                hint=f"possible: {', '.join(allowed)}" if allowed else "it is final",
            )

    def on(self, event: OrderEvent, now: int, by: str, note: str = "", **changes: Any) -> Self:
        """Return the order after `event`, with its timestamp and a line of history.

        Raises:
            NotAllowedError: the table has no such transition.
        """
        self.require(event)
        state = TRANSITIONS[self.ord_status, event]
        if event is OrderEvent.PAID:
            changes = {"ord_expi": 0, **changes}
            if self.ord_tp is OrderKind.VIRTUAL:
                # It is shipped and done at the instant it is paid, as in the reference.
                state = OrderStatus.DONE
                changes = {"ok_at": now, "sp_at": now, **changes}
        first_time = state is not self.ord_status or state is OrderStatus.WAIT
        if first_time:
            changes = {STAMPS[state]: now, **changes}
        return self.noted(event, now, by, note, ord_status=state, **changes)

    def opened(self, payment_id: str, pay_tp: str, seller: str, now: int, by: str) -> Self:
        """Return the order owning one more payment, which is now its current one.

        Raises:
            NotAllowedError: its state does not allow to pay it.
        """
        return self.on(
            OrderEvent.OPEN,
            now,
            by,
            payment_id,
            pay_id=payment_id,
            pay_ids=(*self.pay_ids, payment_id),
            pay_tp=pay_tp,
            seller=seller,
        )

    def noted(self, what: str, now: int, by: str, note: str = "", **changes: Any) -> Self:
        """Return the order with `changes` and one more line of history, its state untouched."""
        history = with_line(self.history, what, now, by, note, most=HISTORY_MAX)
        return replace(self, lm=now, history=history, **changes)

    def why_not_paid_by(self, payment: Payment) -> Flag | None:
        """Return why money of `payment` can't settle this order; None when it can, or has.

        Only a payment the order owns, with its fee, currency and seller, pays it: what a payment
        says about its order is data.

        Raises:
            CorruptRecordError: the order names payments, and is in a state before any was opened.
        """
        agrees = (
            payment.id in self.pay_ids
            and payment.fee == self.fee
            and same_currency(payment.cur, self.ord_currency)
            and payment.seller_nm == self.sto_nm
        )
        if not agrees or self.ord_status is OrderStatus.CANCELLED:
            return Flag.ORDER_GONE
        if (self.ord_status, OrderEvent.PAID) in TRANSITIONS:
            return None
        if self.ord_status not in PAID:
            raise CorruptRecordError(f"order {self.id} is {self.ord_status}, and names payments")
        return None if self.pay_id == payment.id else Flag.DOUBLE

    def to_record(self) -> Record:
        """Return the record as it is stored, money in yuan."""
        lines: list[Json] = [line.to_row() for line in self.ord_ws]
        proids: list[Json] = [line.id for line in self.ord_ws]
        record: Record = {
            "id": self.id,
            "nm": f"ord_{self.sto_nm}_{self.id}",
            "tp": RECORD_TYPE,
            "race": RACE,
        }
        for name in _PLAIN_NAMES:
            record[name] = getattr(self, name)
        for name in _MONEY_NAMES:
            record[name] = to_yuan(getattr(self, name))
        record |= {
            "ord_tp": str(self.ord_tp),
            "ord_status": str(self.ord_status),
            "ord_ws": lines,
            "ord_ds": list(self.ord_ds),
            "coupons": list(self.coupons),
            "proid0": self.ord_ws[0].id if self.ord_ws else "",
            "proids": proids,
            "pro_c": sum(line.w_buy_num for line in self.ord_ws),
            "pay_ids": list(self.pay_ids),
            "stock": dict(self.stock),
            "history": list(self.history),
        }
        return {**record, **self.delivery, **self.extra}

    @classmethod
    def from_record(cls, record: Mapping[str, Json]) -> Self:
        """Read a stored record, and hold it to the identities of an order's price.

        Raises:
            CorruptRecordError: a field every order has is missing or impossible, or the amounts
                do not add up.
        """
        what = f"order {record.get('id')!a}"
        with reading_stored(what):
            order = cls._read(Fields(record, what, exact=False))
        order._require_adding_up(record)
        return order

    @classmethod
    def _read(cls, fields: Fields) -> Self:
        plain: dict[str, Any] = {name: fields.text(name) for name in _TEXT_NAMES}
        plain |= {name: fields.whole(name) for name in _WHOLE_NAMES}
        plain |= {name: fields.required_yuan(name) for name in ("total", "freight", "discount")}
        delivery = {name: fields.text(name, max_len=1000) for name in DELIVERY_NAMES}
        return cls(
            **plain,
            id=fields.required_text("id", max_len=64),
            ord_ws=tuple(OrderLine.from_row(row) for row in fields.rows("ord_ws")),
            ord_currency=fields.currency("ord_currency", ""),
            ord_tp=fields.word("ord_tp", OrderKind),
            ord_status=fields.word("ord_status", OrderStatus),
            ord_ds=_rows(fields, "ord_ds"),
            coupons=_rows(fields, "coupons"),
            pay_ids=fields.texts("pay_ids"),
            stock=_stock(fields),
            delivery={name: text for name, text in delivery.items() if text},
            history=_rows(fields, "history"),
            extra=fields.rest(*_DERIVED_NAMES),
        )

    def _require_adding_up(self, record: Mapping[str, Json]) -> None:
        lines_agree = self.total == sum(line.subtotal for line in self.ord_ws) and (
            self.discount == sum(line.w_discount for line in self.ord_ws)
        )
        shown = {name: to_yuan(getattr(self, name)) for name in ("price", "fee", "ord_price")}
        if not lines_agree or any(record.get(name) != yuan for name, yuan in shown.items()):
            raise CorruptRecordError(
                f"order {self.id}: its amounts do not add up",
                hint="price = total + freight, fee = price - discount",
            )


_TEXT_NAMES = (
    "sto_id", "sto_nm", "title", "buyer_id", "accounts", "seller", "pay_tp", "pay_id",
)  # fmt: skip
_WHOLE_NAMES = (
    "ct", "lm", "rev", "ord_expi", "wt_at", "ok_at", "fa_at", "sp_at", "dn_at", "ca_at",
)  # fmt: skip
_PLAIN_NAMES = ("id", "ord_currency", *_TEXT_NAMES, *_WHOLE_NAMES)
_MONEY_NAMES = ("total", "freight", "discount", "price", "fee", "ord_price")

#: Fields that follow from others; they are written for queries, and never read.
_DERIVED_NAMES = ("nm", "tp", "race", "price", "fee", "ord_price", "proid0", "proids", "pro_c")


def _rows(fields: Fields, name: str) -> tuple[Json, ...]:
    fields.rows(name)  # refuses what is no list of objects
    rows = fields.raw(name)
    return tuple(rows) if isinstance(rows, list | tuple) else ()


def _stock(fields: Fields) -> dict[str, int]:
    taken = Fields(fields.mapping("stock"), f"{fields.what}: stock")
    return {product_id: taken.whole(product_id, low=1) for product_id in taken.rest()}
