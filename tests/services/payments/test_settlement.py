from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import NotAllowedError, UntrustedError
from payment_cli.gateways.base import Paid
from payment_cli.model.payments.payment import TRANSITIONS, Event, Payment, Status
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.payments.settlement import check_order_no, is_as_asked
from tests.services.conftest import World, a_world


def settle(world: World, payment: Payment, trade_no: str = "T1", **said: Any) -> Payment:
    with world.storage.transaction("test") as tx:
        money = replace(Paid(payment.id, trade_no, payment.fee, "CNY", paid_at=1), **said)
        return world.settlement.settle(
            tx, world.stored(payment), money, now=world.clock.now, by="test"
        )


def waiting(world: World) -> Payment:
    payment = world.create(callback="after")
    with world.storage.transaction("test") as tx:
        sent = payment.on(
            Event.SEND, 1, "test", pay_tp="wx.qrcode", pay_target="shop", send_at=1, next_check_at=1
        )
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


def test_money_that_went_back_before_we_heard_of_it_delivers_nothing(world: World) -> None:
    returned = settle(world, waiting(world), went_back=True)
    assert (returned.st, returned.flag, returned.apply_st) == ("OK", "refunded", "")
    assert (returned.paid_fee, returned.trade_no) == (2300, "T1")
    assert settle(world, returned) == returned
    assert settle(world, returned, went_back=True) == returned


@pytest.mark.parametrize("trade_no", ["T1", ""])
def test_a_refund_of_our_own_touches_no_paid_payment(world: World, trade_no: str) -> None:
    payment = settle(world, waiting(world))
    assert settle(world, payment, trade_no, went_back=True) == payment


def test_money_that_went_back_after_a_failure_leaves_it_failed(world: World) -> None:
    payment = waiting(world)
    with world.storage.transaction("test") as tx:
        _put(tx, payment.on(Event.CLOSE, 2, "test", "closed", fail_re="closed"))
    returned = settle(world, payment, went_back=True)
    assert (returned.st, returned.flag, returned.fail_re) == ("FAIL", "refunded", "closed")
    assert settle(world, payment) == returned


def test_what_our_own_reversal_gave_back_is_recorded_once_and_needs_no_flag(world: World) -> None:
    payment = waiting(world)
    with world.storage.transaction("test") as tx:
        _put(tx, payment.on(Event.CLOSE, 2, "test", "slow", fail_re="slow", reversed_at=2))
    returned = settle(world, payment, went_back=True)
    assert (returned.st, returned.flag, returned.fail_re) == ("FAIL", "", "slow")
    assert (returned.trade_no, returned.paid_fee) == ("T1", 2300)
    assert settle(world, payment, went_back=True) == returned
    assert settle(world, payment).flag == "late"


def test_a_second_trade_that_went_back_is_kept_and_nothing_is_owed_for_it(world: World) -> None:
    payment = settle(world, waiting(world))
    kept = settle(world, payment, "T2", went_back=True)
    assert (kept.st, kept.flag, kept.extra["double_fee"]) == ("OK", "", 0)
    assert kept.extra["double_trades"] == [
        {"trade_no": "T2", "fee": 2300, "paid_at": 1, "went_back": True}
    ]
    assert settle(world, payment, "T2", went_back=True) == kept


OTHER = [{"fee": 2299}, {"fee": 2301}, {"fee": 1}, {"cur": "USD"}, {"fee": 2301, "went_back": True}]


@pytest.mark.parametrize("said", OTHER)
@pytest.mark.parametrize("start", [Status.WAIT, Status.NEW])
def test_another_amount_is_flagged_with_both_figures_and_is_never_ok(
    world: World, said: dict[str, Any], start: Status
) -> None:
    payment = waiting(world)
    if start is Status.NEW:
        with world.storage.transaction("test") as tx:
            _put(tx, payment.on(Event.REFUSE, 2, "test"))
    flagged = settle(world, payment, **said)
    fee, cur = said.get("fee", 2300), said.get("cur", "CNY")
    assert (flagged.st, flagged.flag, flagged.apply_st) == ("WAIT", "amount", "")
    assert (flagged.paid_fee, flagged.trade_no, flagged.next_check_at) == (fee, "T1", 0)
    assert flagged.paid_cur == (cur if cur == "USD" else "")
    line = flagged.history[-1]
    assert line["note"] == f"T1 asked 2300 RMB, paid {fee} {cur}"  # type: ignore[index,call-overload]
    world.clock.advance(s=5)
    assert settle(world, payment, **said) == flagged
    later = settle(world, payment, fee=2400)
    assert (later.st, later.paid_fee, len(later.history)) == (
        "WAIT",
        2400,
        len(flagged.history) + 1,
    )
    right = settle(world, payment)
    assert (right.st, right.flag, right.paid_fee, right.paid_cur) == ("OK", "", 2300, "")
    assert right.apply_st == "due"


def test_right_money_by_another_trade_settles_and_the_other_amount_is_not_forgotten(
    world: World,
) -> None:
    payment = waiting(world)
    settle(world, payment, "T1", fee=2400)
    settle(world, payment, "T2", fee=2500)
    right = settle(world, payment, "T3")
    assert (right.st, right.flag, right.trade_no, right.paid_fee) == ("OK", "double", "T3", 2300)
    kept = [(trade["trade_no"], trade["fee"]) for trade in right.extra["double_trades"]]
    assert sorted(kept) == [("T1", 2400), ("T2", 2500)]
    assert right.extra["double_fee"] == 4900
    assert settle(world, payment, "T2") == right


def test_a_trade_whose_amount_is_right_after_all_is_no_double(world: World) -> None:
    payment = waiting(world)
    settle(world, payment, "T1", fee=2400)
    settle(world, payment, "T2", fee=2500)
    right = settle(world, payment, "T2")
    assert (right.st, right.flag, right.trade_no) == ("OK", "double", "T2")
    assert right.extra["double_trades"] == [{"trade_no": "T1", "fee": 2400, "paid_at": 1}]
    assert right.extra["double_fee"] == 2400


def test_late_money_of_another_amount_is_late_with_what_came(world: World) -> None:
    payment = waiting(world)
    with world.storage.transaction("test") as tx:
        _put(tx, payment.on(Event.CLOSE, 2, "test", "closed"))
    late = settle(world, payment, fee=2400)
    assert (late.st, late.flag, late.paid_fee) == ("FAIL", "late", 2400)
    assert late.history[-1]["note"] == "T1 asked 2300 RMB, paid 2400 CNY"  # type: ignore[index,call-overload]


@given(st.lists(st.tuples(st.integers(1, 10**9), st.booleans()), min_size=1, max_size=6))
def test_what_came_beside_the_first_trade_adds_up(more: list[tuple[int, bool]]) -> None:
    world = a_world()
    payment = settle(world, waiting(world))
    for number, (fee, went_back) in enumerate(more):
        for _ in range(2):
            payment = settle(world, payment, f"M{number}", fee=fee, went_back=went_back)
    assert payment.extra["double_fee"] == sum(fee for fee, went_back in more if not went_back)
    assert (payment.st, payment.paid_fee, payment.trade_no) == ("OK", 2300, "T1")
    assert payment.flag == ("" if all(gone for _, gone in more) else "double")
    world.storage.close()


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
    assert is_as_asked(payment, Paid("a" * 32, "T", paid_fee, paid_cur)) == same


def test_money_for_another_payment_is_not_trusted(world: World) -> None:
    with pytest.raises(UntrustedError):
        check_order_no(waiting(world), Paid("f" * 32, "T", 2300, "CNY"))


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
