"""Fuzzing a reader: whatever comes is read or refused, and both happen in every run."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy

from payment_cli.errors import InvalidValueError


def read_or_refused(
    inputs: SearchStrategy[Any],
    read: Callable[[Any], object],
    check: Callable[[Any, Any], None] = lambda given, value: None,
    refusal: type[Exception] = InvalidValueError,
) -> None:
    """Feed a reader; `check(input, value)` looks at what it made of an input it took.

    A reader that takes nothing, or everything, fails: its inputs don't try what they should.
    """
    taken, refused = set(), set()

    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(inputs)
    def run(data: Any) -> None:
        try:
            value = read(data)
        except refusal:
            refused.add(repr(data))
            return
        taken.add(repr(data))
        check(data, value)

    run()
    assert taken, "nothing was taken"
    assert refused, "nothing was refused"
