"""The builders of matches, by what the matches they build hold for."""

from payment_cli.model.query.evaluate import matches
from payment_cli.model.query.match import (
    Glob,
    Match,
    Not,
    all_of,
    any_of,
    between,
    equal,
    everything,
    is_null,
    negate,
    one_of,
)  # fmt: skip
from payment_cli.model.record import Json


def holds(match: Match, value: Json = None) -> bool:
    return matches(match, {"id": "x", "f": value})


def test_everything_holds_for_everything() -> None:
    assert holds(everything())
    assert matches(everything(), {})


def test_all_of_nothing_holds_and_any_of_nothing_does_not() -> None:
    assert holds(all_of())
    assert not holds(any_of())


def test_all_of_needs_every_part_and_any_of_one() -> None:
    parts = (between("f", low=1), between("f", high=5))
    assert [holds(all_of(*parts), n) for n in (0, 3, 9)] == [False, True, False]
    assert [holds(any_of(*parts), n) for n in (0, 3, 9)] == [True, True, True]


def test_equal_to_none_is_null_or_missing() -> None:
    assert holds(equal("f", None))
    assert matches(equal("f", None), {})
    assert not holds(equal("f", None), 0)


def test_one_of_may_name_null() -> None:
    assert [holds(one_of("f", ["a", None]), value) for value in ("a", None, "b")] == [1, 1, 0]
    assert not holds(one_of("f", []), "a")
    assert not holds(one_of("f", []))


def test_between_without_bounds_asks_for_any_value() -> None:
    assert holds(between("f"), "a")
    assert not holds(between("f"))


def test_bounds_belong_to_a_range_unless_it_is_open() -> None:
    assert [holds(between("f", 1, 2), n) for n in (1, 2)] == [True, True]
    assert [holds(between("f", 1, 2, low_open=True), n) for n in (1, 2)] == [False, True]
    assert [holds(between("f", 1, 2, high_open=True), n) for n in (1, 2)] == [True, False]


def test_a_piece_of_a_glob_is_no_pattern_itself() -> None:
    assert holds(Glob("f", ("a*", "")), "a*b")
    assert not holds(Glob("f", ("a*", "")), "ab")


def test_twice_negated_is_itself() -> None:
    match = is_null("f")
    assert negate(match) == Not(match)
    assert negate(negate(match)) == match
