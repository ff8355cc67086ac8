"""The doctor's look at what sweeps could not do: what is postponed, why, and until when."""

from collections.abc import Iterable, Iterator
from itertools import islice

from payment_cli.model.events.postponed import ACCOUNT, Postponed
from payment_cli.model.finding import Finding, warn

#: So much that is postponed is told one by one.
POSTPONED_MAX = 20

_MINUTE_MS = 60_000


def examine_postponed(rows: Iterable[Postponed], now: int) -> Iterator[Finding]:
    """Yield what failed and is postponed: accounts first, then the longest since."""
    failed = sorted(
        (row for row in rows if not row.is_held),
        key=lambda row: (row.work != ACCOUNT, row.ct, row.what),
    )
    for row in islice(failed, POSTPONED_MAX):
        yield warn("postponed", _said(row, now), _hint(row))
    if len(failed) > POSTPONED_MAX:
        more = f"{len(failed) - POSTPONED_MAX} more could not be done"
        yield warn("postponed", more, "mend what is listed, then `payment tick --all`")


def _said(row: Postponed, now: int) -> str:
    minutes = -(-(row.until - now) // _MINUTE_MS)
    when = f"in {minutes} min" if row.waits(now) else "in the next run"
    times = "once" if row.tries == 1 else f"{row.tries} times"
    return f"{row.work} {row.what} failed {times}, is tried again {when}: {row.why}"


def _hint(row: Postponed) -> str:
    if row.work == ACCOUNT:
        return "all that waits for it waits; mend it, then `payment tick --all`"
    return "mend it, then `payment tick --all`; of a payment `pay check --pending --all`"
