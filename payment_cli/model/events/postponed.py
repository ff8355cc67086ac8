"""What a sweep could not do, and until when it is left alone. Pure.

A *sweep* is what cron does again and again: end overdue orders, ask about payments, run scripts.
What fails in one is tried again later, twice as late each time; and it is remembered here and not
in its own record, which may be what can't be read or written. An account that gives no answer is
remembered once, whatever number of things wait for it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.record import Json, Record

#: The waits between two tries: 1 min, 2 min, 4 min … at most an hour; of an account at most 10
#: minutes, for when it answers again all that waits for it is done.
FIRST_MS = 60_000
MAX_MS = 3_600_000
ACCOUNT_MAX_MS = 600_000

#: So much is kept of why a thing could not be done.
WHY_MAX = 500

#: `work` of what is remembered of a whole account.
ACCOUNT = "account"


class Postponed(NamedTuple):
    """One thing that a sweep leaves alone `until` then (AMS).

    `work` is the sweep, `what` the id of the thing in it: an order, a payment; of an account its
    store, family and target in one text. `is_held`: nothing is wrong, it has to wait. `why` is the
    error that came last, its code first.
    """

    id: str
    work: str
    what: str
    store: str
    ct: int
    lm: int
    until: int
    tries: int = 0
    is_held: bool = False
    why: str = ""
    rev: int = 0

    def waits(self, now: int) -> bool:
        """Whether it is left alone now; one that waits too long was written by a wrong clock."""
        return 0 < self.until - now <= MAX_MS

    def again(self, now: int, why: str, *, held_until: int = 0) -> Self:
        """Return it after one more try in vain; `held_until` if it only has to wait (AMS)."""
        most = ACCOUNT_MAX_MS if self.work == ACCOUNT else MAX_MS
        back_off = min(FIRST_MS << min(self.tries, 16), most)
        until = min(max(held_until, now + 1), now + MAX_MS) if held_until else now + back_off
        said = "".join(char if char.isprintable() else " " for char in why).strip()[:WHY_MAX]
        return self._replace(
            lm=now, until=until, tries=self.tries + 1, is_held=bool(held_until), why=said
        )

    @property
    def code(self) -> str:
        """The code of the error that came last."""
        return self.why.partition(":")[0]

    def to_record(self) -> Record:
        """Return the record as it is stored."""
        record: Record = {"nm": self.id, "tp": "postponed"}
        return {**record, **self._asdict()}

    @classmethod
    def from_record(cls, record: Mapping[str, Json]) -> Self:
        """Read a stored record.

        Raises:
            CorruptRecordError: a field that each has is missing or impossible.
        """
        what = f"postponed {record.get('id')!a}"
        with reading_stored(what):
            given = Fields(record, what)
            known: dict[str, Any] = {name: given.required_text(name) for name in _TEXT_NAMES}
            known |= {name: given.whole(name) for name in _WHOLE_NAMES}
            return cls(
                **known,
                store=given.text("store"),
                is_held=given.flag("is_held"),
                why=given.text("why", max_len=WHY_MAX),
            )


_TEXT_NAMES = ("id", "work", "what")
_WHOLE_NAMES = ("ct", "lm", "until", "tries", "rev")
