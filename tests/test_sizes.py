"""Files and functions stay small enough to be read at once."""

import ast
from pathlib import Path
from statistics import median

import pytest

PACKAGE = Path(__file__).parent.parent / "payment_cli"
FILES = sorted(PACKAGE.rglob("*.py"))

LINES_MAX = 500
FUNCTION_LINES_MAX = 70
FUNCTION_LINES_MEDIAN = 12


def _functions(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse(path.read_text())
    return [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_and_its_functions_are_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LINES_MAX
    long = [name for name, lines in _functions(path) if lines > FUNCTION_LINES_MAX]
    assert long == []


def test_most_functions_are_very_small() -> None:
    lengths = [lines for path in FILES for _, lines in _functions(path)]
    assert median(lengths) <= FUNCTION_LINES_MEDIAN


def test_no_module_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base_utils"}
    assert [path for path in FILES if path.stem in drawers] == []
