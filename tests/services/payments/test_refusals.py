import os
from pathlib import Path

import pytest

from payment_cli.services.payments.refusals import count_refusal, read_refusals


@pytest.fixture
def place(root: Path) -> Path:
    (root / ".journal").mkdir()
    return root / ".journal/refused.count"


def test_refusals_are_counted_and_the_last_reason_is_kept(root: Path, place: Path) -> None:
    assert read_refusals(root) == (0, "")
    count_refusal(root, "the APIv3 key does not decrypt this message")
    count_refusal(root, "too old")
    assert read_refusals(root) == (2, "too old")
    assert place.stat().st_mode & 0o777 == 0o600


def test_however_many_are_refused_the_file_stays_small(root: Path, place: Path) -> None:
    for _ in range(50):
        count_refusal(root, "é" * 10_000)
    assert read_refusals(root)[0] == 50
    assert place.stat().st_size < 300


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_left_alone(root: Path, place: Path, kind: str) -> None:
    outside = root / "outside"
    {
        "link": lambda: place.symlink_to(outside),
        "pipe": lambda: os.mkfifo(place),
        "folder": place.mkdir,
    }[kind]()
    count_refusal(root, "x")
    assert read_refusals(root) == (0, "")
    assert not outside.exists()


def test_a_tree_that_is_not_there_or_leads_elsewhere_is_no_error(root: Path) -> None:
    count_refusal(root / "nowhere", "x")
    count_refusal(root, "x")
    (root / "outside").mkdir()
    (root / ".journal").symlink_to(root / "outside")
    count_refusal(root, "x")
    assert read_refusals(root) == (0, "")
    assert list((root / "outside").iterdir()) == []
