"""What a hand-edited file may say of a record that commands have made: what they could have done.

A state moves only as its transition table allows, and what has been paid stays as it was paid.
Everything else is the operator's to write.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from payment_cli.model.payments import payment as payments
from payment_cli.model.record import Record
from payment_cli.model.shop import coupon, order_state

_State = TypeVar("_State", bound=StrEnum)

#: What is fixed once money came, by kind: whose it was, how much, for what, and what it has caused.
_MONEY = (
    "fee", "cur", "paid_fee", "paid_cur", "paid_by", "paid_at", "trade_no", "payer", "seller_id",
    "pay_tp", "pay_target", "pay_mch", "pay_app", "or_id", "reversed_at", "flag", "apply_st",
)  # fmt: skip
_ORDER_MONEY = (
    "ord_ws", "ord_currency", "ord_price", "total", "freight", "discount", "ord_ds", "coupons",
    "sto_id", "seller", "pay_id", "pay_ids", "stock", "ok_at",
)  # fmt: skip


def why_not(kind: str, before: Record, after: Record) -> str:
    """Return why a record may not become what a hand-edited file says, "" if it may."""
    rule = _RULES.get(kind)
    if rule is None:
        return ""
    field, steps = rule
    was, becomes = str(before.get(field, "")), str(after.get(field, ""))
    if was != becomes and (was, becomes) not in steps:
        return f"{field} does not go from {was} to {becomes[:20]!a}"
    if kind == "payment":
        return _payment(before, after)
    if kind == "order" and was in order_state.PAID:
        return _changed(_ORDER_MONEY, before, after)
    return ""


def _payment(before: Record, after: Record) -> str:
    is_free = before.get("fee") == 0 and after.get("fee") == 0
    if (
        before.get("st") == payments.Status.NEW
        and after.get("st") == payments.Status.OK
        and not is_free
    ):
        return "st does not go from NEW to 'OK': nothing was paid"
    if before.get("st") == payments.Status.OK or before.get("paid_fee"):
        return _changed(_MONEY, before, after)
    return ""


def _changed(fields: tuple[str, ...], before: Record, after: Record) -> str:
    changed = [name for name in fields if before.get(name) != after.get(name)]
    return f"it is paid, and {', '.join(changed)} can't change" if changed else ""


def _steps(table: Mapping[tuple[_State, Any], _State]) -> frozenset[tuple[str, str]]:
    return frozenset((str(state), str(after)) for (state, _), after in table.items())


#: kind -> the field of its state, and each step that its table has.
_RULES: dict[str, tuple[str, frozenset[tuple[str, str]]]] = {
    "payment": ("st", _steps(payments.TRANSITIONS)),
    "order": ("ord_status", _steps(order_state.TRANSITIONS)),
    "coupon": ("cpn_stat", _steps(coupon.TRANSITIONS)),
}
