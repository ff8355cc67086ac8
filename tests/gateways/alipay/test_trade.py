from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.gateways.alipay.trade import (
    beijing_time,
    beijing_to_ams,
    fen_to_yuan,
    paid_answer,
    trade_answer,
    yuan_to_fen,
)
from payment_cli.gateways.base import Outcome
from tests.support.alipay import notice_fields

#: What a trade has no time of payment in.
NO_TIME, GONE = "gmt_payment", "(absent)"


@pytest.mark.parametrize(
    ("fen", "yuan"),
    [(1, "0.01"), (10, "0.10"), (100, "1.00"), (1234, "12.34"), (10_000_000_000, "100000000.00")],
)
def test_fen_are_written_as_yuan_with_two_decimals(fen, yuan):
    assert fen_to_yuan(fen) == yuan
    assert yuan_to_fen(yuan) == fen


@given(st.integers(0, 10**13))
def test_an_amount_survives_the_wire_exactly(fen):
    assert yuan_to_fen(fen_to_yuan(fen)) == fen
    assert Decimal(fen_to_yuan(fen)) * 100 == fen


@pytest.mark.parametrize(("yuan", "fen"), [("12", 1200), ("12.3", 1230), ("0.1", 10), ("0", 0)])
def test_missing_decimals_are_zeros(yuan, fen):
    assert yuan_to_fen(yuan) == fen


@pytest.mark.parametrize(
    "text",
    ["", ".", "12.", ".5", "-1.00", "+1", "1.234", "1e3", "１２", "12,00", " 1", "1\n", "9" * 13],
)
def test_what_is_no_amount_is_never_guessed(text):
    with pytest.raises(ValueError, match="amount"):
        yuan_to_fen(text)


def test_times_are_beijings():
    assert beijing_time(0) == "1970-01-01 08:00:00"
    assert beijing_time(1_790_000_000_999) == "2026-09-21 22:13:20"
    assert beijing_to_ams("2026-09-21 22:13:20") == 1_790_000_000_000
    assert beijing_to_ams("2026-09-21 22:13:20.123") == 1_790_000_000_000


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01 00:00:00"])
def test_an_unreadable_time_is_no_time(text):
    assert beijing_to_ams(text) == 0


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("TRADE_SUCCESS", Outcome.PAID),
        ("TRADE_FINISHED", Outcome.PAID),
        ("WAIT_BUYER_PAY", Outcome.WAITING),
        ("TRADE_CLOSED", Outcome.FAILED),
        ("TRADE_PENDING", Outcome.UNKNOWN),
        ("trade_success", Outcome.UNKNOWN),
        ("", Outcome.UNKNOWN),
    ],
)
def test_each_trade_status_has_one_meaning(status, outcome):
    fields = notice_fields(trade_status=status, gmt_payment="(absent)")
    assert trade_answer(fields).outcome is outcome


@pytest.mark.parametrize(
    "fields",
    [
        {"gmt_refund": "2026-09-22 10:00:00.123", "refund_fee": "12.34"},
        {"gmt_refund": "2026-09-22 10:00:00"},
        {"refund_fee": "12.34"},
        {"gmt_payment": "2026-09-21 22:13:20"},
        {"send_pay_date": "2026-09-21 22:13:20"},
    ],
)
def test_a_closed_trade_that_was_paid_went_back(fields):
    answer = trade_answer(notice_fields(trade_status="TRADE_CLOSED", **{NO_TIME: GONE, **fields}))
    assert answer.outcome is Outcome.PAID
    assert answer.paid is not None
    assert (answer.paid.fee, answer.paid.went_back) == (1234, True)


@pytest.mark.parametrize(
    "fields",
    [{}, {"refund_fee": "0.00"}, {"refund_fee": ""}, {"refund_fee": "none"}, {"gmt_refund": ""},
     {"gmt_close": "2026-09-21 22:23:20", "refund_fee": "0.00"}],
)  # fmt: skip
def test_a_closed_trade_that_ran_out_failed(fields):
    trade = notice_fields(trade_status="TRADE_CLOSED", **{NO_TIME: GONE, **fields})
    assert trade_answer(trade).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("refund_fee", "went_back"),
    [("(absent)", False), ("0.00", False), ("12.33", False), ("12.34", True), ("12.35", True)],
)
def test_refunds_that_reach_the_whole_went_back(refund_fee, went_back):
    answer = trade_answer(notice_fields(refund_fee=refund_fee))
    assert answer.outcome is Outcome.PAID
    assert answer.paid is not None
    assert answer.paid.went_back is went_back


def test_a_refunded_trade_that_names_no_amount_is_unknown():
    trade = notice_fields(trade_status="TRADE_CLOSED", gmt_refund="x", total_amount="(absent)")
    assert trade_answer(trade).outcome is Outcome.UNKNOWN


def test_paid_is_what_alipay_says_of_the_whole_order():
    answer = paid_answer(notice_fields())
    assert answer.paid is not None
    assert answer.paid.order_no == "0198c0ffee"
    assert answer.paid.trade_no == "2026092122001468450512505578"
    assert (answer.paid.fee, answer.paid.cur) == (1234, "CNY")
    assert answer.paid.payer == "2088102534368455"
    assert answer.paid.paid_at == 1_790_000_000_000
    assert answer.paid.paid_by == "ALIPAYACCOUNT"
    assert answer.extra == {"zfb_trade_status": "TRADE_SUCCESS", "zfb_receipt_amount": "12.00"}


def test_several_funding_sources_are_all_kept_once_each():
    bills = [{"fund_channel": c} for c in ("COUPON", "PCREDIT", "COUPON")]
    answer = paid_answer({**notice_fields(), "fund_bill_list": bills})
    assert answer.paid is not None
    assert answer.paid.paid_by == "COUPON+PCREDIT"


@pytest.mark.parametrize("bills", ["not json", "{}", [1], None, [{"fund_channel": 7}]])
def test_unreadable_funding_sources_do_not_stop_money(bills):
    answer = paid_answer({**notice_fields(), "fund_bill_list": bills})
    assert answer.outcome is Outcome.PAID
    assert answer.paid is not None
    assert answer.paid.paid_by == ""


def test_another_currency_is_reported_as_it_is():
    answer = paid_answer(notice_fields(trans_currency="HKD"))
    assert answer.paid is not None
    assert answer.paid.cur == "HKD"


@pytest.mark.parametrize("gone", ["out_trade_no", "trade_no", "total_amount"])
def test_paid_without_saying_what_for_is_unknown(gone):
    fields = notice_fields()
    del fields[gone]
    answer = paid_answer(fields)
    assert (answer.outcome, answer.paid) == (Outcome.UNKNOWN, None)


def test_an_amount_that_is_a_number_is_not_read():
    answer = paid_answer({**notice_fields(), "total_amount": Decimal("12.34")})
    assert answer.outcome is Outcome.UNKNOWN
