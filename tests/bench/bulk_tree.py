"""A tree with many records, made fast: straight into its journal, without a file for each.

What is measured there reads the journal. `payment fsck` would miss the files, and nobody may write.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import NamedTuple

from payment_cli.app import App
from payment_cli.clock import system_clock
from payment_cli.ids import new_id
from payment_cli.model.codec import encode_pretty
from payment_cli.model.record import Record
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.services.shop.orders import Buying
from payment_cli.storage.kinds import KINDS
from payment_cli.storage.tree import journal
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.schema import create_indexes
from tests.bench.bench_storage import a_payment

#: The store that is looked at, and what it has of its own, whatever others have.
STORE = "demo"
GOODS, ORDERS = 40, 40

#: When the bulk of the records was made, one each 250 ms, and long before a store's own.
BEGAN = 1_700_000_000_000

#: How many of a hundred records are of each kind; the rest are payments.
PARTS = {
    "order": 25,
    "thing": 12,
    "address": 6,
    "coupon": 3,
    "discount": 2,
    "notice": 4,
    "outbox": 4,
}


def _made_at(number: int) -> int:
    return BEGAN + 250 * number


def _store(number: int, kind: str) -> str:
    """Return whose a record is. The store that is looked at had a few orders long ago as well."""
    return STORE if kind == "order" and number % 5000 == 0 else f"shop{number // 7 % 50}"


def make_tree(root: Path, records: int) -> None:
    """Make a tree with a store of a fixed size, and with `records` records of fifty others."""
    app = App(root, STORE, {"PAYMENT_DOMAIN": STORE})
    samples = _own_store(app)
    app.close()
    with closing(sqlite3.connect(root / ".journal/payment.db", isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous = OFF")
        conn.execute("PRAGMA journal_mode = OFF")
        names = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql <> ''"
        for (name,) in conn.execute(names).fetchall():
            conn.execute(f"DROP INDEX {name}")
        conn.execute("BEGIN")
        _insert(conn, _bulk(samples, records))
        create_indexes(conn)
        conn.execute("COMMIT")
        conn.execute("PRAGMA journal_mode = WAL")


def _own_store(app: App) -> dict[str, Record]:
    """Fill the store that is looked at by its own services; return a record of each kind."""
    app.merchants.init(STORE)
    goods = [
        app.shop.goods.add({"nm": f"p{n}", "w_nm": f"Cup {n}", "w_price": 20}).id
        for n in range(GOODS)
    ]
    app.shop.goods.remove(goods[-1])
    off = {"dis_nm": "sale", "dis_mode": "percent", "off_bp": 1000}
    discount = app.shop.discounts.add(off)
    coupon = app.shop.coupons.add({"title": "three off", "type": 1, "value": 3})
    where = {"country": "CN", "code": "440300", "city": "Shenzhen", "street": "1 Road"}
    who = {"consignee": "Li", "phone": "13800000000", "postcode": "518000"}
    address = app.shop.addresses.add("u1", {**where, **who})
    wanted = OrderInput.from_document({"products": [{"id": goods[0], "amount": 1}]})
    orders = [app.shop.orders.create(wanted, Buying(f"u{n}")) for n in range(ORDERS)]
    for order in orders:
        app.shop.order_payments.cancel(order.id, "made to be looked at")
    order = app.shop.orders.get(orders[0].id)
    return {
        "payment": a_payment(0),
        "order": {**order.to_record(), "ord_status": "OK", "ord_expi": 0},
        "thing": app.shop.goods.get("p0").to_record(),
        "discount": discount.to_record(),
        "coupon": coupon.to_record(),
        "address": address.to_record(),
        # The one waits for its next try, the other for a person.
        "notice": {
            "tp": "notice",
            "st": "waiting",
            "next_at": system_clock() + 3_600_000,
            "owner": "",
            "or_id": "x",
        },
        "outbox": {"tp": "outbox", "what": "hook", "st": "failed", "or_id": "x"},
    }


#: The fields of each kind that differ from record to record, beside `id`, `ct` and `lm`.
VARIED: dict[str, dict[str, Callable[[int], int | str]]] = {
    "payment": {
        "st": lambda n: "WAIT" if n % 100 == 99 else "OK",
        "seller_nm": lambda n: f"shop{n % 50}",
        "seller_id": lambda n: f"s{n % 50:03}",
        "buyer_id": lambda n: f"u{n * 31 % 10_000}",
        "fee": lambda n: 100 + n * 7919 % 50_000,
        "send_at": _made_at,
        "close_at": lambda n: 0 if n % 100 == 99 else _made_at(n),
    },
    "order": {
        "sto_nm": lambda n: _store(n, "order"),
        "sto_id": lambda n: _store(n, "order"),
        "ok_at": _made_at,
        "buyer_id": lambda n: f"u{n % 9973}",
    },
    "thing": {"nm": lambda n: f"p{n}"},
    "address": {"uid": lambda n: f"u{n % 9973}"},
    "outbox": {"store": lambda n: _store(n, "outbox")},
    "notice": {"sto_nm": lambda n: _store(n, "notice")},
    "coupon": {},
    "discount": {},
}


class _Form(NamedTuple):
    """How records of a kind are made: filling a text takes a third of making each anew."""

    kind: str
    sample: Record
    text: str

    @classmethod
    def of(cls, kind: str, sample: Record) -> "_Form":
        """Make the form of records that are like `sample`."""
        names = {"id": "", "ct": 0, "lm": 0, **{n: of(0) for n, of in VARIED[kind].items()}}
        sample = {**sample, "rev": 1}
        text = encode_pretty({**sample, **{name: f"@{name}@" for name in names}})
        text = text.replace("%", "%%")
        for name, value in names.items():
            quote = '"' if isinstance(value, str) else ""
            text = text.replace(f'"@{name}@"', f"{quote}%({name})s{quote}")
        return cls(kind, sample, text)

    def fill(self, number: int) -> journal.New:
        """Return the record with this number."""
        at = _made_at(number)
        values = {name: of(number) for name, of in VARIED[self.kind].items()}
        values |= {"id": new_id(at), "ct": at, "lm": at}
        domain = _store(number, self.kind) if KINDS[self.kind].has_domain else ""
        key = Key(self.kind, domain, str(values["id"]))
        return journal.New(key, 1, self.text % values, {**self.sample, **values})


def _bulk(samples: dict[str, Record], records: int) -> Iterator[journal.New]:
    forms = {kind: _Form.of(kind, sample) for kind, sample in samples.items()}
    kinds = [kind for kind, part in PARTS.items() for _ in range(part)]
    kinds += ["payment"] * (100 - len(kinds))
    return (forms[kinds[number % 100]].fill(number) for number in range(records))


def _insert(conn: sqlite3.Connection, records: Iterator[journal.New]) -> None:
    """Insert records and their rows of the log; all are settled, and nothing is to be published."""
    seqs = count(journal.last_seq(conn) + 1)
    seq = 0
    for seq, new in zip(seqs, records, strict=False):
        journal.insert(conn, new, seq, fresh=False)
        conn.execute(
            "INSERT INTO log (seq, at, actor, kind, domain, id, op) VALUES (?, ?, '', ?, ?, ?, ?)",
            (seq, int(str(new.record["ct"])), *new.key, "insert"),
        )
    conn.execute("UPDATE records SET fresh = 0 WHERE fresh = 1")
    conn.execute("UPDATE tree SET settled = ?, synced = ?", (seq, seq))
