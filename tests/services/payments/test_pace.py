from hypothesis import given
from hypothesis import strategies as st

from payment_cli.model.payments.payment import Payment
from payment_cli.services.payments.pace import (
    ABSENT_ANSWERS,
    ABSENT_GAP_MS,
    ABSENT_MARGIN_MS,
    BACK_OFF_MAX_MS,
    absent,
    back_off,
    gone_in,
    is_gone,
)

EXPI = 1_800_000_000_000
PAYMENT = Payment(
    id="a" * 32, ct=1, lm=1, brief="", fee=1, cur="CNY", seller_id="s", seller_nm="s", expi=EXPI
)


@given(st.integers(0, 200))
def test_the_wait_between_checks_grows_to_an_hour_and_no_further(count: int) -> None:
    assert 0 < back_off(count) <= back_off(count + 1) <= BACK_OFF_MAX_MS


@given(st.lists(st.integers(-20 * 60_000, 20 * 60_000), max_size=30))
def test_only_answers_a_while_apart_and_after_its_time_make_it_gone(offsets: list[int]) -> None:
    payment = PAYMENT
    counted: list[int] = []
    for at in sorted(EXPI + offset for offset in offsets):
        payment = absent(payment, at)
        is_late = at >= EXPI + ABSENT_MARGIN_MS
        if is_late and (not counted or at - counted[-1] >= ABSENT_GAP_MS):
            counted.append(at)
        assert is_gone(payment) == (len(counted) >= ABSENT_ANSWERS)


@given(st.integers(-30 * 60_000, 30 * 60_000))
def test_its_end_is_said_as_it_comes(after: int) -> None:
    payment, now = PAYMENT, EXPI + after
    end = now + gone_in(payment, now)
    while not is_gone(payment):
        now = max(now, EXPI + ABSENT_MARGIN_MS, payment.absent_at + ABSENT_GAP_MS)
        payment = absent(payment, now)
        assert now + gone_in(payment, now) == end
    assert now == end
