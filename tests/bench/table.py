"""One row per figure: the ratio, what it is held to, and the code of its baseline."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True)
class Row:
    """A figure: `ratio` of what is measured to its baseline; `at_most` says which way is good.

    Without a `target` it is only there to be known.
    """

    name: str
    ratio: float
    target: float | None
    at_most: bool
    measured: str
    baseline: str

    @property
    def is_reached(self) -> bool:
        if self.target is None:
            return True
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target


def show(rows: list[Row]) -> None:
    """Print the table to stdout, each figure with its baseline beside it."""
    for row in rows:
        sign = "<=" if row.at_most else ">="
        word = "ok  " if row.is_reached else "MISS"
        target = "no target" if row.target is None else f"target {sign} {row.target:g}"
        print(f"{word} {row.ratio:6.2f} ({target})  {row.name}")
        print(f"       measured: {row.measured}")
        print(f"       baseline: {row.baseline}")
    sys.stdout.flush()


def interleaved(
    candidate: Callable[[], object], baseline: Callable[[], object], rounds: int
) -> tuple[float, float]:
    """Return the median seconds of both, run in turns so that noise meets both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for timed, into in ((candidate, times[0]), (baseline, times[1])):
            started = perf_counter()
            timed()
            into.append(perf_counter() - started)
    return median(times[0]), median(times[1])
