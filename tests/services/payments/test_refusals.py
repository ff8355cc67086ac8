import os
import struct
from pathlib import Path

import pytest

from payment_cli.services.payments.refusals import (
    REASONS_MAX,
    Refusal,
    count_refusal,
    read_refusals,
)


@pytest.fixture
def place(root: Path) -> Path:
    (root / ".journal").mkdir()
    return root / ".journal/refused.count"


def test_refusals_are_counted_by_their_reason_with_the_last_time(root: Path, place: Path) -> None:
    assert read_refusals(root) == (0, [])
    count_refusal(root, "the APIv3 key does not decrypt this message", 1)
    count_refusal(root, "too old", 2)
    count_refusal(root, "the APIv3 key does not decrypt this message", 3)
    count_refusal(root, "too old", 4)
    count_refusal(root, "too old", 5)
    assert read_refusals(root) == (
        5,
        [
            Refusal("too old", 3, 5),
            Refusal("the APIv3 key does not decrypt this message", 2, 3),
        ],
    )
    assert place.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["é", '"', "\\", "\n", "\ud800", "\u202e"])
def test_however_many_are_refused_the_file_stays_small(root: Path, place: Path, text: str) -> None:
    for number in range(50):
        count_refusal(root, f"{number}{text * 10_000}", number)
    count, refusals = read_refusals(root)
    assert (count, len(refusals)) == (50, REASONS_MAX)
    assert [refusal.at for refusal in refusals] == [49, 48, 47, 46, 45]
    assert refusals[0].reason.startswith("49")
    assert place.stat().st_size < 3000


def test_what_a_program_of_before_kept_is_read(root: Path, place: Path) -> None:
    place.write_bytes(struct.pack("<Q", 7) + b"too old")
    assert read_refusals(root) == (7, [Refusal("too old", 1, 0)])
    count_refusal(root, "forged", 5)
    assert read_refusals(root) == (8, [Refusal("forged", 1, 5), Refusal("too old", 1, 0)])


@pytest.mark.parametrize("text", [b"[[", b"[1]", b"{}", b"[[1, 2, 3]]", b'[["a", "b", 1]]', b"7"])
def test_of_a_torn_file_the_count_holds(root: Path, place: Path, text: bytes) -> None:
    place.write_bytes(struct.pack("<Q", 7) + text)
    assert read_refusals(root)[0] == 7
    count_refusal(root, "forged", 5)
    count, [last, *_] = read_refusals(root)
    assert (count, last) == (8, Refusal("forged", 1, 5))


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_left_alone(root: Path, place: Path, kind: str) -> None:
    outside = root / "outside"
    {
        "link": lambda: place.symlink_to(outside),
        "pipe": lambda: os.mkfifo(place),
        "folder": place.mkdir,
    }[kind]()
    count_refusal(root, "x", 1)
    assert read_refusals(root) == (0, [])
    assert not outside.exists()


def test_a_tree_that_is_not_there_or_leads_elsewhere_is_no_error(root: Path) -> None:
    count_refusal(root / "nowhere", "x", 1)
    count_refusal(root, "x", 1)
    (root / "outside").mkdir()
    (root / ".journal").symlink_to(root / "outside")
    count_refusal(root, "x", 1)
    assert read_refusals(root) == (0, [])
    assert list((root / "outside").iterdir()) == []
