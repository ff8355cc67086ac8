"""`make bench`: every figure; `python -m tests.bench cold_start` those of one module."""

import sys
from importlib import import_module

from tests.bench.table import show

MODULES = ("cold_start", "storage", "growth", "callback", "shop", "memory")

if __name__ == "__main__":
    for name in sys.argv[1:] or MODULES:
        show(import_module(f"tests.bench.bench_{name}").measure())
