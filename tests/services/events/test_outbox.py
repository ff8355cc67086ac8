import pytest

from payment_cli.errors import LockedError, NotAllowedError
from payment_cli.model.events.postponed import FIRST_MS
from payment_cli.model.query.match import everything
from payment_cli.model.record import Record
from payment_cli.services.events.outbox import OUTBOX, Applied, Outbox, outbox_row
from payment_cli.storage.base import Query, Transaction
from tests.services.conftest import World


class Handler:
    """Notes the rows it is given, and refuses those that say so."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.locked = False

    def __call__(self, tx: Transaction, row: Record) -> None:
        if self.locked:
            raise LockedError("busy")
        if row["data"]["bad"]:
            raise NotAllowedError("not today")
        self.done.append(str(row["id"]))


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def outbox(world: World, handler: Handler) -> Outbox:
    return Outbox(world.storage, "demo", world.clock, {"do": handler})


def owe(world: World, name: str, what: str = "do", *, bad: bool = False) -> None:
    world.clock.advance(ms=1)
    with world.storage.transaction("test") as tx:
        tx.insert(OUTBOX, outbox_row(name, world.clock.now, what, bad=bad))


def left(world: World) -> set[str]:
    return {str(row["id"]) for row in world.storage.query(OUTBOX, Query(everything()))}


def test_rows_are_applied_once_the_oldest_first(world: World, outbox, handler) -> None:
    for name in ("c", "a", "b"):
        owe(world, name)
    assert outbox.apply() == Applied(3)
    assert handler.done == ["c", "a", "b"]
    assert outbox.apply() == Applied(0)
    assert left(world) == set()


def test_it_does_a_bounded_number(world: World, outbox, handler) -> None:
    for name in "abc":
        owe(world, name)
    assert outbox.apply(2).count == 2
    assert left(world) == {"c"}


def test_a_row_that_can_not_be_applied_stops_no_other_and_is_postponed(
    world: World, outbox, handler
) -> None:
    owe(world, "bad", bad=True)
    owe(world, "unknown", "nobody does this")
    owe(world, "good")
    world.clock.advance(ms=1)
    applied = outbox.apply()
    assert applied.count == 1
    assert [name for name, _ in applied.errors] == ["bad", "unknown"]
    assert applied.errors[0][1] == "e.pay.nopvg: not today"
    assert left(world) == {"bad", "unknown"}
    owe(world, "next")
    world.clock.advance(ms=1)
    assert outbox.apply(1) == Applied(1, undone=2)
    assert handler.done == ["good", "next"]
    world.clock.advance(ms=FIRST_MS)
    assert [name for name, _ in outbox.apply().errors] == ["bad", "unknown"]
    world.clock.advance(ms=FIRST_MS)
    assert outbox.apply().errors == ()  # twice as late each time
    assert len(outbox.apply(again=True).errors) == 2


def test_a_tree_that_can_not_be_written_ends_the_run(world: World, outbox, handler) -> None:
    owe(world, "a")
    owe(world, "b")
    handler.locked = True
    with pytest.raises(LockedError):
        outbox.apply()
    handler.locked = False
    assert outbox.apply().count == 2


def test_a_row_that_another_process_applied_first_is_not_counted(world: World, handler) -> None:
    owe(world, "a")
    owe(world, "b")
    other = Outbox(world.storage, "demo", world.clock, {"do": Handler()})

    class Racing:
        """The storage, where another process takes the rows right after they were listed."""

        def __getattr__(self, name):
            return getattr(world.storage, name)

        def query(self, collection, query):
            rows = list(world.storage.query(collection, query))
            other.apply()
            return iter(rows)

    outbox = Outbox(Racing(), "demo", world.clock, {"do": handler})
    assert outbox.apply() == Applied(0)
    assert handler.done == []
