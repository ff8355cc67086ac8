"""What must cost the same however much a tree holds: each question at a thousand, at a hundred
thousand and at a million records.

`python -m tests.bench.bench_growth [RECORDS]` runs it alone, with fewer records than a million.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

from payment_cli.app import App
from payment_cli.clock import system_clock
from payment_cli.model.query.match import Match, all_of, equal, everything, one_of
from payment_cli.services.payments.due import due_payments, due_scripts
from payment_cli.services.shop.records import load_discounts
from payment_cli.services.shop.stats import By, Span
from payment_cli.storage.base import Collection, Query
from tests.bench.bulk_tree import STORE, make_tree
from tests.bench.table import Row, show

SIZES = (1_000, 100_000, 1_000_000)
TARGET = 1.2

#: So often each question is asked at each size, in turns; so often each command is started.
ROUNDS, STARTS = 41, 7

BIN = Path(sys.executable).parent
PAYMENTS, ALL_ORDERS = Collection("payment"), Collection("order", None)
NEWEST = (("lm", -1),)
DAY_MS = 24 * 3600 * 1000

Question = Callable[["Shop"], object]


class Shop:
    """One tree, seen by its store, and what is asked about there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.app = App(root, STORE, {})
        self.operator = App(root, "root", {})
        self.storage = self.app.storage
        [self.order] = self.app.shop.orders.query(Query(everything(), NEWEST, 0, 1))
        [self.payment] = self.storage.query(PAYMENTS, Query(everything(), NEWEST, 0, 1))
        self.new_order_id = "0" * 32

    def page(self, collection: Collection, match: Match, sort: str = "lm:-1") -> list[object]:
        path, _, direction = sort.partition(":")
        query = Query(match, ((path, int(direction)),), 0, 10)
        return list(self.storage.query(collection, query))

    def close(self) -> None:
        self.app.close()
        self.operator.close()


def _stats(shop: Shop) -> object:
    return shop.app.shop.stats.rows(By.DAY, Span(system_clock() - DAY_MS, None))


#: Each is asked by a customer, a callback, cron, or a list that is promised to stay as fast.
FLAT: dict[str, Question] = {
    "page of ten: payments of one state": lambda s: s.page(PAYMENTS, equal("st", "WAIT")),
    "page of ten: payments of two states": lambda s: s.page(PAYMENTS, one_of("st", ["WAIT", "OK"])),
    "page of ten: a seller's payments of a state": lambda s: s.page(
        PAYMENTS, all_of(equal("seller_nm", "shop1"), equal("st", "OK"))
    ),
    "page of ten: a store's orders": lambda s: list(
        s.app.shop.orders.query(Query(everything(), NEWEST, 0, 10))
    ),
    "page of ten: a store's goods": lambda s: list(
        s.app.shop.goods.query(Query(everything(), (("nm", 1),), 0, 10))
    ),
    "page of ten: a store's deleted goods": lambda s: list(
        s.app.shop.goods.query(Query(everything(), (("nm", 1),), 0, 10), is_deleted=True)
    ),
    "a payment by its whole id": lambda s: s.storage.committed(PAYMENTS, str(s.payment["id"])),
    "a payment by the end of its id": lambda s: s.storage.find_id(
        PAYMENTS, str(s.payment["id"])[-10:]
    ),
    "a payment by the beginning of its id": lambda s: s.storage.find_id(
        PAYMENTS, str(s.payment["id"])[:28]
    ),
    "an order of any store by the end of its id": lambda s: s.operator.shop.orders.get(
        str(s.order["id"])[-10:]
    ),
    "a product by its code": lambda s: s.app.shop.goods.get("p1"),
    "the addresses of a buyer": lambda s: s.app.shop.addresses.list("u1"),
    "the discounts of a store": lambda s: load_discounts(s.storage, STORE),
    "what an order becomes: its history": lambda s: s.app.shop.order_log.of(
        s.app.shop.orders.get(str(s.order["id"]))
    ),
    "statistics of one day": _stats,
    "after a paid order: notice and hook": lambda s: s.app.follow_up.tell(s.new_order_id, STORE),
    "what is owed by commits": lambda s: s.app.shop.outbox.apply(),
    "notices that are due": lambda s: s.operator.shop.notices.drain(10),
    "hooks that are due": lambda s: s.app.shop.hooks.drain(10),
    "orders that are overdue": lambda s: s.operator.shop.order_payments.tick(10),
    "payments to be asked about": lambda s: list(
        due_payments(s.operator.payments, system_clock(), 10)
    ),
    "scripts that are due": lambda s: due_scripts(s.operator.payments, 10),
}

#: Whole commands, from start to end.
COMMANDS: dict[str, tuple[str, ...]] = {
    "payment tick, nothing to do": ("payment", "tick"),
    "pay check --pending, nothing due": ("pay", "check", "--pending"),
    "pay apply --due, nothing due": ("pay", "apply", "--due"),
    "payment w list": ("payment", "w", "list"),
    "payment d list": ("payment", "d", "list"),
    "payment notify list": ("payment", "notify", "list"),
}

#: These read all that they count or look for: they may take as long as it takes.
READING_ALL: dict[str, Question] = {
    "count of all payments (-pager), by an index": lambda s: s.storage.count(
        PAYMENTS, everything()
    ),
    "count of payments of a state, by an index": lambda s: s.storage.count(
        PAYMENTS, equal("st", "OK")
    ),
    "a match on a field without an index, no hit": lambda s: s.page(
        PAYMENTS, equal("note", "nobody has this"), "lm:-1"
    ),
}


def measure(records: int = SIZES[-1]) -> list[Row]:
    """Measure every question at each size up to `records`."""
    sizes = [size for size in SIZES if size < records] + [records]
    with tempfile.TemporaryDirectory(prefix="payment-bench-") as place:
        shops = []
        for size in sizes:
            make_tree(Path(place) / str(size), size)
            shops.append(Shop(Path(place) / str(size)))
        try:
            return [
                *(_row(name, ask, shops, sizes, TARGET) for name, ask in FLAT.items()),
                *(_command(name, words, shops, sizes) for name, words in COMMANDS.items()),
                *(_row(name, ask, shops, sizes, None) for name, ask in READING_ALL.items()),
            ]
        finally:
            for shop in shops:
                shop.close()


def _row(
    name: str, ask: Question, shops: list[Shop], sizes: list[int], target: float | None
) -> Row:
    rounds = ROUNDS if target else 3
    times: list[list[float]] = [[] for _ in shops]
    for _ in range(rounds):
        for shop, into in zip(shops, times, strict=True):
            started = process_time()
            ask(shop)
            into.append(process_time() - started)
    return _grown(name, [median(each) for each in times], sizes, target, "us", 1e6)


def _command(name: str, words: tuple[str, ...], shops: list[Shop], sizes: list[int]) -> Row:
    """Measure the processor time of a command; the machine's other work doesn't count."""
    env = {**os.environ, "PAYMENT_DOMAIN": STORE}
    times: list[list[float]] = [[] for _ in shops]
    for _ in range(STARTS):
        for shop, into in zip(shops, times, strict=True):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                [BIN / words[0], *words[1:]],
                env={**env, "PAYMENT_ROOT": str(shop.root)},
                check=True,
                capture_output=True,
            )
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            into.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return _grown(name, [median(each) for each in times], sizes, TARGET, "ms", 1e3)


def _grown(
    name: str, times: list[float], sizes: list[int], target: float | None, unit: str, scale: float
) -> Row:
    told = [
        f"{time * scale:,.0f} {unit} at {size:,}" for time, size in zip(times, sizes, strict=True)
    ]
    says = f"{name}, at {sizes[-1]:,} records"
    more = "" if target else " (reads all)"
    return Row(
        f"{says}{more}", times[-1] / times[0], target, at_most=True,
        measured="; ".join(told[1:]), baseline=told[0],
    )  # fmt: skip


if __name__ == "__main__":
    show(measure(int(sys.argv[1]) if sys.argv[1:] else SIZES[-1]))
