"""`make bench`: every figure, or only the modules named on the command line."""

import sys
from importlib import import_module

from tests.bench.table import show

MODULES = ("bench_cold_start", "bench_storage", "bench_callback", "bench_shop")

if __name__ == "__main__":
    for name in sys.argv[1:] or MODULES:
        show(import_module(f"tests.bench.{name}").measure())
