"""Plants each fault of the list in a copy of the source, and sees that its tests catch it.

`python -m tests.mutants [WORD]` takes only the faults of whose part, file or guard WORD is a part.
Exits 1 if one survives, if its text is not in the source any more, or if its tests don't run.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import NoReturn

from tests.mutants.table import PACKAGE, ROOT, Mutant, load_mutants

#: How many faults are tried at a time, each in a copy of its own.
RUNNERS = 2

#: A fault that makes its tests hang is caught, too.
TIME_LIMIT_S = 300
#: All tests of the list at once, without a fault.
BASELINE_LIMIT_S = 3600

#: What most tests import, and is none of ours: loaded once, before the runners are forked.
_PRELOADED = (
    "click", "cryptography.x509", "hypothesis.strategies", "hypothesis.stateful", "phonenumbers",
    "pycountry", "pyjson5", "pytest", "re2", "requests", "rich.table", "simplejson", "sqlite3",
)  # fmt: skip

_later = count(1)


@dataclass
class _Try:
    """A fault that is being tried in a forked runner; `source` and `seen` are the file before."""

    mutant: Mutant
    copy: Path
    source: str
    seen: os.stat_result
    began: float = field(default_factory=time.monotonic)

    @property
    def said(self) -> Path:
        """Where the runner's output is."""
        return self.copy / "said"


def main(word: str) -> int:
    """Try the faults that `word` names; return the exit status."""
    wanted = [m for m in load_mutants() if word in f"{m.part} {m.file} {m.guard}"]
    for mutant in wanted:
        mutant.planted(ROOT)
    for name in _PRELOADED:
        import_module(name)
    with tempfile.TemporaryDirectory() as place:
        copies = [_copied(Path(place) / str(number)) for number in range(RUNNERS)]
        if not _pass_without_faults(copies[0], wanted):
            return 1
        missed = _missed(wanted, copies)
    print(f"{len(wanted) - len(missed)} of {len(wanted)} faults were caught")
    for mutant in missed:
        print(f"not caught: {mutant.part}: {mutant.guard} ({mutant.file})")
    return 1 if missed or not wanted else 0


def _copied(place: Path) -> Path:
    for name in (PACKAGE, "tests", "examples"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, place)
    return place


def _pass_without_faults(copy: Path, mutants: Sequence[Mutant]) -> bool:
    """Whether the tests of all these faults pass: else they would catch anything."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    _, status = os.waitpid(_start(copy, [f"-n{RUNNERS}", *tests], BASELINE_LIMIT_S), 0)
    if status:
        is_late = os.waitstatus_to_exitcode(status) == -signal.SIGALRM
        print((copy / "said").read_text())
        print(
            f"the tests take more than {BASELINE_LIMIT_S} s without any fault"
            if is_late
            else "the tests fail without any fault: mend them first"
        )
    return status == 0


def _missed(mutants: Sequence[Mutant], copies: Sequence[Path]) -> list[Mutant]:
    """Try each fault; return those that nothing caught."""
    waiting, free, missed = [*reversed(mutants)], [*copies], []
    running: dict[int, _Try] = {}
    while waiting or running:
        if waiting and free:
            one = _planted(waiting.pop(), free.pop())
            running[_start(one.copy, ["-n0", "-x", *one.mutant.tests])] = one
            continue
        pid, status = os.wait()
        one = running.pop(pid)
        _restore(one)
        free.append(one.copy)
        if not _is_caught(one, status):
            missed.append(one.mutant)
    return missed


def _planted(mutant: Mutant, copy: Path) -> _Try:
    file = copy / mutant.file
    one = _Try(mutant, copy, file.read_text(), file.stat())
    file.write_text(mutant.planted(copy))
    # Python tells by time and size whether what it compiled before is of this text.
    at = int(one.seen.st_mtime) + next(_later)
    os.utime(file, (at, at))
    return one


def _restore(one: _Try) -> None:
    file = one.copy / one.mutant.file
    file.write_text(one.source)
    os.utime(file, ns=(one.seen.st_atime_ns, one.seen.st_mtime_ns))


def _is_caught(one: _Try, status: int) -> bool:
    code = os.waitstatus_to_exitcode(status)
    is_caught = code in (1, -signal.SIGALRM)
    verdict = {0: "SURVIVED"}.get(code, "caught" if is_caught else "BROKEN")
    took = time.monotonic() - one.began
    print(f"{verdict:8} {took:5.1f} s  {one.mutant.part}: {one.mutant.guard}", flush=True)
    if verdict == "BROKEN":
        print(one.said.read_text()[-2000:])
    return is_caught


def _start(copy: Path, arguments: Sequence[str], limit_s: int = TIME_LIMIT_S) -> int:
    """Run pytest on a copy in a forked process; return its id."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _run(copy, arguments, limit_s)
    return child


def _run(copy: Path, arguments: Sequence[str], limit_s: int) -> NoReturn:
    """Become pytest, over the copy and nothing of the checkout."""
    status = 4
    try:
        signal.alarm(limit_s)
        with (copy / "said").open("wb") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        os.chdir(copy)
        os.environ |= {"PYTHONPATH": str(copy), "CI": "true"}
        sys.path[:] = [str(copy), *(one for one in sys.path if one != str(ROOT))]
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        import pytest

        options = ["-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not browser"]
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        status = int(pytest.main([*options, *arguments]))
    finally:
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
