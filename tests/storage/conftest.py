"""Storage tests write a lot: they do so in memory where there is such a place."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.lacks import no_mount
from tests.support.mounts import mounted, unmount


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


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Return a function that shows a folder, for reading only, at another place."""
    shown: list[Path] = []

    def show(folder: Path) -> Path:
        place = tmp_path / f"read-only-{len(shown)}"
        place.mkdir()
        if not mounted("--bind", str(folder), str(place)):
            no_mount()
        shown.append(place)
        assert mounted("-o", "remount,ro,bind", str(place))
        return place

    yield show
    for place in shown:
        unmount(place)
