"""The script of a paid payment: due → claimed → done or failed.

The claim is durable before the script starts, so a script completes at most once. A crash leaves
either *due* (safe to run) or *claimed* without an outcome, which an operator decides. What could
not be started at all, and not by its own fault, is due again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import starmap
from typing import Any, NamedTuple

from payment_cli.clock import Clock
from payment_cli.errors import ConflictError, NotAllowedError, StorageError
from payment_cli.model.payments.payment import ApplyStatus, Payment
from payment_cli.model.query.match import one_of
from payment_cli.model.record import Record
from payment_cli.services.events.postponements import Postponements
from payment_cli.services.events.rounds import DONE, Due, End, Round
from payment_cli.services.events.scripts import RunScript, ScriptOutcome
from payment_cli.services.payments.due import due_scripts
from payment_cli.services.payments.lookup import Payments
from payment_cli.services.payments.records import PAYMENTS, load, save
from payment_cli.storage.base import Query, Storage

#: What becomes of a script that could not be started.
DUE_STILL = "nothing of it ran: it is due still, and payment tick tries again"

_OPEN = (ApplyStatus.DUE, ApplyStatus.CLAIMED, ApplyStatus.FAILED)


#: What the sweep of scripts is called where it remembers what it could not do.
SCRIPTS = "script"


class ScriptsRun(NamedTuple):
    """What one `run_due` did: the payments as they came out, and (id, reason) of what failed.

    `undone` and `news` are those of the round (services/events/rounds.py).
    """

    after: tuple[Payment, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    undone: int = 0
    news: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Applier:
    """Runs the scripts of payments. `who` names this process in the claim."""

    storage: Storage
    payments: Payments
    clock: Clock
    run_script: RunScript
    who: str
    timeout_s: int

    def apply(self, fragment: str, *, again: bool = False) -> Payment:
        """Run the payment's script if it is due; `again` runs a claimed-unknown or failed one.

        Raises:
            NotAllowedError: no script is owed, or a claimed one needs the operator's decision.
            ConflictError: another process claimed it first.
            StorageError: it could not be started now; it is due still.
        """
        payment = self.payments.get_committed(fragment)
        wanted = {ApplyStatus.DUE}
        if again:
            wanted |= {ApplyStatus.CLAIMED, ApplyStatus.FAILED}
        self._check(payment, wanted)
        script = self.storage.content(PAYMENTS, payment.id)
        claimed = self._claim(payment)
        try:
            outcome = self.run_script(script, claimed.to_record(), claimed.seller_nm)
        except StorageError as error:
            self._give_back(claimed, str(error))
            raise StorageError(f"payment {payment.id}: {error}", hint=DUE_STILL) from error
        return self._finish(claimed, outcome)

    def apply_if_due(self, payment: Payment) -> Payment:
        """Run the script if it is due; if another process was faster, that is fine."""
        if payment.apply_st != ApplyStatus.DUE:
            return payment
        try:
            return self.apply(payment.id)
        except (ConflictError, NotAllowedError):
            return self.payments.get_committed(payment.id)

    def run_due(
        self, most: int, run: Callable[[Payment], Payment] | None = None, *, again: bool = False
    ) -> ScriptsRun:
        """Run at most `most` scripts that are due, stores taking turns (services/events/rounds.py).

        `run` runs one, `apply_if_due` if it is not given. `again`: also what is postponed.

        Raises:
            StorageError, LockedError: nothing can be written now.
        """
        run_one = run or self.apply_if_due
        after: list[Payment] = []
        postponements = Postponements(self.storage, self.payments.actor, self.clock)
        scripts = Round(postponements, SCRIPTS, most, again=again)

        def do(payment_id: str) -> End:
            after.append(run_one(self.payments.get_committed(payment_id)))
            return DONE

        scripts.run(starmap(Due, due_scripts(self.payments)), do)
        return ScriptsRun(tuple(after), tuple(scripts.errors), scripts.undone, scripts.news)

    def skip(self, fragment: str) -> Payment:
        """Decide that the script will not be run (again).

        Raises:
            NotAllowedError: no script is owed, or it may still be running.
        """
        payment = self.payments.get_committed(fragment)
        self._check(payment, set(_OPEN))
        actor = self.payments.actor.domain
        with self.storage.transaction(actor, leaves_foreign=True) as tx:
            current = _same_claim(load(tx, payment.id), payment)
            return save(
                tx, current.noted("skip", self.clock(), actor, apply_st=str(ApplyStatus.SKIPPED))
            )

    def list_open(self, limit: int) -> Iterator[Record]:
        """Yield payments whose script is due, claimed without an outcome, or failed."""
        match = one_of("apply_st", [str(status) for status in _OPEN])
        return self.payments.query(Query(match=match, sort=(("lm", 1),), limit=limit))

    def _check(self, payment: Payment, wanted: set[ApplyStatus]) -> None:
        if payment.apply_st not in wanted:
            state = payment.apply_st or "not owed"
            hint = "decide with --again or --skip" if payment.apply_st in _OPEN else ""
            raise NotAllowedError(f"payment {payment.id}: its script is {state}", hint=hint)
        # A claim from far in the future was made before the clock was set back.
        away_ms = abs(self.clock() - payment.apply_at)
        if payment.apply_st == ApplyStatus.CLAIMED and away_ms < (self.timeout_s + 15) * 1000:
            raise NotAllowedError(
                f"payment {payment.id}: its script may still run, started by {payment.apply_by}",
                hint=f"decide after its time limit of {self.timeout_s} s",
            )

    def _claim(self, payment: Payment) -> Payment:
        actor = self.payments.actor.domain
        now = self.clock()
        with self.storage.transaction(actor, leaves_foreign=True) as tx:
            current = _same_claim(load(tx, payment.id), payment)
            return save(
                tx,
                current.noted(
                    "script claimed", now, actor, self.who,
                    apply_st=str(ApplyStatus.CLAIMED),
                    apply_by=self.who,
                    apply_at=now,
                    apply_end_at=0,
                    apply_code=None,
                    apply_re="",
                ),
            )  # fmt: skip

    def _give_back(self, claimed: Payment, why: str) -> None:
        """Let a claimed script of which nothing ran be due again."""
        self._end_claim(
            claimed, "script not started", why,
            apply_st=str(ApplyStatus.DUE), apply_by="", apply_at=0, apply_re=why,
        )  # fmt: skip

    def _finish(self, claimed: Payment, outcome: ScriptOutcome) -> Payment:
        status = ApplyStatus.DONE if outcome.exit_code == 0 else ApplyStatus.FAILED
        return self._end_claim(
            claimed, f"script {status}", f"exit {outcome.exit_code}",
            apply_st=str(status),
            apply_end_at=self.clock(),
            apply_code=outcome.exit_code,
            apply_re=outcome.output,
        )  # fmt: skip

    def _end_claim(self, claimed: Payment, what: str, note: str, **changes: Any) -> Payment:
        actor = self.payments.actor.domain
        with self.storage.transaction(actor, leaves_foreign=True) as tx:
            current = load(tx, claimed.id)
            if current.apply_st != ApplyStatus.CLAIMED or current.apply_at != claimed.apply_at:
                raise ConflictError(f"payment {claimed.id}: its script was decided meanwhile")
            return save(tx, current.noted(what, self.clock(), actor, note, **changes))


def _same_claim(current: Payment, seen: Payment) -> Payment:
    if (current.apply_st, current.apply_at) != (seen.apply_st, seen.apply_at):
        raise ConflictError(f"payment {seen.id}: another process took its script")
    return current
