"""One run at a time, whoever dies."""

import os
import signal
import stat
from pathlib import Path

import pytest

from payment_cli.errors import CorruptRecordError
from payment_cli.files.run_lock import only_run


def test_the_second_run_is_told_so_and_the_next_one_is_free(tmp_path: Path) -> None:
    with only_run(tmp_path, "tick") as first:
        with only_run(tmp_path, "tick") as second, only_run(tmp_path, "check") as other:
            assert (first, second, other) == (True, False, True)
        with only_run(tmp_path, "tick") as third:
            assert not third
    with only_run(tmp_path, "tick") as later:
        assert later
    assert stat.S_IMODE((tmp_path / "var/tick.lock").stat().st_mode) == 0o600


def test_who_is_killed_holds_no_lock(tmp_path: Path) -> None:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        with only_run(tmp_path, "tick"):
            os.write(write, b"x")
            signal.pause()
    os.read(read, 1)
    with only_run(tmp_path, "tick") as is_only:
        assert not is_only
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(read)
    os.close(write)
    with only_run(tmp_path, "tick") as is_only:
        assert is_only


def test_where_there_is_no_tree_nothing_is_made(tmp_path: Path) -> None:
    with only_run(tmp_path / "none", "tick") as is_only:
        assert is_only
    assert not (tmp_path / "none").exists()


def test_a_link_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "var").symlink_to("elsewhere")
    with pytest.raises(CorruptRecordError), only_run(tmp_path, "tick"):
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_lock_that_is_a_link_makes_nothing_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir(mode=0o700)
    (tmp_path / "var/tick.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"), only_run(tmp_path, "tick"):
        pass
    assert not (tmp_path / "elsewhere").exists()
