"""Dead stores, silent providers and records that can't be written keep no other from its end.

Services are real, and so is the tree; the provider says what the proof tells it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from payment_cli.errors import ConfigError, StorageError
from payment_cli.gateways.base import Gateway
from payment_cli.services.events.postponements import Postponements
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.orders import Buying
from payment_cli.services.shop.records import products
from payment_cli.storage.base import Transaction
from payment_cli.storage.tree import open_tree
from tests.services.conftest import World
from tests.services.payments.sent import CLOSED, QR, UNKNOWN, WAITING, sent
from tests.services.shop.test_orders import stock, wanted
from tests.support.clock import HandClock
from tests.support.gateway import ScriptedGateway, paid

pytestmark = pytest.mark.slow

DEAD, MOST = 100, 100


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock = HandClock()
    made = World(open_tree(tmp_path, clock), clock, ScriptedGateway())
    yield made.seen_by("root", is_operator=True)
    made.storage.close()


def owe_orders(world: World, store: str, count: int, pay_tp: str = "wx.qrcode") -> list[str]:
    """Make orders of a store that wait for their payment."""
    cup = stock(world)
    if store != "demo":
        with world.storage.transaction("test") as tx:
            tx.insert(products(store), {**cup.to_record(), "rev": 0})
    ids = []
    for number in range(count):
        buying = Buying(f"u{number}", seller=store, at_counter=True)
        order = world.orders.create(wanted((cup, 1)), buying)
        world.gateway.sends = [QR]
        world.order_payments.pay(order.id, Paying(pay_tp))
        world.clock.advance(ms=1)
        ids.append(order.id)
    return ids


def lose_config(world: World, of_store: str) -> None:
    real = world.accounts.gateway

    def gateway(domain: str, provider: str, target: str) -> Gateway:
        if domain == of_store:
            raise ConfigError(f"home/{domain} has no {provider} {target}")
        return real(domain, provider, target)

    world.accounts.gateway = gateway  # type: ignore[method-assign]


def postponed(world: World) -> int:
    return len(list(Postponements(world.storage, world.actor, world.clock).all()))


def test_a_hundred_orders_of_a_dead_store_come_first_and_keep_nobody_waiting(world: World) -> None:
    dead = owe_orders(world, "demo", DEAD)
    [other] = owe_orders(world, "other", 1)
    world.clock.advance(minutes=16)
    lose_config(world, "demo")
    world.gateway.closes = [CLOSED]
    first = world.order_payments.tick(MOST)
    assert first.cancelled == (other,)
    assert {order_id for order_id, _ in first.errors} < set(dead)
    news, tries = list(first.news), len(first.errors)
    for _ in range(60):
        world.clock.advance(minutes=1)
        tick = world.order_payments.tick(MOST)
        news += tick.news
        tries += len(tick.errors)
    assert (tick.undone > 0, postponed(world) < 20, tries < 20) == (True, True, True)
    assert len(news) == 4  # three orders, then the account; a probe that fails is no news
    late = owe_orders(world, "other", 1)
    world.clock.advance(minutes=16)
    assert world.order_payments.tick(1).cancelled == tuple(late)


def test_a_store_whose_config_comes_back_is_done_within_ten_minutes(world: World) -> None:
    dead = owe_orders(world, "demo", DEAD)
    world.clock.advance(minutes=16)
    real = world.accounts.gateway
    lose_config(world, "demo")
    for _ in range(30):
        world.order_payments.tick(MOST)
        world.clock.advance(minutes=1)
    world.accounts.gateway = real  # type: ignore[method-assign]
    world.gateway.closes = [CLOSED]
    ended: set[str] = set()
    for _ in range(60):
        ended |= set(world.order_payments.tick(MOST).cancelled)
        world.clock.advance(minutes=1)
    assert ended == set(dead)
    assert postponed(world) == 0


def test_a_silent_provider_is_asked_three_times_and_the_other_is_asked_all(world: World) -> None:
    silent = [sent(world, pay_tp="wx.qrcode", seller="demo") for _ in range(12)]
    fine = sent(world, pay_tp="zfb.qrcode", seller="demo")
    world.clock.advance(s=20)

    def answer(_self: ScriptedGateway, order: Any) -> Any:
        world.gateway.asked.append(("check", order))
        return paid(fine.id) if order.payment_id == fine.id else UNKNOWN

    with patched(ScriptedGateway, "check", answer):
        sweep = world.checker.check_pending(MOST)
    assert sweep.by_status == {"unknown": 3, "postponed": 9, "OK": 1}
    assert len(world.gateway.calls("check")) == 4
    assert world.stored(silent[11]).check_count == 0


def test_payments_that_can_not_be_written_keep_no_other_from_being_settled(world: World) -> None:
    stuck = [sent(world, seller="demo") for _ in range(DEAD)]
    good = sent(world, seller="demo")
    world.clock.advance(s=20)
    world.gateway.checks = [WAITING]
    with unwritable(world, {payment.id for payment in stuck}):
        for _ in range(3):
            world.checker.check_pending(MOST)
            world.clock.advance(minutes=1)
            if good.id in {order.payment_id for order in world.gateway.calls("check")}:  # type: ignore[attr-defined]
                break
        assert world.stored(good).check_count == 1
        assert postponed(world) == DEAD
    world.clock.advance(minutes=60)
    world.gateway.closes = [CLOSED]
    world.checker.check_pending(2 * DEAD)
    assert postponed(world) == 0


@contextmanager
def patched(owner: object, name: str, value: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, value)
        yield


@contextmanager
def unwritable(world: World, ids: set[str]) -> Iterator[None]:
    """Within it, records of these ids are refused when they are put, as of an immutable file."""
    real: Callable[..., Any] = type(world.storage).transaction

    @contextmanager
    def transaction(self: Any, *args: Any, **kwargs: Any) -> Iterator[Transaction]:
        with real(self, *args, **kwargs) as tx:
            put = tx.put

            def refusing(collection: Any, record: Any) -> Any:
                if record["id"] in ids:
                    raise StorageError(f"{record['id']}.json can't be replaced")
                return put(collection, record)

            tx.put = refusing
            yield tx

    with patched(type(world.storage), "transaction", transaction):
        yield
