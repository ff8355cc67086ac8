"""What all sweeps do alike: postpone, go on, take turns, leave a silent account alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payment_cli.errors import (
    ConfigError,
    CorruptRecordError,
    LockedError,
    OutcomeUnknownError,
    StorageError,
)
from payment_cli.model.actor import Actor
from payment_cli.model.events.postponed import ACCOUNT_MAX_MS, FIRST_MS, MAX_MS
from payment_cli.services.events.postponements import POSTPONED, Postponements
from payment_cli.services.events.rounds import DONE, PASSED, SILENT, Due, End, Round
from tests.services.conftest import World, a_world


class Work:
    """Things that fail as they are told to; `tried` are those that were tried, in order."""

    def __init__(self, world: World, actor: Actor | None = None) -> None:
        self.world = world
        self.postponements = Postponements(
            world.storage, actor or Actor("root", is_operator=True), world.clock
        )
        self.due: list[Due] = []
        self.ends: dict[str, End | Exception] = {}
        self.tried: list[str] = []

    def round(self, most: int = 10, *, again: bool = False) -> Round:
        self.tried = []
        run = Round(self.postponements, "test", most, again=again)
        run.run(list(self.due), self._do)
        return run

    def _do(self, name: str) -> End:
        self.tried.append(name)
        end = self.ends.get(name, DONE)
        if isinstance(end, Exception):
            raise end
        rest = [one for one in self.due if one.id != name]
        if end == DONE:
            self.due = rest
        if end == SILENT:  # it puts itself to the end of the queue
            self.due = [*rest, *(one for one in self.due if one.id == name)]
        return end

    def until(self, what: str) -> int:
        [until] = [row.until for row in self.postponements.all() if row.what == what]
        return until - self.world.clock.now


@pytest.fixture
def work(world: World) -> Work:
    return Work(world)


def test_what_failed_is_tried_again_twice_as_late_each_time_at_most_an_hour(world, work) -> None:
    work.due, work.ends = [Due("a")], {"a": CorruptRecordError("damaged")}
    waits = []
    for _ in range(9):
        run = work.round()
        assert run.errors == [("a", "e.pay.corrupt: damaged")]
        waits.append(work.until("a"))
        world.clock.advance(ms=waits[-1] - 1)
        assert (work.round().tried, work.tried) == (0, [])
        world.clock.advance(ms=1)
    assert waits[:4] == [FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS, 8 * FIRST_MS]
    assert waits[-1] == MAX_MS


def test_it_is_told_once_and_again_when_it_is_another_error_or_done(world, work) -> None:
    work.due, work.ends = [Due("a")], {"a": CorruptRecordError("damaged")}
    first = work.round()
    assert (first.news, first.undone) == (("test a: e.pay.corrupt: damaged",), 1)
    assert (work.round().news, work.round().undone) == ((), 1)
    work.ends["a"] = CorruptRecordError("damaged, says another sentence")
    assert work.round(again=True).news == ()
    work.ends["a"] = ConfigError("no config")
    assert work.round(again=True).news == ("test a: e.pay.config: no config",)
    del work.ends["a"]
    last = work.round(again=True)
    assert (last.news, last.undone) == (("1 postponed (test) could be done at last",), 0)
    assert list(work.postponements.all()) == []


def test_failures_never_take_the_place_of_what_can_be_done(world, work) -> None:
    bad = [Due(f"bad{n:03}", "shop") for n in range(100)]
    work.due = [*bad, Due("good", "shop"), Due("other", "other")]
    work.ends = {one.id: CorruptRecordError("damaged") for one in bad}
    work.round(10)
    assert "other" in work.tried
    for _ in range(9):
        world.clock.advance(ms=FIRST_MS)  # what failed is due again
        work.round(10)
    work.round(10)
    assert "good" not in [one.id for one in work.due]


def test_a_round_does_as_much_as_it_may_beside_what_fails(work) -> None:
    work.due = [
        Due("bad1", "shop"),
        Due("bad2", "shop"),
        Due("good1", "other"),
        Due("good2", "other"),
    ]
    work.ends = dict.fromkeys(("bad1", "bad2"), CorruptRecordError("damaged"))
    work.round(2)
    assert [one.id for one in work.due] == ["bad1", "bad2"]


def test_stores_take_turns_and_so_do_their_accounts(work) -> None:
    work.due = [Due(f"a{n}", "big", "big wx 1") for n in range(5)]
    work.due += [Due("b0", "big", "big wx 2"), Due("s0", "small"), Due("s1", "small")]
    work.round(6)
    assert work.tried == ["a0", "s0", "b0", "s1", "a1", "a2"]


def test_an_account_that_fails_three_times_in_a_row_is_left_alone(world, work) -> None:
    account = "shop wx main"
    work.due = [Due(f"a{n:02}", "shop", account) for n in range(12)]
    work.due.append(Due("fine", "shop", "shop zfb main"))
    work.ends = {one.id: OutcomeUnknownError("no answer") for one in work.due[:12]}
    run = work.round(100)
    assert (work.tried, run.passed) == (["a00", "fine", "a01", "a02"], 9)
    assert (work.until(account), run.undone) == (FIRST_MS, 4)
    assert work.round(100).tried == 0
    waits = []
    for _ in range(6):
        world.clock.advance(ms=work.until(account))
        assert (work.round(100).tried, len(work.tried)) == (1, 1)
        waits.append(work.until(account))
    assert waits == [2 * FIRST_MS, 4 * FIRST_MS, 8 * FIRST_MS, *[ACCOUNT_MAX_MS] * 3]
    work.ends = {}
    world.clock.advance(ms=MAX_MS)
    healed = work.round(100)
    assert (work.due, healed.undone) == ([], 0)
    assert list(work.postponements.all()) == []


def test_a_success_between_keeps_an_account_open(work) -> None:
    work.due = [Due(f"a{n}", "shop", "shop wx main") for n in range(6)]
    work.ends = {name: OutcomeUnknownError("no") for name in ("a0", "a1", "a3", "a4")}
    assert (work.round().tried, work.round().tried) == (6, 0)


def test_what_a_silent_answer_leaves_to_itself_is_not_remembered_but_its_account_is(work) -> None:
    work.due = [Due(f"a{n}", "shop", "shop wx main") for n in range(5)]
    work.ends = {f"a{n}": SILENT for n in range(5)}
    run = work.round()
    assert (run.tried, run.passed, run.undone, run.errors) == (3, 2, 1, [])
    assert run.news == ("account shop wx main: e.pay.unknown: no answer",)


def test_an_orders_own_failures_do_not_close_its_account(work) -> None:
    work.due = [Due(f"a{n}", "shop", "shop wx main") for n in range(5)]
    work.ends = {f"a{n}": CorruptRecordError("damaged") for n in range(4)}
    assert work.round().tried == 5


def test_what_is_held_is_no_failure_and_is_tried_when_it_says(world, work) -> None:
    work.due = [Due("a")]
    work.ends = {"a": End(held_until=world.clock.now + 5000)}
    run = work.round()
    assert (run.held, run.undone, run.news, run.errors) == (["a"], 0, (), [])
    assert work.round().held == ["a"]
    world.clock.advance(ms=5000)
    del work.ends["a"]
    done = work.round()
    assert (done.tried, done.held, done.news) == (1, [], ())


def test_what_was_passed_over_is_not_counted(work) -> None:
    work.due, work.ends = [Due("a")], {"a": PASSED}
    run = work.round()
    assert (run.tried, run.passed, run.undone) == (0, 1, 0)


def test_what_is_not_due_any_more_is_forgotten(work) -> None:
    work.due, work.ends = [Due("a")], {"a": CorruptRecordError("damaged")}
    work.round()
    work.due = []
    assert work.round().undone == 0
    assert list(work.postponements.all()) == []


def test_a_store_forgets_nothing_of_another(world, work) -> None:
    work.due, work.ends = [Due("a", "shop")], {"a": CorruptRecordError("damaged")}
    work.round()
    Work(world, Actor("other")).round()
    assert [row.what for row in work.postponements.all()] == ["a"]
    Work(world, Actor("shop")).round()
    assert list(work.postponements.all()) == []


def test_a_record_that_can_not_be_written_is_postponed_and_a_full_disk_ends_the_round(
    work, monkeypatch
) -> None:
    work.due = [Due("a"), Due("b")]
    work.ends = {"a": StorageError("can't replace a.json")}
    run = work.round()
    assert (work.tried, [name for name, _ in run.errors]) == (["a", "b"], ["a"])

    def full(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    work.due = [Due("a"), Due("b")]
    monkeypatch.setattr(Postponements, "remember", full)
    with pytest.raises(StorageError):
        work.round(again=True)


def test_a_locked_tree_ends_the_round_and_postpones_nothing(work) -> None:
    work.due, work.ends = [Due("a"), Due("b")], {"a": LockedError("busy")}
    with pytest.raises(LockedError):
        work.round()
    assert (work.tried, list(work.postponements.all())) == (["a"], [])


def test_what_a_wrong_clock_postponed_is_tried_at_once(world, work) -> None:
    work.due, work.ends = [Due("a")], {"a": CorruptRecordError("damaged")}
    world.clock.advance(minutes=60 * 24)
    work.round()
    world.clock.advance(minutes=-60 * 24)
    assert work.round().tried == 1


def test_a_damaged_memory_is_as_none_and_stops_nothing(world, work) -> None:
    work.due, work.ends = [Due("a"), Due("b")], {"a": CorruptRecordError("damaged")}
    work.round()
    [row] = work.postponements.all()
    with world.storage.transaction("test") as tx:
        tx.put(POSTPONED, {**row.to_record(), "until": "soon"})
    work.due.append(Due("c"))
    work.round()
    assert (work.tried, work.until("a")) == (["a", "c"], FIRST_MS)


outcomes = st.sampled_from([DONE, DONE, SILENT, PASSED, CorruptRecordError("x"), ConfigError("x")])


@settings(max_examples=20, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 9)),
        outcomes,
        max_size=12,
    ),
    st.integers(1, 5),
)
def test_whatever_fails_the_rest_is_done_and_nothing_twice_in_a_round(things, most) -> None:
    world = a_world()
    work = Work(world)
    work.due = [Due(f"{s}{a}{n}", s, f"{s} {a}") for s, a, n in things]
    work.ends = {f"{s}{a}{n}": end for (s, a, n), end in things.items()}
    can = {name for name, end in work.ends.items() if end == DONE}
    for _ in range(15):
        work.round(most)
        assert len(set(work.tried)) == len(work.tried)
        assert sum(work.ends[name] == DONE for name in work.tried) <= most
        world.clock.advance(ms=ACCOUNT_MAX_MS)
    assert can.isdisjoint(one.id for one in work.due)
    world.storage.close()
