"""Verified money becomes state: the one place where a payment turns OK, and the one where FAIL.

Callback, check, watch, close and the send of a scan all pass here, inside their own transaction.
Whichever is first wins; the others see it done.

What follows for the shop is somebody else's list (services/consequences.py), reached through the
two methods of `Effects`. It never keeps money from being recorded: what can't be done is owed, and
the payment's history says so.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from payment_cli.errors import UntrustedError
from payment_cli.model.codec import storable
from payment_cli.model.money import same_currency
from payment_cli.model.payments.payment import ApplyStatus, Event, Flag, Payment, Status
from payment_cli.model.record import Json, Record
from payment_cli.services.payments.records import save
from payment_cli.storage.base import Reader, Transaction

if TYPE_CHECKING:  # creating a payment settles a free one, and speaks to no gateway
    from payment_cli.gateways.base import Paid


def check_order_no(payment: Payment, paid: "Paid") -> None:
    """See that the provider speaks of this payment.

    Raises:
        UntrustedError: it speaks of another. Nothing may change then.
    """
    if paid.order_no != payment.id:
        raise UntrustedError(
            f"payment {payment.id}: the provider speaks of another order",
            hint="nothing was changed; look this order up at the provider itself",
        )


def is_as_asked(payment: Payment, paid: "Paid") -> bool:
    """Whether amount and currency are what was asked for."""
    return paid.fee == payment.fee and same_currency(paid.cur, payment.cur)


class Moment(StrEnum):
    """What happened to a payment, for those whom it concerns."""

    PAID = "paid"  # verified money settled it
    FLAGGED = "flagged"  # verified money came that can't settle it: `flag` says why
    FAILED = "failed"  # its provider says that it will not be paid
    CLOSED = "closed"  # we closed it ourselves


class Owed(NamedTuple):
    """A step that could not be done now, and why; it is done later, by `payment tick`."""

    step: str
    reason: str


class Effects(Protocol):
    """What a payment's moments mean for others, as `app` hands it over."""

    def judge(self, reader: Reader, payment: Payment) -> Flag | None:
        """Return why money may not settle what `payment` pays for; None if it may. Write nothing.

        Raises:
            StorageError, LockedError: nothing can be read now.
        """

    def follow(
        self, tx: Transaction, moment: Moment, payment: Payment, *, now: int, by: str
    ) -> tuple[Owed, ...]:
        """Do what follows in `tx`; return what could not be done and is owed from now on.

        Raises:
            StorageError, LockedError: nothing can be written now.
        """


class Settlement:
    """Settles verified money on payments."""

    def __init__(self, effects: Callable[[], Effects]) -> None:
        """Settle with `effects`, which makes the list of what follows when it is needed."""
        self.effects = effects

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

        A payment that has this trade already is returned as it is (a duplicate). Money that can't
        settle it is flagged, never dropped: `amount` when it is not what was asked for (the state
        stays), `late` after FAIL, `refunded` when it went back before we heard of it (but for what
        our own reversal gave back), `double` when another trade paid an OK payment. Whatever came
        beside the first trade is in `double_trades`, and its sum in `double_fee`.

        Raises:
            UntrustedError: `paid` speaks of another payment; nothing is changed.
        """
        check_order_no(payment, paid)
        paid = _as_recorded(paid)
        if payment.is_final and _has_money(payment):
            return self._another_trade(tx, payment, paid, now=now, by=by)
        facts = _facts(payment, paid, extra or {})
        if payment.st is Status.FAIL and payment.reversed_at and paid.went_back:
            return _given_back(tx, payment, paid, now=now, by=by, **facts)
        if payment.st is Status.FAIL:
            flag = Flag.REFUNDED if paid.went_back else Flag.LATE
            late = payment.noted(
                "late money", now, by, _said(payment, paid), flag=str(flag), **facts
            )
            return self._follow(tx, Moment.FLAGGED, late, late, now=now, by=by)
        if payment.st is Status.NEW:
            # The provider took an order whose send looked refused: its word is the newer one.
            payment = payment.on(Event.SEND, now, by, "the provider had taken it")
        if not is_as_asked(payment, paid):
            return self._other_amount(tx, payment, paid, now=now, by=by, **facts)
        others = _other_money(payment, paid)
        if payment.has_other_amount:
            facts["extra"] = {**facts["extra"], **_doubles(others)}
        payment = self._turn_ok(
            tx, payment, Event.PAY, now=now, by=by, note=paid.trade_no,
            went_back=paid.went_back, **facts,
        )  # fmt: skip
        if not others:
            return payment
        double = payment.noted(
            "another trade", now, by, str(others[0]["trade_no"]),
            flag=payment.flag or str(Flag.DOUBLE),
        )  # fmt: skip
        return self._follow(tx, Moment.FLAGGED, double, double, now=now, by=by)

    def _other_amount(
        self,
        tx: Transaction,
        payment: Payment,
        paid: "Paid",
        *,
        now: int,
        by: str,
        **facts: Any,
    ) -> Payment:
        """Flag money that is not what was asked for; a person decides, and nobody asks again."""
        if payment.has_other_amount:
            if paid.trade_no not in (payment.trade_no, ""):
                return self._another_trade(tx, payment, paid, now=now, by=by)
            if (facts["paid_fee"], facts["paid_cur"]) == (payment.paid_fee, payment.paid_cur):
                return payment
        flagged = payment.noted(
            "another amount", now, by, _said(payment, paid),
            flag=str(Flag.AMOUNT), next_check_at=0, intent=None, **facts,
        )  # fmt: skip
        return self._follow(tx, Moment.FLAGGED, flagged, flagged, now=now, by=by)

    def _another_trade(
        self, tx: Transaction, payment: Payment, paid: "Paid", *, now: int, by: str
    ) -> Payment:
        """Record a trade beside the first, unless it is known; flag it if its money is here."""
        if not paid.trade_no or paid.trade_no in _trades(payment):
            return payment
        double = _with_another_trade(payment, paid, now, by)
        if paid.went_back:
            return save(tx, double)
        told = double._replace(trade_no=paid.trade_no, paid_fee=paid.fee)
        return self._follow(tx, Moment.FLAGGED, double, told, now=now, by=by)

    def fail(
        self,
        tx: Transaction,
        payment: Payment,
        event: Event,
        reason: str,
        *,
        now: int,
        by: str,
        moment: Moment = Moment.FAILED,
        **changes: Any,
    ) -> Payment:
        """Turn `payment` FAIL by `event` (fail or close) for `reason`; return it as stored.

        `moment` is FAILED by its provider's word, CLOSED by ours.
        """
        failed = payment.on(event, now, by, reason, fail_re=reason, **changes)
        return self._follow(tx, moment, failed, failed, now=now, by=by)

    def settle_free(self, tx: Transaction, payment: Payment, *, now: int, by: str) -> Payment:
        """Turn a new payment of fee 0 OK; return it as stored."""
        return self._turn_ok(tx, payment, Event.FREE, now=now, by=by)

    def judge_again(self, tx: Transaction, payment: Payment, *, now: int, by: str) -> Payment:
        """Judge money anew whose order could not be judged when it came; return it as stored.

        Only the flags that say so are looked at again; any other verdict stands.
        """
        if payment.st is not Status.OK or payment.flag not in (Flag.ORDER_UNREAD, Flag.ORDER_GONE):
            return payment
        flag = self.effects().judge(tx, payment)
        note = f"order: {flag or 'it can be settled'}"
        judged = payment.noted("judged again", now, by, note, **_verdict(payment, flag))
        moment = Moment.FLAGGED if flag else Moment.PAID
        return self._follow(tx, moment, judged, judged, now=now, by=by)

    def _turn_ok(
        self,
        tx: Transaction,
        payment: Payment,
        event: Event,
        *,
        now: int,
        by: str,
        note: str = "",
        went_back: bool = False,
        **facts: Any,
    ) -> Payment:
        """The one place where a payment turns OK, with everything that follows from it.

        Money that can't settle its order, or is not here any more, is flagged, and its script is
        not run: nothing may be delivered for it.
        """
        flag = Flag.REFUNDED if went_back else None
        if payment.or_id and flag is None:
            flag = self.effects().judge(tx, payment._replace(**facts))
        paid = payment.on(event, now, by, note, **facts, **_verdict(payment, flag))
        moment = Moment.FLAGGED if flag else Moment.PAID
        return self._follow(tx, moment, paid, paid, now=now, by=by)

    def _follow(
        self,
        tx: Transaction,
        moment: Moment,
        payment: Payment,
        told: Payment,
        *,
        now: int,
        by: str,
    ) -> Payment:
        """Do what follows for the shop, and save the payment; `told` is what others hear of it."""
        owed: tuple[Owed, ...] = ()
        if payment.or_id:
            owed = self.effects().follow(tx, moment, told, now=now, by=by)
        for step, reason in owed:
            payment = payment.noted("owed", now, by, f"{step}: {reason}")
        return save(tx, payment)


def _given_back(
    tx: Transaction, payment: Payment, paid: "Paid", *, now: int, by: str, **facts: Any
) -> Payment:
    """Record money that our own reversal gave back: nobody has to look after it."""
    if paid.trade_no == payment.trade_no:
        return payment
    return save(tx, payment.noted("given back", now, by, _said(payment, paid), **facts))


def _as_recorded(paid: "Paid") -> "Paid":
    """Return what the provider says, its texts as a record can hold them."""
    from dataclasses import replace  # only money needs it

    return replace(
        paid,
        trade_no=storable(paid.trade_no),
        payer=storable(paid.payer),
        paid_by=storable(paid.paid_by),
    )


def _texts_as_recorded(extra: dict[str, Json]) -> dict[str, Json]:
    return {
        name: storable(value) if isinstance(value, str) else value for name, value in extra.items()
    }


def _verdict(payment: Payment, flag: Flag | None) -> dict[str, str]:
    """Return what a verdict sets: the flag, or that the payment's script is due."""
    if flag is not None:
        return {"flag": str(flag)}
    return {"flag": "", "apply_st": str(ApplyStatus.DUE) if payment.len else ""}


def _has_money(payment: Payment) -> bool:
    """Whether a trade of this final payment is recorded."""
    return payment.st is Status.OK or bool(payment.flag)


def _facts(payment: Payment, paid: "Paid", extra: dict[str, Json]) -> dict[str, Any]:
    """Return what a payment keeps of the money that came for it."""
    return {
        "trade_no": paid.trade_no,
        "payer": paid.payer,
        "paid_fee": paid.fee,
        "paid_cur": "" if same_currency(paid.cur, payment.cur) else paid.cur,
        "paid_by": paid.paid_by,
        "paid_at": paid.paid_at,
        "extra": {**payment.extra, **_texts_as_recorded(extra)},
    }


def _said(payment: Payment, paid: "Paid") -> str:
    """Return the trade, with both figures if they differ, for a line of history."""
    if is_as_asked(payment, paid):
        return paid.trade_no
    asked, came = f"{payment.fee} {payment.cur}", f"{paid.fee} {paid.cur}"
    return f"{paid.trade_no} asked {asked}, paid {came}"


def _trades(payment: Payment) -> list[Json]:
    """Return the numbers of all trades that paid it."""
    return [payment.trade_no, *(trade["trade_no"] for trade in _more_trades(payment))]


def _more_trades(payment: Payment) -> list[Record]:
    rows = payment.extra.get("double_trades")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _other_money(payment: Payment, paid: "Paid") -> list[Record]:
    """Return the trades of another amount that came before `paid`, which is as asked."""
    if not payment.has_other_amount:
        return []
    first = _row(payment.trade_no, payment.paid_fee, payment.paid_at, payment.paid_cur)
    rows = [first, *_more_trades(payment)]
    return [row for row in rows if row["trade_no"] not in ("", paid.trade_no)]


def _with_another_trade(payment: Payment, paid: "Paid", now: int, by: str) -> Payment:
    cur = "" if same_currency(paid.cur, payment.cur) else paid.cur
    row = _row(paid.trade_no, paid.fee, paid.paid_at, cur)
    if paid.went_back:
        row["went_back"] = True
    extra = {**payment.extra, **_doubles([*_more_trades(payment), row])}
    flag = payment.flag or ("" if paid.went_back else str(Flag.DOUBLE))
    return payment.noted("another trade", now, by, _said(payment, paid), flag=flag, extra=extra)


def _row(trade_no: str, fee: int, paid_at: int, cur: str) -> Record:
    """Return a row of `double_trades`; `cur` is "" if it is the payment's own."""
    row: Record = {"trade_no": trade_no, "fee": fee, "paid_at": paid_at}
    return {**row, "cur": cur} if cur else row


def _doubles(rows: list[Record]) -> Record:
    """Return the fields for what came beside the first trade.

    `double_fee` is what of it is here, in the payment's own currency: it did not go back.
    """
    here = [row["fee"] for row in rows if not row.get("went_back") and not row.get("cur")]
    return {
        "double_trades": [*rows],
        "double_fee": sum(fee for fee in here if isinstance(fee, int)),
    }
