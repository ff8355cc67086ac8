"""What Alipay says about a trade: amounts, times and states, in answers and callbacks alike.

Pure. Alipay names the same things twice: `buyer_user_id`, `send_pay_date`, `fund_channel` in
answers, `buyer_id`, `gmt_payment`, `fundChannel` in callbacks.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.base import Answer, Outcome, Paid
from payment_cli.model.codec import decode_foreign
from payment_cli.model.record import Json

#: China has one time zone and no daylight saving since 1991.
_BEIJING = timezone(timedelta(hours=8))
_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"

_AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2}))?")

#: Both mean paid. TRADE_FINISHED comes as a second callback, long after, when refunds have ended.
_PAID_STATES = ("TRADE_SUCCESS", "TRADE_FINISHED")

#: Kept on the payment, as `zfb_…`: the state, and what reached the merchant after discounts.
_KEPT = ("trade_status", "receipt_amount", "refund_fee")


def fen_to_yuan(fen: int) -> str:
    """Return fen in Alipay's form: yuan with two decimals."""
    return f"{fen // 100}.{fen % 100:02d}"


def yuan_to_fen(text: str) -> int:
    """Read Alipay's yuan ("12.34", "12.3", "12") as fen.

    Raises:
        ValueError: it is no such amount.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError("not an amount in yuan")
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def beijing_time(ams: int) -> str:
    """Return AMS as Alipay writes times: Beijing time to the second."""
    return datetime.fromtimestamp(ams // 1000, _BEIJING).strftime(_TIME_FORMAT)


def beijing_to_ams(text: str) -> int:
    """Read a Beijing time as AMS; 0 if it is none: a time is never worth refusing money for."""
    try:
        moment = datetime.strptime(text[:19], _TIME_FORMAT).replace(tzinfo=_BEIJING)
    except ValueError:
        return 0
    return int(moment.timestamp()) * 1000


def text_of(trade: Mapping[str, Json], *names: str) -> str:
    """Return the first of these fields that is a text with something in it, else ""."""
    for name in names:
        value = trade.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def trade_answer(trade: Mapping[str, Json]) -> Answer:
    """Read the state of a trade from verified fields: PAID, WAITING, FAILED or UNKNOWN."""
    status = text_of(trade, "trade_status")
    if status in _PAID_STATES:
        return paid_answer(trade)
    if status == "WAIT_BUYER_PAY":
        return Answer(Outcome.WAITING, extra=_kept(trade))
    if status == "TRADE_CLOSED" and _was_paid(trade):
        return paid_answer(trade, went_back=True)
    if status == "TRADE_CLOSED":
        return Answer(
            Outcome.FAILED, code=status, message="the trade is closed", extra=_kept(trade)
        )
    return Answer(Outcome.UNKNOWN, code=status[:64], message="a trade status we don't know")


def paid_answer(trade: Mapping[str, Json], *, went_back: bool = False) -> Answer:
    """Return PAID with what Alipay says about the money; UNKNOWN if it can't be read.

    `went_back`: all of it was refunded. So it was, too, where `refund_fee`, which is the sum of all
    refunds, has reached the whole.

    The fee is `total_amount`, of the whole order: `receipt_amount` lacks what Alipay or the
    merchant gave as discount.
    """
    order_no, trade_no = text_of(trade, "out_trade_no"), text_of(trade, "trade_no")
    try:
        fee = yuan_to_fen(text_of(trade, "total_amount"))
    except ValueError:
        return Answer(Outcome.UNKNOWN, message="Alipay says paid, but not how much")
    if not order_no or not trade_no:
        return Answer(Outcome.UNKNOWN, message="Alipay says paid, but not which order")
    paid = Paid(
        order_no=order_no,
        trade_no=trade_no,
        fee=fee,
        # Only trades across borders name a currency; all others are in CNY.
        cur=text_of(trade, "trans_currency") or "CNY",
        payer=text_of(trade, "buyer_user_id", "buyer_id", "buyer_open_id"),
        paid_at=beijing_to_ams(text_of(trade, "gmt_payment", "send_pay_date")),
        paid_by=_funding_source(trade.get("fund_bill_list")),
        went_back=went_back or _refunded(trade) >= fee,
    )
    return Answer(Outcome.PAID, paid=paid, extra=_kept(trade))


def _was_paid(trade: Mapping[str, Json]) -> bool:
    """Whether a closed trade is one whose money came and was refunded, all of it.

    A trade that merely ran out is closed as well, with `gmt_close` and even `refund_fee` "0.00",
    but never was paid: callbacks tell the two apart by `gmt_refund`, answers, which have no such
    field, by `send_pay_date` (both seen in genuine messages).
    """
    return bool(
        text_of(trade, "gmt_refund", "gmt_payment", "send_pay_date") or _refunded(trade) > 0
    )


def _refunded(trade: Mapping[str, Json]) -> int:
    """Return `refund_fee` in fen, 0 where there is none to read."""
    try:
        return yuan_to_fen(text_of(trade, "refund_fee"))
    except ValueError:
        return 0


def _kept(trade: Mapping[str, Json]) -> dict[str, Json]:
    return {f"zfb_{name}": trade[name] for name in _KEPT if text_of(trade, name)}


def _funding_source(bills: Json) -> str:
    """Return the channels of a fund_bill_list (a list, or in callbacks its JSON text), by `+`."""
    if isinstance(bills, str):
        try:
            bills = decode_foreign(bills, "fund_bill_list")
        except InvalidValueError:
            return ""
    if not isinstance(bills, list):
        return ""
    channels = [
        text_of(bill, "fund_channel", "fundChannel") for bill in bills if isinstance(bill, Mapping)
    ]
    return "+".join(dict.fromkeys(channel for channel in channels if channel))[:128]
