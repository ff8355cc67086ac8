"""What a store is told: owed in the commit that changes its order, once per event."""

import pytest

from payment_cli.errors import CorruptRecordError, StorageError
from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.query.match import everything
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_notice import NoticeType
from payment_cli.model.stores.settings import SETTINGS_ID
from payment_cli.services.events.notice_records import NOTICES
from payment_cli.services.payments.records import load
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.records import orders
from payment_cli.storage.base import Collection, Query
from tests.services.conftest import World
from tests.services.shop.test_order_payments import CLOSED, QR, UNKNOWN, money, pay, state
from tests.services.shop.test_orders import BUYER, configure, stock, wanted

SETTINGS = Collection("settings", "demo")


@pytest.fixture
def order(world: World) -> Order:
    """An order of a store that has a webhook, to be paid by scanning a QR code."""
    configure(world, webhook_url="https://demo.example/hook")
    return an_order(world)


def an_order(world: World) -> Order:
    world.gateway.sends = [QR]
    world.gateway.closes = [CLOSED]
    return world.orders.create(wanted((stock(world), 1), pay_tp="wx.qrcode"), BUYER)


def told(world: World) -> list[tuple[str, str]]:
    """What is owed, oldest first: event and the status of the order at that moment."""
    records = world.storage.query(NOTICES, Query(everything(), (("ct", 1), ("id", 1))))
    return [(record["what"], record["data"]["status"]) for record in records]


def test_a_paid_order_is_told_once_with_its_payment(world: World, order: Order) -> None:
    payment_id = pay(world, order)
    assert told(world) == []
    money(world, payment_id)
    money(world, payment_id)
    assert told(world) == [("order.paid", "OK")]
    [record] = world.storage.query(NOTICES, Query(everything()))
    assert (record["sto_nm"], record["or_id"], record["next_at"]) == (
        "demo", order.id, world.clock.now
    )  # fmt: skip
    data = record["data"]
    assert (data["payment_id"], data["trade_no"], data["fee"]) == (payment_id, "T1", order.fee)
    assert (data["currency"], data["buyer_id"]) == ("CNY", "u1")


def test_an_order_paid_free_of_charge_is_told_too(world: World, order: Order) -> None:
    free = world.orders.create(wanted((stock(world, w_price=0), 1)), BUYER)
    pay(world, free)
    assert told(world) == [("order.paid", "OK")]


def test_a_store_without_a_webhook_is_owed_nothing(world: World) -> None:
    order = an_order(world)
    money(world, pay(world, order))
    configure(world, webhook_url="")
    world.order_payments.cancel(an_order(world).id, "x")
    assert told(world) == []


def test_cancelled_and_expired_are_two_events(world: World, order: Order) -> None:
    other = an_order(world)
    pay(world, other)
    world.order_payments.cancel(other.id, "changed my mind")
    world.clock.advance(minutes=16)
    world.order_payments.tick(10)
    assert told(world) == [("order.cancelled", "CA"), ("order.expired", "CA")]


def test_a_payment_that_its_provider_ends_is_told_with_the_reason(
    world: World, order: Order
) -> None:
    pay(world, order)
    world.gateway.checks = [Answer(Outcome.FAILED, code="NOTENOUGH")]
    world.order_payments.check(order.id)
    assert (state(world, order), told(world)) == ("FA", [("order.failed", "FA")])
    [notice] = world.storage.query(NOTICES, Query(everything()))
    assert notice["data"]["reason"] == "NOTENOUGH"


def test_a_payment_that_we_close_for_another_is_no_failure(world: World, order: Order) -> None:
    first = pay(world, order)
    world.gateway.sends = [QR]
    world.order_payments.pay(order.id, Paying("zfb.qrcode"))
    assert load(world.storage, first).st == "FAIL"
    assert (state(world, order), told(world)) == ("WT", [])


def test_what_the_store_ships_and_ends_is_told(world: World, order: Order) -> None:
    money(world, pay(world, order))
    world.orders.ship(order.id, "SF", "SF1")
    world.orders.ship(order.id, "DHL", "JD2")
    world.orders.track(order.id, "SF1", "arrived")
    world.orders.done(order.id)
    assert told(world) == [
        ("order.paid", "OK"),
        ("order.shipped", "SP"),
        ("order.shipped", "SP"),
        ("order.done", "DN"),
    ]
    _, first, second, _ = world.storage.query(NOTICES, Query(everything(), (("ct", 1),)))
    assert (first["data"]["carrier"], first["data"]["number"]) == ("SF", "SF1")
    assert (second["data"]["carrier"], second["data"]["number"]) == ("DHL", "JD2")
    assert "buyer_phone" not in first["data"]


def test_late_money_for_an_expired_order_is_told_as_flagged(world: World, order: Order) -> None:
    payment_id = pay(world, order)
    world.clock.advance(minutes=16)
    world.order_payments.tick(10)
    world.clock.advance(s=1)
    for _ in range(2):
        money(world, payment_id)
    assert told(world) == [("order.expired", "CA"), ("order.flagged", "CA")]
    *_, flagged = world.storage.query(NOTICES, Query(everything(), (("ct", 1),)))
    data = flagged["data"]
    assert (data["flag"], data["trade_no"], data["paid_fee"]) == ("late", "T1", order.fee)


def test_a_second_payment_is_told_as_double_with_its_own_trade(world: World, order: Order) -> None:
    first = pay(world, order)
    world.gateway.closes = [UNKNOWN]
    second = pay(world, order, "zfb.qrcode", anyway=True)
    for at, (payment_id, trade_no) in enumerate([(first, "T1"), (second, "T2"), (first, "T3")]):
        world.clock.advance(s=at)
        money(world, payment_id, trade_no)
    assert told(world) == [("order.paid", "OK"), ("order.flagged", "OK"), ("order.flagged", "OK")]
    records = world.storage.query(NOTICES, Query(everything(), (("ct", 1),)))
    facts = [(r["data"]["trade_no"], r["data"].get("flag")) for r in records]
    assert facts == [("T1", None), ("T2", "double"), ("T3", "double")]


def test_what_is_rolled_back_is_not_told(world: World, order: Order, mocker) -> None:
    payment_id = pay(world, order)
    mocker.patch(
        "payment_cli.services.shop.order_steps.outbox_row", side_effect=StorageError("full")
    )
    with pytest.raises(AssertionError):
        money(world, payment_id)
    assert (state(world, order), told(world)) == ("WT", [])


def test_damaged_settings_keep_no_money_from_being_settled(world: World, order: Order) -> None:
    payment_id = pay(world, order)
    with world.storage.transaction("test") as tx:
        tx.put(SETTINGS, {**tx.get(SETTINGS, SETTINGS_ID), "kinds_max": "many"})
    money(world, payment_id)
    assert told(world) == [("order.paid", "OK")]


def test_a_store_whose_settings_cannot_be_read_at_all_is_told_when_they_can(
    world: World, order: Order, mocker
) -> None:
    with world.storage.transaction("test") as tx:
        mocker.patch.object(type(tx), "get", side_effect=CorruptRecordError("settings"))
        world.consequences.cancelled(
            tx, order, NoticeType.CANCELLED, now=world.clock.now, by="test"
        )
        mocker.stopall()
    assert told(world) == [("order.cancelled", "NW")]


def test_a_damaged_order_keeps_no_late_money_from_being_flagged(world: World, order: Order) -> None:
    payment_id = pay(world, order)
    world.order_payments.cancel(order.id, "x")
    with world.storage.transaction("test") as tx:
        tx.put(orders("demo"), {**tx.get(orders("demo"), order.id), "fee": 1})
    money(world, payment_id)
    assert world.payments.get(payment_id).flag == "late"
    assert told(world) == [("order.cancelled", "CA")]
