"""One round of a sweep: what all sweeps do alike with what is due.

- What failed is *postponed*, with a back-off, in a record of its own (postponements.py), and the
  round goes on. Failures have a budget of their own: they never take that of what can be done.
- What never failed comes first, so that failures never fill a round, however many there are.
- Stores take turns, and in a store its accounts: who has much to do keeps nobody waiting.
- An account that failed a few times in a row, or that failed before and does again, is left alone,
  with all that waits for it.
- Where not even the failure can be written down, the disk is full or read-only: the round ends.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, zip_longest
from typing import Final, NamedTuple, TypeVar

from payment_cli.errors import (
    ConfigError,
    CorruptRecordError,
    ElsewhereError,
    LockedError,
    OtherAccountError,
    OutcomeUnknownError,
    PaymentError,
    ProviderRefusedError,
    StorageError,
)
from payment_cli.model.events.postponed import ACCOUNT, MAX_MS, Postponed
from payment_cli.services.events.postponements import Postponements

#: So many failures in a row, and an account is left alone.
SILENCE_MAX = 3

#: Errors that are the account's own, or whoever's it is that was asked.
_OF_ACCOUNT = (ConfigError, OutcomeUnknownError, ProviderRefusedError)
#: … and those among them that say only that it is not, or may not be, the account of this one.
_OF_ONE = (ElsewhereError, OtherAccountError)

_Item = TypeVar("_Item")


class Due(NamedTuple):
    """A thing that is due. `account` is who is asked about it, "" if nobody is."""

    id: str
    store: str = ""
    account: str = ""


class End(NamedTuple):
    """How a try ended that raised no error; `held_until` (AMS) if the thing has to wait.

    After `is_silent` the thing is as it was, and has postponed itself: nobody answered. One that
    `is_passed` was not tried, and is left to a later round.
    """

    is_silent: bool = False
    held_until: int = 0
    is_passed: bool = False


DONE: Final = End()
SILENT: Final = End(is_silent=True)
PASSED: Final = End(is_passed=True)


class Round:
    """A round of the sweep `work`: at most `most` things are done.

    After as many have failed or are held, those are left alone whose account has failed in it.

    With `again` what is postponed is tried all the same. `errors` are (id, reason) of this round,
    `tried` counts what was tried, `passed` what was left alone, postponed before or by this round.
    """

    def __init__(
        self, postponements: Postponements, work: str, most: int, *, again: bool = False
    ) -> None:
        """Begin a round; what is remembered is read now."""
        self.errors: list[tuple[str, str]] = []
        self.tried = self.passed = 0
        self._postponements = postponements
        self._work = work
        self._most = most
        self._again = again
        self._done = self._failed = 0
        self._in_a_row: dict[str, int] = {}
        self._closed: set[str] = set()
        self._troubled: set[tuple[str, str]] = set()
        self._news: list[str] = []
        self._healed = 0
        self._rows = {(row.work, row.what): row for row in postponements.all(work, ACCOUNT)}

    def run(self, due: Iterable[Due], do: Callable[[str], End]) -> None:
        """Do what is due, by `do`; may be called again with what became due meanwhile.

        Raises:
            StorageError: the disk is full or read-only. LockedError: nothing can be written now.
        """
        for one in self._pick(due):
            if self._done >= self._most:
                return
            is_enough = self._failed >= self._most and (one.store, one.account) in self._troubled
            if one.account in self._closed or is_enough:
                self.passed += 1
                continue
            self.tried += 1
            try:
                end = do(one.id)
            except LockedError:
                raise
            except PaymentError as error:
                self._fail(one, error)
            except OSError as error:
                self._fail(one, StorageError(f"the operating system refused: {error.strerror}"))
            else:
                self._note(one, end)

    @property
    def held(self) -> list[str]:
        """The ids of what has to wait, though nothing is wrong with it."""
        return sorted(row.what for row in self._of_work() if row.is_held)

    @property
    def undone(self) -> int:
        """How many things and accounts are postponed by now because they failed."""
        count = sum(not row.is_held for row in self._of_work())
        return count + sum(row.work == ACCOUNT for row in self._rows.values())

    @property
    def news(self) -> tuple[str, ...]:
        """What a person is to be told: what was postponed that was not before, and what is done."""
        healed = (
            (f"{self._healed} postponed ({self._work}) could be done at last",)
            if self._healed
            else ()
        )
        return (*self._news, *healed)

    def _of_work(self) -> Iterator[Postponed]:
        return (row for row in self._rows.values() if row.work == self._work)

    def _pick(self, due: Iterable[Due]) -> Iterator[Due]:
        """Return what is to be tried: first what never failed, each with stores taking turns.

        What is over is forgotten.
        """
        now = self._postponements.clock()
        fresh: dict[str, dict[str, list[Due]]] = {}
        known: dict[str, dict[str, list[Due]]] = {}
        seen: set[str] = set()
        for one in due:
            seen.add(one.id)
            if self._waits(self._work, one.id, now) or self._waits(ACCOUNT, one.account, now):
                self.passed += 1
                continue
            stores = known if (self._work, one.id) in self._rows else fresh
            queue = stores.setdefault(one.store, {}).setdefault(one.account, [])
            if len(queue) < 2 * self._most:
                queue.append(one)
        self._forget_others(seen, now)
        return chain(_by_store(fresh), _by_store(known))

    def _waits(self, work: str, what: str, now: int) -> bool:
        row = self._rows.get((work, what))
        return row is not None and not self._again and row.waits(now)

    def _forget_others(self, due: set[str], now: int) -> None:
        """Forget what is not due any more: others did it, or a person decided."""
        over = [row for row in self._of_work() if row.what not in due]
        over += [
            row
            for row in self._rows.values()
            if row.work == ACCOUNT and now - row.until > MAX_MS  # nothing waits for it any more
        ]
        self._forget(over)

    def _note(self, one: Due, end: End) -> None:
        if end.is_passed:
            self.tried -= 1
            self.passed += 1
            return
        if end.is_silent:
            self._count_failed(one)
            self._fail_account(one, f"{OutcomeUnknownError.code}: no answer")
            return
        row = self._rows.get((self._work, one.id))
        if end.held_until:
            self._count_failed(one)
            row = row or self._new(self._work, one.id, one.store)
            self._remember(row.again(self._postponements.clock(), "", held_until=end.held_until))
            return
        self._done += 1
        self._in_a_row[one.account] = 0
        account = self._rows.get((ACCOUNT, one.account))
        healed = [found for found in (row, account) if found is not None]
        self._healed += sum(not found.is_held for found in healed)
        self._forget(healed)

    def _fail(self, one: Due, error: PaymentError) -> None:
        why = f"{error.code}: {error}"
        self._count_failed(one)
        self.errors.append((one.id, why))
        is_of_account = bool(one.account) and isinstance(error, _OF_ACCOUNT)
        is_of_account = is_of_account and not isinstance(error, _OF_ONE)
        is_known = is_of_account and (ACCOUNT, one.account) in self._rows
        row = self._rows.get((self._work, one.id)) or self._new(self._work, one.id, one.store)
        self._postpone(row, why, is_news=not is_known)
        if is_of_account:
            self._fail_account(one, why)

    def _count_failed(self, one: Due) -> None:
        self._failed += 1
        self._troubled.add((one.store, one.account))

    def _fail_account(self, one: Due, why: str) -> None:
        """Count a failure of an account; leave it alone after some, or if it failed before."""
        if not one.account:
            return
        count = self._in_a_row[one.account] = self._in_a_row.get(one.account, 0) + 1
        row = self._rows.get((ACCOUNT, one.account))
        if row is None and count < SILENCE_MAX:
            return
        self._closed.add(one.account)
        self._postpone(row or self._new(ACCOUNT, one.account, one.store), why, is_news=True)

    def _postpone(self, row: Postponed, why: str, *, is_news: bool) -> None:
        after = row.again(self._postponements.clock(), why)
        if is_news and (row.is_held or after.code != row.code):
            self._news.append(f"{row.work} {row.what}: {after.why}")
        self._remember(after)

    def _new(self, work: str, what: str, store: str) -> Postponed:
        return self._postponements.new(work, what, store)

    def _remember(self, row: Postponed) -> None:
        self._postponements.remember(row)
        self._rows[row.work, row.what] = row

    def _forget(self, rows: Sequence[Postponed]) -> None:
        if rows:
            self._postponements.forget(*rows)
        for row in rows:
            self._rows.pop((row.work, row.what), None)


def _by_store(stores: Mapping[str, Mapping[str, Sequence[Due]]]) -> Iterator[Due]:
    """Yield what is due in stores taking turns, in each of which its accounts do."""
    return _in_turns([list(_in_turns(list(queues.values()))) for queues in stores.values()])


def _in_turns(queues: Sequence[Sequence[_Item]]) -> Iterator[_Item]:
    """Yield the first of each queue, then the second of each, and so on."""
    for turn in zip_longest(*queues):
        yield from (item for item in turn if item is not None)


def note_damaged(
    postponements: Postponements, sweep: str, damaged: Iterable[str]
) -> tuple[int, tuple[str, ...]]:
    """Remember which damaged records the answers of a sweep lacked; return how many, and news.

    They hindered nothing else. One that is mended, or not met any more, is forgotten.

    Raises:
        StorageError, LockedError: nothing can be written now.
    """

    def refuse(_name: str) -> End:
        raise CorruptRecordError("it is damaged in the journal, and left out")

    names = sorted(damaged)
    caller = postponements.actor.domain
    run = Round(postponements, f"{sweep} as {caller} met", len(names))
    run.run([Due(name, caller) for name in names], refuse)
    return run.undone, run.news
