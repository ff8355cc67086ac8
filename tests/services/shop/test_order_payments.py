from dataclasses import replace

import pytest

from payment_cli.errors import ConfigError, InvalidValueError, NotAllowedError, OutcomeUnknownError
from payment_cli.gateways.base import AccountId, Answer, HttpRequest, Notice, Outcome
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.query.match import everything
from payment_cli.model.secret import Secret
from payment_cli.model.shop.order import Order
from payment_cli.services.events.outbox import OUTBOX
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.send import SendArguments
from payment_cli.services.shop.order_payments import Paying
from payment_cli.storage.base import Query
from tests.services.conftest import World
from tests.services.shop.test_orders import (
    BUYER,
    coupon_state,
    give_coupon,
    stock,
    wanted,
)
from tests.support.gateway import ScriptedGateway, paid

QR = Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://x")
CLOSED = Answer(Outcome.CLOSED)
UNKNOWN = Answer(Outcome.UNKNOWN, message="timeout")
NOT_FOUND = Answer(Outcome.NOT_FOUND)


@pytest.fixture
def order(world: World) -> Order:
    world.gateway.sends = [QR]
    cup, coupon = stock(world, sku=10), give_coupon(world)
    return world.orders.create(wanted((cup, 2), coupons=[coupon.id], pay_tp="wx.qrcode"), BUYER)


def state(world: World, order: Order) -> str:
    return str(world.orders.get(order.id).ord_status)


def pay(world: World, order: Order, pay_tp: str = "", **how) -> str:
    """Open a payment of the order; return its id."""
    return world.order_payments.pay(order.id, Paying(pay_tp, **how)).payment.id


def money(world: World, payment_id: str, trade_no: str = "T1") -> None:
    payment = world.payments.get(payment_id)
    answer = paid(payment_id, payment.fee, trade_no=trade_no)
    world.gateway.notices = [Notice(payment_id, answer)]
    path = f"/pay/re/{payment.pay_tp}/demo/{payment.pay_target}"
    received = world.receiver.receive(HttpRequest("POST", path, "", {}, b"{}"))
    assert received.acknowledgement.status == 200


def test_paying_opens_a_payment_of_the_orders_fee_at_the_stores_target(world, order) -> None:
    result = world.order_payments.pay(order.id, Paying())
    payment = result.payment
    assert (payment.st, payment.fee, payment.or_id) == ("WAIT", 2 * 2990 - 500, order.id)
    assert (payment.pay_tp, payment.pay_target, payment.brief) == ("wx.qrcode", "shop", "Demo")
    assert payment.pay_by == order.ord_expi
    current = world.orders.get(order.id)
    assert (current.ord_status, current.pay_id) == ("WT", payment.id)
    assert current.wt_at == world.clock.now


def test_paying_twice_the_same_way_is_one_payment(world, order) -> None:
    assert pay(world, order) == pay(world, order)
    assert world.payments.count(everything()) == 1


def test_money_moves_the_order_and_uses_its_coupon(world, order) -> None:
    payment_id = pay(world, order)
    money(world, payment_id)
    current = world.orders.get(order.id)
    assert (current.ord_status, current.pay_id, current.ok_at) == ("OK", payment_id, 1790000000000)
    assert current.ord_expi == 0
    assert coupon_state(world, give_first(world)) == "used"
    [row] = world.storage.query(OUTBOX, Query(everything()))
    assert (row["what"], row["data"]["buyer"]) == ("basket.take", "u1")
    assert row["data"]["take"] == {current.ord_ws[0].id: 2}
    assert pay(world, order) == payment_id


def give_first(world: World):
    from payment_cli.model.shop.coupon import Coupon
    from payment_cli.services.shop.records import coupons

    [record] = world.storage.query(coupons("demo"), Query(everything()))
    return Coupon.from_record(record)


def test_a_virtual_order_is_done_when_it_is_paid(world: World) -> None:
    world.gateway.sends = [QR]
    order = world.orders.create(wanted((stock(world, w_tp="Q"), 1), pay_tp="wx.qrcode"), BUYER)
    money(world, pay(world, order))
    assert state(world, order) == "DN"


def test_another_type_closes_the_first_payment_at_its_gateway_first(world, order) -> None:
    first = pay(world, order)
    world.gateway.closes = [CLOSED]
    second = pay(world, order, "zfb.qrcode")
    assert first != second
    assert world.payments.get(first).st == "FAIL"
    assert world.payments.get(second).pay_target == "ali"
    verbs = [verb for verb, _ in world.gateway.asked if verb in ("send", "close")]
    assert verbs == ["send", "close", "send"]
    assert world.orders.get(order.id).pay_ids == (first, second)


def test_another_way_to_pay_is_no_failure_and_a_failure_stays_one(world, order) -> None:
    pay(world, order)
    world.gateway.closes = [CLOSED, CLOSED]
    pay(world, order, "zfb.qrcode")
    assert (world.orders.get(order.id).ord_status, world.orders.get(order.id).fa_at) == ("WT", 0)
    world.closer.close(world.orders.get(order.id).pay_id, "changed my mind")
    failed = world.orders.get(order.id)
    assert (failed.ord_status, failed.fa_at) == ("FA", world.clock.now)
    world.clock.advance(s=5)
    pay(world, order)
    assert world.orders.get(order.id).fa_at == failed.fa_at


def test_an_unconfirmed_close_refuses_the_second_payment_unless_anyway(world, order) -> None:
    first = pay(world, order)
    world.gateway.closes = [UNKNOWN]
    with pytest.raises(OutcomeUnknownError):
        pay(world, order, "zfb.qrcode")
    assert world.payments.count(everything()) == 1
    second = pay(world, order, "zfb.qrcode", anyway=True)
    money(world, first)
    assert state(world, order) == "OK"
    money(world, second, "T2")
    assert world.payments.get(second).flag == "double"
    assert world.payments.get(second).st == "OK"
    assert world.orders.get(order.id).pay_id == first


def test_what_was_left_open_by_anyway_is_closed_before_the_next_is_opened(world, order) -> None:
    first = pay(world, order)
    world.gateway.closes = [UNKNOWN]
    second = pay(world, order, "zfb.qrcode", anyway=True)
    world.gateway.closes = [UNKNOWN, CLOSED]
    with pytest.raises(OutcomeUnknownError):
        pay(world, order, "wx.qrcode")
    third = pay(world, order, "wx.qrcode")
    assert [world.payments.get(p).st for p in (first, second, third)] == ["FAIL", "FAIL", "WAIT"]


def test_a_first_payment_that_was_paid_meanwhile_refuses_the_second(world, order) -> None:
    first = pay(world, order)
    world.gateway.closes = [Answer(Outcome.PAID)]
    world.gateway.checks = [paid(first, order.fee)]
    with pytest.raises(NotAllowedError):
        pay(world, order, "zfb.qrcode")
    assert state(world, order) == "OK"


def test_a_failed_payment_lets_the_buyer_try_again(world, order) -> None:
    first = pay(world, order)
    world.gateway.checks = [Answer(Outcome.FAILED, code="CLOSED")]
    world.order_payments.check(order.id)
    assert state(world, order) == "FA"
    second = pay(world, order)
    assert second != first
    assert state(world, order) == "WT"


def test_metadata_alone_cannot_pay_an_order(world, order) -> None:
    pay(world, order)
    thief = world.creator.create(NewPayment(fee=0, meta={"or_id": order.id})).payment
    assert thief.st == "OK"
    assert state(world, order) == "WT"
    assert thief.flag == ""


def test_cancelling_closes_the_payment_and_frees_stock_and_coupon(world, order) -> None:
    payment_id = pay(world, order)
    world.gateway.closes = [CLOSED]
    world.order_payments.cancel(order.id, "changed my mind")
    assert state(world, order) == "CA"
    assert world.payments.get(payment_id).st == "FAIL"
    product_id = order.ord_ws[0].id
    from payment_cli.services.shop.records import products

    assert world.storage.get(products("demo"), product_id)["sku"] == 10
    assert coupon_state(world, give_first(world)) == "free"
    with pytest.raises(NotAllowedError):
        world.order_payments.cancel(order.id, "again")


def test_an_order_whose_payment_cannot_be_closed_stays(world, order) -> None:
    pay(world, order)
    world.gateway.closes = [UNKNOWN]
    with pytest.raises(OutcomeUnknownError):
        world.order_payments.cancel(order.id, "x")
    assert state(world, order) == "WT"


def test_money_for_a_cancelled_order_is_flagged_and_its_script_not_run(world) -> None:
    world.gateway.sends = [QR]
    order = world.orders.create(wanted((stock(world), 1), pay_tp="wx.qrcode"), BUYER)
    payment_id = pay(world, order)
    world.gateway.closes = [CLOSED]
    world.order_payments.cancel(order.id, "x")
    money(world, payment_id)
    late = world.payments.get(payment_id)
    assert (late.st, late.flag, late.paid_fee, late.apply_st) == ("FAIL", "late", order.fee, "")
    assert state(world, order) == "CA"


def test_tick_ends_overdue_orders_and_leaves_the_others(world, order) -> None:
    world.clock.advance(minutes=10)
    fresh = world.orders.create(wanted((stock(world), 1)), BUYER)
    world.clock.advance(minutes=6)
    tick = world.order_payments.tick(10)
    assert tick.cancelled == (order.id,)
    assert (state(world, order), state(world, fresh)) == ("CA", "NW")
    assert world.order_payments.tick(10).cancelled == ()


def test_an_order_paid_in_its_last_second_is_settled_not_cancelled(world, order) -> None:
    payment_id = pay(world, order)
    world.clock.advance(minutes=16)
    world.gateway.closes = [Answer(Outcome.PAID)]
    world.gateway.checks = [paid(payment_id, order.fee)]
    tick = world.order_payments.tick(10)
    assert (tick.cancelled, tick.settled) == ((), (order.id,))
    assert state(world, order) == "OK"
    assert sku_of(world, order) == 8


def test_an_order_whose_close_is_unknown_is_left_for_the_next_tick(world, order) -> None:
    pay(world, order)
    world.clock.advance(minutes=16)
    world.gateway.closes = [UNKNOWN, CLOSED]
    first = world.order_payments.tick(10)
    assert [order_id for order_id, _ in first.errors] == [order.id]
    assert state(world, order) == "WT"
    assert world.order_payments.tick(10).cancelled == ()
    world.clock.advance(minutes=1)
    assert world.order_payments.tick(10).cancelled == (order.id,)


def absent(world: World) -> None:
    world.gateway.checks = world.gateway.closes = [NOT_FOUND]


def test_no_second_way_is_opened_while_the_provider_only_does_not_know_the_first(
    world, order
) -> None:
    first = pay(world, order, "zfb.qrcode")
    absent(world)
    with pytest.raises(OutcomeUnknownError, match="may still be scanned"):
        pay(world, order, "wx.qrcode")
    with pytest.raises(OutcomeUnknownError, match="may still be scanned"):
        world.order_payments.cancel(order.id, "changed my mind")
    assert world.orders.get(order.id).pay_ids == (first,)
    assert (state(world, order), world.payments.get(first).st) == ("WT", "WAIT")
    money(world, first)
    assert state(world, order) == "OK"


def test_an_overdue_order_is_held_without_errors_until_its_payment_is_gone(world, order) -> None:
    first = pay(world, order, "zfb.qrcode")
    absent(world)
    world.clock.now = order.ord_expi + 1
    held = 0
    while state(world, order) != "CA":
        tick = world.order_payments.tick(10)
        assert tick.errors == ()
        held += tick.held == (order.id,)
        world.clock.advance(minutes=1)
        assert held < 10
    assert held >= 2
    assert world.payments.get(first).st == "FAIL"
    assert len(world.gateway.calls("close")) <= 4


def test_no_stock_is_free_for_a_word_of_who_may_not_have_got_the_payment(world, order) -> None:
    first = pay(world, order, "zfb.qrcode")
    world.gateway.api_base = "http://localhost:8711"
    absent(world)
    sku = sku_of(world, order)
    for _ in range(24):
        world.clock.advance(minutes=60)
        world.order_payments.tick(10)
        world.checker.check_pending(10)
    with pytest.raises(OutcomeUnknownError, match="decides nothing"):
        world.order_payments.cancel(order.id, "x")
    assert (state(world, order), world.payments.get(first).st) == ("WT", "WAIT")
    assert sku_of(world, order) == sku
    money(world, first)
    assert state(world, order) == "OK"


@pytest.mark.parametrize("former", ["account", "address"])
def test_orders_at_a_former_account_keep_none_of_todays_from_its_end(world, former: str) -> None:
    world.gateway.sends = [QR]
    cup = stock(world, sku=10)
    for _ in range(5):
        pay(world, world.orders.create(wanted((cup, 1), pay_tp="wx.qrcode"), BUYER))
    if former == "account":
        world.gateway.account_id = AccountId("1900000002", "wx2")
    else:
        world.gateway.api_base = "http://localhost:8711"
    world.clock.advance(s=1)
    todays = world.orders.create(wanted((cup, 1), pay_tp="wx.qrcode"), BUYER)
    pay(world, todays)
    absent(world)
    world.gateway.closes = [CLOSED]
    world.clock.now = todays.ord_expi + 1
    tick = world.order_payments.tick(10)
    assert (tick.cancelled, len(tick.errors)) == ((todays.id,), 5)


def account_gone(world: World) -> None:
    world.gateway.account_id = AccountId("1900000002", "wx2")


def test_an_operator_cancels_an_order_whose_account_is_gone_and_its_money_is_not_lost(
    world, order
) -> None:
    first = pay(world, order)
    own = world.gateway.account_id
    account_gone(world)
    with pytest.raises(ConfigError):
        world.order_payments.cancel(order.id, "x")
    with pytest.raises(NotAllowedError, match="operator"):
        world.order_payments.cancel(order.id, "x", abandon=True)
    boss = world.seen_by("boss", is_operator=True)
    assert boss.order_payments.cancel(order.id, "ended", abandon=True).ord_status == "CA"
    assert world.payments.get(first).fail_re == "ended"
    assert sku_of(world, order) == 10
    world.gateway.account_id = own
    money(world, first)
    assert (world.payments.get(first).st, world.payments.get(first).flag) == ("FAIL", "late")
    assert state(world, order) == "CA"


def test_an_order_whose_payments_can_be_closed_is_not_abandoned(world, order) -> None:
    first = pay(world, order)
    world.gateway.checks = [Answer(Outcome.WAITING)]
    boss = world.seen_by("boss", is_operator=True)
    with pytest.raises(NotAllowedError, match="can be asked"):
        boss.order_payments.cancel(order.id, "x", abandon=True)
    assert (state(world, order), world.payments.get(first).st) == ("WT", "WAIT")
    unpaid = world.orders.create(wanted((stock(world, sku=1), 1)), BUYER)
    with pytest.raises(NotAllowedError, match="no payment"):
        boss.order_payments.cancel(unpaid.id, "x", abandon=True)


def test_an_order_with_an_abandoned_payment_may_be_paid_in_another_way(world, order) -> None:
    pay(world, order)
    own = world.gateway.account_id
    account_gone(world)
    boss = world.seen_by("boss", is_operator=True)
    boss.closer.abandon(world.orders.get(order.id).pay_id, "x")
    world.gateway.account_id = own
    second = pay(world, order, "zfb.qrcode")
    money(world, second)
    assert state(world, order) == "OK"


def test_another_way_is_opened_anyway_though_the_first_account_is_gone(world, order) -> None:
    first = pay(world, order)
    opened = world.gateway
    gateways = {"wxpay": opened, "alipay": ScriptedGateway(sends=[QR])}
    world.accounts.gateway = lambda _domain, provider, _target: gateways[provider]
    opened.account_id = AccountId("1900000002", "wx2")
    with pytest.raises(ConfigError):
        world.order_payments.pay(order.id, Paying("zfb.qrcode", "shop"))
    second = world.order_payments.pay(order.id, Paying("zfb.qrcode", "shop", anyway=True)).payment
    assert world.orders.get(order.id).pay_ids == (first, second.id)


def test_orders_that_are_held_keep_no_other_from_its_end(world, order) -> None:
    pay(world, order, "zfb.qrcode")
    absent(world)
    world.clock.advance(s=1)
    other = world.orders.create(wanted((stock(world, sku=1), 1)), BUYER)
    world.clock.now = order.ord_expi - 60_000
    world.checker.check(world.orders.get(order.id).pay_id)
    world.clock.now = other.ord_expi + 1
    tick = world.order_payments.tick(1)
    assert (tick.cancelled, tick.held) == ((other.id,), (order.id,))
    assert world.order_payments.tick(1).held == (order.id,)


def test_an_order_that_got_another_amount_is_held_for_a_person(world, order) -> None:
    first = pay(world, order, "wx.qrcode")
    fee = world.payments.get(first).fee
    world.gateway.checks = [paid(first, fee + 1)]
    world.checker.check(first)
    assert "money: amount" in [line["what"] for line in world.orders.get(order.id).history]
    for pay_tp in ("wx.qrcode", "zfb.qrcode"):
        with pytest.raises(NotAllowedError, match=rf"{fee} fen.*{fee + 1} fen"):
            pay(world, order, pay_tp, anyway=True)
    with pytest.raises(NotAllowedError, match=f"{fee + 1} fen"):
        world.order_payments.cancel(order.id, "x")
    world.clock.advance(minutes=60)
    tick = world.order_payments.tick(10)
    assert (tick.cancelled, tick.held, tick.errors) == ((), (order.id,), ())
    assert (state(world, order), world.orders.get(order.id).pay_ids) == ("WT", (first,))
    world.gateway.checks = [paid(first, fee)]
    world.checker.check(first)
    assert state(world, order) == "OK"


def test_an_order_that_got_another_amount_ends_when_its_payment_failed(world, order) -> None:
    first = pay(world, order, "wx.qrcode")
    world.gateway.checks = [paid(first, 1), Answer(Outcome.FAILED, code="CLOSED")]
    world.checker.check(first)
    world.checker.check(first)
    assert (world.payments.get(first).st, world.payments.get(first).flag) == ("FAIL", "amount")
    assert state(world, order) == "FA"
    world.clock.now = order.ord_expi + 1
    assert world.order_payments.tick(10).cancelled == (order.id,)


def money_that_went_back(world: World, payment_id: str) -> None:
    answer = paid(payment_id, world.payments.get(payment_id).fee)
    assert answer.paid is not None
    world.gateway.checks = [replace(answer, paid=replace(answer.paid, went_back=True))]
    world.checker.check(payment_id)


def test_an_order_whose_money_went_back_is_not_paid_and_may_be_paid_again(world, order) -> None:
    first = pay(world, order, "wx.qrcode")
    money_that_went_back(world, first)
    returned = world.payments.get(first)
    assert (returned.st, returned.flag, returned.apply_st) == ("OK", "refunded", "")
    assert (state(world, order), world.orders.get(order.id).ok_at) == ("FA", 0)
    second = pay(world, order, "wx.qrcode")
    assert second != first
    money(world, second, "T2")
    assert state(world, order) == "OK"


def test_an_order_whose_money_went_back_ends_with_its_time(world, order) -> None:
    first = pay(world, order, "wx.qrcode")
    money_that_went_back(world, first)
    assert world.order_payments.open(order.id).id != first
    world.clock.now = order.ord_expi + 1
    tick = world.order_payments.tick(10)
    assert (tick.cancelled, tick.errors) == ((order.id,), ())


def test_a_payment_never_outlives_its_order(world, order) -> None:
    world.clock.advance(minutes=10)
    pay(world, order)
    [request] = world.gateway.calls("send")
    assert request.expires_at == order.ord_expi
    world.clock.advance(minutes=6)
    late = world.orders.get(order.id)
    world.gateway.closes = [CLOSED]
    with pytest.raises(NotAllowedError):
        pay(world, late, "zfb.qrcode")


@pytest.mark.parametrize(
    "paying",
    [
        Paying(),
        Paying("wx.scan", arguments=SendArguments(auth_code=Secret("134567890123456789"))),
        Paying("wx.jsapi", arguments=SendArguments(openid="o-1")),
    ],
    ids=lambda paying: paying.pay_tp,
)
def test_an_order_of_nothing_is_paid_free_at_once_however_it_was_to_be_paid(
    world: World, paying: Paying
) -> None:
    cup, coupon = stock(world), give_coupon(world, value=100)
    order = world.orders.create(wanted((cup, 1), coupons=[coupon.id]), BUYER)
    assert order.fee == 0
    result = world.order_payments.pay(order.id, paying)
    assert (result.payment.st, state(world, order)) == ("OK", "OK")
    assert coupon_state(world, coupon) == "used"


def sku_of(world: World, order: Order) -> int:
    from payment_cli.services.shop.records import products

    return world.storage.get(products("demo"), order.ord_ws[0].id)["sku"]


def test_a_payment_that_could_not_be_sent_leaves_the_one_before_it_open(world, order) -> None:
    first = pay(world, order)
    world.gateway.closes = [CLOSED]
    with pytest.raises(InvalidValueError):  # a scan without the payer's code
        pay(world, order, "wx.scan")
    assert world.payments.get(first).st == "WAIT"
    assert world.gateway.calls("close") == []


def test_an_order_past_its_time_opens_no_payment(world, order) -> None:
    world.clock.advance(minutes=16)
    with pytest.raises(NotAllowedError):
        world.order_payments.open(order.id)
    assert world.payments.count(everything()) == 0


def test_a_payment_of_an_order_past_its_time_is_not_sent(world, order) -> None:
    opened = world.order_payments.open(order.id)
    world.clock.advance(ms=opened.pay_by - world.clock.now)
    with pytest.raises(NotAllowedError):
        world.sender.send(opened.id, "wx.qrcode", "shop", SendArguments())
    assert world.gateway.calls("send") == []
    assert world.payments.get(opened.id).st == "NEW"


def test_an_order_of_a_clock_that_was_far_ahead_ends_after_its_own_time(world, order) -> None:
    pay(world, order)
    span = order.ord_expi - order.ct
    world.clock.advance(minutes=-60 * 24 * 365)
    first = world.order_payments.tick(10)
    assert (first.cancelled, first.errors, first.undone) == ((), (), 0)
    redated = world.orders.get(order.id)
    assert redated.ord_expi == world.clock.now + span
    assert redated.history[-1]["note"] == "the clock had been ahead"
    world.clock.now = redated.ord_expi + 1
    world.gateway.closes = [CLOSED]
    assert world.order_payments.tick(10).cancelled == (order.id,)


def test_a_small_error_of_the_clock_changes_no_order(world, order) -> None:
    world.clock.advance(minutes=-30)
    world.order_payments.tick(10)
    assert world.orders.get(order.id) == order
