"""A payment: its record (seed 001), its states, and the one table of how they change."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from payment_cli.errors import CorruptRecordError, NotAllowedError
from payment_cli.model.history import with_line
from payment_cli.model.record import Json, Record

#: The most entries the short history on a payment keeps; the log has them all.
HISTORY_MAX = 20

RECORD_TYPE = "wn_payment"


class Status(StrEnum):
    """`st` of a payment. OK is absorbing."""

    NEW = "NEW"
    WAIT = "WAIT"
    OK = "OK"
    FAIL = "FAIL"


class Event(StrEnum):
    """What can happen to a payment."""

    SEND = "send"  # an intent to send was recorded
    REFUSE = "refuse"  # the provider definitely created nothing
    PAY = "pay"  # verified money arrived
    FREE = "free"  # fee 0: paid at once
    FAIL = "fail"  # the provider definitely said it will not be paid
    CLOSE = "close"  # we closed it


TRANSITIONS: Mapping[tuple[Status, Event], Status] = {
    (Status.NEW, Event.SEND): Status.WAIT,
    (Status.NEW, Event.FREE): Status.OK,
    (Status.NEW, Event.CLOSE): Status.FAIL,
    (Status.WAIT, Event.REFUSE): Status.NEW,
    (Status.WAIT, Event.PAY): Status.OK,
    (Status.WAIT, Event.FAIL): Status.FAIL,
    (Status.WAIT, Event.CLOSE): Status.FAIL,
}


class Flag(StrEnum):
    """Why money that arrived could not settle (`flag`); it is listed by `pay query --flagged`."""

    LATE = "late"  # arrived after FAIL or close
    DOUBLE = "double"  # the order was already paid by another payment
    ORDER_GONE = "order_gone"  # the order was cancelled, is missing, or does not own this payment
    ORDER_UNREAD = "order_unread"  # the order's record is damaged; judged again when it is not
    REFUNDED = "refunded"  # it was paid, and went back before we heard of it
    AMOUNT = "amount"  # the provider says another amount than was asked for; not OK


class ApplyStatus(StrEnum):
    """`apply_st`: the life of the script of a paid payment. "" means none is owed."""

    DUE = "due"
    CLAIMED = "claimed"  # durable before the script starts; without an outcome: unknown
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"  # an operator decided not to run it (again)


class Payment(NamedTuple):
    """One payment. `fee` and `paid_fee` are fen; every `_at`, `ct`, `lm`, `expi` is AMS, 0 = not.

    `intent` is what is being done at the provider right now: `{kind, owner, deadline, request}`
    with the exact parameters, None when nothing is open. `pay_mch` and `pay_app` name the account
    it was sent through as the provider does, `pay_base` is the address of the API where that was
    spoken to; "" before, and of an older program's until that account knows it. `expi` is
    when the provider's order ends; `pay_by` is when its shop order ends, which the provider's never
    outlives. `absent_count` answers in a row said that the provider knows no such order, though its
    time was up; `absent_at` is when the last of a row came. `paid_cur` is "" when it was paid in
    `cur`. `abandoned_at` is when it was ended though nobody could close it: it may yet be paid.
    `reversed_at` is when we reversed a scan: that gives back what came of it. `extra` keeps
    all other fields: what `create` was given as metadata, and provider fields with their prefix.
    """

    id: str
    ct: int
    lm: int
    brief: str
    fee: int
    cur: str
    seller_id: str
    seller_nm: str
    rev: int = 0
    st: Status = Status.NEW
    re_tp: str = ""
    re_obj: Json = None
    pay_tp: str = ""
    pay_target: str = ""
    pay_mch: str = ""
    pay_app: str = ""
    pay_base: str = ""
    buyer_tp: int = 0
    buyer_id: str = ""
    buyer_nm: str = ""
    len: int = 0
    send_at: int = 0
    close_at: int = 0
    abandoned_at: int = 0
    reversed_at: int = 0
    expi: int = 0
    pay_by: int = 0
    next_check_at: int = 0
    check_count: int = 0
    absent_count: int = 0
    absent_at: int = 0
    trade_no: str = ""
    payer: str = ""
    paid_fee: int = 0
    paid_cur: str = ""
    paid_by: str = ""
    paid_at: int = 0
    or_id: str = ""
    fail_re: str = ""
    flag: str = ""
    view_key: str = ""
    intent: Mapping[str, Json] | None = None
    apply_st: str = ""
    apply_by: str = ""
    apply_at: int = 0
    apply_end_at: int = 0
    apply_code: int | None = None
    apply_re: str = ""
    history: tuple[Json, ...] = ()
    extra: Mapping[str, Json] = MappingProxyType({})

    @property
    def is_of_order(self) -> bool:
        """Whether an order opened it: such a payment ends with its order. `or_id` alone is data."""
        return bool(self.or_id) and self.pay_by > 0

    @property
    def is_final(self) -> bool:
        """Whether it is OK or FAIL."""
        return self.st in (Status.OK, Status.FAIL)

    @property
    def is_awaited(self) -> bool:
        """Whether it waits for its payer: it was sent, and no money came."""
        return self.st is Status.WAIT and self.flag != Flag.AMOUNT

    @property
    def has_other_amount(self) -> bool:
        """Whether it waits for a person: the provider says another amount than was asked for."""
        return self.flag == Flag.AMOUNT and not self.is_final

    @property
    def went_back(self) -> bool:
        """Whether its money was returned before we heard of it: nothing may be delivered for it."""
        return self.flag == Flag.REFUNDED

    @property
    def figures(self) -> str:
        """What was asked for and what came, as a sentence names it."""
        came = f"{self.paid_fee} fen" + (f" in {self.paid_cur}" if self.paid_cur else "")
        return f"asked were {self.fee} fen, the provider says that {came} were paid"

    def on(self, event: Event, now: int, by: str, note: str = "", **changes: Any) -> Self:
        """Return the payment after `event`, with a line of history.

        Raises:
            NotAllowedError: the table has no such transition.
        """
        state = TRANSITIONS.get((self.st, event))
        if state is None:
            allowed = [e.value for (st, e) in TRANSITIONS if st == self.st]
            raise NotAllowedError(
                f"payment {self.id} is {self.st}: {event} is not possible",
                hint=f"possible: {', '.join(allowed)}" if allowed else "it is final",
            )
        if state in (Status.OK, Status.FAIL):
            changes = {"close_at": now, "next_check_at": 0, "intent": None, **changes}
        return self.noted(event, now, by, note, st=state, **changes)

    def noted(self, what: str, now: int, by: str, note: str = "", **changes: Any) -> Self:
        """Return the payment with `changes` and one more line of history, its state untouched."""
        history = with_line(self.history, what, now, by, note, most=HISTORY_MAX)
        return self._replace(lm=now, history=history, **changes)

    def to_record(self) -> Record:
        """Return the record as it is stored; `extra` never holds a field of ours."""
        record: Record = {"id": self.id, "nm": self.id, "tp": RECORD_TYPE}
        for name in FIELD_NAMES:
            record[name] = getattr(self, name)
        record["st"] = str(self.st)
        record["history"] = list(self.history)
        if self.intent is None:
            del record["intent"]
        if self.apply_code is None:
            del record["apply_code"]
        return {**record, **self.extra}

    @classmethod
    def from_record(cls, record: Mapping[str, Json]) -> Self:
        """Read a stored record.

        Raises:
            CorruptRecordError: a field every payment has is missing or impossible.
        """
        known: dict[str, Any] = {k: record[k] for k in FIELD_NAMES if k in record}
        extra = {k: v for k, v in record.items() if k not in CORE_FIELDS}
        try:
            known["st"] = Status(known.get("st", ""))
            known["history"] = tuple(known.get("history", ()))
            return cls(**known, extra=extra)
        except (TypeError, ValueError) as error:
            raise CorruptRecordError(
                f"payment {record.get('id')!a} is not a payment record: {error}"
            ) from error


FIELD_NAMES = tuple(name for name in Payment._fields if name != "extra")

#: Names that metadata may not set.
CORE_FIELDS = frozenset((*FIELD_NAMES, "tp", "nm"))
