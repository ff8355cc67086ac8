"""Running the hooks of stores: each at most once to its end, by the mechanism of payments' scripts.

What an event means and what its order is, others know: this takes a name, a store and a document.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import (
    ConflictError,
    CorruptRecordError,
    NotAllowedError,
    NotFoundError,
    PaymentError,
    StorageError,
)
from payment_cli.model.actor import Actor
from payment_cli.model.events.hook import HOOK, HookRun, HookStatus
from payment_cli.model.query.match import Match, all_of, equal
from payment_cli.model.record import Record
from payment_cli.services.events.outbox import OUTBOX, find_row
from payment_cli.services.events.postponements import Postponements
from payment_cli.services.events.rounds import DONE, Due, End, Round
from payment_cli.services.events.scripts import RunScript
from payment_cli.storage.base import Query, Reader, Storage, Transaction

#: Until then after its time limit a script that was claimed may still be ending.
SLACK_S = 15

#: So much of the end of what a script said is kept of one that failed.
SAID_MAX = 300


@dataclass(slots=True)
class HooksRun:
    """What one drain did: how many hooks were done, how many failed, and what could not be done.

    `undone` and `news` are those of the round (rounds.py).
    """

    done: int = 0
    failed: int = 0
    errors: tuple[tuple[str, str], ...] = ()
    undone: int = 0
    news: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hooks:
    """Runs hooks that are due. `who` names this process in a claim.

    `read_hook(store, event)` returns the script as it is now, `noted` notes on an order, in the
    transaction that ends the run, what became of it (tx, store, order, time, text).
    """

    storage: Storage
    actor: Actor
    clock: Clock
    read_hook: Callable[[str, str], bytes]
    run_script: RunScript
    noted: Callable[[Transaction, str, str, int, str], None]
    who: str
    timeout_s: int

    def drain(self, most: int, *, again: bool = False) -> HooksRun:
        """Run at most `most` hooks that are due, stores taking turns: see rounds.py.

        `again`: also what is postponed.

        Raises:
            StorageError, LockedError: nothing can be written now.
        """
        postponements = Postponements(self.storage, self.actor, self.clock)
        run = Round(postponements, HOOK, most, again=again)
        done = HooksRun()

        def run_one(row_id: str) -> End:
            try:
                after = self._run(row_id, {HookStatus.DUE})
            except (ConflictError, NotAllowedError, NotFoundError):
                return DONE  # another process took it
            done.done += after is None
            done.failed += after is not None
            return DONE

        run.run([Due(str(row["id"]), str(row.get("store"))) for row in self._due()], run_one)
        done.errors, done.undone, done.news = tuple(run.errors), run.undone, run.news
        return done

    def again(self, fragment: str) -> HookRun | None:
        """Run a hook that failed, or was claimed and has no outcome; None if it is done now.

        Raises:
            NotFoundError, AmbiguousIdError: no hook of that id is owed.
            NotAllowedError: it may still be running.
            ConflictError: another process took it up.
        """
        row_id = find_row(self.storage, self.actor, fragment, "hook")
        return self._run(row_id, set(HookStatus))

    def _due(self) -> Iterator[Record]:
        match: Match = all_of(equal("what", HOOK), equal("st", str(HookStatus.DUE)))
        if not self.actor.is_operator:
            match = all_of(match, equal("store", self.actor.domain))
        return self.storage.query(OUTBOX, Query(match, (("lm", 1),)))

    def _run(self, row_id: str, wanted: set[HookStatus]) -> HookRun | None:
        """Claim a run and make it; return it if it failed.

        Raises:
            StorageError: it could not be started now; it is due again.
        """
        claimed = self._claim(row_id, wanted)
        try:
            script = self.read_hook(claimed.store, claimed.event)
        except StorageError as error:
            self._give_back(claimed, str(error))
            raise
        except PaymentError as error:
            return self._end(claimed, f"{error.code}: {error}"[:SAID_MAX])
        try:
            outcome = self.run_script(script, dict(claimed.document), claimed.store)
        except StorageError as error:
            self._give_back(claimed, str(error))
            raise
        if not outcome.exit_code:
            return self._end(claimed, "")
        said = "".join(char if char.isprintable() else " " for char in outcome.output)
        return self._end(claimed, f"exit {outcome.exit_code}: {' '.join(said.split())[-SAID_MAX:]}")

    def _claim(self, row_id: str, wanted: set[HookStatus]) -> HookRun:
        now = self.clock()
        with self.storage.transaction(self.actor.domain, leaves_foreign=True) as tx:
            row = tx.get(OUTBOX, row_id)
            if row.get("what") != HOOK:
                raise NotFoundError("hook", row_id)
            run = HookRun.from_row(row)
            if run.st not in wanted:
                raise NotAllowedError(f"hook {run.id} is {run.st}")
            # A claim from far in the future was made before the clock was set back.
            away_ms = abs(now - run.at)
            if run.st is HookStatus.CLAIMED and away_ms < (self.timeout_s + SLACK_S) * 1000:
                raise NotAllowedError(
                    f"hook {run.id} may still run, started by {run.claim}",
                    hint=f"decide after its time limit of {self.timeout_s} s",
                )
            return HookRun.from_row(tx.put(OUTBOX, run.claimed(self.who, now).to_row()))

    def _give_back(self, claimed: HookRun, why: str) -> None:
        """Let a claimed run of which nothing ran be due again, for a reason that passes."""
        with self.storage.transaction(self.actor.domain, leaves_foreign=True) as tx:
            current = self._still_claimed(tx, claimed)
            tx.put(OUTBOX, current.due_again(why[:SAID_MAX], self.clock()).to_row())

    def _still_claimed(self, tx: Transaction, claimed: HookRun) -> HookRun:
        try:
            current = HookRun.from_row(tx.get(OUTBOX, claimed.id))
        except NotFoundError as error:
            raise ConflictError(f"hook {claimed.id} was given up meanwhile") from error
        if (current.st, current.at) != (HookStatus.CLAIMED, claimed.at):
            raise ConflictError(f"hook {claimed.id} was decided meanwhile")
        return current

    def _end(self, claimed: HookRun, reason: str) -> HookRun | None:
        """Record how a run came out: done ("") and gone, or failed for `reason`."""
        now = self.clock()
        with self.storage.transaction(self.actor.domain, leaves_foreign=True) as tx:
            current = self._still_claimed(tx, claimed)
            with suppress(NotFoundError, CorruptRecordError):  # the run is over all the same
                text = f"{claimed.event}: {reason or 'done'}"
                self.noted(tx, claimed.store, claimed.or_id, now, text)
            if not reason:
                tx.delete(OUTBOX, current.id, current.rev)
                return None
            return HookRun.from_row(tx.put(OUTBOX, current.failed(reason, now).to_row()))


def is_hook_due(reader: Reader, order_id: str) -> bool:
    """Whether a hook of an order's event is due."""
    due = equal("st", str(HookStatus.DUE))
    return reader.count(OUTBOX, all_of(equal("what", HOOK), equal("or_id", order_id), due)) > 0
