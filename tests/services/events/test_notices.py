"""Delivering notices: claimed, sent outside of any transaction, recorded."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from payment_cli.errors import NotAllowedError, NotFoundError, StorageError
from payment_cli.model.actor import Actor
from payment_cli.model.events.notice import (
    CLAIM_MS,
    KEPT_MS,
    STALE_MS,
    TRIES_MAX,
    Delivery,
    Notice,
)
from payment_cli.model.events.webhook_key import WebhookKeys
from payment_cli.model.events.webhook_url import WebhookUrl
from payment_cli.model.query.match import equal, everything
from payment_cli.model.secret import Secret
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_notice import NoticeType, order_notice
from payment_cli.services.events.notice_records import NOTICES, may_start_delivery
from payment_cli.services.events.notices import Notices
from payment_cli.services.shop.records import load_order, note_delivery, orders
from payment_cli.services.stores.records import load_settings
from payment_cli.storage.base import Query
from tests.services.conftest import World
from tests.services.stores.test_settings import service_of
from tests.support.shop import an_order

YES = Delivery(200, "thanks")
BUSY = Delivery(503, "busy")
SILENT = Delivery(0, "it did not answer in time")
KEYS = WebhookKeys((Secret("whsec_" + base64.b64encode(b"k" * 32).decode()),))


@dataclass
class Receivers:
    """The stores' receivers: what each host answers, and what it heard."""

    answers: dict[str, list[Delivery]] = field(default_factory=dict)
    heard: list[tuple[str, str]] = field(default_factory=list)
    meanwhile: Callable[[], object] | None = None

    def send(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Delivery:
        self.heard.append((url.host, headers["webhook-id"]))
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        answers = self.answers.get(url.host, [YES])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
def receivers() -> Receivers:
    return Receivers()


@pytest.fixture
def notices(world: World, receivers: Receivers) -> Notices:
    point(world, "demo", "https://demo.example/hook")
    return seen_by(world, receivers, Actor("root", is_operator=True))


def seen_by(world: World, receivers: Receivers, actor: Actor) -> Notices:
    return Notices(
        world.storage,
        actor,
        world.clock,
        world.tokens,
        lambda store: load_settings(world.storage, store).webhook_url,
        lambda _domain: KEYS,
        partial(note_delivery, by=actor.domain),
        receivers,
    )


def point(world: World, store: str, url: str) -> None:
    service_of(world.seen_by("root", is_operator=True)).set(store, "webhook_url", url)


def owe(world: World, store: str = "demo", **changes) -> Notice:
    """Owe a notice about an order of its own."""
    order = replace(an_order(id=world.ids(world.clock.now)), sto_nm=store)
    notice_id = world.ids(world.clock.now)
    notice = order_notice(NoticeType.PAID, order, notice_id, world.clock.now)
    with world.storage.transaction("test") as tx:
        tx.insert(orders(store), order.to_record())
        tx.insert(NOTICES, replace(notice, **changes).to_record())
    return stored(world, notice.id)


def stored(world: World, notice_id: str) -> Notice:
    return Notice.from_record(world.storage.get(NOTICES, notice_id))


def order_of(world: World, notice: Notice) -> Order:
    return load_order(world.storage, notice.sto_nm, notice.or_id)


def counts(notices: Notices, most: int = 100) -> tuple[int, int, int]:
    done = notices.drain(most)
    assert done.errors == ()
    return done.delivered, done.waiting, done.failed


def test_a_delivered_notice_is_gone_and_its_order_says_so(world, notices, receivers) -> None:
    notice = owe(world)
    assert counts(notices) == (1, 0, 0)
    assert receivers.heard == [("demo.example", notice.id)]
    assert notices.count(everything()) == 0
    last = order_of(world, notice).history[-1]
    assert last == {
        "at": world.clock.now, "what": "notified", "by": "root", "note": "order.paid: 200"
    }  # fmt: skip
    assert counts(notices) == (0, 0, 0)


def test_a_miss_is_kept_with_the_answer_and_tried_on_schedule(world, notices, receivers) -> None:
    receivers.answers["demo.example"] = [BUSY]
    notice = owe(world)
    assert counts(notices) == (0, 1, 0)
    missed = stored(world, notice.id)
    assert (missed.tries, missed.code, missed.re, missed.owner) == (1, 503, "busy", "")
    assert missed.next_at == world.clock.now + 15_000
    assert counts(notices) == (0, 0, 0)
    world.clock.advance(s=15)
    assert counts(notices) == (0, 1, 0)
    assert [event for _, event in receivers.heard] == [notice.id] * 2


def test_after_the_last_try_it_has_failed_and_is_left_alone(world, notices, receivers) -> None:
    receivers.answers["demo.example"] = [BUSY]
    notice = owe(world)
    outcomes = []
    while not outcomes or outcomes[-1] == (0, 1, 0):
        outcomes.append(counts(notices))
        world.clock.now = max(stored(world, notice.id).next_at, world.clock.now)
    assert outcomes == [(0, 1, 0)] * 15 + [(0, 0, 1)]
    assert len(receivers.heard) == TRIES_MAX
    world.clock.advance(minutes=60 * 24)
    assert counts(notices) == (0, 0, 0)
    assert [row["id"] for row in notices.query(Query(equal("st", "failed")))] == [notice.id]


def test_retry_starts_a_failed_one_anew_at_once(world, notices, receivers) -> None:
    receivers.answers["demo.example"] = [BUSY, YES]
    failed = owe(world, st="failed", tries=TRIES_MAX, next_at=0)
    again = notices.retry(failed.id[-8:])
    assert (again.st, again.tries, again.next_at) == ("waiting", 1, world.clock.now + 15_000)
    assert notices.retry(failed.id).st == "delivered"
    with pytest.raises(NotFoundError):
        notices.retry(failed.id)


def test_what_is_being_tried_is_not_retried(world, notices, receivers) -> None:
    notice = owe(world)
    refused: list[str] = []

    def retry() -> None:
        with pytest.raises(NotAllowedError) as error:
            notices.retry(notice.id)
        refused.append(str(error.value))

    receivers.meanwhile = retry
    assert counts(notices) == (1, 0, 0)
    assert "being tried" in refused[0]
    assert len(receivers.heard) == 1


def test_nothing_is_locked_while_it_is_sent_and_no_other_drain_takes_it(
    world, notices, receivers
) -> None:
    notice = owe(world)
    seen = []
    receivers.meanwhile = lambda: seen.append((counts(notices), stored(world, notice.id).owner))
    assert counts(notices) == (1, 0, 0)
    assert seen[0][0] == (0, 0, 0)
    assert seen[0][1]


def test_a_drain_takes_along_what_is_queued_while_it_works(world, notices, receivers) -> None:
    owe(world)
    receivers.meanwhile = lambda: owe(world)
    assert counts(notices) == (2, 0, 0)
    receivers.meanwhile = lambda: owe(world)
    owe(world)
    assert counts(notices, most=1) == (1, 0, 0)


def test_one_process_at_a_time_is_started_for_a_store(world, notices, receivers) -> None:
    def may_start(notice: Notice) -> bool:
        return may_start_delivery(world.storage, notice.or_id, notice.sto_nm, world.clock.now)

    point(world, "other", "https://other.example/")
    first, second, other = owe(world), owe(world), owe(world, "other")
    assert all(map(may_start, (first, second, other)))
    during: list[bool] = []
    receivers.meanwhile = lambda: during.extend(map(may_start, (first, second, other)))
    receivers.answers["demo.example"] = [SILENT]
    assert counts(notices) == (1, 1, 0)
    assert during == [False, False, True]
    assert sorted(map(may_start, (first, second))) == [False, True]


def test_a_claim_without_an_outcome_is_due_again_with_the_same_id(
    world, notices, receivers
) -> None:
    notice = owe(world)

    def die() -> None:
        raise KeyboardInterrupt

    receivers.meanwhile = die
    with pytest.raises(KeyboardInterrupt):
        notices.drain(10)
    claimed = stored(world, notice.id)
    assert (claimed.tries, claimed.next_at) == (1, world.clock.now + CLAIM_MS)
    assert claimed.owner
    assert counts(notices) == (0, 0, 0)
    world.clock.advance(ms=CLAIM_MS)
    assert counts(notices) == (1, 0, 0)
    assert [event for _, event in receivers.heard] == [notice.id, notice.id]


@pytest.mark.parametrize("late", [YES, BUSY])
def test_an_outcome_past_its_deadline_does_not_undo_the_next_claim(
    world, notices, receivers, late
) -> None:
    """The first try hangs past its deadline; a second one claims the notice meanwhile."""
    notice = owe(world)
    seen: list[Notice] = []

    def second_claim() -> None:
        world.clock.advance(ms=CLAIM_MS)
        with world.storage.transaction("other") as tx:
            claimed = stored(world, notice.id).claimed("other", world.clock.now)
            tx.put(NOTICES, claimed.to_record())
        seen.append(stored(world, notice.id))

    receivers.meanwhile = second_claim
    receivers.answers["demo.example"] = [late]
    notices.drain(10)
    if late.is_taken:
        assert notices.count(everything()) == 0
    else:
        assert stored(world, notice.id) == seen[0]


def test_a_miss_of_what_another_delivered_is_forgotten(world, notices, receivers) -> None:
    notice = owe(world)

    def delivered_elsewhere() -> None:
        with world.storage.transaction("other") as tx:
            tx.delete(NOTICES, notice.id, stored(world, notice.id).rev)

    receivers.meanwhile = delivered_elsewhere
    receivers.answers["demo.example"] = [BUSY]
    notices.drain(10)
    assert notices.count(everything()) == 0


def test_a_silent_store_costs_its_limit_once_and_holds_up_nobody(world, notices, receivers) -> None:
    point(world, "other", "https://other.example/")
    receivers.answers["demo.example"] = [SILENT]
    waiting = [owe(world) for _ in range(3)]
    world.clock.advance(ms=1)
    for _ in range(2):
        owe(world, "other")
    assert counts(notices) == (2, 1, 0)
    assert [host for host, _ in receivers.heard].count("demo.example") == 1
    untried = [stored(world, notice.id).tries for notice in waiting]
    assert sorted(untried) == [0, 0, 1]
    assert sorted(stored(world, notice.id).rev for notice in waiting) == [1, 1, 3]
    assert counts(notices) == (0, 1, 0)
    assert sorted(stored(world, notice.id).tries for notice in waiting) == [0, 1, 1]


def test_a_busy_store_is_not_silent(world, notices, receivers) -> None:
    receivers.answers["demo.example"] = [BUSY, YES]
    owe(world)
    owe(world)
    assert counts(notices) == (1, 1, 0)


def test_what_waits_for_a_silent_store_fails_when_it_is_stale(world, notices, receivers) -> None:
    receivers.answers["demo.example"] = [SILENT]
    for _ in range(3):
        owe(world)
    world.clock.advance(ms=STALE_MS + 1)
    assert counts(notices) == (0, 0, 3)
    assert len(receivers.heard) == 1


def test_most_bounds_the_tries_and_the_longest_due_come_first(world, notices, receivers) -> None:
    late = owe(world, next_at=world.clock.now)
    early = owe(world, next_at=world.clock.now - 1000)
    assert counts(notices, most=1) == (1, 0, 0)
    assert counts(notices, most=1) == (1, 0, 0)
    assert [event for _, event in receivers.heard] == [early.id, late.id]


def test_the_url_is_the_one_set_now_and_without_one_it_is_a_miss(world, notices, receivers) -> None:
    point(world, "demo", "")
    notice = owe(world)
    assert counts(notices) == (0, 1, 0)
    assert stored(world, notice.id).re == "store demo has no webhook_url any more"
    point(world, "demo", "https://new.example/")
    assert notices.retry(notice.id).st == "delivered"
    assert receivers.heard == [("new.example", notice.id)]


def test_without_a_key_nothing_is_sent_and_the_hint_says_what_to_do(
    world, notices, receivers
) -> None:
    def no_key(domain: str) -> WebhookKeys:
        raise NotFoundError("webhook key of", domain, hint="payment notify key")

    notice = owe(world)
    assert counts(replace(notices, load_keys=no_key)) == (0, 1, 0)
    assert stored(world, notice.id).re == "no webhook key of demo (payment notify key)"
    assert receivers.heard == []


def test_failed_notices_are_forgotten_after_a_month(world, notices) -> None:
    old = owe(world, st="failed", next_at=0)
    world.clock.advance(ms=KEPT_MS - 1)
    young = owe(world, st="failed", next_at=0)
    notices.drain(10)
    assert notices.count(everything()) == 2
    world.clock.advance(ms=1)
    notices.drain(10)
    assert [row["id"] for row in notices.query(Query(everything()))] == [young.id]
    with pytest.raises(NotFoundError):
        stored(world, old.id)


def test_an_order_that_is_gone_or_damaged_does_not_cause_a_second_delivery(
    world, notices, receivers
) -> None:
    gone, damaged = owe(world), owe(world)
    with world.storage.transaction("test") as tx:
        tx.delete(orders("demo"), gone.or_id, 1)
        record = tx.get(orders("demo"), damaged.or_id)
        tx.put(orders("demo"), {**record, "fee": 1})
    assert counts(notices) == (2, 0, 0)
    assert notices.count(everything()) == 0
    assert len(receivers.heard) == 2


def test_a_damaged_notice_is_named_and_stops_no_other(world, notices, receivers) -> None:
    damaged, whole = owe(world), owe(world)
    with world.storage.transaction("test") as tx:
        tx.put(NOTICES, {**damaged.to_record(), "tries": "x"})
    done = notices.drain(10)
    assert (done.delivered, [one for one, _ in done.errors]) == (1, [damaged.id])
    assert receivers.heard == [("demo.example", whole.id)]


def test_a_merchant_sees_and_drains_only_its_own(world, notices, receivers) -> None:
    point(world, "other", "https://other.example/")
    mine, theirs = owe(world), owe(world, "other")
    own = seen_by(world, receivers, Actor("demo"))
    assert [row["id"] for row in own.query(Query(everything()))] == [mine.id]
    assert own.count(everything()) == 1
    with pytest.raises(NotFoundError):
        own.retry(theirs.id)
    assert counts(own) == (1, 0, 0)
    assert receivers.heard == [("demo.example", mine.id)]
    assert notices.count(everything()) == 1


def test_when_the_outcome_cannot_be_written_the_notice_is_tried_again(
    world, notices, receivers, mocker
) -> None:
    """The disk fails between the receiver's yes and the record of it: at least once."""
    notice = owe(world)
    transaction = type(world.storage).transaction

    def disk_full() -> None:
        mocker.patch.object(
            type(world.storage), "transaction", side_effect=StorageError("disk full")
        )

    receivers.meanwhile = disk_full
    with pytest.raises(StorageError):
        notices.drain(10)
    mocker.patch.object(type(world.storage), "transaction", transaction)
    world.clock.advance(ms=CLAIM_MS)
    assert counts(notices) == (1, 0, 0)
    assert [event for _, event in receivers.heard] == [notice.id] * 2


def test_a_notice_of_a_clock_that_was_far_ahead_is_due(world, notices, receivers) -> None:
    owe(world)
    world.clock.advance(minutes=-60 * 24 * 365)
    assert counts(notices) == (1, 0, 0)
