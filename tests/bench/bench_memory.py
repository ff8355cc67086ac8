"""What a table, an export and an import hold in memory, at ten times as many records.

`python -m tests.bench.bench_memory [RECORDS]` runs it alone, with fewer records than 100,000.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from payment_cli.app import App
from payment_cli.model.codec import encode
from tests.bench.bench_shop import _product as a_product
from tests.bench.table import Row, show

RECORDS = 100_000

#: So much more at ten times as many: what a process holds moves a little by itself.
TARGET = 1.2

BIN = Path(sys.executable).parent

#: Runs a command and prints the most it held, in KiB; its output goes to the file of its name.
PEAK = (
    "import resource, subprocess, sys; "
    "subprocess.run(sys.argv[2:], stdout=open(sys.argv[1], 'wb'), check=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def measure(records: int = RECORDS) -> list[Row]:
    """Measure each command in a store of a tenth of `records`, and in one of all."""
    with tempfile.TemporaryDirectory(prefix="payment-bench-") as place:
        small, large = (
            _peaks(Path(place) / str(count), count) for count in (records // 10, records)
        )
        return [_row(name, small[name], large[name], records) for name in small]


def _row(name: str, small: int, large: int, records: int) -> Row:
    return Row(
        f"memory of {name}, {records:,} goods to {records // 10:,}",
        large / small,
        TARGET,
        at_most=True,
        measured=f"{large / 1024:.1f} MiB",
        baseline=f"{small / 1024:.1f} MiB",
    )


def _peaks(place: Path, count: int) -> dict[str, int]:
    """Import `count` goods into a new store, and read them; return the KiB that commands held."""
    app = App(place / "tree", "bench", {})
    app.merchants.init("bench")
    app.close()
    env = {**os.environ, "PAYMENT_ROOT": str(place / "tree"), "PAYMENT_DOMAIN": "bench"}
    goods, table = place / "goods.jsonl", place / "goods.csv"
    with goods.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{encode(a_product(number))}\n" for number in range(count))

    def peak(*words: object, out: Path = place / "out") -> int:
        ran = [sys.executable, "-c", PEAK, str(out), str(BIN / "payment"), *map(str, words)]
        return int(subprocess.run(ran, env=env, check=True, capture_output=True, text=True).stdout)

    every = ("-limit", count)
    run: dict[str, Callable[[], int]] = {
        "an import of JSON lines": lambda: peak("w", "import", goods),
        "an export of CSV": lambda: peak("w", "export", "--format", "csv", out=table),
        "an import of CSV": lambda: peak("w", "import", table),
        "a table": lambda: peak("w", "list", *every, "-t", "id,nm,w_price,ct:time", "-bish"),
        "JSON": lambda: peak("w", "list", *every),
        "a template": lambda: peak("w", "list", *every, "-tmpl", "@{nm} @{w_nm}"),
    }
    return {name: measured() for name, measured in run.items()}


if __name__ == "__main__":
    show(measure(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS))
