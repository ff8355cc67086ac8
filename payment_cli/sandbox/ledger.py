"""What the providers remember: orders, attempts to pay them, notifications and requests.

Everything is kept in memory and written through to one SQLite file, so that a sandbox started
again goes on where it stopped. All access is under `Ledger.changed` (a condition and its lock).
"""

import json
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Self

from payment_cli.sandbox.exchange import Json, SandboxError
from payment_cli.sandbox.private_file import reading
from payment_cli.sandbox.tools import TOOLS

#: A fragment of an order number must have this many characters to stand for the whole.
FRAGMENT_CHARS_MIN = 6
#: The request log remembers so many requests.
REQUESTS_MAX = 500


class OrderState(StrEnum):
    """Where an order stands, in words of neither provider."""

    WAITING = "waiting"  # nobody has paid yet
    PAYING = "paying"  # a scanned payer is typing the password
    PAID = "paid"
    FINISHED = "finished"  # paid, and the time for refunds is over
    DECLINED = "declined"  # a scanned payment failed for good
    CLOSED = "closed"
    REVOKED = "revoked"  # reversed or cancelled; money that had arrived went back


@dataclass(slots=True)
class Order:
    """An order as its provider knows it. Amounts are fen, times are AMS.

    `tool` is how it was placed, one of tools.TOOLS. `code` is the code_url, prepay_id, h5_url or
    qr_code that is valid now, `old_codes` those it made void. `parameters` is what an identical
    request has to repeat. `mch_shown` and `appid` are the merchant as the answers name it.
    `page` names the payer's page once somebody opened it; after paying there the browser goes to
    `return_url`, without paying to `quit_url`, where there is one.
    """

    provider: str
    merchant: str
    out_trade_no: str
    tool: str
    amount: int
    created_at: int
    expires_at: int
    appid: str
    mch_shown: str
    subject: str = ""
    attach: str = ""
    currency: str = "CNY"
    state: OrderState = OrderState.WAITING
    parameters: str = ""
    notify_url: str = ""
    code: str = ""
    old_codes: list[str] = field(default_factory=list)
    code_expires_at: int = 0
    is_scanned: bool = False
    trade_no: str = ""
    paid_amount: int = 0
    paid_at: int = 0
    payer: str = ""
    page: str = ""
    return_url: str = ""
    quit_url: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies an order: provider, merchant, the merchant's number."""
        return self.provider, self.merchant, self.out_trade_no

    @property
    def is_scan(self) -> bool:
        """Whether the merchant scanned the payer's code, rather than the other way round."""
        return TOOLS[self.tool].is_scan

    def issue_code(self, code: str) -> None:
        """Make `code` the one that can be paid, and void the one before it."""
        if self.code:
            self.old_codes.append(self.code)
        self.code = code

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read what `asdict` wrote."""
        return cls(**{**document, "state": OrderState(document["state"])})


@dataclass(slots=True)
class Notice:
    """A notification: an order as it was when the event happened, and what became of it.

    `form` is v3, v2 or alipay (with `keeps_sign_type`, Alipay's second flavour). `next_at` is
    when it will be sent (AMS). `state` is due, held, acknowledged, given up or refused.
    """

    id: str
    form: str
    url: str
    order: Order
    created_at: int
    next_at: int
    keeps_sign_type: bool = False
    state: str = "due"
    is_in_flight: bool = False
    deliveries: list[Json] = field(default_factory=list)

    @classmethod
    def from_json(cls, document: Json) -> Self:
        """Read what `asdict` wrote; nothing is in flight after a restart."""
        order = Order.from_json(document["order"])
        return cls(**{**document, "order": order, "is_in_flight": False})


class Ledger:
    """The records of both providers. Use them under `with ledger.changed:`."""

    def __init__(self, path: Path) -> None:
        """Open, or make, the ledger in the SQLite file `path`."""
        self.changed = threading.Condition(threading.RLock())
        self.orders: dict[tuple[str, str, str], Order] = {}
        self.notices: dict[str, Notice] = {}
        self.payments: list[Json] = []
        self.requests: deque[Json] = deque(maxlen=REQUESTS_MAX)
        with reading(path):
            self._open(path)

    def _open(self, path: Path) -> None:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise ValueError(path)
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        # A sandbox may forget its last second when the power fails.
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS record"
            " (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))"
        )
        self._load()

    def close(self) -> None:
        """Close the file."""
        with self.changed:
            self._database.close()

    def save_order(self, order: Order) -> None:
        """Keep a new or changed order."""
        self.orders[order.key] = order
        self._write("order", "/".join(order.key), asdict(order))

    def save_notice(self, notice: Notice) -> None:
        """Keep a new or changed notification."""
        self.notices[notice.id] = notice
        self._write("notice", notice.id, asdict(notice))

    def add_payment(self, order: Order, at: int, outcome: str, amount: int) -> None:
        """Note that somebody paid, or tried to."""
        payment = {
            "at": at,
            "provider": order.provider,
            "merchant": order.merchant,
            "out_trade_no": order.out_trade_no,
            "trade_no": order.trade_no,
            "outcome": outcome,
            "amount": amount,
        }
        self.payments.append(payment)
        self._write("payment", f"{len(self.payments):09}", payment)

    def add_request(self, request: Json) -> None:
        """Note a request; the log is bounded and not kept over a restart."""
        with self.changed:
            self.requests.append(request)

    def order(self, provider: str, merchant: str, out_trade_no: str, now: int) -> Order | None:
        """Return an order, closed first if its time is over."""
        order = self.orders.get((provider, merchant, out_trade_no))
        if order:
            self.expire(order, now)
        return order

    def order_by_trade_no(self, provider: str, merchant: str, trade_no: str) -> Order | None:
        """Return the order the provider gave the number `trade_no`."""
        wanted = (provider, merchant, trade_no)
        for order in self.orders.values():
            if trade_no and (order.provider, order.merchant, order.trade_no) == wanted:
                return order
        return None

    def order_of_page(self, page: str) -> Order | None:
        """Return the order whose payer's page is called `page`."""
        return next((o for o in self.orders.values() if page and o.page == page), None)

    def expire(self, order: Order, now: int) -> None:
        """Close an unpaid order whose time is over."""
        if order.state in (OrderState.WAITING, OrderState.PAYING) and now >= order.expires_at:
            order.state = OrderState.CLOSED
            self.save_order(order)

    def find(self, ref: str, tools: frozenset[str] = frozenset()) -> Order:
        """Return the one order `ref` stands for.

        `ref` is an order number or a fragment of one, the provider's number, or the code that
        was shown to the payer. `tools` narrows it down.

        Raises:
            SandboxError: none, several, or a code that a newer one made void.
        """
        orders = [o for o in self.orders.values() if not tools or o.tool in tools]
        for order in orders:
            if ref in order.old_codes:
                raise SandboxError(
                    "conflict", f"that code of order {order.out_trade_no} is void: newer one issued"
                )
        exact = [o for o in orders if ref in (o.out_trade_no, o.trade_no, o.code)]
        found = exact or list(_with_fragment(orders, ref))
        if len(found) > 1:
            raise SandboxError("conflict", f"{ref} fits {len(found)} orders; say which pay type")
        if not found:
            raise SandboxError("not found", f"the sandbox knows no order {ref}; was it sent?")
        return found[0]

    def due_notices(self, now: int) -> list[Notice]:
        """Return the notifications to send now, oldest first."""
        return [
            n
            for n in self.notices.values()
            if n.state == "due" and not n.is_in_flight and n.next_at <= now
        ]

    def other_order_no(self, order: Order) -> str:
        """Return the number of some other order, a made-up one if there is none."""
        for other in self.orders.values():
            if other.provider == order.provider and other.out_trade_no != order.out_trade_no:
                return other.out_trade_no
        return "0" * len(order.out_trade_no)

    def as_json(self) -> Json:
        """Return everything, for a person or a test to look at."""
        with self.changed:
            return {
                "orders": [asdict(o) for o in self.orders.values()],
                "payments": list(self.payments),
                "notifications": [asdict(n) for n in self.notices.values()],
                "requests": list(self.requests),
            }

    def _write(self, kind: str, key: str, body: Json) -> None:
        self._database.execute(
            "INSERT INTO record VALUES (?, ?, ?)"
            " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            (kind, key, json.dumps(body)),
        )
        self.changed.notify_all()

    def _load(self) -> None:
        rows = self._database.execute("SELECT kind, body FROM record ORDER BY rowid").fetchall()
        for kind, text in rows:
            body = json.loads(text)
            if kind == "order":
                order = Order.from_json(body)
                self.orders[order.key] = order
            elif kind == "notice":
                notice = Notice.from_json(body)
                self.notices[notice.id] = notice
            else:
                self.payments.append(body)


def snapshot(order: Order) -> Order:
    """Return the order as it is now, untouched by what comes later."""
    return replace(order, old_codes=list(order.old_codes))


def _with_fragment(orders: list[Order], ref: str) -> Iterator[Order]:
    if len(ref) >= FRAGMENT_CHARS_MIN:
        for order in orders:
            if order.out_trade_no.startswith(ref) or order.out_trade_no.endswith(ref):
                yield order
