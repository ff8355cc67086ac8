"""What is owed: a step that could not be done in the commit that called for it, as an outbox row.

The row keeps ids, never documents: when the step is done at last, it goes by what the records say
then. `payment tick` retries it, `payment owed` lists it, and an operator may give it up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.record import Json, Record
from payment_cli.services.events.outbox import OWED, outbox_row


@dataclass(frozen=True, slots=True)
class Debt:
    """One owed step. `payment_id` "" where an order ended without one.

    `flag`, `trade_no` and `paid_fee` (fen) are of the money it is about: a payment may have got
    more than once. `told` is the event that the store hears of an order that ended.
    """

    moment: str
    step: str
    store: str
    order_id: str
    payment_id: str = ""
    told: str = ""
    flag: str = ""
    trade_no: str = ""
    paid_fee: int = 0

    def to_row(self, row_id: str, now: int, why: str) -> Record:
        """Return the outbox row that owes it, with the reason of the first try."""
        data: dict[str, Json] = {name: getattr(self, name) for name in _NAMES}
        return {**outbox_row(row_id, now, OWED, **data), "tries": 1, "re": why}

    @classmethod
    def from_row(cls, row: Mapping[str, Json]) -> Self:
        """Read an outbox row.

        Raises:
            CorruptRecordError: it owes no step.
        """
        what = f"outbox {row.get('id')!a}"
        with reading_stored(what):
            data = Fields(Fields(row, what).mapping("data"), what)
            texts = {name: data.text(name) for name in _NAMES if name != "paid_fee"}
            return cls(**texts, paid_fee=data.whole("paid_fee"))


_NAMES = (
    "moment", "step", "store", "order_id", "payment_id", "told", "flag", "trade_no", "paid_fee",
)  # fmt: skip
