"""Storage tests write a lot: they do so in memory where there is such a place."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def fast_disk(tmp_path: Path) -> Iterator[Path]:
    """A place of real files that costs no disk: a killed process loses nothing written there."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as place:
        yield Path(place)


@pytest.fixture
def root(fast_disk: Path) -> Path:
    """A place for a tree."""
    place = fast_disk / "tree"
    place.mkdir(mode=0o700)
    return place
