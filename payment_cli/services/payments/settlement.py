"""What follows from "paid": ONE function, called wherever a payment may turn OK.

Callback, check, watch, close and the send of a scan all pass here, inside their own transaction.
Whichever is first wins; the others see it done.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from payment_cli.errors import UntrustedError
from payment_cli.model.money import same_currency
from payment_cli.model.payments.payment import ApplyStatus, Event, Flag, Payment, Status
from payment_cli.model.record import Json, Record
from payment_cli.services.payments.records import save
from payment_cli.storage.base import Transaction

if TYPE_CHECKING:  # creating a payment settles a free one, and speaks to no gateway
    from payment_cli.gateways.base import Paid


def check_paid(payment: Payment, paid: "Paid") -> None:
    """Compare what the provider says was paid with what was asked for.

    Raises:
        UntrustedError: order number, amount or currency do not agree. Nothing may change then.
    """
    if paid.order_no != payment.id:
        raise _unfit(payment, "the provider speaks of another order")
    if paid.fee != payment.fee:
        raise _unfit(payment, f"the provider says {paid.fee} fen, asked were {payment.fee}")
    if not same_currency(paid.cur, payment.cur):
        raise _unfit(payment, f"paid in {paid.cur}, asked in {payment.cur}")


def _unfit(payment: Payment, what: str) -> UntrustedError:
    return UntrustedError(
        f"payment {payment.id}: {what}",
        hint="nothing was changed; look this order up at the provider itself",
    )


@dataclass(frozen=True, slots=True)
class Settlement:
    """Settles verified money on payments."""

    def settle(
        self,
        tx: Transaction,
        payment: Payment,
        paid: "Paid",
        *,
        now: int,
        by: str,
        extra: dict[str, Json] | None = None,
    ) -> Payment:
        """Record verified money on `payment` and what follows from it; return it as stored.

        A payment already OK by the same trade is returned as it is (a duplicate). Money for a
        payment that can't take it any more is flagged, never dropped: `late` after FAIL,
        `double` when another trade paid an OK payment. Whatever came beside the first trade is in
        `double_trades`, and its sum in `double_fee`.

        Raises:
            UntrustedError: `paid` does not fit the payment; nothing is changed.
        """
        check_paid(payment, paid)
        if payment.st is Status.OK or payment.flag == Flag.LATE:
            if not paid.trade_no or paid.trade_no in _trades(payment):
                return payment
            double = _with_another_trade(payment, paid, now, by)
            _tell_flagged(tx, replace(double, trade_no=paid.trade_no, paid_fee=paid.fee), now)
            return save(tx, double)
        facts = {
            "trade_no": paid.trade_no,
            "payer": paid.payer,
            "paid_fee": paid.fee,
            "paid_by": paid.paid_by,
            "paid_at": paid.paid_at,
            "extra": {**payment.extra, **(extra or {})},
        }
        if payment.st is Status.FAIL:
            late = payment.noted("late money", now, by, paid.trade_no, flag=str(Flag.LATE), **facts)
            _tell_flagged(tx, late, now)
            return save(tx, late)
        if payment.st is Status.NEW:
            # The provider took an order whose send looked refused: its word is the newer one.
            payment = payment.on(Event.SEND, now, by, "the provider had taken it")
        return self._turn_ok(tx, payment, Event.PAY, now=now, by=by, note=paid.trade_no, **facts)

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
        failed = save(tx, payment.on(event, now, by, reason, fail_re=reason, **changes))
        if failed.or_id:
            from payment_cli.services.consequences import on_failed

            on_failed(tx, failed, now=now, by=by)
        return failed

    def settle_free(self, tx: Transaction, payment: Payment, *, now: int, by: str) -> Payment:
        """Turn a new payment of fee 0 OK; return it as stored."""
        return self._turn_ok(tx, payment, Event.FREE, now=now, by=by)

    @staticmethod
    def _turn_ok(
        tx: Transaction,
        payment: Payment,
        event: Event,
        *,
        now: int,
        by: str,
        note: str = "",
        **facts: Any,
    ) -> Payment:
        """The one place where a payment turns OK, with everything that follows from it.

        Money that can't settle its order is flagged, and its script is not run: nothing may be
        delivered for it.
        """
        flag = None
        if payment.or_id:
            from payment_cli.services.consequences import on_paid

            flag = on_paid(tx, replace(payment, **facts), now=now, by=by)
        if flag is not None:
            facts["flag"] = str(flag)
        elif payment.len:
            facts["apply_st"] = str(ApplyStatus.DUE)
        return save(tx, payment.on(event, now, by, note, **facts))


def _tell_flagged(tx: Transaction, payment: Payment, now: int) -> None:
    """Let the order's store know of money that can't settle."""
    if payment.or_id:
        from payment_cli.services.consequences import on_flagged

        on_flagged(tx, payment, now=now)


def _trades(payment: Payment) -> list[Json]:
    """Return the numbers of all trades that paid it."""
    return [payment.trade_no, *(trade["trade_no"] for trade in _more_trades(payment))]


def _more_trades(payment: Payment) -> list[Record]:
    rows = payment.extra.get("double_trades")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _with_another_trade(payment: Payment, paid: "Paid", now: int, by: str) -> Payment:
    trades: list[Json] = [
        *_more_trades(payment),
        {"trade_no": paid.trade_no, "fee": paid.fee, "paid_at": paid.paid_at},
    ]
    double_fee = paid.fee * len(trades)  # each is the payment's fee, or it was not trusted
    extra = {**payment.extra, "double_trades": trades, "double_fee": double_fee}
    flag = payment.flag or str(Flag.DOUBLE)
    return payment.noted("another trade", now, by, paid.trade_no, flag=flag, extra=extra)
