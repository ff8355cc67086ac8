"""Real processes that start at the same instant, and the wait for what they leave behind."""

import ctypes
import json
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

_PR_SET_CHILD_SUBREAPER = 36


def race(runners: int, work: Callable[[int], Any]) -> list[Any]:
    """Run `work(0)`, `work(1)` … each in a forked process; return what they returned, by number.

    All wait for each other at the start. Results must be JSON. Fork while no storage is open.
    """
    gate_read, gate_write = os.pipe()
    runs = [_start(number, work, gate_read, gate_write) for number in range(runners)]
    os.close(gate_read)
    os.close(gate_write)  # the end of the file is the starting shot
    results = []
    for child, result_read in runs:
        with os.fdopen(result_read, "rb") as results_of_child:
            text = results_of_child.read()
        assert os.waitpid(child, 0)[1] == 0, "a runner failed"
        results.append(json.loads(text))
    return results


def reap() -> None:
    """Wait until all children have ended, adopted ones too."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


@contextmanager
def adopting() -> Iterator[Callable[[], None]]:
    """Make detached processes of our children ours; yield what waits until all have ended."""
    prctl = ctypes.CDLL(None).prctl

    assert prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield reap
        reap()
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _start(
    number: int, work: Callable[[int], Any], gate_read: int, gate_write: int
) -> tuple[int, int]:
    result_read, result_write = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn when a runner with threads forks; the child starts none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(gate_write)
        _run(number, work, gate_read, result_write)
    os.close(result_write)
    return child, result_read


def _run(number: int, work: Callable[[int], Any], gate_read: int, result_write: int) -> NoReturn:
    status = 1
    try:
        os.read(gate_read, 1)
        with os.fdopen(result_write, "wb") as results:
            results.write(json.dumps(work(number)).encode())
        status = 0
    except BaseException as error:
        os.write(2, f"runner {number}: {error!r}\n".encode())
    finally:
        os._exit(status)
