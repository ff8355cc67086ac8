"""Cold start: the processor time of whole commands, beside that of bare imports.

The tool is installed as its users have it, not editable, into an environment of its own; the
baseline runs there too. Processor time (user and system), for whole commands waste nobody's time
but the machine's, and it is steadier than the clock; pairs in turns, since machines drift.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy, copytree
from statistics import median

from tests.bench.table import Row

BASELINE = "import click, sqlite3, json"
PAIRS = 41
PAIRS_TO_KNOW = 11  # of what has no target
SOURCE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Tool:
    """An installed tool with a shop: `folder` holds both."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def program(self, name: str) -> str:
        return str(self.folder / "venv" / "bin" / name)

    def run(self, program: str, *words: str) -> str:
        """Run a command that must succeed; return what it printed."""
        done = subprocess.run(
            [self.program(program), *words],
            env=self.env,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def cpu_s(self, words: list[str]) -> float:
        """Run a command that must succeed; return the processor time it took, in seconds."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, nowhere, fd) for fd in (0, 1)]
        pid = os.posix_spawn(words[0], words, self.env, file_actions=actions)
        os.close(nowhere)
        _, status, used = os.wait4(pid, 0)
        assert status == 0, f"{words} left with status {status}"
        return used.ru_utime + used.ru_stime


def installed(folder: Path) -> Tool:
    """Install this source as it is now, and make a merchant with one product."""
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    source = folder / "source"  # a copy, or what was built there before would come along
    copytree(SOURCE / "payment_cli", source / "payment_cli")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        copy(SOURCE / name, source)
    pip = [folder / "venv" / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, source], check=True, stderr=subprocess.DEVNULL)
    env = {**os.environ, "PAYMENT_ROOT": str(folder / "tree"), "PAYMENT_DOMAIN": "bench"}
    # An installed tool has its bytecode; a machine that forbids writing it would compile anew.
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    tool = Tool(folder, env)
    tool.run("payment", "store", "init", "bench")
    tool.run(
        "payment", "w", "add", "-nm", "cup", "--title", "Cup", "--price", "34.50", "--stock", "9999"
    )
    return tool


def measured(tool: Tool, words: list[str], target: float | None) -> Row:
    """Measure a command against the baseline, in pairs."""
    command = [tool.program(words[0]), *words[1:]]
    baseline = [tool.program("python"), "-c", BASELINE]
    tool.cpu_s(command)  # compiles its modules, if nobody did
    pairs = [
        (tool.cpu_s(command), tool.cpu_s(baseline))
        for _ in range(PAIRS_TO_KNOW if target is None else PAIRS)
    ]
    took, base = (median(times) * 1000 for times in zip(*pairs, strict=True))
    shown = [word if len(word) < 30 else "ID" for word in words]
    return Row(
        f"cold start of `{' '.join(shown)}`, processor time",
        median(command_s / baseline_s for command_s, baseline_s in pairs),
        target,
        True,
        f"{took:.0f} ms, median of {len(pairs)} in turns",
        f"python -c '{BASELINE}': {base:.0f} ms",
    )


def measure() -> list[Row]:
    """Measure the commands that scripts and cron start again and again; then some to know."""
    with tempfile.TemporaryDirectory(prefix="payment-bench-") as folder:
        tool = installed(Path(folder))
        create = ["pay", "create", "-fee", "2300", "-br", "bench"]
        payment_id = json.loads(tool.run(*create))["id"]
        for _ in range(11):
            tool.run(*create)
        return [
            measured(tool, words, target)
            for words, target in (
                (["pay", "get", payment_id], 1.2),
                (create, 1.5),
                (["pay", "query"], 1.6),
                (["pay", "check", "--pending"], 1.7),
                (["pay", "query", "-st", "NEW", "-sort", "lm:-1"], None),
                (["pay", "--help"], None),
                (["payment", "--help"], None),
                (["payment", "tick"], None),
                (["payment", "w", "list"], None),
                (["payment", "o", "create", "--anonymous", "--item", "cup:1"], None),
            )
        ]
