"""Lines wait on disk: found by name and id, given back in their order, and nothing is left."""

import sqlite3
from pathlib import Path

import pytest

from payment_cli.errors import StorageError
from payment_cli.files.staging import PREFIX, Line, Staging


def a_line(number: int, *, is_late: bool = False, is_due: bool = True) -> Line:
    return Line(number, f"p-{number}", f"id-{number}", is_late, is_due, f"body {number}")


def test_a_line_is_found_by_its_name_and_known_by_its_id() -> None:
    with Staging.opened() as staged:
        assert staged.add(a_line(2))
        assert staged.find("p-2") == a_line(2)
        assert staged.find("p-3") is None
        assert "id-2" in staged
        assert "id-3" not in staged


def test_a_name_is_there_once() -> None:
    with Staging.opened() as staged:
        staged.add(a_line(2))
        assert not staged.add(a_line(3)._replace(name="p-2"))
        assert staged.count() == 1


def test_what_is_due_comes_in_batches_the_late_ones_last() -> None:
    with Staging.opened() as staged:
        for number in range(1, 7):
            staged.add(a_line(number, is_late=number < 3, is_due=number != 4))
        assert staged.count(is_due=True) == 5
        assert [[line.number for line in some] for some in staged.due(2)] == [[3, 5], [6], [1, 2]]
        assert [len(some) for some in staged.batches(4)] == [4, 2]


def test_lines_may_be_replaced_while_they_are_gone_through() -> None:
    with Staging.opened() as staged:
        for number in range(5):
            staged.add(a_line(number))
        for some in staged.batches(2):
            for line in some:
                staged.replace(line._replace(body="new", is_due=False))
        assert staged.count(is_due=True) == 0
        assert {line.body for some in staged.batches(9) for line in some} == {"new"}


def test_nothing_is_seen_of_it_and_what_died_early_is_swept(root: Path) -> None:
    (root / f"{PREFIX}dead").write_text("")
    with Staging.opened(root) as staged:
        for number in range(1000):
            staged.add(a_line(number)._replace(body="x" * 10_000))
        assert list(root.iterdir()) == []
        assert staged.count() == 1000


def test_a_disk_that_refuses_is_a_storage_error(root: Path) -> None:
    with pytest.raises(StorageError), Staging.opened(root):
        raise sqlite3.OperationalError("database or disk is full")
