"""Outgoing webhooks: what happened to an order is told to its store, at least once.

A notice is written in the commit that causes it and delivered afterwards: by a process that the
settling command starts and does not wait for, by `payment tick`, and by `payment notify`. A try is
claimed in one transaction, sent outside of any, and recorded in a second one. A claim whose process
died is due again after its deadline; so a receiver may see an event twice, and takes its id once.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from payment_cli.clock import Clock
from payment_cli.errors import (
    ConflictError,
    CorruptRecordError,
    NotAllowedError,
    NotFoundError,
    PaymentError,
)
from payment_cli.model.actor import Actor
from payment_cli.model.events.notice import (
    GAP_MAX_MS,
    KEPT_MS,
    STALE_MS,
    Delivery,
    Notice,
    NoticeStatus,
)
from payment_cli.model.events.webhook_key import WebhookKeys
from payment_cli.model.events.webhook_url import WebhookUrl, parse_webhook_url
from payment_cli.model.query.evaluate import predicate
from payment_cli.model.query.match import Match, all_of, between, equal
from payment_cli.model.record import Record
from payment_cli.services.events.notice_records import (
    NOTICES,
    load_notice,
    remove_notice,
    save_notice,
)
from payment_cli.services.events.postponements import Postponements
from payment_cli.services.events.rounds import DONE, PASSED, Due, End, Round
from payment_cli.storage.base import Query, Storage, Transaction
from payment_cli.storage.sight import asked_id, find_owned
from payment_cli.webhooks.signature import signed_headers

#: What the sweep of notices is called where it remembers what it could not do.
SWEEP = "notice"
#: … and that of failed notices that are to be removed.
SWEEP_OLD = "old notice"


class Deliverer(Protocol):
    """What delivers; see webhooks/sender.py."""

    def send(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Delivery:
        """POST `body`; whatever goes wrong is in what is returned."""


@dataclass(frozen=True, slots=True)
class _Due:
    """What a drain must know of a notice before it takes it up."""

    id: str
    store: str
    is_stale: bool


@dataclass(slots=True)
class Drained:
    """What one `drain` did: how the notices came out, and (id, reason) of what could not be done.

    `undone` and `news` are those of the round (rounds.py).
    """

    delivered: int = 0
    waiting: int = 0
    failed: int = 0
    errors: tuple[tuple[str, str], ...] = ()
    undone: int = 0
    news: tuple[str, ...] = ()

    @property
    def tried(self) -> int:
        """How many notices were tried."""
        return self.delivered + self.waiting + self.failed

    def count(self, notice: Notice) -> None:
        """Count a notice as it came out."""
        self.delivered += notice.st is NoticeStatus.DELIVERED
        self.waiting += notice.st is NoticeStatus.WAITING
        self.failed += notice.st is NoticeStatus.FAILED


@dataclass(frozen=True, slots=True)
class Notices:
    """The notices that the caller may see.

    Of a store's address and keys, and of what an event speaks of, others know: `url_of` returns
    the webhook_url of a store ("" for none), `load_keys` its keys; `notified` notes, in the
    transaction that removes a notice, that it was acknowledged.
    """

    storage: Storage
    actor: Actor
    clock: Clock
    new_token: Callable[[], str]
    url_of: Callable[[str], str]
    load_keys: Callable[[str], WebhookKeys]
    notified: Callable[[Transaction, Notice, int], None]
    deliverer: Deliverer

    def query(self, query: Query) -> Iterator[Record]:
        """Yield the matching notices that are not delivered yet."""
        return self.storage.query(NOTICES, query._replace(match=self._visible(query.match)))

    def count(self, match: Match) -> int:
        """Return how many such notices match."""
        return self.storage.count(NOTICES, self._visible(match))

    def retry(self, fragment: str) -> Notice:
        """Try a notice now, its tries counted anew; return it as it came out.

        Raises:
            NotFoundError, AmbiguousIdError: there is no such notice; a delivered one is gone.
            NotAllowedError: it is being tried right now.
            ConflictError: another process took it up.
        """
        notice_id = find_owned(self.storage, NOTICES, fragment, self.actor.sight, "sto_nm")
        now = self.clock()
        with self.storage.transaction(self.actor.domain) as tx:
            notice = load_notice(tx, notice_id)
            self.actor.require(notice.sto_nm, NOTICES.kind, asked_id(NOTICES, fragment))
            if notice.owner and not notice.is_due(now):
                raise NotAllowedError(f"notice {notice.id} is being tried", hint="wait a minute")
            save_notice(tx, notice.again(now))
        after = self._try(notice_id)
        if after is None:
            raise ConflictError(f"notice {notice_id} was taken up by another process")
        return after

    def drain(self, most: int, *, again: bool = False) -> Drained:
        """Try at most `most` notices that are due, stores taking turns: see rounds.py.

        A store that does not answer costs its time limit once: its other notices are left for the
        next drain, and nobody else's wait for them. `again`: also what is postponed.

        Raises:
            StorageError, LockedError: nothing can be written now.
        """
        postponements = Postponements(self.storage, self.actor, self.clock)
        old = Round(postponements, SWEEP_OLD, most, again=again)
        old.run(self._old(), self._remove)
        run = Round(postponements, SWEEP, most, again=again)
        done = Drained()
        silent: set[str] = set()
        tried = -1
        while tried < done.tried < most:  # what became due meanwhile is taken along
            tried = done.tried
            due = {one.id: one for one in self._due()}
            run.run(
                [Due(one.id, one.store) for one in due.values()],
                lambda notice_id, due=due: self._do(due[notice_id], done, silent),  # type: ignore[misc]
            )
        done.errors = (*old.errors, *run.errors)
        done.undone, done.news = old.undone + run.undone, (*old.news, *run.news)
        return done

    def _do(self, due: _Due, done: Drained, silent: set[str]) -> End:
        """Try one that is due; in a store that was silent only a stale one is given up."""
        if due.store in silent and not due.is_stale:
            return PASSED
        after = self._give_up(due.id) if due.store in silent else self._try(due.id)
        if after is not None:
            done.count(after)
            if not after.code:
                silent.add(due.store)
        return DONE

    def _due(self) -> list[_Due]:
        """Return all that are due; the query ends before anything is sent.

        So is what is planned further ahead than anything ever is, by a clock that was wrong.
        """
        now = self.clock()
        waiting = equal("st", str(NoticeStatus.WAITING))
        stale = predicate(between("since", high=now - STALE_MS))
        return [
            _Due(str(record["id"]), str(record.get("sto_nm")), stale(record))
            for planned in (between("next_at", high=now), between("next_at", low=now + GAP_MAX_MS))
            for record in self.query(Query(all_of(waiting, planned), (("next_at", 1),)))
        ]

    def _try(self, notice_id: str) -> Notice | None:
        """Make one try; return the notice as it came out, None if another process has it."""
        claimed = self._claim(notice_id)
        return None if claimed is None else self._record(claimed, self._send(claimed))

    def _claim(self, notice_id: str) -> Notice | None:
        with self.storage.transaction(self.actor.domain) as tx:
            try:
                notice = load_notice(tx, notice_id)
            except NotFoundError:
                return None
            now = self.clock()
            if not notice.is_due(now):
                return None
            return save_notice(tx, notice.claimed(self.new_token(), now))

    def _send(self, notice: Notice) -> Delivery:
        """Send a notice to where its store wants it now; what is missing there is a miss, too."""
        try:
            text = self.url_of(notice.sto_nm)
            if not text:
                return Delivery(0, f"store {notice.sto_nm} has no webhook_url any more")
            url = parse_webhook_url(text)
            keys = self.load_keys(notice.sto_nm)
        except PaymentError as error:
            return Delivery(0, f"{error} ({error.hint})" if error.hint else str(error))
        body = notice.body()
        return self.deliverer.send(url, signed_headers(keys, notice.id, self.clock(), body), body)

    def _record(self, claimed: Notice, delivery: Delivery) -> Notice:
        now = self.clock()
        if delivery.is_taken:
            return self._end(claimed.delivered(delivery, now), now)
        after = claimed.missed(delivery, now)
        with self.storage.transaction(self.actor.domain) as tx:
            try:
                current = load_notice(tx, claimed.id)
            except NotFoundError:
                return after
            # Past its deadline the claim may be another's, who records what comes of it.
            return save_notice(tx, after) if current.owner == claimed.owner else after

    def _end(self, notice: Notice, now: int) -> Notice:
        """Remove an acknowledged notice, and note the fact with what it told of.

        A record that is damaged must not cause a second delivery: the notice is removed all the
        same.
        """
        with self.storage.transaction(self.actor.domain, leaves_foreign=True) as tx:
            remove_notice(tx, notice.id)
            with suppress(NotFoundError, CorruptRecordError):
                self.notified(tx, notice, now)
        return notice

    def _give_up(self, notice_id: str) -> Notice | None:
        """Let a stale notice of a silent store fail without another try; leave a fresh one."""
        now = self.clock()
        with self.storage.transaction(self.actor.domain) as tx:
            try:
                notice = load_notice(tx, notice_id)
            except NotFoundError:
                return None
            if not (notice.is_due(now) and notice.is_stale(now)):
                return None
            return save_notice(tx, notice.given_up(now))

    def _old(self) -> Iterator[Due]:
        """Yield the failed notices that nobody asked for in a long time."""
        for record in self.query(Query(self._forgotten(), (("lm", 1),))):
            yield Due(str(record["id"]), str(record.get("sto_nm")))

    def _remove(self, notice_id: str) -> End:
        """Remove a notice that failed long ago, unless somebody begins it anew right now."""
        with self.storage.transaction(self.actor.domain) as tx:
            remove_notice(tx, notice_id, predicate(self._forgotten()))
        return DONE

    def _forgotten(self) -> Match:
        failed = equal("st", str(NoticeStatus.FAILED))
        return all_of(failed, between("lm", high=self.clock() - KEPT_MS))

    def _visible(self, match: Match) -> Match:
        if self.actor.is_operator:
            return match
        return all_of(equal("sto_nm", self.actor.domain), match)
