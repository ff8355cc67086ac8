"""An order: its record, its life, and whose money pays it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import CorruptRecordError, NotAllowedError
from payment_cli.model.codec import decode, encode
from payment_cli.model.payments.payment import Flag, Payment
from payment_cli.model.shop.order import HISTORY_MAX, Order
from payment_cli.model.shop.order_state import OrderEvent, OrderKind, OrderStatus
from tests.support.shop import MERCHANT, NOW, an_order, yuan


def opened(order=None, payment_id="pay-1"):
    return (order or an_order()).opened(payment_id, "wx.qrcode", "main", NOW, "tea")


def paid(kind=OrderKind.NORMAL):
    return opened(an_order(kind, expi=NOW + 9)).on(OrderEvent.PAID, NOW + 5, "gateway")


def a_payment(id="pay-1", **fields):
    known = {
        "fee": 3450,
        "cur": "RMB",
        "seller_id": MERCHANT.id,
        "seller_nm": MERCHANT.domain,
        **fields,
    }
    return Payment(id=id, ct=NOW, lm=NOW, brief="x", **known)


def test_the_record_has_the_names_of_seed_000_and_seed_002():
    record = an_order().to_record()
    assert (record["tp"], record["race"], record["nm"]) == ("order", "FILE", "ord_tea_order-1")
    assert (record["ord_price"], record["ord_currency"], record["ord_status"]) == (
        yuan("34.50"), "RMB", "NW"
    )  # fmt: skip
    assert (record["sto_id"], record["sto_nm"]) == (MERCHANT.id, MERCHANT.domain)
    assert (record["ord_tp"], record["proid0"], record["proids"], record["pro_c"]) == (
        "A", "cup-01", ["cup-01"], 1
    )  # fmt: skip
    assert (record["price"], record["fee"]) == (yuan("34.50"), yuan("34.50"))


def test_an_order_survives_the_way_through_a_record_with_fields_nobody_knows():
    order = replace(
        opened(), extra={"colour": "red"}, delivery={"user_name": "Bai"}, stock={"cup-01": 1}
    )
    assert Order.from_record(decode(encode(order.to_record()))) == order


@pytest.mark.parametrize("name", ["id", "ord_status", "ord_tp", "total", "ord_currency"])
def test_a_record_without_a_field_every_order_has_is_damaged(name):
    record = {k: v for k, v in an_order().to_record().items() if k != name}
    with pytest.raises(CorruptRecordError, match=r"^order .* is damaged"):
        Order.from_record(record)


@pytest.mark.parametrize("name", ["total", "freight", "discount", "price", "fee", "ord_price"])
def test_a_record_whose_amounts_do_not_add_up_is_damaged(name):
    record = an_order().to_record()
    with pytest.raises(CorruptRecordError, match="order order-1: its amounts do not add up"):
        Order.from_record({**record, name: record[name] + yuan("0.01")})


def test_a_line_that_was_changed_by_hand_is_noticed():
    record = an_order().to_record()
    record["ord_ws"][0]["w_buy_num"] = 2
    with pytest.raises(CorruptRecordError, match="do not add up"):
        Order.from_record(record)


def test_the_life_of_a_normal_order_leaves_its_times():
    order = paid().on(OrderEvent.SHIP, NOW + 6, "tea").on(OrderEvent.SHIP, NOW + 7, "tea")
    order = order.on(OrderEvent.DONE, NOW + 8, "tea")
    assert order.ord_status is OrderStatus.DONE
    assert (order.wt_at, order.ok_at, order.sp_at, order.dn_at) == (NOW, NOW + 5, NOW + 6, NOW + 8)
    assert [line["what"] for line in order.history] == [
        "create", "pay", "paid", "ship", "ship", "done"
    ]  # fmt: skip
    assert order.lm == NOW + 8


def test_a_virtual_order_is_done_at_the_instant_it_is_paid():
    order = paid(OrderKind.VIRTUAL)
    assert order.ord_status is OrderStatus.DONE
    assert order.ok_at == order.sp_at == order.dn_at == NOW + 5
    assert order.commands() == ()


def test_a_failed_payment_may_be_followed_by_another():
    order = opened().on(OrderEvent.FAIL, NOW + 1, "gateway")
    assert (order.ord_status, order.fa_at) == (OrderStatus.FAIL, NOW + 1)
    order = opened(order, "pay-2")
    assert order.ord_status is OrderStatus.WAIT
    assert (order.pay_id, order.pay_ids) == ("pay-2", ("pay-1", "pay-2"))


def test_a_refused_command_says_the_state_and_what_is_possible():
    with pytest.raises(
        NotAllowedError, match="order order-1 is NW: ship is not possible"
    ) as caught:
        an_order().require(OrderEvent.SHIP)
    assert caught.value.hint == "possible: pay, cancel"
    with pytest.raises(NotAllowedError, match="is OK: cancel is not possible") as caught:
        paid().on(OrderEvent.CANCEL, NOW, "tea")
    assert caught.value.hint == "possible: ship"
    with pytest.raises(NotAllowedError) as caught:
        paid(OrderKind.VIRTUAL).require(OrderEvent.SHIP)
    assert caught.value.hint == "it is final"


def test_what_is_paid_does_not_expire():
    order = opened(an_order(expi=NOW + 9))
    assert not order.is_overdue(NOW + 9)
    assert order.is_overdue(NOW + 10)
    assert not order.on(OrderEvent.CANCEL, NOW, "tea").is_overdue(NOW + 10)
    assert (paid().ord_expi, paid().is_overdue(NOW + 10)) == (0, False)
    assert not an_order().is_overdue(NOW * 2)


def test_the_history_keeps_its_last_entries():
    order = an_order()
    for n in range(HISTORY_MAX + 5):
        order = order.noted(f"note {n}", NOW, "tea", "x" * 500)
    assert len(order.history) == HISTORY_MAX
    assert order.history[-1] == {
        "at": NOW, "what": f"note {HISTORY_MAX + 4}", "by": "tea", "note": "x" * 200
    }  # fmt: skip


def test_its_own_payment_with_equal_amounts_pays_it():
    assert opened().why_not_paid_by(a_payment()) is None
    assert opened().why_not_paid_by(a_payment(cur="CNY")) is None
    assert opened(opened(), "pay-2").why_not_paid_by(a_payment()) is None


@pytest.mark.parametrize(
    "payment",
    [
        a_payment("pay-9", or_id="order-1"),
        a_payment(fee=3449),
        a_payment(cur="USD"),
        a_payment(seller_nm="other"),
    ],
)
def test_no_other_payment_does_whatever_it_says_about_its_order(payment):
    assert opened().why_not_paid_by(payment) is Flag.ORDER_GONE


def test_money_for_a_cancelled_order_is_flagged():
    cancelled = opened().on(OrderEvent.CANCEL, NOW, "tea")
    assert cancelled.why_not_paid_by(a_payment()) is Flag.ORDER_GONE


def test_money_for_an_order_that_was_paid_already_is_double():
    for kind in (OrderKind.NORMAL, OrderKind.VIRTUAL):
        order = replace(paid(kind), pay_ids=("pay-1", "pay-2"), pay_id="pay-2")
        assert order.why_not_paid_by(a_payment()) is Flag.DOUBLE


def test_the_money_that_paid_an_order_is_not_double_when_it_is_judged_again():
    assert paid().pay_id == a_payment().id
    assert paid().why_not_paid_by(a_payment()) is None


def test_an_order_that_names_payments_before_any_was_opened_is_damaged():
    order = replace(opened(), ord_status=OrderStatus.NEW)
    with pytest.raises(CorruptRecordError):
        order.why_not_paid_by(a_payment())


def test_money_of_a_payment_thought_lost_still_pays_the_order_that_waits_for_it():
    failed = opened().on(OrderEvent.FAIL, NOW, "gateway")
    assert failed.why_not_paid_by(a_payment()) is None
    assert failed.on(OrderEvent.PAID, NOW, "gateway").ord_status is OrderStatus.OK


@given(st.lists(st.sampled_from(OrderEvent), max_size=12), st.sampled_from(["A", "Q"]))
def test_whatever_happens_the_times_tell_the_same_story_as_the_state(events, kind):
    order = an_order(OrderKind(kind))
    for number, event in enumerate(events, start=1):
        try:
            order = order.on(event, NOW + number, "tea")
        except NotAllowedError:
            assert event not in order.commands()
    was_paid = order.ord_status in (OrderStatus.OK, OrderStatus.SHIPPED, OrderStatus.DONE)
    assert was_paid == bool(order.ok_at)
    assert bool(order.ca_at) == (order.ord_status is OrderStatus.CANCELLED)
    assert not (order.ok_at and order.ca_at)
    assert bool(order.dn_at) == (order.ord_status is OrderStatus.DONE)
    assert order.is_pending == (not order.ok_at and not order.ca_at)
