"""A disk that is full, or can only be read."""

import errno
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from payment_cli.errors import PaymentError, StorageError
from payment_cli.model.query.match import everything
from payment_cli.storage.base import Query, Storage
from payment_cli.storage.tree import open_tree, sync
from payment_cli.storage.tree.fsck import check_tree
from tests.storage.storage_contract import PAYMENTS, THINGS, a_record, insert, insert_one
from tests.support.clock import HandClock
from tests.support.lacks import no_mount
from tests.support.mounts import mounted, unmount


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "small"
    place.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)):
        no_mount()
    yield place
    unmount(place)


def test_a_full_disk_changes_nothing_and_is_survived(small_disk: Path) -> None:
    root = small_disk / "tree"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    storage = open_tree(root, HandClock())
    acknowledged = []
    with pytest.raises(StorageError, match="disk is full") as caught:  # noqa: PT012
        for number in range(1000):
            acknowledged.append(insert_one(storage, a_record(id=f"p{number}", pad="x" * 9000)))
    assert caught.value.exit_code == 30
    assert len(acknowledged) > 20
    assert list(root.rglob("*.tmp")) == []
    for _ in range(3):
        with pytest.raises(StorageError):
            insert(storage, a_record(pad="x" * 90_000))
    assert storage.count(PAYMENTS, everything()) == len(acknowledged)
    for record in acknowledged:
        assert storage.get(PAYMENTS, str(record["id"])) == record
    ballast.unlink()
    insert(storage, a_record())
    assert storage.count(PAYMENTS, everything()) == len(acknowledged) + 1
    storage.close()
    assert check_tree(root).is_clean


def test_whoever_comes_to_a_full_disk_is_told_that_it_is_full(small_disk: Path) -> None:
    """SQLite calls it a disk I/O error when the first to open a journal finds no room at all."""
    root = small_disk / "tree"
    before = open_tree(root, HandClock())
    stored = insert_one(before, a_record())
    before.close()
    ballast = small_disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    storage = open_tree(root, HandClock())
    with pytest.raises(StorageError, match="the disk is full"):
        insert(storage, a_record())
    assert storage.get(PAYMENTS, str(stored["id"])) == stored
    ballast.unlink()
    insert(storage, a_record())
    storage.close()
    assert check_tree(root).is_clean


def test_a_home_on_another_disk_is_synced_as_well(
    root: Path, small_disk: Path, mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "SYNC_EVERY", 2)
    synced: list[int] = []
    mocker.patch.object(
        sync, "_syncfs", return_value=lambda folder_fd: synced.append(os.fstat(folder_fd).st_dev)
    )
    (root / "home").mkdir()
    (root / "home" / "demo").symlink_to(small_disk)
    storage = open_tree(root, HandClock())
    for _ in range(3):
        insert(storage, a_record(), collection=THINGS)
    storage.close()
    assert synced == [root.stat().st_dev, small_disk.stat().st_dev]


def in_child_with_file_limit(limit: int, work: Callable[[], None]) -> None:
    """Run `work` where no file may grow beyond `limit` bytes: a short write, then an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            work()
            status = 0
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("limit", [100_000, 200_000, 350_000])
def test_a_file_that_may_not_grow_changes_nothing_and_is_survived(root: Path, limit: int) -> None:
    prepared = open_tree(root, HandClock())
    insert(prepared, a_record(id="first"))
    prepared.close()

    def work() -> None:
        storage = open_tree(root, HandClock())
        count = 1
        with pytest.raises(StorageError):  # noqa: PT012
            while True:
                insert(storage, a_record(id=f"p{count}", pad="x" * 5000))
                count += 1
        assert storage.count(PAYMENTS, everything()) == count
        assert len(list((root / "var" / "payment").iterdir())) == count

    in_child_with_file_limit(limit, work)
    storage = open_tree(root, HandClock())
    insert(storage, a_record())
    storage.close()
    assert check_tree(root).is_clean


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("failing", ["write", "open", "fchmod"])
def test_an_error_while_writing_aside_leaves_nothing(
    root: Path, mocker: MockerFixture, failing: str, code: int
) -> None:
    storage = open_tree(root, HandClock())
    stored = insert_one(storage, a_record(id="p1", name="old"))
    real = getattr(os, failing)
    calls = []

    def flaky(*args: object, **kwargs: object) -> object:
        is_ours = failing != "open" or str(args[0]).endswith(".tmp")
        calls.append(is_ours)
        if is_ours and sum(calls) > 1:
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    patched = mocker.patch.object(os, failing, side_effect=flaky)
    with pytest.raises(StorageError) as caught, storage.transaction("w") as tx:  # noqa: PT012
        tx.put(PAYMENTS, {**stored, "name": "new"})
        tx.insert(THINGS, a_record(id="t1"))
    mocker.stop(patched)
    assert "\n" not in str(caught.value)
    assert list(root.rglob("*.tmp")) == []
    assert storage.get(PAYMENTS, "p1") == stored
    assert storage.count(THINGS, everything()) == 0
    insert(storage, a_record(id="t1"), collection=THINGS)
    storage.close()
    assert check_tree(root).is_clean


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_change_whose_file_the_disk_refuses_stands_and_is_said(
    root: Path, mocker: MockerFixture, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    """Whoever were told that it failed would do it again. The next writer makes the file."""
    storage = open_tree(root, HandClock())
    stored = insert_one(storage, a_record(id="p1"))
    patched = mocker.patch.object(os, "rename", side_effect=OSError(code, "refused"))
    second = insert_one(storage, a_record(id="p2"))
    assert "is stored, but its file is not written yet: refused" in caplog.text
    other = open_tree(root, HandClock())
    for one in (storage, other):
        assert one.get(PAYMENTS, "p2") == second
        assert one.count(PAYMENTS, everything()) == 2
    other.close()
    mocker.stop(patched)
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, stored)
    assert (root / "var" / "payment" / "p2.json").exists()
    storage.close()
    assert check_tree(root).is_clean


def test_who_closes_a_tree_is_told_of_a_file_that_is_still_owed(
    root: Path, mocker: MockerFixture
) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="first"))
    patched = mocker.patch.object(os, "rename", side_effect=OSError(errno.EIO, "I/O error"))
    stored = insert_one(storage, a_record(id="p1"))
    mocker.stop(patched)
    with pytest.raises(StorageError, match="is stored, but its file") as caught:
        storage.close()
    assert caught.value.exit_code == 30
    storage.close()
    fresh = open_tree(root, HandClock())
    assert fresh.get(PAYMENTS, "p1") == stored
    insert(fresh, a_record(id="p2"))
    fresh.close()
    assert check_tree(root).is_clean


def test_ctrl_c_at_the_end_of_a_commit_publishes_what_was_committed(
    root: Path, mocker: MockerFixture
) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1"))
    connect = sqlite3.connect

    class Interrupted(sqlite3.Connection):
        def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
            cursor = super().execute(sql, *args)  # type: ignore[arg-type]
            if sql == "COMMIT":
                raise KeyboardInterrupt
            return cursor

    storage.close()
    patched = mocker.patch.object(
        sqlite3, "connect", side_effect=lambda *a, **k: connect(*a, **{**k, "factory": Interrupted})
    )
    with pytest.raises(KeyboardInterrupt):
        insert(storage, a_record(id="p2"))
    mocker.stop(patched)
    assert (root / "var" / "payment" / "p2.json").exists()
    storage.close()
    assert check_tree(root).is_clean


def readable(storage: Storage) -> dict[str, object]:
    return {
        "count": lambda: storage.count(PAYMENTS, everything()),
        "query": lambda: [r["id"] for r in storage.query(PAYMENTS, Query(everything()))],
        "find": lambda: storage.find_id(PAYMENTS, "aaaaaa"),
        "log": lambda: [row.seq for row in storage.log()],
        "content": lambda: storage.content(PAYMENTS, "aaaaaa1"),
    }


def test_on_a_read_only_disk_everything_can_be_read_and_nothing_written(
    root: Path, read_only: Callable[[Path], Path]
) -> None:
    storage = open_tree(root, HandClock())
    with storage.transaction("w") as tx:
        stored = tx.insert(PAYMENTS, a_record(id="aaaaaa1"), b"script")
    storage.close()
    shown = open_tree(read_only(root), HandClock())
    assert shown.get(PAYMENTS, "aaaaaa1") == stored
    results = {name: ask() for name, ask in readable(shown).items()}  # type: ignore[operator]
    assert results == {
        "count": 1, "query": ["aaaaaa1"], "find": "aaaaaa1", "log": [1], "content": b"script",
    }  # fmt: skip
    with pytest.raises(StorageError, match="read-only") as caught:
        insert(shown, a_record())
    assert caught.value.exit_code == 30
    shown.close()


def test_commits_left_in_the_wal_are_never_missed_on_a_read_only_disk(
    root: Path, read_only: Callable[[Path], Path]
) -> None:
    """Either they are seen, or the reader is told that they can't be."""
    script = (
        "import sys, os; from pathlib import Path\n"
        "from payment_cli.storage.base import Collection\n"
        "from payment_cli.storage.tree import open_tree\n"
        "with open_tree(Path(sys.argv[1]), lambda: 0).transaction('w') as tx:\n"
        "    tx.insert(Collection('payment'), {'id': 'aaaaaa1'})\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(root)], check=True)
    assert (root / ".journal" / "payment.db-wal").stat().st_size > 0
    shown = open_tree(read_only(root), HandClock())
    assert shown.get(PAYMENTS, "aaaaaa1")["rev"] == 1
    assert shown.count(PAYMENTS, everything()) == 1, "SQLite reads the WAL through its shared index"
    shown.close()
    (root / ".journal" / "payment.db-shm").unlink()
    without_shm = open_tree(read_only(root), HandClock())
    with pytest.raises(StorageError, match="not merged"):
        without_shm.count(PAYMENTS, everything())
    assert without_shm.get(PAYMENTS, "aaaaaa1")["rev"] == 1
    without_shm.close()
    lock = root / ".journal" / "lock"
    lock.write_text("0" * 36 + lock.read_text()[36:])
    after_reboot = open_tree(read_only(root), HandClock())
    assert after_reboot.get(PAYMENTS, "aaaaaa1")["rev"] == 1, "the file is all there is"
    after_reboot.close()


def test_a_damaged_journal_is_an_error_of_ours(root: Path) -> None:
    storage = open_tree(root, HandClock())
    stored = insert_one(storage, a_record())
    storage.close()
    (root / ".journal" / "payment.db").write_bytes(b"not a database" * 1000)
    attempts: list[Callable[[], object]] = [
        lambda: insert(storage, a_record()),
        lambda: storage.count(PAYMENTS, everything()),
        lambda: list(storage.log()),
    ]
    for attempt in attempts:
        with pytest.raises(PaymentError, match="journal is damaged") as caught:
            attempt()
        assert "`payment fsck` says" in caught.value.hint
    assert storage.get(PAYMENTS, str(stored["id"])) == stored
    storage.close()
