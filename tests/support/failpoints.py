"""Kills a process with SIGKILL at its k-th step towards the disk, without a trace in the product.

A step is a call of `os` that changes files, or a statement of SQLite. The steps are counted in a
forked child, so that nothing here outlives it. Fork from a process that has no SQLite open.
"""

import fcntl
import os
import signal
import sqlite3
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_OS_CALLS = (
    "open", "write", "pwrite", "rename", "unlink", "mkdir", "chmod", "fchmod", "fsync", "close",
)  # fmt: skip


@dataclass(frozen=True)
class Death:
    """How a child ended: at which step (None: it went through), and what it had acknowledged."""

    step: str | None
    acknowledged: int


def run_until_step(k: int, work: Callable[[Callable[[], None]], None]) -> Death:
    """Run `work` in a child that dies just before its `k`-th step.

    `work` gets a function to call after each thing it has been told was done.
    """
    acks_read, acks_write = os.pipe()
    steps_read, steps_write = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn when a runner with threads forks; the child starts none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os.close(acks_read)
        os.close(steps_read)
        _die_at(k, work, acks_write, steps_write)
    os.close(acks_write)
    os.close(steps_write)
    acknowledged = len(_drain(acks_read))
    step = _drain(steps_read).decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return Death(step, acknowledged)
    assert os.WEXITSTATUS(status) == 0, "the child failed by itself"
    return Death(None, acknowledged)


def _die_at(k: int, work: Callable[[Callable[[], None]], None], acks: int, steps: int) -> None:
    write = os.write
    status = 1
    try:
        _install(k, lambda step: (write(steps, step.encode()), os.kill(os.getpid(), 9)))
        work(lambda: write(acks, b"."))
        status = 0
    except BaseException as error:
        write(2, repr(error).encode())
    finally:
        os._exit(status)


def _install(k: int, die: Callable[[str], object]) -> None:
    left = [k]

    def step(name: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            die(f"{name} {_where()}")

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            step(name)
            return call(*args, **kwargs)

        return wrapper

    for name in _OS_CALLS:
        setattr(os, name, counted(name, getattr(os, name)))
    fcntl.flock = counted("flock", fcntl.flock)

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            step(" ".join(sql.split()[:3]))
            return super().execute(sql, *args)

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **kwargs: connect(  # type: ignore[assignment]
        *args, **{**kwargs, "factory": Connection}
    )


def _where() -> str:
    """The innermost lines of the product that led here."""
    frame = sys._getframe(1)
    found: list[str] = []
    while frame is not None and len(found) < 2:
        file = frame.f_code.co_filename
        if "payment_cli" in file:
            found.append(f"{file.rpartition('/')[2]}:{frame.f_lineno}")
        frame = frame.f_back  # type: ignore[assignment]
    return " < ".join(found)


def _drain(pipe: int) -> bytes:
    data = b""
    while chunk := os.read(pipe, 4096):
        data += chunk
    os.close(pipe)
    return data
