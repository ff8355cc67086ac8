"""A hook: a store's own script for an event, `~/.payment/hook/<event>`, and its one run.

The run is owed as a row of the outbox, written in the commit in which the event happened:
due → claimed (durable, before the script starts) → done, and then it is gone, or failed. A claimed
one without an outcome may have run; an operator decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from payment_cli.model.fields import Fields, reading_stored
from payment_cli.model.record import Json, Record

#: `what` of its row in the outbox.
HOOK = "hook"


class HookStatus(StrEnum):
    """`st` of a run. A done one is removed: its order's history has the fact."""

    DUE = "due"
    CLAIMED = "claimed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class HookRun:
    """One run of the hook of `event`, for `store`; `document` is what the script is told.

    `claim` says who runs it, `at` since when (AMS). `re` is why it is not done.
    """

    id: str
    ct: int
    lm: int
    event: str
    store: str
    or_id: str
    document: Mapping[str, Json]
    st: HookStatus = HookStatus.DUE
    claim: str = ""
    at: int = 0
    tries: int = 0
    re: str = ""
    rev: int = 0

    def claimed(self, claim: str, now: int) -> Self:
        """Return the run as `claim` is about to start it."""
        return replace(
            self,
            lm=now,
            st=HookStatus.CLAIMED,
            claim=claim,
            at=now,
            tries=self.tries + 1,
            re=f"started by {claim}, and no outcome yet",
        )

    def due_again(self, reason: str, now: int) -> Self:
        """Return the claimed run, of which nothing ran, as it is to be tried again."""
        tries = self.tries - 1
        return replace(self, lm=now, st=HookStatus.DUE, claim="", at=0, tries=tries, re=reason)

    def failed(self, reason: str, now: int) -> Self:
        """Return the run as it failed; it is not tried again by itself."""
        return replace(self, lm=now, st=HookStatus.FAILED, tries=max(1, self.tries), re=reason)

    def to_row(self) -> Record:
        """Return the row of the outbox."""
        return {
            "id": self.id,
            "nm": self.id,
            "tp": "outbox",
            "what": HOOK,
            "ct": self.ct,
            "lm": self.lm,
            "event": self.event,
            "store": self.store,
            "or_id": self.or_id,
            "data": dict(self.document),
            "st": str(self.st),
            "claim": self.claim,
            "at": self.at,
            "tries": self.tries,
            "re": self.re,
            "rev": self.rev,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Json]) -> Self:
        """Read a row of the outbox.

        Raises:
            CorruptRecordError: it owes no run of a hook.
        """
        what = f"hook {row.get('id')!a}"
        with reading_stored(what):
            given = Fields(row, what)
            return cls(
                id=given.required_text("id"),
                ct=given.whole("ct"),
                lm=given.whole("lm"),
                event=given.required_text("event"),
                store=given.required_text("store"),
                or_id=given.required_text("or_id"),
                document=given.mapping("data"),
                st=given.word("st", HookStatus),
                claim=given.text("claim"),
                at=given.whole("at"),
                tries=given.whole("tries"),
                re=given.text("re", max_len=1000),
                rev=given.whole("rev"),
            )
