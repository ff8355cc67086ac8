"""The shop: a large order beside a cold start, and a large import beside `sqlite-utils insert`."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from time import perf_counter

from payment_cli.app import App
from payment_cli.model.codec import encode
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.services.shop.orders import Buying
from tests.bench.table import Row, interleaved

LINES = 20
COUPONS = 3
ROUNDS = 25
GOODS = 100_000

BIN = Path(sys.executable).parent
MEMORY = "/dev/shm"


def measure(goods: int = GOODS) -> list[Row]:
    """Measure an order of 20 lines with 3 coupons, and the import of `goods` products."""
    return [_measure_order(), _measure_import(goods)]


@contextmanager
def _store(place: str | None = None) -> Iterator[tuple[App, dict[str, str]]]:
    """A new tree with a store at `place`, and the environment in which commands see it."""
    with tempfile.TemporaryDirectory(prefix="payment-bench-", dir=place) as root:
        app = App(Path(root) / "tree", "bench", {})
        app.merchants.init("bench")
        env = {**os.environ, "PAYMENT_ROOT": str(app.root), "PAYMENT_DOMAIN": "bench"}
        # An installed tool has its bytecode; a machine that forbids writing it would compile anew.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        yield app, env
        app.close()


def _measure_order() -> Row:
    """The work inside is measured in memory; what the disk adds to it is told beside it."""
    took, base = _timed_order(MEMORY if os.access(MEMORY, os.W_OK) else None)
    on_disk, _ = _timed_order(None)
    return Row(
        f"pricing and creating an order of {LINES} lines with {COUPONS} coupons",
        took / base,
        0.1,
        True,
        f"orders.create, the tree in memory: {took * 1000:.1f} ms (on disk: {on_disk * 1000:.1f})",
        f"pay get, cold: {base * 1000:.0f} ms",
    )


def _timed_order(place: str | None) -> tuple[float, float]:
    with _store(place) as (app, env):
        payment_id = json.loads(_run([str(BIN / "pay"), "create", "-fee", "1"], env))["id"]
        order = _ordering(app)
        get = [str(BIN / "pay"), "get", payment_id]
        return interleaved(order, lambda: _run(get, env), ROUNDS)


def _ordering(app: App) -> Callable[[], None]:
    """Return what prices and records one order, its coupons being there already."""
    products = [app.shop.goods.add(_product(number)) for number in range(LINES)]
    for threshold in (10, 20, 30):
        rule = {"dis_nm": f"{threshold} off", "dis_mode": "percent", "off_bp": threshold}
        app.shop.discounts.add(rule)
    coupons = [
        app.shop.coupons.add({"title": "c", "type": 1, "value": Decimal(2)}).id
        for _ in range(COUPONS * ROUNDS)
    ]
    lines = [{"id": product.id, "amount": 2} for product in products]
    orders = iter(range(ROUNDS))

    def order() -> None:
        number = next(orders)
        mine = coupons[number * COUPONS : (number + 1) * COUPONS]
        wanted = OrderInput.from_document({"products": lines, "coupons": mine})
        app.shop.orders.create(wanted, Buying(f"u{number}"))

    return order


def _measure_import(goods: int) -> Row:
    """Both commands read the same file; each starts with nothing."""
    with _store() as (app, env):
        file = app.root.parent / "goods.jsonl"
        with file.open("w", encoding="utf-8") as lines:
            for number in range(goods):
                lines.write(encode(_product(number)) + "\n")
        base = _timed(
            [str(BIN / "sqlite-utils"), "insert", str(file.with_name("goods.db")), "goods",
             str(file), "--nl", "--pk", "nm"], env,
        )  # fmt: skip
        took = _timed([str(BIN / "payment"), "w", "import", str(file)], env)
    return Row(
        f"import of {goods:,} goods",
        base / took,
        0.3,
        False,
        f"payment w import goods.jsonl: {goods / took:,.0f} goods/s",
        f"sqlite-utils insert goods.db goods goods.jsonl --nl --pk nm: {goods / base:,.0f} rows/s",
    )


def _product(number: int) -> dict[str, object]:
    return {
        "nm": f"p-{number:06}",
        "w_nm": f"Cup number {number}",
        "w_price": Decimal(1000 + number % 5000).scaleb(-2),
        "sku": 1_000_000,
        "cat": ["cups", f"shelf-{number % 40}"],
        "weight": Decimal("0.25"),
        "description": f"A cup of clay, fired twice, the {number}th of its kind.",
    }


def _timed(words: list[str], env: dict[str, str]) -> float:
    started = perf_counter()
    _run(words, env)
    return perf_counter() - started


def _run(words: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(words, env=env, check=True, capture_output=True, text=True)
    return done.stdout
