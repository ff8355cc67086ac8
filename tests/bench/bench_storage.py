"""The tree backend: durable creates, pages at a million records, memory, the bulk path.

`python -m tests.bench.bench_storage [RECORDS]` runs it alone, with fewer records than a million.
"""

import os
import resource
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from time import perf_counter

from payment_cli.app import App
from payment_cli.clock import system_clock
from payment_cli.ids import new_id
from payment_cli.model.codec import decode, encode
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.query.match import Match, equal
from payment_cli.model.record import Record
from payment_cli.services.payments.create import NewPayment
from payment_cli.storage.base import Collection, Query, Storage
from payment_cli.storage.tree import open_tree
from tests.bench.table import Row, interleaved, show

RECORDS = 1_000_000
SMALL = 1_000
BATCH = 2_000
CREATES = 1_500
ROUNDS = 3
PAGES = 300

PAYMENTS = Collection("payment")
PAGE = Query(equal("st", "WAIT"), (("lm", -1),), 0, 10)
NO_HIT = Query(equal("note", "nobody has this"), (), 0, 10)

BARE = "WAL, synchronous=FULL: INSERT INTO t VALUES (id, the same JSON), one row per commit"


def a_payment(number: int) -> Record:
    """A payment of a busy tree: 50 sellers, 10,000 buyers, one in a hundred waiting."""
    now = 1_700_000_000_000 + 250 * number
    status = Status.WAIT if number % 100 == 0 else Status.OK
    payment = Payment(
        id=new_id(now), ct=now, lm=now + number % 7, brief=f"Tea number {number}",
        fee=100 + number * 7919 % 50_000, cur="CNY", seller_id=f"s{number % 50:03}",
        seller_nm=f"shop{number % 50}", st=status, pay_tp="wx.qrcode", buyer_tp=1,
        buyer_id=f"u{number * 31 % 10_000}", view_key="0" * 64, send_at=now,
        close_at=0 if status is Status.WAIT else now, extra={"note": f"table {number % 90}"},
    )  # fmt: skip
    return payment.noted("create", now, "bench").to_record()


def measure(records: int = RECORDS) -> list[Row]:
    """Measure everything; `records` is how many the large tree holds."""
    place = Path(tempfile.mkdtemp(prefix="payment-bench-"))
    try:
        return [*_creates(place), *_large(place, records)]
    finally:
        shutil.rmtree(place)


def _at_most(name: str, ratio: float, target: float, measured: str, baseline: str) -> Row:
    return Row(name, ratio, target, at_most=True, measured=measured, baseline=baseline)


def _at_least(name: str, ratio: float, target: float, measured: str, baseline: str) -> Row:
    return Row(name, ratio, target, at_most=False, measured=measured, baseline=baseline)


def _creates(place: Path) -> Iterator[Row]:
    """Durable creates. Every round has a fresh folder: ext4 is slow where much was deleted."""
    names = iter(range(1000))

    def folder() -> Path:
        made = place / f"round{next(names)}"
        made.mkdir()
        return made

    for processes, target in ((1, 0.4), (4, 0.5)):
        bare = []
        through: dict[str, list[float]] = {"the service": [], "the storage": []}
        for _ in range(ROUNDS):
            bare.append(_timed(processes, _bare_creates, folder()))
            through["the service"].append(_timed(processes, _service_creates, folder()))
            through["the storage"].append(_timed(processes, _storage_creates, folder()))
        for name, times in through.items():
            took, base = median(times), median(bare)
            yield _at_least(
                f"rate of durable creates through {name}, {processes} process(es)",
                base / took, target,
                f"file published: {1e6 * took / CREATES:.0f} us each",
                f"{BARE}: {1e6 * base / CREATES:.0f} us each",
            )  # fmt: skip


def _timed(processes: int, work: Callable[[Path, int, int], None], folder: Path) -> float:
    """Return the seconds until all processes have made their share of CREATES."""
    work(folder, -1, 1)
    children = []
    started = perf_counter()
    for number in range(processes):
        child = os.fork()
        if child == 0:
            work(folder, number, CREATES // processes)
            os._exit(0)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1]:
            raise SystemExit("a benchmark process failed")
    return perf_counter() - started


def _bare_creates(folder: Path, number: int, count: int) -> None:
    conn = sqlite3.connect(folder / "bare.db", isolation_level=None, timeout=60)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("CREATE TABLE IF NOT EXISTS t (id TEXT PRIMARY KEY, doc TEXT)")
    rows = [(str(r["id"]), encode(r)) for r in map(a_payment, range(count))]
    for row in rows:
        conn.execute("INSERT INTO t VALUES (?, ?)", row)
    conn.close()


def _storage_creates(folder: Path, number: int, count: int) -> None:
    storage = open_tree(folder, system_clock, lock_timeout_s=60)
    for record in [a_payment(at) for at in range(count)]:
        with storage.transaction("bench") as tx:
            tx.insert(PAYMENTS, record)
    storage.close()


def _service_creates(folder: Path, number: int, count: int) -> None:
    app = App(folder, domain="bench")
    if number < 0:
        app.merchants.init("bench")
    for at in range(count):
        app.creator.create(NewPayment(fee=2300 + at, brief=f"Tea number {at}"))
    app.close()


def _large(place: Path, records: int) -> Iterator[Row]:
    small, large = place / "small", place / "large"
    _fill(small, SMALL)
    took = _fill(large, records)
    yield _bulk(place, took, records)
    trees = {name: open_tree(name, system_clock) for name in (small, large)}
    try:
        yield _page(trees[large], trees[small], records)
        yield _page_against_sql(place, trees[large], records)
        yield _get(large, trees[large])
    finally:
        for storage in trees.values():
            storage.close()
    yield _memory(small, large, records)


def _fill(root: Path, count: int) -> float:
    storage = open_tree(root, system_clock)
    spent = 0.0
    for start in range(0, count, BATCH):
        batch = [a_payment(at) for at in range(start, min(start + BATCH, count))]
        started = perf_counter()
        with storage.transaction("bench") as tx:
            for record in batch:
                tx.insert(PAYMENTS, record)
        spent += perf_counter() - started
    storage.close()
    return spent


def _bulk(place: Path, took: float, records: int) -> Row:
    """Compare with the same JSON inserted in transactions of the same size; leaves `bare.db`."""
    spent = 0.0
    with closing(sqlite3.connect(place / "bare.db", isolation_level=None)) as conn:
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("CREATE TABLE t (id TEXT PRIMARY KEY, st TEXT, lm INTEGER, doc TEXT)")
        conn.execute("CREATE INDEX by_st ON t (st, lm, id)")
        for start in range(0, records, BATCH):
            batch = [a_payment(at) for at in range(start, min(start + BATCH, records))]
            started = perf_counter()
            rows = [(r["id"], r["st"], r["lm"], encode(r)) for r in batch]
            conn.execute("BEGIN")
            conn.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)
            conn.execute("COMMIT")
            spent += perf_counter() - started
    return _at_least(
        f"bulk rate, {records:,} records in transactions of {BATCH:,}", spent / took, 0.1,
        f"11 indexes, log and files: {records / took:,.0f} a second",
        f"executemany into a table with one index: {records / spent:,.0f} a second",
    )  # fmt: skip


def _page(large: Storage, small: Storage, records: int) -> Row:
    took, base = interleaved(
        lambda: list(large.query(PAYMENTS, PAGE)), lambda: list(small.query(PAYMENTS, PAGE)), PAGES
    )
    return _at_most(
        f"page of ten, st=WAIT newest first, at {records:,}", took / base, 1.3,
        f"{1e6 * took:.0f} us", f"the same at {SMALL:,}: {1e6 * base:.0f} us",
    )  # fmt: skip


def _page_against_sql(place: Path, large: Storage, records: int) -> Row:
    sql = "SELECT doc FROM t WHERE st = 'WAIT' ORDER BY lm DESC, id DESC LIMIT 10"
    with closing(sqlite3.connect(place / "bare.db")) as conn:
        took, base = interleaved(
            lambda: list(large.query(PAYMENTS, PAGE)),
            lambda: [decode(doc) for (doc,) in conn.execute(sql)],
            PAGES,
        )
    return _at_most(
        f"page of ten, st=WAIT newest first, at {records:,}", took / base, 2.0,
        f"{1e6 * took:.0f} us", f"{sql}, index (st, lm, id), JSON read: {1e6 * base:.0f} us",
    )  # fmt: skip


def _get(root: Path, storage: Storage) -> Row:
    (record,) = storage.query(PAYMENTS, Query(equal("st", "WAIT"), limit=1))
    record_id = str(record["id"])
    path = root / "var" / "payment" / f"{record_id}.json"
    took, base = interleaved(
        lambda: storage.get(PAYMENTS, record_id), lambda: decode(path.read_bytes()), PAGES
    )
    return _at_most(
        "get by id", took / base, 4.0,
        f"{1e6 * took:.0f} us", f"decode(path.read_bytes()): {1e6 * base:.0f} us",
    )  # fmt: skip


def _memory(small: Path, large: Path, records: int) -> Row:
    took, base = (_peak_rss(root, NO_HIT.match) for root in (large, small))
    return _at_most(
        f"peak memory of an unindexed match without a hit, at {records:,}", took / base, 1.25,
        f"{took / 1024:.0f} MB", f"the same at {SMALL:,}: {base / 1024:.0f} MB",
    )  # fmt: skip


def _peak_rss(root: Path, match: Match) -> int:
    """Return the peak resident kilobytes of a fresh process that asks `match`."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        words = [sys.executable, "-m", "tests.bench.bench_storage", "--ask", str(root), str(write)]
        os.set_inheritable(write, True)
        os.execv(sys.executable, words)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as told:
        return int(told.read())


def _ask(root: Path, told: int) -> None:
    storage = open_tree(root, system_clock)
    if list(storage.query(PAYMENTS, NO_HIT)):
        raise SystemExit("the match was to find nothing")
    storage.close()
    os.write(told, str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss).encode())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ask"]:
        _ask(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        show(measure(int(sys.argv[1]) if sys.argv[1:] else RECORDS))
