"""A shop `demo` with a sandbox, and commands that are killed at each of their steps."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from payment_cli.app import App
from payment_cli.clock import system_clock
from payment_cli.model.payments.payment import Payment
from payment_cli.model.query.match import everything
from payment_cli.model.record import Json
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.storage.base import Collection, Query
from tests.support.cli import Runner
from tests.support.killing import Killed, Killing
from tests.support.sandbox_shop import SandboxShop, sandbox_shop
from tests.support.tree_shop import fast_disk

each_step = pytest.mark.parametrize("repeats", [False, pytest.param(True, marks=pytest.mark.slow)])

#: Leaves one line a run; `>>` appends, so that runs at the same time both show.
SCRIPT = 'echo "$id $fee" >> "$HOME/runs"'


@dataclass(frozen=True)
class Proof:
    """A shop `demo` with a sandbox; `killing` works on copies of its tree."""

    shop: SandboxShop
    killing: Killing
    pay: Runner

    def app(self, root: Path, *, later_ms: int = 0) -> App:
        return App(root, "demo", {}, clock=lambda: system_clock() + later_ms)

    def ordered(self, payment_id: str) -> list[dict[str, Any]]:
        """The provider's orders for a payment."""
        orders = self.shop.sandbox.sandbox.control.ledger()["orders"]
        return [order for order in orders if order["out_trade_no"] == payment_id]


@pytest.fixture
def served() -> Iterator[tuple[SandboxShop, Path]]:
    with fast_disk() as place, sandbox_shop(place / "prepared") as shop:
        callbacks = shop.root / "home" / "demo" / ".payment" / "callback"
        callbacks.mkdir()
        (callbacks / "after").write_text(SCRIPT)
        App(shop.root, "demo", {}).merchants.set("demo", "sellers", '{"wx": "sandbox"}')
        yield shop, place


@pytest.fixture
def proof(
    served: tuple[SandboxShop, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Proof:
    shop, place = served
    monkeypatch.setenv("PAYMENT_DOMAIN", "demo")

    def use(root: Path) -> None:
        monkeypatch.setenv("PAYMENT_ROOT", str(root))

    def tell(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    use(shop.root)
    killing = Killing(shop.root, place / "copy", use, tell)
    return Proof(shop, killing, Runner("pay", monkeypatch))


def printed(killed: Killed) -> dict[str, Any]:
    """What the command printed before it died: one whole document, or nothing that counts."""
    try:
        document = json.loads(killed.out)
    except ValueError:
        assert killed.step is not None, killed
        return {}
    assert isinstance(document, dict)
    return document


def payments(app: App) -> list[Payment]:
    records = app.storage.query(PAYMENTS, Query(everything()))
    return [Payment.from_record(record) for record in records]


def goods(app: App) -> OrderInput:
    """A cart of two cups, of which there are five, with a coupon."""
    cup = app.shop.goods.add({"nm": "cup", "w_nm": "Cup", "w_price": Decimal(10), "sku": 5})
    coupon = app.shop.coupons.add({"title": "c", "type": 1, "value": Decimal(3)})
    lines: list[Json] = [{"id": cup.id, "amount": 2}]
    return OrderInput.from_document({"products": lines, "coupons": [coupon.id]})


def state_of(app: App, kind: str, name: str) -> Any:
    [record] = app.storage.query(Collection(kind, "demo"), Query(everything()))
    return record[name]
