"""Hooks: a store's own script for an event, told the buyer's contact, run at most once."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from payment_cli.errors import NotAllowedError, NotFoundError, StorageError
from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.query.match import everything
from payment_cli.model.record import Record
from payment_cli.model.shop.order import Order
from payment_cli.services.events.hooks import Hooks, is_hook_due
from payment_cli.services.events.outbox import OUTBOX, Outbox
from payment_cli.services.shop.records import note_hook
from payment_cli.services.upkeep.owed import OwedSteps
from payment_cli.storage.base import Query
from payment_cli.storage.tree import open_tree
from tests.services.conftest import World
from tests.services.shop.test_order_payments import CLOSED, QR, money, pay
from tests.services.shop.test_orders import BUYER, stock, wanted
from tests.support.clock import HandClock
from tests.support.gateway import ScriptedGateway

CONTACT = {"user_name": "李雷", "user_phone": "13800138000", "user_email": "li@shop.example"}
TO_BEIJING = {
    "addr_user_country": "CN", "addr_user_code": "110108", "addr_user_door": "1 Road", **CONTACT,
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store with hooks for three events, on a tree: claims must be durable."""
    clock = HandClock()
    storage = open_tree(tmp_path, clock)
    world = World(storage, clock, ScriptedGateway())
    for event in ("order.paid", "order.shipped", "order.failed"):
        world.hooks["demo", event] = b"echo told"
    world.gateway.sends = [QR]
    world.gateway.closes = [CLOSED]
    yield world
    storage.close()


@pytest.fixture
def order(world: World) -> Order:
    return world.orders.create(wanted((stock(world), 2), pay_tp="wx.qrcode", **TO_BEIJING), BUYER)


def hooks(world: World) -> Hooks:
    def read(store: str, event: str) -> bytes:
        try:
            return world.hooks[store, event]
        except KeyError:
            raise NotFoundError("script", event) from None

    def noted(tx, store, order_id, now, text) -> None:
        note_hook(tx, store, order_id, now, text, by="demo")

    return Hooks(
        world.storage, world.actor, world.clock, read, world.scripts, noted, "here:1", timeout_s=60
    )


def rows(world: World) -> list[Record]:
    return [
        row
        for row in world.storage.query(OUTBOX, Query(everything(), (("id", 1),)))
        if row["what"] == "hook"
    ]


def history(world: World, order: Order) -> list[str]:
    lines = world.orders.get(order.id).history
    return [str(line["note"]) for line in lines if line["what"] == "hook"]  # type: ignore[index,call-overload]


def test_a_hook_runs_once_and_is_told_the_event_the_order_and_whom_to_write_to(
    world: World, order: Order
) -> None:
    payment_id = pay(world, order)
    for _ in range(2):
        money(world, payment_id)
    assert is_hook_due(world.storage, order.id)
    assert (hooks(world).drain(10).done, hooks(world).drain(10).done) == (1, 0)
    [(script, document, domain)] = world.scripts.runs
    assert (script, domain) == (b"echo told", "demo")
    assert (document["event"], document["order_id"]) == ("order.paid", order.id)
    assert (document["status"], document["fee"], document["pieces"]) == ("OK", order.fee, 2)
    assert document["payment_id"] == payment_id
    assert (document["buyer_id"], document["buyer_name"]) == ("u1", "李雷")
    assert (document["buyer_phone"], document["buyer_email"]) == (
        "13800138000", "li@shop.example"
    )  # fmt: skip
    assert rows(world) == []
    assert history(world, order) == ["order.paid: done"]


def test_each_event_has_its_own_hook_and_one_without_is_owed_nothing(
    world: World, order: Order
) -> None:
    money(world, pay(world, order))
    world.orders.ship(order.id, "SF", "SF1")
    world.orders.done(order.id)
    hooks(world).drain(10)
    documents = [document for _, document, _ in world.scripts.runs]
    assert [document["event"] for document in documents] == ["order.paid", "order.shipped"]
    assert (documents[1]["carrier"], documents[1]["number"]) == ("SF", "SF1")


def test_a_declined_payment_has_its_hook(world: World, order: Order) -> None:
    pay(world, order)
    world.gateway.checks = [Answer(Outcome.FAILED, code="NOTENOUGH")]
    world.order_payments.check(order.id)
    hooks(world).drain(10)
    [(_, document, _)] = world.scripts.runs
    assert (document["event"], document["reason"]) == ("order.failed", "NOTENOUGH")


def test_a_hook_that_fails_is_kept_with_what_it_said_and_run_again_by_hand_only(
    world: World, order: Order
) -> None:
    money(world, pay(world, order))
    world.scripts.exit_code, world.scripts.output = 3, "no such\n\x1brecipient"
    assert hooks(world).drain(10).failed == 1
    assert hooks(world).drain(10).failed == 0
    [row] = rows(world)
    assert (row["st"], row["re"]) == ("failed", "exit 3: no such recipient")
    owed = OwedSteps(world.storage, world.actor, world.clock)
    [shown] = owed.list(failed_only=True)
    assert (shown["what"], shown["or_id"]) == ("hook order.paid", order.id)
    world.scripts.exit_code = 0
    assert hooks(world).again(str(row["id"])) is None
    assert (len(world.scripts.runs), rows(world)) == (2, [])
    assert history(world, order) == ["order.paid: exit 3: no such recipient", "order.paid: done"]


def test_a_claimed_hook_without_outcome_is_never_run_again_by_itself(
    world: World, order: Order
) -> None:
    """The process died while the script ran: it may have told the buyer."""
    money(world, pay(world, order))

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    dying = hooks(world)
    object.__setattr__(dying, "run_script", dies)
    with pytest.raises(KeyboardInterrupt):
        dying.drain(10)
    assert hooks(world).drain(10).done == 0
    [row] = rows(world)
    assert (row["st"], row["re"]) == ("claimed", "started by here:1, and no outcome yet")
    with pytest.raises(NotAllowedError, match="may still run, started by here:1"):
        hooks(world).again(str(row["id"]))
    world.clock.advance(minutes=2)
    assert hooks(world).again(str(row["id"])) is None
    assert len(world.scripts.runs) == 1


def test_two_processes_run_a_hook_once(world: World, order: Order) -> None:
    money(world, pay(world, order))
    ran = []

    def run(script, record, domain):
        ran.append(record["id"])
        assert hooks(world).drain(10).done == 0  # the other one, meanwhile
        return world.scripts(script, record, domain)

    first = hooks(world)
    object.__setattr__(first, "run_script", run)
    assert first.drain(10).done == 1
    assert (len(ran), len(world.scripts.runs)) == (1, 1)


def test_a_hook_that_is_given_up_while_it_runs_stays_given_up(world: World, order: Order) -> None:
    money(world, pay(world, order))
    [row] = rows(world)
    owed = OwedSteps(world.storage, world.actor, world.clock)

    def run(script, record, domain):
        owed.drop(str(row["id"]), "by phone")
        return world.scripts(script, record, domain)

    first = hooks(world)
    object.__setattr__(first, "run_script", run)
    assert first.drain(10).done == 0
    assert rows(world) == []
    with pytest.raises(NotFoundError):
        hooks(world).again(str(row["id"]))


def test_a_hook_that_was_taken_away_has_failed_and_nothing_ran(world: World, order: Order) -> None:
    money(world, pay(world, order))
    del world.hooks["demo", "order.paid"]
    assert hooks(world).drain(10).failed == 1
    assert world.scripts.runs == []
    assert rows(world)[0]["re"] == "e.pay.noexists: no script order.paid"


def test_the_outbox_leaves_hooks_alone_and_others_do_not_run_them(
    world: World, order: Order
) -> None:
    money(world, pay(world, order))
    outbox = Outbox(world.storage, "demo", world.clock, {"basket.take": lambda _tx, _row: None})
    assert outbox.apply().errors == ()
    other = world.seen_by("other")
    assert hooks(other).drain(10).done == 0
    with pytest.raises(NotFoundError):
        hooks(other).again(str(rows(world)[0]["id"]))
    assert hooks(world.seen_by("root", is_operator=True)).drain(10).done == 1


def test_what_else_is_owed_is_not_run_as_a_hook(world: World, order: Order) -> None:
    money(world, pay(world, order))
    [basket] = [
        row
        for row in world.storage.query(OUTBOX, Query(everything()))
        if row["what"] == "basket.take"
    ]
    with pytest.raises(NotFoundError):
        hooks(world).again(str(basket["id"]))
    assert world.scripts.runs == []


@pytest.mark.parametrize("is_read", [True, False])
def test_a_hook_that_could_not_be_started_is_due_again(
    world: World, order: Order, is_read: bool
) -> None:
    money(world, pay(world, order))
    trouble = StorageError("no memory")
    due = hooks(world)
    if is_read:
        world.scripts.trouble = trouble
    else:

        def unreadable(*_: object) -> bytes:
            raise trouble

        due = replace(due, read_hook=unreadable)
    [row] = rows(world)
    with pytest.raises(StorageError):
        due.again(str(row["id"]))
    [row] = rows(world)
    assert (row["st"], row["claim"], row["at"], row["tries"]) == ("due", "", 0, 0)
    assert "no memory" in str(row["re"])
    world.scripts.trouble = None
    assert hooks(world).drain(10).done == 1
    assert len(world.scripts.runs) == 1
