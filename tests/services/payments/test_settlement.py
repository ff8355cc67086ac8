import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import NotAllowedError, UntrustedError
from payment_cli.gateways.base import Paid
from payment_cli.model.payments.payment import TRANSITIONS, Event, Payment, Status
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.payments.settlement import check_paid
from tests.services.conftest import World
from tests.support.gateway import paid


def settle(world: World, payment: Payment, trade_no: str = "T1") -> Payment:
    with world.storage.transaction("test") as tx:
        money = paid(payment.id, payment.fee, trade_no=trade_no).paid
        assert money is not None
        return world.settlement.settle(
            tx, world.stored(payment), money, now=world.clock.now, by="test"
        )


def waiting(world: World) -> Payment:
    payment = world.create(callback="after")
    with world.storage.transaction("test") as tx:
        sent = payment.on(Event.SEND, 1, "test", pay_tp="wx.qrcode", pay_target="shop", send_at=1)
        return Payment.from_record(_put(tx, sent))


def _put(tx, payment: Payment):
    return tx.put(PAYMENTS, payment.to_record())


def test_the_same_money_twice_settles_once(world: World) -> None:
    payment = waiting(world)
    first = settle(world, payment)
    world.clock.advance(s=5)
    assert settle(world, payment) == first
    assert first.st == "OK"


@pytest.mark.parametrize("odd", ["T\0", "T\ud800"])
def test_no_odd_text_of_a_provider_costs_money(world: World, odd: str) -> None:
    payment = waiting(world)
    paid_once = settle(world, payment, odd)
    assert paid_once.st == "OK"
    assert settle(world, payment, odd) == paid_once


def test_money_after_fail_is_flagged_late_and_kept(world: World) -> None:
    payment = waiting(world)
    with world.storage.transaction("test") as tx:
        _put(tx, payment.on(Event.CLOSE, 2, "test", "closed"))
    late = settle(world, payment)
    assert (late.st, late.flag, late.paid_fee, late.trade_no) == ("FAIL", "late", 2300, "T1")
    assert late.apply_st == ""
    assert settle(world, payment) == late


def test_a_second_trade_for_a_paid_payment_is_flagged_double_once(world: World) -> None:
    payment = waiting(world)
    settle(world, payment)
    double = settle(world, payment, "T2")
    assert (double.st, double.flag, double.trade_no) == ("OK", "double", "T1")
    assert double.extra["double_fee"] == 2300
    assert settle(world, payment, "T2") == double
    assert settle(world, payment, "T1") == double


@pytest.mark.parametrize("event", [Event.PAY, Event.CLOSE])
def test_whatever_else_comes_is_kept_and_none_hides_another(world: World, event: Event) -> None:
    payment = waiting(world)
    with world.storage.transaction("test") as tx:
        facts = {"trade_no": "T1"} if event is Event.PAY else {}
        _put(tx, payment.on(event, 2, "test", **facts))
    for trade_no in ("T1", "T2", "T3", "T2", "T3", "T1"):
        last = settle(world, payment, trade_no)
    assert last.flag == ("double" if event is Event.PAY else "late")
    assert last.trade_no == "T1"
    assert [trade["trade_no"] for trade in last.extra["double_trades"]] == ["T2", "T3"]
    assert last.extra["double_fee"] == 2 * 2300


def test_money_for_a_payment_that_was_refused_is_not_lost(world: World) -> None:
    payment = waiting(world)
    with world.storage.transaction("test") as tx:
        _put(tx, payment.on(Event.REFUSE, 2, "test"))
    assert settle(world, payment).st == "OK"


@given(
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.sampled_from(["CNY", "RMB", "USD"]),
    st.sampled_from(["CNY", "RMB", "USD"]),
)
def test_only_the_exact_amount_and_currency_are_trusted(fee, paid_fee, cur, paid_cur) -> None:
    payment = Payment(
        id="a" * 32, ct=1, lm=1, brief="", fee=fee, cur=cur, seller_id="s", seller_nm="s"
    )
    same = fee == paid_fee and cur.replace("RMB", "CNY") == paid_cur.replace("RMB", "CNY")
    money = Paid("a" * 32, "T", paid_fee, paid_cur)
    if same:
        check_paid(payment, money)
    else:
        with pytest.raises(UntrustedError):
            check_paid(payment, money)


@given(st.sampled_from(Status), st.lists(st.sampled_from(Event), max_size=6))
def test_ok_is_absorbing_and_only_the_table_changes_a_state(start: Status, events) -> None:
    payment = Payment(
        id="a" * 32, ct=1, lm=1, brief="", fee=1, cur="CNY", seller_id="s", seller_nm="s", st=start
    )
    for event in events:
        target = TRANSITIONS.get((payment.st, event))
        if target is None:
            with pytest.raises(NotAllowedError):
                payment.on(event, 2, "test")
        else:
            payment = payment.on(event, 2, "test")
            assert payment.st is target
            assert (payment.close_at == 2) == payment.is_final
    if start is Status.OK:
        assert payment.st is Status.OK
