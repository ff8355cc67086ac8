import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.gateways.base import Outcome
from payment_cli.gateways.wechat.words import of_error, of_trade_state, one_line, rfc3339, time_of
from tests.support import wechat as platform


@given(st.text(), st.text())
def test_no_word_nobody_listed_decides_anything(state, code):
    known = {"SUCCESS", "REFUND", "NOTPAY", "USERPAYING", "ACCEPT", "CLOSED", "REVOKED", "PAYERROR"}
    if state not in known:
        assert of_trade_state(state) is Outcome.UNKNOWN
    assert of_error(code) is not Outcome.PAID


def test_both_spellings_of_a_code_mean_the_same():
    assert of_error("NOT_ENOUGH") is of_error("NOTENOUGH") is Outcome.FAILED
    assert of_error("ORDER_NOT_EXIST") is of_error("ORDERNOTEXIST") is Outcome.NOT_FOUND


@pytest.mark.parametrize(
    "text",
    ["2026-09-21T22:13:20+08:00", "2026-09-21T14:13:20Z", "2026-09-21T14:13:20+00:00",
     "20260921221320"],
)  # fmt: skip
def test_every_form_of_a_time_is_the_same_instant(text):
    assert time_of(text) == platform.NOW


@pytest.mark.parametrize(
    "text", ["", "now", "2026-09-21T22:13:20", "20261321000000", "٣", "9" * 40]
)
def test_a_time_without_zone_or_sense_is_no_time(text):
    assert time_of(text) == 0


@given(st.integers(0, 4_000_000_000_000))
def test_times_are_written_in_beijing_and_read_back(at):
    assert rfc3339(at) == platform.rfc3339(at // 1000 * 1000)
    assert time_of(rfc3339(at)) == at // 1000 * 1000


@pytest.mark.parametrize("word", ["ORDER_CLOSED", "ORDERREVERSED"])
def test_a_scan_that_has_ended_failed_unless_a_number_says_that_it_may_be_paid(word):
    assert of_error(word, message="订单已关闭") is Outcome.FAILED
    assert of_error(word, "268498689", "订单已关闭") is Outcome.UNKNOWN


@pytest.mark.parametrize("word", ["TRADE_ERROR", "NOTENOUGH", "INVALID_REQUEST", "USERPAYING"])
def test_no_word_outweighs_that_the_order_is_paid(word):
    assert of_error(word, message="该订单已支付") is Outcome.UNKNOWN


@given(st.text(), st.integers(0, 200))
def test_words_for_people_are_one_printable_line_of_bounded_length(text, chars_max):
    line = one_line(text, chars_max)
    assert len(line) <= chars_max
    assert line == "" or line.isprintable()
    line.encode()
