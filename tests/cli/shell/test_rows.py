"""Rows of a table wait until all are known, on disk where they are many."""

import pytest

from payment_cli.cli.shell import rows
from payment_cli.cli.shell.columns import Cell, plain_table
from payment_cli.cli.shell.rows import KeptRows

ROWS = [[Cell("a", is_number=False), Cell("1", is_number=True)], [Cell(""), Cell("茶 é")]]


@pytest.mark.parametrize("most", [1, 1 << 20])
def test_rows_come_back_as_often_as_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(rows, "MEMORY_MAX", most)
    with KeptRows(ROWS * 50) as kept:
        assert len(kept) == 100
        assert list(kept) == ROWS * 50
        assert list(kept) == ROWS * 50


def test_no_rows_are_none() -> None:
    with KeptRows([]) as kept:
        assert (len(kept), list(kept)) == (0, [])


def test_the_last_row_may_be_the_widest() -> None:
    with KeptRows([[Cell("a")], [Cell("1" * 30, is_number=True)]]) as kept:
        lines = list(plain_table(["id"], kept, has_border=False))
    assert lines == ["id".rjust(30), "-" * 30, "a".ljust(30).rstrip(), "1" * 30]
