"""A match asked of one record in Python; tests/storage/tree/test_match_sql.py has the rest."""

from collections.abc import Callable

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.evaluate import REGEX_LENGTH_MAX, matches, predicate, search_of
from payment_cli.model.query.match import Equal, Regex


def test_a_prepared_match_is_asked_of_many_records() -> None:
    holds: Callable[..., bool] = predicate(Equal("a.b", 1))
    assert [holds(record) for record in ({"a": {"b": 1}}, {"a": {"b": 2}}, {}, {"a": 1})] == [
        True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("pattern", ["(", "^(?=a)", r"(a)\1", "((a{100}){100}){100}", "\ud800"])
def test_a_pattern_outside_the_linear_dialect_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidValueError, match="RE2"):
        search_of(pattern)


def test_a_pattern_is_refused_when_it_is_too_long() -> None:
    search_of("a" * REGEX_LENGTH_MAX)
    with pytest.raises(InvalidValueError, match="longer than"):
        search_of("a" * (REGEX_LENGTH_MAX + 1))


def test_a_refused_pattern_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidValueError):
        search_of("(")
    assert capfd.readouterr() == ("", "")


def test_a_pattern_that_would_run_away_elsewhere_takes_no_time() -> None:
    """Python's own engine would need 2**40 steps."""
    assert not matches(Regex("a", "^(a+)+$"), {"a": "a" * 40 + "b"})


def test_lists_may_be_tuples() -> None:
    assert matches(Equal("a.b", 2), {"a": ({"b": (1, 2)},)})
