"""What the services of events read again inside a transaction, and who may have been faster.

As ../payments/test_payment_rivals.py.

| guard | where | the rival |
|---|---|---|
| a notice is there, and due | notices.py: _claim, _give_up | another try, a delivery, a retry |
| nobody is trying it | notices.py: retry | another try |
| whose try it was | notices.py: _record | a later try |
| it is gone already | notice_records.py: remove_notice | another delivery |
| it has failed, and long ago | notices.py: _forget | a retry |
| a hook's state, and its claim | hooks.py: _claim, _end | another run, --again |
| a hook is still owed | hooks.py: _end | given up by an operator |
| a row is there | outbox.py: _apply_one, _postpone | another `payment tick`, an operator |
| a row is there | ../upkeep: owed.py: drop | it was done |
"""

from collections.abc import Callable

import pytest

from payment_cli.errors import ConflictError, NotAllowedError, NotFoundError
from payment_cli.model.actor import Actor
from payment_cli.model.events.notice import CLAIM_MS, KEPT_MS, STALE_MS, Delivery
from payment_cli.model.query.match import everything
from payment_cli.model.record import Record
from payment_cli.services.events.notices import Notices
from payment_cli.services.events.outbox import OUTBOX, Outbox, outbox_row
from payment_cli.services.upkeep.owed import OwedSteps
from payment_cli.storage.base import Query, Transaction
from tests.services.conftest import World
from tests.services.events.test_hooks import hooks, rows
from tests.services.events.test_notices import (
    BUSY,
    SILENT,
    YES,
    Receivers,
    order_of,
    owe,
    point,
    seen_by,
    stored,
)
from tests.services.rivals import Rivals
from tests.services.shop.test_order_payments import QR, money, pay
from tests.services.shop.test_orders import BUYER, stock, wanted

OPERATOR = Actor("root", is_operator=True)


def both(rivals: Rivals, *answers: Delivery) -> tuple[Notices, Notices, Receivers]:
    """Return the notices of two operators, of one store that answers so."""
    receivers = Receivers({"demo.example": [*answers] or [YES]})
    point(rivals.first, "demo", "https://demo.example/hook")
    first = seen_by(rivals.first, receivers, OPERATOR)
    return first, seen_by(rivals.second, receivers, OPERATOR), receivers


def test_a_notice_that_another_process_tries_or_delivered_is_not_sent(rivals: Rivals) -> None:
    first, second, receivers = both(rivals)
    owe(rivals.first)
    rivals.stop(lambda: second.drain(10))
    assert first.drain(10).tried == 0
    assert len(receivers.heard) == 1


def test_a_notice_that_is_being_tried_is_not_sent(rivals: Rivals) -> None:
    first, second, receivers = both(rivals)
    notice = owe(rivals.first)
    rivals.stop(lambda: second._claim(notice.id))
    assert first.drain(10).tried == 0
    assert receivers.heard == []


def test_a_notice_that_is_being_tried_is_not_begun_anew(rivals: Rivals) -> None:
    first, second, _ = both(rivals)
    notice = owe(rivals.first)
    rivals.stop(lambda: second._claim(notice.id))
    with pytest.raises(NotAllowedError):
        first.retry(notice.id)
    assert stored(rivals.first, notice.id).tries == 1


def test_of_two_retries_one_sends(rivals: Rivals) -> None:
    first, second, receivers = both(rivals, BUSY)
    notice = owe(rivals.first)
    rivals.stop(lambda: second.retry(notice.id), before=2)
    with pytest.raises(ConflictError):
        first.retry(notice.id)
    assert len(receivers.heard) == 1


def test_a_try_that_took_too_long_does_not_record_on_the_later_ones_claim(rivals: Rivals) -> None:
    first, second, _ = both(rivals, SILENT)
    notice = owe(rivals.first)
    claims: list[object] = []

    def claimed_later() -> None:
        rivals.second.clock.advance(ms=CLAIM_MS)
        claims.append(second._claim(notice.id))

    rivals.stop(claimed_later, before=2)
    first.drain(1)
    assert [stored(rivals.first, notice.id)] == claims


def test_a_try_in_vain_of_what_was_delivered_meanwhile_brings_nothing_back(rivals: Rivals) -> None:
    first, second, _ = both(rivals, BUSY, YES)
    notice = owe(rivals.first)

    def delivered() -> None:
        rivals.second.clock.advance(ms=CLAIM_MS)
        assert second.drain(10).delivered == 1

    rivals.stop(delivered, before=2)
    first.drain(1)
    with pytest.raises(NotFoundError):
        stored(rivals.first, notice.id)


def test_two_deliveries_of_one_notice_are_noted_on_its_order(rivals: Rivals) -> None:
    first, second, _ = both(rivals)
    notice = owe(rivals.first)

    def delivered() -> None:
        rivals.second.clock.advance(ms=CLAIM_MS)
        assert second.drain(10).delivered == 1

    rivals.stop(delivered, before=2)
    assert first.drain(10).delivered == 1
    assert order_of(rivals.first, notice).history[-1]["what"] == "notified"  # type: ignore[index,call-overload]


@pytest.mark.parametrize("rival", ["retry", "delivery"])
def test_a_stale_notice_is_not_given_up_once_it_was_begun_anew_or_told(
    rivals: Rivals, rival: str
) -> None:
    first, second, _ = both(rivals, BUSY if rival == "retry" else YES)
    notice = owe(rivals.first)
    rivals.first.clock.advance(ms=STALE_MS + 1)

    def meanwhile() -> None:
        if rival == "retry":
            second.retry(notice.id)
        else:
            second.drain(10)

    rivals.stop(meanwhile)
    assert first._give_up(notice.id) is None
    if rival == "retry":
        assert stored(rivals.first, notice.id).st == "waiting"


def test_a_failed_notice_that_was_begun_anew_is_not_forgotten(rivals: Rivals) -> None:
    first, second, _ = both(rivals, BUSY)
    notice = owe(rivals.first, st="failed")
    rivals.first.clock.advance(ms=KEPT_MS + 1)
    rivals.stop(lambda: second.retry(notice.id))
    first.drain(10)
    assert stored(rivals.first, notice.id).st == "waiting"


def paid_with_hook(world: World) -> None:
    """Owe one run of a hook."""
    world.hooks["demo", "order.paid"] = b"echo told"
    world.gateway.sends = [QR]
    order = world.orders.create(wanted((stock(world), 1), pay_tp="wx.qrcode"), BUYER)
    money(world, pay(world, order))


def test_a_hook_that_another_process_runs_is_not_run(rivals: Rivals) -> None:
    paid_with_hook(rivals.first)
    rivals.stop(lambda: hooks(rivals.second).drain(10))
    done = hooks(rivals.first).drain(10)
    assert (done.done, done.failed, len(rivals.first.scripts.runs)) == (0, 0, 1)


def test_a_hook_that_failed_for_another_process_is_not_tried_again_by_itself(
    rivals: Rivals,
) -> None:
    paid_with_hook(rivals.first)
    rivals.first.scripts.exit_code = 3
    rivals.stop(lambda: hooks(rivals.second).drain(10))
    done = hooks(rivals.first).drain(10)
    assert (done.done, done.failed, len(rivals.first.scripts.runs)) == (0, 0, 1)


def test_a_failed_hook_is_run_again_by_one_of_two_operators(rivals: Rivals) -> None:
    paid_with_hook(rivals.first)
    rivals.first.scripts.exit_code = 3
    hooks(rivals.first).drain(10)
    [row] = rows(rivals.first)
    rivals.stop(lambda: hooks(rivals.second)._claim(str(row["id"]), {row_state(row)}))
    with pytest.raises(NotAllowedError):
        hooks(rivals.first).again(str(row["id"]))
    assert len(rivals.first.scripts.runs) == 1


def row_state(row: Record):
    from payment_cli.model.events.hook import HookStatus

    return HookStatus(str(row["st"]))


@pytest.mark.parametrize("exit_code", [0, 3])
@pytest.mark.parametrize("rival", ["again", "claim", "drop"])
def test_a_run_of_a_hook_that_was_decided_meanwhile_records_nothing(
    rivals: Rivals, rival: str, exit_code: int
) -> None:
    paid_with_hook(rivals.first)
    rivals.first.scripts.exit_code = exit_code
    [row] = rows(rivals.first)
    row_id, second = str(row["id"]), rivals.second
    meanwhile: dict[str, Callable[[], object]] = {
        "again": lambda: hooks(second).again(row_id),
        "claim": lambda: hooks(second)._claim(row_id, {*type(row_state(row))}),
        "drop": lambda: OwedSteps(second.storage, second.actor, second.clock).drop(row_id, "no"),
    }
    after: list[object] = []

    def decided() -> None:
        second.clock.advance(minutes=5)
        second.scripts.exit_code = 3
        meanwhile[rival]()
        after.append(rows(second))
        second.scripts.exit_code = exit_code

    rivals.stop(decided, before=2)
    done = hooks(rivals.first).drain(10)
    assert (done.done, done.failed) == (0, 0)
    assert [rows(rivals.first)] == after


def an_outbox(world: World, done: list[str], *, fails: bool = False) -> Outbox:
    def handle(_tx: Transaction, row: Record) -> None:
        if fails:
            raise NotAllowedError("not today")
        done.append(str(row["id"]))

    return Outbox(world.storage, "demo", world.clock, {"do": handle})


def owe_row(world: World) -> str:
    row = outbox_row(world.ids(world.clock.now), world.clock.now, "do")
    with world.storage.transaction("test") as tx:
        tx.insert(OUTBOX, row)
    return str(row["id"])


def test_a_row_that_another_process_did_is_not_done_again(rivals: Rivals) -> None:
    done: list[str] = []
    row_id = owe_row(rivals.first)
    rivals.stop(lambda: an_outbox(rivals.second, done).apply())
    applied = an_outbox(rivals.first, done).apply()
    assert (applied.count, applied.errors, done) == (0, (), [row_id])


def test_a_row_that_was_done_after_all_is_not_put_off(rivals: Rivals) -> None:
    done: list[str] = []
    row_id = owe_row(rivals.first)
    rivals.stop(lambda: an_outbox(rivals.second, done).apply(), before=2)
    applied = an_outbox(rivals.first, done, fails=True).apply()
    assert ([name for name, _ in applied.errors], done) == ([row_id], [row_id])
    assert list(rivals.first.storage.query(OUTBOX, Query(everything()))) == []


def test_two_tries_in_vain_are_both_counted(rivals: Rivals) -> None:
    owe_row(rivals.first)
    rivals.stop(lambda: an_outbox(rivals.second, [], fails=True).apply(), before=2)
    an_outbox(rivals.first, [], fails=True).apply()
    [row] = rivals.first.storage.query(OUTBOX, Query(everything()))
    assert row["tries"] == 2


def test_what_was_done_meanwhile_is_not_given_up(rivals: Rivals) -> None:
    done: list[str] = []
    row_id = owe_row(rivals.first)
    rivals.stop(lambda: an_outbox(rivals.second, done).apply())
    owed = OwedSteps(rivals.first.storage, OPERATOR, rivals.first.clock)
    with pytest.raises(NotFoundError):
        owed.drop(row_id, "no")
    assert done == [row_id]
