"""Kills a command of `pay` or `payment` at its steps, each time on a fresh copy of a tree."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO, TextIOWrapper
from pathlib import Path

from payment_cli.cli.main import run
from tests.support.failpoints import first_of_each, run_until_step, steps_of


@dataclass(frozen=True)
class Command:
    """What is typed, and what comes from stdin."""

    program: str
    words: tuple[str, ...]
    stdin: bytes = b""


@dataclass(frozen=True)
class Killed:
    """A command that died before a step (None: it went through), and what it had printed."""

    root: Path
    command: Command
    step: str | None
    out: str


@dataclass(frozen=True)
class Killing:
    """Kills commands on copies of the tree `prepared`, made one after the other at `place`.

    `use` makes a copy the tree that commands work on; `tell` says how often was killed.
    """

    prepared: Path
    place: Path
    use: Callable[[Path], None]
    tell: Callable[[str], None]

    def everywhere(
        self, prepare: Callable[[Path], Command], *, repeats: bool = False
    ) -> Iterator[Killed]:
        """Yield the command's end for each kill before a distinct step, and for no kill.

        `prepare` finishes a copy and returns the command; no storage may be open after it. With
        `repeats` also for each time that a step comes again.
        """
        command = self._fresh(prepare)[1]
        nowhere = os.open(os.devnull, os.O_WRONLY)
        steps = steps_of(partial(_run, command, nowhere))
        os.close(nowhere)
        tried = range(1, len(steps) + 2) if repeats else first_of_each(steps)
        for k in tried:
            root, command = self._fresh(prepare)
            read, write = os.pipe()
            death = run_until_step(k, partial(_run, command, write))
            os.close(write)
            with os.fdopen(read, encoding="utf-8") as printed:
                yield Killed(root, command, death.step, printed.read())
        words = command.words[: 2 if command.program == "payment" else 1]
        name = " ".join((command.program, *words))
        points = f"{len(set(steps))} distinct points of {len(steps)}"
        self.tell(f"{name}: {points}, killed at {len(tried) - 1}")

    def _fresh(self, prepare: Callable[[Path], Command]) -> tuple[Path, Command]:
        root = self.place / "tree"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.prepared, root)
        self.use(root)
        return root, prepare(root)


def _run(command: Command, out: int, _acknowledge: object) -> None:
    """Run the command in this (forked) process, its stdout being the descriptor `out`.

    It acknowledges by what it prints.
    """
    sys.stdin = TextIOWrapper(BytesIO(command.stdin), encoding="utf-8")
    with os.fdopen(out, "wb", buffering=0) as raw, TextIOWrapper(raw, encoding="utf-8") as stdout:
        sys.stdout = stdout
        code = run(command.program, list(command.words))
        assert code == 0, f"{command} ended with {code}"
