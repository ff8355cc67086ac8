"""Many processes at once: nothing is sold twice, used twice, or settled twice."""

import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from payment_cli.app import App
from payment_cli.cli.main import run
from payment_cli.errors import NotAllowedError
from payment_cli.model.query.match import everything
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.services.shop.orders import Buying
from payment_cli.storage.base import Collection, Query
from payment_cli.storage.tree.fsck import check_tree
from tests.support.cli import Runner
from tests.support.lacks import needs_prctl
from tests.support.racing import adopting, race
from tests.support.sandbox_shop import SandboxShop, raw, sandbox_shop

ITEMS = 100

#: Leaves one line a run; `>>` appends, so that runs at the same time both show.
SCRIPT = 'echo "$id $fee $trade_no" >> "$HOME/runs"'


@pytest.fixture
def product_id(root: Path) -> str:
    """A product of which there are 100, in the store of `demo`."""
    app = App(root, "demo", {})
    app.merchants.init("demo")
    product = app.shop.goods.add({"w_nm": "Cup", "w_price": Decimal("29.90"), "sku": ITEMS})
    app.close()
    return product.id


def wanted(product_id: str, amount: int, **fields: Any) -> OrderInput:
    products = [{"id": product_id, "amount": amount}]
    return OrderInput.from_document({"products": products, **fields})


def records(app: App, kind: str) -> Iterator[dict[str, Any]]:
    return app.storage.query(Collection(kind, "demo"), Query(everything()))


def test_sixteen_processes_sell_the_last_hundred_items_exactly_once(
    root: Path, product_id: str
) -> None:
    def buy(number: int) -> list[tuple[str, int]]:
        """Order 1 to 3 at a time until not even one is left."""
        app, bought, most = App(root, "demo", {}), [], 3
        while most:
            amount = 1 + (number + len(bought)) % most
            try:
                buying = Buying(f"u{number}-{len(bought)}")
                order = app.shop.orders.create(wanted(product_id, amount), buying)
                bought.append((order.id, amount))
            except NotAllowedError:
                most = amount - 1
        app.close()
        return bought

    sold = [order for bought in race(16, buy) for order in bought]
    app = App(root, "demo", {})
    assert sum(amount for _, amount in sold) == ITEMS
    assert app.storage.get(Collection("thing", "demo"), product_id)["sku"] == 0
    stored = {order["id"]: order["stock"][product_id] for order in records(app, "order")}
    assert stored == dict(sold)
    app.close()
    assert check_tree(root).is_clean


def test_eight_orders_with_the_same_coupon_at_once_are_one_order(
    root: Path, product_id: str
) -> None:
    app = App(root, "demo", {})
    coupon = app.shop.coupons.add({"title": "five", "type": 1, "value": Decimal(5)})
    app.close()

    def order(number: int) -> str:
        app = App(root, "demo", {})
        try:
            taking = wanted(product_id, 1, coupons=[coupon.id])
            return app.shop.orders.create(taking, Buying(f"u{number}")).id
        except NotAllowedError:
            return ""
        finally:
            app.close()

    winners = [order_id for order_id in race(8, order) if order_id]
    app = App(root, "demo", {})
    [stored] = records(app, "order")
    assert winners == [stored["id"]]
    assert (stored["fee"], stored["discount"]) == (Decimal("24.90"), Decimal(5))
    [held] = records(app, "coupon")
    assert (held["cpn_stat"], held["cpn_orid"]) == ("reserved", stored["id"])
    assert app.storage.get(Collection("thing", "demo"), product_id)["sku"] == ITEMS - 1
    app.close()
    assert check_tree(root).is_clean


@pytest.fixture
def served(tmp_path: Path) -> Iterator[SandboxShop]:
    with sandbox_shop(tmp_path / "served") as shop:
        yield shop


@needs_prctl
def test_the_same_callback_in_32_processes_is_one_payment_and_one_run(
    served: SandboxShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYMENT_ROOT", str(served.root))
    monkeypatch.setenv("PAYMENT_DOMAIN", "demo")
    home = served.root / "home" / "demo"
    (home / ".payment" / "callback").mkdir()
    (home / ".payment" / "callback" / "after").write_text(SCRIPT)
    pay = Runner("pay", monkeypatch)
    payment_id = pay("create", "-fee", 2300, "-callback", "after").json["id"]
    pay("send", payment_id, "wx.qrcode", "sandbox")
    request = raw(served.callback(pay, payment_id))

    def deliver(_number: int) -> tuple[int, str, str]:
        out, err = TextIOWrapper(BytesIO(), encoding="utf-8"), StringIO()
        sys.stdin, sys.stdout, sys.stderr = TextIOWrapper(BytesIO(request)), out, err
        code = run("pay", ["re", "--http", "-i"])
        out.flush()
        return code, out.buffer.getvalue().decode(), err.getvalue()

    with adopting() as wait:
        answers = Counter(map(tuple, race(32, deliver)))
        wait()
    [((code, answer, complaints), count)] = answers.items()
    assert (code, complaints, count) == (0, "", 32)
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    paid = pay("get", payment_id).json
    assert [line["what"] for line in paid["history"]].count("pay") == 1
    assert (paid["st"], paid["flag"], paid["apply_st"]) == ("OK", "", "done")
    assert (home / "runs").read_text() == f"{payment_id} 2300 {paid['trade_no']}\n"
    assert check_tree(served.root).is_clean


def test_sales_between_two_importers_of_an_old_export_are_never_undone(
    root: Path, product_id: str
) -> None:
    app = App(root, "demo", {})
    exported = list(app.shop.goods_files.dump("jsonl"))
    app.close()

    def sell_or_import(number: int) -> int:
        app, sold = App(root, "demo", {}), 0
        for turn in range(10):
            if number % 2:
                app.shop.goods_files.load(exported, "jsonl", lambda _done, _total: None)
            else:
                app.shop.orders.create(wanted(product_id, 1), Buying(f"u{number}-{turn}"))
                sold += 1
        app.close()
        return sold

    sold = sum(race(4, sell_or_import))
    app = App(root, "demo", {})
    left = app.storage.get(Collection("thing", "demo"), product_id)["sku"]
    app.close()
    assert (sold, left) == (20, ITEMS - 20)
