"""The kept list of planted faults: one for each guard that nobody would miss until it is needed.

Each `*.toml` beside this file is one part of the product. `tests` at its top are the tests that
should catch its faults; a fault may name its own, be it one function (`file.py::name`). A fault is
`guard` (what is no longer true), `file` (below payment_cli), `text` (found there exactly once) and
`fault` (what replaces it).
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PACKAGE = "payment_cli"


@dataclass(frozen=True)
class Mutant:
    """One planted fault; `tests` and `file` are relative to the checkout."""

    part: str
    guard: str
    file: str
    text: str
    fault: str
    tests: tuple[str, ...]

    def planted(self, root: Path) -> str:
        """Return the file with the fault in it.

        Raises:
            ValueError: the text is not in the file, or more than once.
        """
        source = (root / self.file).read_text()
        found = source.count(self.text)
        if found != 1:
            raise ValueError(f"{self.part}: {self.guard}: found {found} times in {self.file}")
        return source.replace(self.text, self.fault)


def load_mutants() -> Iterator[Mutant]:
    """Yield every planted fault of the list."""
    for place in sorted(HERE.glob("*.toml")):
        part = tomllib.loads(place.read_text())
        for row in part["mutant"]:
            tests = row.get("tests", part["tests"])
            yield Mutant(
                place.stem,
                row["guard"],
                f"{PACKAGE}/{row['file']}",
                row["text"],
                row["fault"],
                tuple(f"tests/{test}" for test in tests),
            )
