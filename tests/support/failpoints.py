"""Kills a process with SIGKILL at its k-th step towards the disk, without a trace in the product.

A step is a call of `os` that changes files, a statement of SQLite, bytes sent to a socket, or the
start of a process. The steps are counted in a forked child, so that nothing here outlives it.
Fork from a process that has no SQLite open.
"""

import fcntl
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

_OS_CALLS = (
    "open", "write", "pwrite", "rename", "replace", "link", "unlink", "mkdir", "chmod", "fchmod",
    "fsync", "close",
)  # fmt: skip


@dataclass(frozen=True)
class Death:
    """How a child ended: at which step (None: it went through), and what it had acknowledged."""

    step: str | None
    acknowledged: int


def steps_of(work: Callable[[Callable[[], None]], None]) -> list[str]:
    """Run `work` to its end in a child; return the name of each of its steps."""
    steps_read, steps_write = os.pipe()
    child = fork()
    if child == 0:
        os.close(steps_read)
        write = os.write
        _in_child(work, lambda: None, lambda step: write(steps_write, f"{step}\n".encode()))
    os.close(steps_write)
    found = _drain(steps_read).decode().splitlines()
    assert os.waitpid(child, 0)[1] == 0, "the child failed by itself"
    return found


def first_of_each(steps: list[str]) -> list[int]:
    """Return the numbers (from 1) of the steps that have not occurred before, and one beyond."""
    return [at for at, step in enumerate(steps, 1) if step not in steps[: at - 1]] + [
        len(steps) + 1
    ]


def run_until_step(k: int, work: Callable[[Callable[[], None]], None]) -> Death:
    """Run `work` in a child that dies just before its `k`-th step.

    `work` gets a function to call after each thing it has been told was done.
    """
    acks_read, acks_write = os.pipe()
    steps_read, steps_write = os.pipe()
    child = fork()
    if child == 0:
        os.close(acks_read)
        os.close(steps_read)
        left, write = [k], os.write

        def die_at_last(step: str) -> None:
            left[0] -= 1
            if left[0] == 0:
                write(steps_write, step.encode())
                os.kill(os.getpid(), signal.SIGKILL)

        def acknowledge() -> None:
            write(acks_write, b".")

        _in_child(work, acknowledge, die_at_last)
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


def fork() -> int:
    """Fork, where a runner may have threads."""
    with warnings.catch_warnings():
        # Newer Pythons warn when a runner with threads forks; the child starts none.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _in_child(
    work: Callable[[Callable[[], None]], None],
    acknowledge: Callable[[], None],
    step: Callable[[str], object],
) -> None:
    """Run `work`, telling `step` of each step, and end the process."""
    write = os.write
    status = 1
    try:
        _install(step)
        work(acknowledge)
        status = 0
    except BaseException as error:
        write(2, repr(error).encode())
    finally:
        os._exit(status)


def _install(tell: Callable[[str], object]) -> None:
    def step(name: str) -> None:
        tell(f"{name} {_where()}")

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            step(name)
            return call(*args, **kwargs)

        return wrapper

    for name in _OS_CALLS:
        setattr(os, name, counted(name, getattr(os, name)))
    fcntl.flock = counted("flock", fcntl.flock)
    for name in ("connect", "send", "sendall"):
        setattr(socket.socket, name, counted(name, getattr(socket.socket, name)))
    start = subprocess.Popen.__init__
    subprocess.Popen.__init__ = counted("start", start)  # type: ignore[method-assign]

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
            step(" ".join(sql.split()[:3]))
            return super().execute(sql, *args)

    connect = sqlite3.connect
    sqlite3.connect = lambda *args, **kwargs: connect(*args, **{**kwargs, "factory": Connection})


def _where() -> str:
    """The innermost lines of the product that led here."""
    frame: FrameType | None = sys._getframe(1)
    found: list[str] = []
    while frame is not None and len(found) < 2:
        file = frame.f_code.co_filename
        if "payment_cli" in file:
            found.append(f"{file.rpartition('/')[2]}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(found)


def _drain(pipe: int) -> bytes:
    data = b""
    while chunk := os.read(pipe, 4096):
        data += chunk
    os.close(pipe)
    return data
