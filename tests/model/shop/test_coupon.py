"""A coupon's record, its states, and when it may be used."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import CorruptRecordError, InvalidValueError, NotAllowedError
from payment_cli.model.codec import decode, encode
from payment_cli.model.shop.coupon import TRANSITIONS, Coupon, CouponEvent, CouponStatus
from tests.support.shop import NOW, a_coupon, yuan


def test_the_record_of_seed_002_is_read_and_written_under_its_names():
    document = {"title": "x", "type": 1, "value": 40, "thres": 0, "cpn_expi": NOW}
    record = Coupon.new(document, id="c-1", now=NOW, currency="RMB").to_record()
    assert {name: record[name] for name in document} == document


def test_the_expiry_may_have_its_name_in_an_order():
    assert a_coupon(expi=NOW).cpn_expi == NOW


@pytest.mark.parametrize(
    "coupon",
    [
        a_coupon("20", thres=yuan("200.00"), owner="xiaobai", cpn_expi=NOW),
        a_coupon("0.8", type=2),
        a_coupon("0.8333", type=2).on(CouponEvent.RESERVE, "o-1", NOW),
        a_coupon("1", type=2).deleted(NOW),
    ],
)
def test_a_coupon_survives_the_way_through_a_record(coupon):
    assert Coupon.from_record(decode(encode(coupon.to_record()))) == coupon


def test_unknown_fields_are_kept_in_a_record_and_refused_when_typed():
    record = {**a_coupon().to_record(), "colour": "red"}
    assert Coupon.from_record(record).to_record()["colour"] == "red"
    with pytest.raises(InvalidValueError, match="'tresh' is not a field"):
        a_coupon(tresh=200)


def test_a_coupon_is_never_born_used():
    assert a_coupon(cpn_stat="used", cpn_orid="o-1").cpn_stat is CouponStatus.FREE


@pytest.mark.parametrize(
    "fields",
    [
        {"type": 3, "value": 1}, {"value": 1}, {"type": 1}, {"type": 2}, {"type": 1, "value": 0},
        {"type": 1, "value": -1}, {"type": 1, "value": yuan("1.005")}, {"type": 2, "value": 80},
        {"type": 2, "value": yuan("1.01")}, {"type": 2, "value": yuan("0.80001")},
        {"type": 1, "value": 1, "thres": -1}, {"type": 1, "value": 1, "title": ""},
    ],
)  # fmt: skip
def test_a_bad_coupon_is_refused(fields):
    with pytest.raises(InvalidValueError, match=r"^coupon: "):
        Coupon.new({"title": "x", **fields}, id="c-1", now=NOW, currency="RMB")


@pytest.mark.parametrize("stat", ["1", 1, "burnt"])
def test_a_record_in_an_unknown_state_is_damaged_not_free(stat):
    with pytest.raises(CorruptRecordError, match=r"coupon 'c-1' is damaged: .*cpn_stat"):
        Coupon.from_record({**a_coupon().to_record(), "cpn_stat": stat})


def test_cash_takes_its_value_but_never_more_than_the_fee():
    assert a_coupon("20").left_of(100_00) == 80_00
    assert a_coupon("20").left_of(19_99) == 0


def test_a_rate_is_what_is_left_to_pay_half_up_to_the_fen():
    assert a_coupon("0.8", type=2).left_of(100_00) == 80_00
    assert a_coupon("0.85", type=2).left_of(10) == 9  # 8.5
    assert a_coupon("0", type=2).left_of(10) == 0


@given(st.integers(0, 10**12), st.integers(0, 10_000), st.integers(1, 10**10))
def test_what_is_left_is_never_negative_and_never_more(fee, rate, cash):
    assert 0 <= a_coupon(f"{rate / 10_000:.4f}", type=2).left_of(fee) <= fee
    assert 0 <= a_coupon(f"{cash // 100}.{cash % 100:02d}").left_of(fee) <= fee


@pytest.mark.parametrize(
    ("coupon", "reason"),
    [
        (a_coupon().deleted(NOW), "it was deleted"),
        (a_coupon(owner="xiaohei"), "it belongs to another buyer"),
        (a_coupon(cpn_expi=NOW - 1), "it has expired"),
        (a_coupon(cpn_currency="USD"), "it is in USD, the order in RMB"),
        (a_coupon(thres=yuan("100.01")), "it needs goods for 100.01, there are 100.00 left"),
        (a_coupon().on(CouponEvent.RESERVE, "o-1", NOW), "another order holds it"),
        (
            a_coupon().on(CouponEvent.RESERVE, "o-1", NOW).on(CouponEvent.USE, "o-1", NOW),
            "it was used already",
        ),
    ],
)
def test_a_coupon_that_cannot_be_used_says_why(coupon, reason):
    with pytest.raises(NotAllowedError, match=f"coupon c-1: {reason}"):
        coupon.require_usable(buyer_id="xiaobai", fee=100_00, currency="RMB", now=NOW)


@pytest.mark.parametrize(
    ("limits", "beyond"),
    [
        ({"owner": "xiaobai"}, {"buyer_id": "xiaobai2"}),
        ({"cpn_expi": NOW}, {"now": NOW + 1}),
        ({"thres": yuan("100")}, {"fee": 99_99}),
        ({"cpn_currency": "CNY"}, {"currency": "USD"}),
    ],
)
def test_a_coupon_may_be_used_up_to_its_limits_and_not_beyond(limits, beyond):
    use = {"buyer_id": "xiaobai", "fee": 100_00, "currency": "RMB", "now": NOW}
    coupon = a_coupon(**limits)
    coupon.require_usable(**use)
    with pytest.raises(NotAllowedError):
        coupon.require_usable(**{**use, **beyond})


def in_state(state):
    coupon = a_coupon()
    if state is not CouponStatus.FREE:
        coupon = coupon.on(CouponEvent.RESERVE, "o-1", NOW)
    if state is CouponStatus.USED:
        coupon = coupon.on(CouponEvent.USE, "o-1", NOW)
    return coupon


@pytest.mark.parametrize(
    ("state", "event"), list(itertools.product(CouponStatus, CouponEvent)), ids=str
)
def test_states_change_only_as_the_table_says(state, event):
    expected = TRANSITIONS.get((state, event))
    if expected is None:
        with pytest.raises(NotAllowedError, match=f"coupon c-1 is {state}: {event}"):
            in_state(state).on(event, "o-1", NOW)
    else:
        assert in_state(state).on(event, "o-1", NOW).cpn_stat is expected


def test_only_the_order_that_holds_it_uses_or_releases_it():
    held = a_coupon().on(CouponEvent.RESERVE, "o-1", NOW)
    for event in (CouponEvent.USE, CouponEvent.RELEASE):
        with pytest.raises(NotAllowedError, match="held by order o-1"):
            held.on(event, "o-2", NOW)


def test_its_order_and_time_are_on_the_record():
    held = a_coupon().on(CouponEvent.RESERVE, "o-1", NOW + 1)
    used = held.on(CouponEvent.USE, "o-1", NOW + 2)
    free = held.on(CouponEvent.RELEASE, "o-1", NOW + 3)
    assert (held.cpn_orid, held.cpn_used, held.lm) == ("o-1", 0, NOW + 1)
    assert (used.cpn_orid, used.cpn_used) == ("o-1", NOW + 2)
    assert (free.cpn_orid, free.cpn_used) == ("", 0)


def test_a_coupon_that_an_order_holds_is_not_deleted():
    with pytest.raises(NotAllowedError, match="held by order o-1"):
        a_coupon().on(CouponEvent.RESERVE, "o-1", NOW).deleted(NOW)
    with pytest.raises(NotAllowedError, match="deleted already"):
        a_coupon().deleted(NOW).deleted(NOW)


def test_its_copy_in_an_order_has_the_fields_of_seed_002_and_what_it_took():
    assert a_coupon("20", thres=200, cpn_expi=NOW).order_row(1999) == {
        "id": "c-1", "title": "name of c-1", "type": 1, "value": 20, "thres": 200, "expi": NOW,
        "taken": yuan("19.99"),
    }  # fmt: skip
