from dataclasses import replace

import pytest

from payment_cli.errors import ConfigError, LockedError
from payment_cli.model.actor import Actor
from payment_cli.services.events.hooks import HooksRun
from payment_cli.services.events.notices import Drained
from payment_cli.services.events.outbox import OUTBOX, Outbox, outbox_row
from payment_cli.services.payments.apply import Applier
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.upkeep.tick import Ticker
from tests.services.conftest import World
from tests.services.shop.test_orders import BUYER, stock, wanted


class NoNotices:
    """A store that is told of nothing; delivering notices has tests of its own."""

    def drain(self, most: int, *, again: bool = False) -> Drained:
        return Drained()


class NoHooks:
    """A store without scripts for its events; running hooks has tests of its own."""

    def drain(self, most: int, *, again: bool = False) -> HooksRun:
        return HooksRun()


@pytest.fixture
def outbox(world: World) -> Outbox:
    return Outbox(world.storage, "demo", world.clock, {"do": lambda _tx, _row: None})


@pytest.fixture
def ticker(world: World, outbox: Outbox) -> Ticker:
    return Ticker(world.order_payments, outbox, lambda: world.applier, NoNotices, NoHooks)


def owe(world: World, name: str, what: str = "do") -> None:
    with world.storage.transaction("test") as tx:
        tx.insert(OUTBOX, outbox_row(name, world.clock.now, what))


def free_with_script(world: World) -> str:
    return world.creator.create(NewPayment(fee=0, callback="after")).payment.id


def test_all_that_is_due_is_done_and_counted(world: World, ticker: Ticker) -> None:
    order = world.orders.create(wanted((stock(world), 1)), BUYER)
    owe(world, "a")
    free_with_script(world)
    world.clock.advance(minutes=16)
    done = ticker.tick(10).to_record()
    assert (done["cancelled"], done["outbox"], done["scripts"]) == ([order.id], 1, 1)
    assert (done["postponed"], done["errors"]) == (0, [])
    again = ticker.tick(10).to_record()
    assert (again["cancelled"], again["outbox"], again["scripts"]) == ([], 0, 0)


def test_what_can_not_be_done_is_told_and_stops_nothing(world: World, outbox: Outbox) -> None:
    owe(world, "bad", "nobody does this")
    first, second = free_with_script(world), free_with_script(world)
    world.scripts.exit_code = 1
    refused = iter([first])

    class Refusing(Applier):
        def apply_if_due(self, payment):
            if payment.id == next(refused, ""):
                raise ConfigError("no shell")
            return super().apply_if_due(payment)

    applier = Refusing(
        world.storage, world.payments, world.clock, world.scripts, "here:1", timeout_s=60
    )
    done = Ticker(world.order_payments, outbox, lambda: applier, NoNotices, NoHooks).tick(10)
    record = done.to_record()
    assert (record["scripts"], record["scripts_failed"], record["postponed"]) == (0, 1, 2)
    assert [name for name, _ in done.errors] == ["bad", first]
    assert record["errors"][1] == {"id": first, "msg": "e.pay.config: no shell"}
    assert world.payments.get(second).apply_st == "failed"


def test_each_kind_of_work_is_bounded(world: World, ticker: Ticker) -> None:
    for name in "abc":
        world.orders.create(wanted((stock(world), 1)), BUYER)
        owe(world, name)
        free_with_script(world)
    world.clock.advance(minutes=16)
    done = ticker.tick(2).to_record()
    assert (len(done["cancelled"]), done["outbox"], done["scripts"]) == (2, 2, 2)


def test_a_tree_that_can_not_be_written_is_an_error_of_the_run(world: World) -> None:
    def locked(_tx, _row):
        raise LockedError("busy")

    owe(world, "a")
    outbox = Outbox(world.storage, "demo", world.clock, {"do": locked})
    with pytest.raises(LockedError):
        Ticker(world.order_payments, outbox, lambda: world.applier, NoNotices, NoHooks).tick(10)


def test_a_sweep_that_fails_for_two_callers_is_postponed_for_each(
    world: World, outbox: Outbox
) -> None:
    def broken() -> Applier:
        raise ConfigError("no shell")

    orders = {name: replace(world.orders, actor=Actor(name)) for name in ("demo", "redfox")}
    tickers = {
        name: Ticker(replace(world.order_payments, orders=of), outbox, broken, NoNotices, NoHooks)
        for name, of in orders.items()
    }
    for ticker in tickers.values():
        first = ticker.tick(10)
        assert first.errors == (("scripts", "e.pay.config: no shell"),)
        assert len(first.news) == 1
    for ticker in tickers.values():
        again = ticker.tick(10)
        assert (again.undone, again.errors, again.news) == (1, (), ())
