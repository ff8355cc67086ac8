"""A tree with many records, made fast: straight into its journal, without a file for each.

What is measured there reads the journal. `payment fsck` would miss the files, and nobody may write.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

from payment_cli.app import App
from payment_cli.ids import new_id
from payment_cli.model.codec import encode_pretty
from payment_cli.model.record import Record
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.services.shop.orders import Buying
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
        "order": {**order.to_record(), "ord_status": "OK", "ord_expi": 0},
        "thing": app.shop.goods.get("p0").to_record(),
        "discount": discount.to_record(),
        "coupon": coupon.to_record(),
        "address": address.to_record(),
        # Both wait for another day.
        "notice": {"tp": "notice", "st": "waiting", "next_at": 1 << 45, "owner": "", "or_id": "x"},
        "outbox": {"tp": "outbox", "what": "hook", "st": "failed", "or_id": "x"},
    }


def _bulk(samples: dict[str, Record], records: int) -> Iterator[tuple[Key, Record]]:
    kinds = [kind for kind, part in PARTS.items() for _ in range(part)]
    for number in range(records):
        kind = kinds[number % 100] if number % 100 < len(kinds) else "payment"
        if kind == "payment":
            yield _keyed(kind, "", a_payment(number))
            continue
        at, store = BEGAN + 250 * number, f"shop{number // 7 % 50}"
        if kind == "order" and number % 5000 == 0:
            store = STORE  # which had orders long ago as well
        record = {
            **samples[kind], "id": new_id(at), "ct": at, "lm": at, "rev": 1, "sto_nm": store,
        }  # fmt: skip
        record |= {
            "order": {"sto_id": store, "ok_at": at, "buyer_id": f"u{number % 9973}"},
            "thing": {"nm": f"p{number}"},
            "address": {"uid": f"u{number % 9973}"},
            "outbox": {"store": store},
        }.get(kind, {})
        yield _keyed(kind, "" if kind in ("notice", "outbox") else store, record)


def _keyed(kind: str, domain: str, record: Record) -> tuple[Key, Record]:
    return Key(kind, domain, str(record["id"])), {**record, "rev": 1}


def _insert(conn: sqlite3.Connection, records: Iterator[tuple[Key, Record]]) -> None:
    """Insert records and their rows of the log; all are settled, and nothing is to be published."""
    seqs = count(journal.last_seq(conn) + 1)
    seq = 0
    for seq, (key, record) in zip(seqs, records, strict=False):
        new = journal.New(key, 1, encode_pretty(record), record)
        journal.insert(conn, new, seq, fresh=False)
        conn.execute(
            "INSERT INTO log (seq, at, actor, kind, domain, id, op) VALUES (?, ?, '', ?, ?, ?, ?)",
            (seq, int(str(record["ct"])), *key, "insert"),
        )
    conn.execute("UPDATE records SET fresh = 0")
    conn.execute("UPDATE tree SET settled = ?, synced = ?", (seq, seq))
