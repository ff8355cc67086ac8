"""What follows from "paid": ONE function, called wherever a payment may turn OK.

Callback, check, watch, close and the send of a scan all pass here, inside their own transaction.
Whichever is first wins; the others see it done.
"""

from dataclasses import dataclass
from typing import Any

from payment_cli.errors import UntrustedError
from payment_cli.gateways.base import Paid
from payment_cli.model.payment import ApplyStatus, Event, Flag, Payment, Status
from payment_cli.model.record import Json
from payment_cli.storage.base import Collection, Transaction

PAYMENTS = Collection("payment")


def wire_currency(cur: str) -> str:
    """Return the ISO code of a currency as providers write it: RMB is CNY."""
    return "CNY" if cur == "RMB" else cur


def check_paid(payment: Payment, paid: Paid) -> None:
    """Compare what the provider says was paid with what was asked for.

    Raises:
        UntrustedError: order number, amount or currency do not agree. Nothing may change then.
    """
    if paid.order_no != payment.id:
        raise UntrustedError(f"payment {payment.id}: the provider speaks of another order")
    if paid.fee != payment.fee:
        raise UntrustedError(
            f"payment {payment.id}: the provider says {paid.fee} fen, asked were {payment.fee}"
        )
    if wire_currency(paid.cur) != wire_currency(payment.cur):
        raise UntrustedError(f"payment {payment.id}: paid in {paid.cur}, asked in {payment.cur}")


@dataclass(frozen=True, slots=True)
class Settlement:
    """Settles verified money on payments."""

    def settle(
        self,
        tx: Transaction,
        payment: Payment,
        paid: Paid,
        *,
        now: int,
        by: str,
        extra: dict[str, Json] | None = None,
    ) -> Payment:
        """Record verified money on `payment` and what follows from it; return it as stored.

        A payment already OK by the same trade is returned as it is (a duplicate). Money for a
        payment that can't take it any more is flagged, never dropped: `late` after FAIL,
        `double` when a second trade paid an OK payment.

        Raises:
            UntrustedError: `paid` does not fit the payment; nothing is changed.
        """
        check_paid(payment, paid)
        if payment.st is Status.OK:
            if not paid.trade_no or paid.trade_no in (payment.trade_no, _second_trade(payment)):
                return payment
            return save(tx, _second_payment(payment, paid, now, by))
        facts = {
            "trade_no": paid.trade_no,
            "payer": paid.payer,
            "paid_fee": paid.fee,
            "paid_by": paid.paid_by,
            "paid_at": paid.paid_at,
            "extra": {**payment.extra, **(extra or {})},
        }
        if payment.st is Status.FAIL:
            if payment.flag == Flag.LATE:
                return payment
            return save(
                tx,
                payment.noted("late money", now, by, paid.trade_no, flag=str(Flag.LATE), **facts),
            )
        if payment.st is Status.NEW:
            # The provider took an order whose send looked refused: its word is the newer one.
            payment = payment.on(Event.SEND, now, by, "the provider had taken it")
        if payment.len:
            facts["apply_st"] = str(ApplyStatus.DUE)
        return save(tx, payment.on(Event.PAY, now, by, paid.trade_no, **facts))

    def fail(
        self,
        tx: Transaction,
        payment: Payment,
        event: Event,
        reason: str,
        *,
        now: int,
        by: str,
        **changes: Any,
    ) -> Payment:
        """Turn `payment` FAIL by `event` (fail or close) for `reason`; return it as stored."""
        return save(tx, payment.on(event, now, by, reason, fail_re=reason, **changes))

    def settle_free(self, tx: Transaction, payment: Payment, *, now: int, by: str) -> Payment:
        """Turn a new payment of fee 0 OK; return it unsaved, for its insert."""
        due = {"apply_st": str(ApplyStatus.DUE)} if payment.len else {}
        return payment.on(Event.FREE, now, by, **due)


def save(tx: Transaction, payment: Payment) -> Payment:
    """Write a changed payment in `tx` and return it as stored."""
    return Payment.from_record(tx.put(PAYMENTS, payment.to_record()))


def load(tx: Transaction, payment_id: str) -> Payment:
    """Read a payment in `tx`; nobody else changes it until `tx` ends."""
    return Payment.from_record(tx.get(PAYMENTS, payment_id))


def _second_trade(payment: Payment) -> Json:
    second = payment.extra.get("double_trade_no")
    return second if isinstance(second, str) else None


def _second_payment(payment: Payment, paid: Paid, now: int, by: str) -> Payment:
    extra = {**payment.extra, "double_trade_no": paid.trade_no, "double_fee": paid.fee}
    return payment.noted(
        "second payment", now, by, paid.trade_no, flag=str(Flag.DOUBLE), extra=extra
    )
