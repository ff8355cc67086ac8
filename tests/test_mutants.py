"""The list of planted faults is kept true; whether each is caught takes `make mutants`."""

import ast
from dataclasses import replace

import pytest

from tests.mutants.table import ROOT, load_mutants

MUTANTS = list(load_mutants())


@pytest.mark.parametrize("part", sorted({mutant.part for mutant in MUTANTS}))
def test_every_fault_can_still_be_planted(part: str) -> None:
    for mutant in MUTANTS:
        if mutant.part == part:
            source = (ROOT / mutant.file).read_text()
            planted = mutant.planted(ROOT)
            assert planted != source
            ast.parse(planted)


def test_every_fault_names_tests_that_are_there_and_a_guard_of_its_own() -> None:
    assert len({(mutant.part, mutant.guard) for mutant in MUTANTS}) == len(MUTANTS)
    named = {test for mutant in MUTANTS for test in mutant.tests}
    assert {test for test in named if not _is_there(*test.split("::"))} == set()


def _is_there(file: str, function: str = "") -> bool:
    place = ROOT / file
    return place.is_file() and (not function or f"def {function}(" in place.read_text())


def test_a_guard_that_is_not_in_the_source_any_more_is_named() -> None:
    gone = replace(MUTANTS[0], text="this is nowhere")
    with pytest.raises(ValueError, match=gone.guard):
        gone.planted(ROOT)
