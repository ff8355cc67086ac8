"""A hand-edited file is adopted where it says what commands could have done, and nowhere else."""

import pytest

from payment_cli.model.record import Record
from payment_cli.services.upkeep.adoption import why_not

PAID: Record = {
    "id": "p", "st": "OK", "fee": 100, "paid_fee": 100, "seller_id": "demo", "brief": "tea",
    "apply_st": "done",
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "field", "was", "becomes"),
    [
        ("payment", "st", "OK", "WAIT"), ("payment", "st", "OK", "NEW"),
        ("payment", "st", "OK", "FAIL"), ("payment", "st", "FAIL", "OK"),
        ("payment", "st", "NEW", "paid"), ("payment", "st", "NEW", "OK"),
        ("payment", "st", "OK", ""),
        ("order", "ord_status", "OK", "NW"), ("order", "ord_status", "CA", "OK"),
        ("coupon", "cpn_stat", "used", "free"),
    ],
)  # fmt: skip
def test_a_state_moves_only_as_its_table_says(
    kind: str, field: str, was: str, becomes: str
) -> None:
    why = why_not(kind, {"id": "x", "fee": 1, field: was}, {"id": "x", "fee": 1, field: becomes})
    assert why.startswith(f"{field} does not go from {was}")


@pytest.mark.parametrize(
    ("kind", "field", "was", "becomes"),
    [
        ("payment", "st", "NEW", "WAIT"), ("payment", "st", "WAIT", "FAIL"),
        ("order", "ord_status", "SP", "DN"), ("coupon", "cpn_stat", "reserved", "free"),
        ("thing", "st", "OK", "NEW"),
    ],
)  # fmt: skip
def test_what_a_command_could_have_done_may_be_adopted(
    kind: str, field: str, was: str, becomes: str
) -> None:
    assert why_not(kind, {"id": "x", field: was}, {"id": "x", field: becomes}) == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fee", 1), ("paid_fee", 1), ("seller_id", "other"), ("apply_st", "due"),
        ("trade_no", "9"), ("or_id", "o9"), ("flag", "late"),
    ],
)  # fmt: skip
def test_what_was_paid_stays_as_it_was_paid(field: str, value: object) -> None:
    assert field in why_not("payment", PAID, {**PAID, field: value})  # type: ignore[dict-item]
    late = {**PAID, "st": "FAIL"}
    assert field in why_not("payment", late, {**late, field: value})  # type: ignore[dict-item]


@pytest.mark.parametrize("state", ["OK", "SP", "DN"])
def test_a_paid_order_keeps_what_was_sold(state: str) -> None:
    order: Record = {"id": "o", "ord_status": state, "total": 100, "note": ""}
    assert "total" in why_not("order", order, {**order, "total": 1})
    assert why_not("order", order, {**order, "note": "called"}) == ""


def test_its_other_fields_are_the_operators() -> None:
    assert why_not("payment", PAID, {**PAID, "brief": "green tea", "note": "called"}) == ""
    waiting = {**PAID, "st": "WAIT", "paid_fee": 0}
    assert why_not("payment", waiting, {**waiting, "fee": 50}) == ""


def test_a_free_payment_may_become_paid() -> None:
    free: Record = {"id": "p", "st": "NEW", "fee": 0}
    assert why_not("payment", free, {**free, "st": "OK"}) == ""
