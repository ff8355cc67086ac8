from hypothesis import given
from hypothesis import strategies as st

from payment_cli.services.payments.pace import BACK_OFF_MAX_MS, back_off


@given(st.integers(0, 200))
def test_the_wait_between_checks_grows_to_an_hour_and_no_further(count: int) -> None:
    assert 0 < back_off(count) <= back_off(count + 1) <= BACK_OFF_MAX_MS
