from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import NotFoundError
from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.money import to_yuan
from payment_cli.model.payments.buyer import Buyer
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.secret import Secret
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.records import load
from payment_cli.services.payments.send import SendArguments
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.orders import Buying
from payment_cli.services.shop.records import orders
from payment_cli.services.shop.stats import COLUMNS, By, Span, Stats
from payment_cli.storage.tinydb import open_tinydb
from tests.services.conftest import World
from tests.services.shop.test_orders import give_coupon, stock, wanted
from tests.support.clock import HandClock
from tests.support.gateway import ScriptedGateway, paid

DAY = 86_400_000
ALL = Span()


@pytest.fixture
def stats(world: World) -> Stats:
    return counted(world)


def counted(world: World, zone: str = "Asia/Shanghai") -> Stats:
    """Return the statistics of a world whose stores are all in one time zone."""
    return Stats(world.storage, world.actor, lambda _store: ZoneInfo(zone))


def sell(
    world: World,
    *lines,
    pay_tp: str = "wx.qrcode",
    is_paid: bool = True,
    buyer: str = "u1",
    **fields,
):
    """Take an order; with `is_paid` take its money too."""
    order = world.orders.create(wanted(*lines, pay_tp=pay_tp, **fields), Buying(buyer))
    if is_paid:
        world.gateway.sends = [Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://x")]
        result = world.order_payments.pay(order.id, Paying())
        world.gateway.checks = [paid(result.payment.id, order.fee, trade_no=order.id)]
        world.checker.check(result.payment.id)
    return order


def money(world: World, payment_id: str, fee: int, trade_no: str) -> None:
    """Settle money whose callback came late, or once more."""
    arrived = paid(payment_id, fee, trade_no=trade_no).paid
    assert arrived is not None
    with world.storage.transaction("test") as tx:
        world.settlement.settle(tx, load(tx, payment_id), arrived, now=world.clock.now, by="test")


def test_rows_have_their_columns_in_order(world: World, stats) -> None:
    sell(world, (stock(world), 1))
    for by in By:
        for row in stats.rows(by, ALL):
            assert tuple(row) == COLUMNS[by]


def test_an_order_counts_on_the_day_it_was_made_its_money_on_the_day_it_came(
    world: World, stats
) -> None:
    world.clock.now = 1_790_006_399_000  # one second before midnight in Shanghai
    cup = stock(world, w_price=Decimal("29.90"))
    order = sell(world, (cup, 2), coupons=[give_coupon(world).id], is_paid=False)
    world.clock.advance(s=2)
    world.gateway.sends = [Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://x")]
    payment_id = world.order_payments.pay(order.id, Paying()).payment.id
    world.gateway.checks = [paid(payment_id, order.fee)]
    world.checker.check(payment_id)
    first, second = stats.rows(By.DAY, ALL)
    assert (first["day"], second["day"]) == ("2026-09-21", "2026-09-22")
    assert (first["orders"], first["paid"], first["fee"]) == (1, 0, 0)
    assert (second["orders"], second["paid"], second["pieces"]) == (0, 1, 2)
    sums = ("total", "freight", "discount", "fee")
    assert [str(second[name]) for name in sums] == ["59.80", "0.00", "5.00", "54.80"]


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("Asia/Shanghai", ["2026-10-25", "2026-10-26"]),
        ("Europe/Berlin", ["2026-10-25"]),
        ("America/New_York", ["2026-10-24", "2026-10-25"]),
    ],
)
def test_days_are_those_of_the_store_however_long(world: World, zone: str, days) -> None:
    """Berlin's 25 October 2026 has 25 hours: from 22:00 on the 24th to 23:00 on the 25th, UTC."""
    world.clock.now = 1_792_879_200_000
    cup = stock(world)
    sell(world, (cup, 1))
    world.clock.advance(ms=25 * 3_600_000 - 1)
    sell(world, (cup, 1))
    rows = counted(world, zone).rows(By.DAY, ALL)
    assert [row["day"] for row in rows] == days
    assert sum(row["paid"] for row in rows) == 2


def test_a_span_counts_from_its_begin_to_before_its_end(world: World, stats) -> None:
    began = world.clock.now
    sell(world, (stock(world), 1))
    for span, sold in (
        (Span(began, began + 1), 1),
        (Span(None, began), 0),
        (Span(began + 1, None), 0),
        (Span(0, None), 1),
    ):
        assert sum(row["orders"] for row in stats.rows(By.STATUS, span)) == sold
        assert sum(row["paid"] for row in stats.rows(By.DAY, span)) == sold
        assert sum(row["paid"] for row in stats.rows(By.PAY_TYPE, span)) == sold
        assert sum(row["orders"] for row in stats.rows(By.PRODUCT, span)) == sold


def test_products_of_one_order_count_its_lines_together(world: World, stats) -> None:
    cup, pot = stock(world, w_price=10), stock(world, w_price=100)
    sell(world, (cup, 1), (pot, 1), (cup, 2))
    sell(world, (cup, 1), coupons=[give_coupon(world).id])
    sell(world, (pot, 9), is_paid=False)
    rows = {row["id"]: row for row in stats.rows(By.PRODUCT, ALL)}
    assert list(rows) == [pot.id, cup.id]  # the dearest first
    assert (rows[cup.id]["orders"], rows[cup.id]["pieces"]) == (2, 4)
    assert (rows[cup.id]["total"], rows[cup.id]["discount"], rows[cup.id]["fee"]) == (40, 5, 35)


def test_pay_types_count_what_settled_apart_from_what_could_not(world: World, stats) -> None:
    cup = stock(world, w_price=10)
    sell(world, (cup, 1))
    world.gateway.sends = [Answer(Outcome.FAILED, code="DECLINED")]
    world.gateway.closes = [Answer(Outcome.CLOSED)]
    code = SendArguments(auth_code=Secret("281234567890123456"))
    world.sender.send(world.create(500).id, "zfb.scan", "ali", code)
    order = sell(world, (cup, 2), is_paid=False)
    world.gateway.sends = [Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://x")]
    late = world.order_payments.pay(order.id, Paying()).payment
    world.order_payments.cancel(order.id, "x")
    money(world, late.id, 2000, "late")
    rows = {row["pay_tp"]: row for row in stats.rows(By.PAY_TYPE, ALL)}
    wx = rows["wx.qrcode"]
    assert (wx["paid"], wx["failed"], wx["fee"]) == (1, 1, 10)
    assert (wx["flagged"], wx["flagged_fee"]) == (1, 20)
    assert (rows["zfb.scan"]["failed"], rows["zfb.scan"]["fee"]) == (1, 0)


def test_a_second_trade_is_flagged_and_the_first_one_counts(world: World, stats) -> None:
    order = sell(world, (stock(world, w_price=10), 1))
    money(world, world.orders.get(order.id).pay_id, 1000, "second")
    [row] = stats.rows(By.PAY_TYPE, ALL)
    assert (row["fee"], row["flagged"], row["flagged_fee"]) == (10, 1, 10)


def test_currencies_are_never_added_up(world: World, stats) -> None:
    sell(world, (stock(world, w_price=10), 1), is_paid=False)
    sell(world, (stock(world, w_price=10, w_currency="USD"), 1), is_paid=False)
    for by in (By.DAY, By.BUYER, By.STATUS):
        assert sorted(row["cur"] for row in stats.rows(by, ALL)) == ["RMB", "USD"]


def test_buyers_count_what_each_ordered_and_paid_the_best_first(world: World, stats) -> None:
    cup, pot = stock(world, w_price=10), stock(world, w_price=100)
    sell(world, (cup, 2), buyer="li")
    world.clock.advance(minutes=1)
    sell(world, (cup, 1), (pot, 1), buyer="xu")
    world.clock.advance(minutes=1)
    sell(world, (cup, 3), buyer="li")
    last = world.clock.now
    world.clock.advance(minutes=1)
    sell(world, (pot, 9), buyer="li", is_paid=False)
    sell(world, (pot, 9), buyer="wu", is_paid=False)
    rows = stats.rows(By.BUYER, ALL)
    names = ("buyer_id", "sto_nm", "cur", "orders", "paid", "pieces")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("xu", "demo", "RMB", 1, 1, 2),
        ("li", "demo", "RMB", 3, 2, 5),
        ("wu", "demo", "RMB", 1, 0, 0),
    ]
    assert [str(row["fee"]) for row in rows] == ["110.00", "50.00", "0.00"]
    assert [row["last_at"] for row in rows] == [last - 60_000, last, 0]
    [li] = stats.rows(By.BUYER, Span(last, last + 1))
    assert (li["orders"], li["paid"], li["pieces"]) == (1, 1, 3)


def test_a_buyer_of_two_stores_is_two_buyers(world: World, stats) -> None:
    order = sell(world, (stock(world, w_price=10), 1), buyer="li")
    record = {**order.to_record(), "id": "order-other", "sto_nm": "other", "ok_at": 1}
    with world.storage.transaction("test") as tx:
        tx.insert(orders("other"), record)
    root = counted(world.seen_by("root", is_operator=True))
    assert sorted(row["sto_nm"] for row in root.rows(By.BUYER, ALL)) == ["demo", "other"]
    assert [row["sto_nm"] for row in stats.rows(By.BUYER, ALL)] == ["demo"]


def test_every_table_may_be_of_one_buyer_only(world: World, stats) -> None:
    cup, pot = stock(world, w_price=10), stock(world, w_price=100)
    sell(world, (cup, 2), buyer="li")
    sell(world, (pot, 1), buyer="xu")
    [bought] = stats.rows(By.PRODUCT, ALL, buyer="li")
    assert (bought["id"], bought["pieces"]) == (cup.id, 2)
    for by in (By.DAY, By.BUYER, By.STATUS, By.PAY_TYPE):
        [row] = stats.rows(by, ALL, buyer="li")
        assert str(row["fee"]) == "20.00"
        assert stats.rows(by, ALL, buyer="nobody") == []


def test_everybody_counts_what_they_may_see(world: World, stats) -> None:
    sell(world, (stock(world), 1))
    world.creator.create(NewPayment(fee=0, buyer=Buyer()))
    other = counted(world.seen_by("other"))
    root = counted(world.seen_by("root", is_operator=True))
    for by in By:
        assert other.rows(by, ALL) == []
        assert root.rows(by, ALL) == stats.rows(by, ALL)
        assert root.rows(by, ALL, "demo") == stats.rows(by, ALL)
        assert root.rows(by, ALL, "other") == []
        with pytest.raises(NotFoundError):
            other.rows(by, ALL, "demo")


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 3), st.booleans(), st.integers(0, 3 * DAY)),
        max_size=6,
    )
)
def test_every_grouping_adds_up_to_the_orders(sales) -> None:
    clock = HandClock()
    world = World(open_tinydb(None, clock), clock, ScriptedGateway())
    goods = [stock(world, w_price=price) for price in (Decimal("0.01"), 7, Decimal("33.33"))]
    made = []
    for which, amount, is_paid, after in sales:
        world.clock.advance(ms=after)
        made.append((sell(world, (goods[which], amount), is_paid=is_paid), is_paid))
    stats = counted(world)
    income = to_yuan(sum(order.fee for order, is_paid in made if is_paid))
    for by in (By.DAY, By.PRODUCT, By.BUYER, By.PAY_TYPE):
        assert sum(row["fee"] for row in stats.rows(by, ALL)) == income
    for by in (By.DAY, By.STATUS):
        assert sum(row["orders"] for row in stats.rows(by, ALL)) == len(made)
