"""Cold start: whole processes, from the shell's view."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.table import Row, interleaved

BASELINE = "import click, sqlite3, json"
ROUNDS = 25


def run(words: list[str], env: dict[str, str]) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(words, env=env, check=True, capture_output=True, text=True)
    return done.stdout


def measure() -> list[Row]:
    """Measure `pay get ID`, `pay --help` and `pay create` against bare imports."""
    with tempfile.TemporaryDirectory(prefix="payment-bench-") as root:
        env = {**os.environ, "PAYMENT_ROOT": root, "PAYMENT_DOMAIN": "bench"}
        # An installed tool has its bytecode; a machine that forbids writing it would compile anew.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        pay = str(Path(sys.executable).parent / "pay")
        run([str(Path(sys.executable).parent / "payment"), "store", "init", "bench"], env)
        create = [pay, "create", "-fee", "2300", "-br", "bench"]
        payment_id = json.loads(run(create, env))["id"]
        rows = []
        for name, words, target in (
            ("pay get ID", [pay, "get", payment_id], 1.5),
            ("pay --help", [pay, "--help"], 1.3),
            ("pay create", create, 1.7),
        ):
            took, base = interleaved(
                lambda words=words: run(words, env),
                lambda: run([sys.executable, "-c", BASELINE], env),
                ROUNDS,
            )
            rows.append(
                Row(
                    f"cold start of {name}",
                    took / base,
                    target,
                    True,
                    f"{' '.join([Path(words[0]).name, *words[1:2]])}: {took * 1000:.0f} ms",
                    f"python -c '{BASELINE}': {base * 1000:.0f} ms",
                )
            )
    return rows
