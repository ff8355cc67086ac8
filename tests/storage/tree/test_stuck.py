"""A file that can't be replaced stops nobody but who needs its record, and is published later."""

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from payment_cli.errors import CorruptRecordError, StorageError
from payment_cli.files import safe_files
from payment_cli.model.codec import encode_pretty
from payment_cli.storage.base import Storage
from payment_cli.storage.tree import open_tree, sync
from payment_cli.storage.tree.fsck import Kind, check_tree
from payment_cli.storage.tree.repair import restore_files
from tests.storage.storage_contract import PAYMENTS, a_record, insert
from tests.storage.tree.test_crash import power_off
from tests.support.clock import HandClock
from tests.support.lacks import no_chattr

PATH = "var/payment/p1.json"


def a_folder(place: Path) -> Callable[[], object]:
    place.unlink()
    place.mkdir()
    return place.rmdir


def a_full_folder(place: Path) -> Callable[[], object]:
    place.unlink()
    place.mkdir()
    (place / "something").touch()
    return lambda: shutil.rmtree(place)


def immutable(place: Path) -> Callable[[], object]:
    """An old revision that nobody can replace, as `chattr +i` makes it."""
    if subprocess.run(["chattr", "+i", place], check=False, capture_output=True).returncode:
        no_chattr()
    return lambda: subprocess.run(["chattr", "-i", place], check=False)


STUCK = {"a folder": a_folder, "a full folder": a_full_folder, "immutable": immutable}


@pytest.fixture(params=STUCK)
def free(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], object]]:
    """A tree after a power loss, whose p1 has an old file that can't be replaced; frees it."""
    root = tmp_path / "tree"
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1", st="WAIT"), a_record(id="p2", st="WAIT"))
    place = root / PATH
    old = place.read_bytes()
    with storage.transaction("w") as tx:
        for name in ("p1", "p2"):
            tx.put(PAYMENTS, {**tx.get(PAYMENTS, name), "st": "OK"})
    storage.close()
    place.write_bytes(old)
    (root / "var/payment/p2.json").write_bytes(b"")
    power_off(root)
    free = STUCK[request.param](place)
    yield free
    if request.param == "immutable":
        free()  # or nobody could remove the tree


def started(tmp_path: Path) -> Storage:
    return open_tree(tmp_path / "tree", HandClock())


def restart(storage: Storage, tmp_path: Path) -> Storage:
    storage.close()
    power_off(tmp_path / "tree")
    return started(tmp_path)


def test_every_other_record_is_written_and_the_stuck_one_is_read_from_the_journal(
    tmp_path: Path, free: Callable[[], object], caplog: pytest.LogCaptureFixture
) -> None:
    storage = started(tmp_path)
    for name in ("p3", "p4"):
        insert(storage, a_record(id=name))
        assert storage.get(PAYMENTS, "p1")["st"] == "OK"
        storage = restart(storage, tmp_path)
    assert f"{PATH} is left as it is: it can't be replaced" in caplog.text
    with storage.transaction("w") as tx:
        stored = tx.put(PAYMENTS, storage.get(PAYMENTS, "p2"))
    assert (tmp_path / "tree/var/payment/p2.json").read_text() == encode_pretty(stored)
    assert [file.path for file in storage.left()] == [PATH]
    storage.close()
    found = check_tree(tmp_path / "tree").differences
    assert [(one.kind, one.path) for one in found] == [(Kind.LEFT, PATH)]


def test_only_a_change_of_that_record_is_refused_and_money_goes_on(
    tmp_path: Path, free: Callable[[], object]
) -> None:
    storage = started(tmp_path)
    with pytest.raises(CorruptRecordError, match=PATH), storage.transaction("w") as tx:
        tx.put(PAYMENTS, tx.get(PAYMENTS, "p1"))
    with storage.transaction("w", leaves_foreign=True) as tx:
        stored = tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p1"), "paid": 1})
    assert storage.get(PAYMENTS, "p1") == stored
    storage.close()


@pytest.mark.parametrize("how", ["fsck", "restart", "restore"])
def test_once_it_can_be_replaced_it_is_published_by_itself(
    tmp_path: Path, free: Callable[[], object], how: str
) -> None:
    storage = started(tmp_path)
    insert(storage, a_record(id="p3"))
    free()
    if how == "restart":
        storage = restart(storage, tmp_path)
        insert(storage, a_record(id="p5"))
    storage.close()
    root = tmp_path / "tree"
    assert (restore_files if how == "restore" else check_tree)(root).is_clean
    storage = started(tmp_path)
    record = storage.get(PAYMENTS, "p1")
    assert (root / PATH).read_text() == encode_pretty(record)
    assert record["st"] == "OK"
    assert list(storage.left()) == []
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, record)
    storage.close()


def test_a_repair_goes_on_past_what_can_not_be_replaced(
    tmp_path: Path, free: Callable[[], object]
) -> None:
    root = tmp_path / "tree"
    started(tmp_path).close()
    (root / "var/payment/p2.json").write_text("{}")
    left = restore_files(root).differences
    assert [one.path for one in left] == [PATH]
    assert re.search(r"can't be replaced|is not a plain file", left[0].detail)


def test_a_folder_that_money_meets_is_replaced_by_itself_once_it_is_gone(root: Path) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1"))
    free = a_full_folder(root / PATH)
    with storage.transaction("w", leaves_foreign=True) as tx:
        stored = tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p1"), "paid": 1})
    storage.close()
    assert [one.path for one in check_tree(root).differences] == [PATH]
    free()
    assert check_tree(root).is_clean
    assert (root / PATH).read_text() == encode_pretty(stored)


def test_a_file_that_a_change_could_not_replace_is_named(
    root: Path, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1"))
    refused = OSError(errno.EPERM, "Operation not permitted", "aside", None, "p1.json")
    mocker.patch.object(safe_files.os, "rename", side_effect=refused)
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p1"), "paid": 1})
    with pytest.raises(StorageError, match=r"not written yet: p1\.json: Operation not permitted"):
        storage.close()
    assert "p1.json: Operation not permitted" in caplog.text


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("step", ["open", "rename"])
def test_an_error_of_one_file_is_its_own(
    root: Path, mocker: MockerFixture, code: int, step: str
) -> None:
    """Read by its name or replaced, be it in a folder that is closed to us."""
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1"), a_record(id="p2"))
    storage.close()
    (root / PATH).write_bytes(b"")
    power_off(root)
    module = safe_files.os
    real = getattr(module, step)

    def refusing(path: object, *rest: object, **named: object) -> object:
        if "p1.json" in (path, *rest[:1]):
            raise OSError(code, os.strerror(code))
        return real(path, *rest, **named)

    mocker.patch.object(module, step, refusing)
    insert(storage, a_record(id="p3"))
    assert [file.path for file in storage.left()] == [PATH]
    mocker.stopall()
    storage.close()
    assert check_tree(root).is_clean


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EMFILE])
def test_an_error_of_the_whole_disk_is_no_files_own(
    root: Path, mocker: MockerFixture, code: int
) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1"))
    storage.close()
    (root / PATH).write_bytes(b"")
    power_off(root)
    mocker.patch.object(safe_files.os, "rename", side_effect=OSError(code, os.strerror(code)))
    with pytest.raises(StorageError):
        insert(storage, a_record(id="p3"))
    mocker.stopall()
    insert(storage, a_record(id="p3"))
    assert list(storage.left()) == []
    storage.close()


def test_a_leftover_that_can_not_be_removed_stops_nobody(root: Path, mocker: MockerFixture) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1"))
    storage.close()
    (root / "var/payment/.0123-0.tmp").mkdir()
    power_off(root)
    insert(storage, a_record(id="p3"))
    assert storage.get(PAYMENTS, "p3")["id"] == "p3"
    storage.close()


@pytest.mark.parametrize("make", [Path.touch, lambda place: place.symlink_to("nowhere")])
def test_what_is_no_home_stops_no_sync(
    root: Path, make: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "SYNC_EVERY", 2)
    (root / "home").mkdir()
    make(root / "home" / "notes")
    storage = open_tree(root, HandClock())
    for n in range(6):
        insert(storage, a_record(id=f"p{n}"))
    storage.close()
    assert check_tree(root).is_clean
