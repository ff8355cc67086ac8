"""Many processes, and several stores in one process, share a tree."""

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from payment_cli.errors import ConflictError, LockedError
from payment_cli.model.query.match import between, equal, everything
from payment_cli.storage.base import Query, Storage
from payment_cli.storage.tree import open_tree, sync
from payment_cli.storage.tree.fsck import check_tree
from tests.storage.storage_contract import PAYMENTS, a_record, insert, insert_one
from tests.support.clock import HandClock


def in_processes(count: int, work: Callable[[int], None]) -> None:
    """Run `work` in this many processes at once; every one must succeed."""
    start_read, start_write = os.pipe()
    children = []
    for number in range(count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            status = 1
            try:
                os.close(start_write)
                os.read(start_read, 1)
                work(number)
                status = 0
            except BaseException as error:
                os.write(2, f"{error!r}\n".encode())
            finally:
                os._exit(status)
        children.append(child)
    os.close(start_read)
    os.close(start_write)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * count


def test_sixteen_processes_write_at_once_without_an_error(root: Path) -> None:
    def work(number: int) -> None:
        storage = open_tree(root, HandClock(), lock_timeout_s=60)
        for at in range(10):
            insert(storage, a_record(id=f"w{number:02}-{at}", fee=number))
        storage.close()

    in_processes(16, work)
    storage = open_tree(root, HandClock())
    assert storage.count(PAYMENTS, everything()) == 160
    assert storage.count(PAYMENTS, between("fee", 3, 4)) == 20
    assert [row.seq for row in storage.log()] == list(range(1, 161))
    storage.close()
    assert check_tree(root).is_clean


def test_a_record_that_many_change_loses_no_change_and_its_file_is_the_newest(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Publishing after the lock is gone would leave an old revision over a newer one."""
    monkeypatch.setattr(sync, "SYNC_EVERY", 16)
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="counter", value=0))
    storage.close()

    def work(number: int) -> None:
        mine = open_tree(root, HandClock(), lock_timeout_s=60)
        for _ in range(15):
            while True:
                record = mine.get(PAYMENTS, "counter")
                try:
                    with mine.transaction(str(number)) as tx:
                        tx.put(PAYMENTS, {**record, "value": int(str(record["value"])) + 1})
                    break
                except ConflictError:
                    continue
        mine.close()

    in_processes(6, work)
    storage = open_tree(root, HandClock())
    assert storage.get(PAYMENTS, "counter")["value"] == 90
    assert next(storage.query(PAYMENTS, Query(everything())))["value"] == 90
    storage.close()
    assert check_tree(root).is_clean


def test_a_read_in_a_transaction_holds_until_its_end(root: Path) -> None:
    def work(number: int) -> None:
        mine = open_tree(root, HandClock(), lock_timeout_s=60)
        for _ in range(10):
            with mine.transaction(str(number)) as tx:
                record = tx.get(PAYMENTS, "counter")
                tx.put(PAYMENTS, {**record, "value": int(str(record["value"])) + 1})
        mine.close()

    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="counter", value=0))
    storage.close()
    in_processes(8, work)
    assert storage.get(PAYMENTS, "counter")["value"] == 80
    storage.close()


def test_readers_never_see_a_torn_or_uncommitted_file(root: Path) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1", pad="x" * 20_000, value=0))
    storage.close()

    def work(number: int) -> None:
        mine = open_tree(root, HandClock(), lock_timeout_s=60)
        if number == 0:
            for value in range(1, 60):
                record = mine.get(PAYMENTS, "p1")
                with mine.transaction("w") as tx:
                    tx.put(PAYMENTS, {**record, "value": value, "pad": str(value % 10) * 20_000})
        else:
            last = 0
            while last < 59:
                record = mine.get(PAYMENTS, "p1")
                value = int(str(record["value"]))
                assert value >= last
                assert record["pad"] == ("x" if value == 0 else str(value % 10)) * 20_000
                last = value
        mine.close()

    in_processes(3, work)


def test_a_writer_waits_so_long_and_no_longer(root: Path) -> None:
    holder, waiting = open_tree(root, HandClock()), open_tree(root, HandClock(), lock_timeout_s=0.1)
    with holder.transaction("w") as tx:
        stored = tx.insert(PAYMENTS, a_record())
        started = time.monotonic()
        with pytest.raises(LockedError, match=r"0\.1 s"):
            insert(waiting, a_record())
        assert time.monotonic() - started < 5, "it was our limit, not SQLite's"
        assert waiting.count(PAYMENTS, everything()) == 0, "readers never wait"
    assert waiting.get(PAYMENTS, str(stored["id"])) == stored
    insert(waiting, a_record())
    assert holder.count(PAYMENTS, everything()) == 2
    holder.close()
    waiting.close()


def test_two_stores_in_one_process_take_turns(root: Path) -> None:
    stores = [open_tree(root, HandClock()) for _ in range(2)]
    record = insert_one(stores[0], a_record(st="NEW"))
    for turn in range(6):
        with stores[turn % 2].transaction("w") as tx:
            tx.insert(PAYMENTS, a_record(), b"script")
            record = tx.put(PAYMENTS, record)
    assert [store.count(PAYMENTS, everything()) for store in stores] == [7, 7]
    for store in stores:
        store.close()
    assert check_tree(root).is_clean


def test_a_query_left_open_does_not_tie_the_next_transaction_to_an_old_state(root: Path) -> None:
    first, second = open_tree(root, HandClock()), open_tree(root, HandClock())
    insert(first, *(a_record(st="WAIT") for _ in range(3)))
    with first.transaction("w") as tx:
        left_open = tx.query(PAYMENTS, Query(equal("st", "WAIT")))
        next(left_open)
        tx.insert(PAYMENTS, a_record())
    insert(second, a_record())
    insert(first, a_record())
    assert first.count(PAYMENTS, everything()) == 6
    first.close()
    second.close()


def test_a_lock_file_removed_between_writes_excludes_still(root: Path) -> None:
    first, second = open_tree(root, HandClock(), lock_timeout_s=0.1), open_tree(root, HandClock())
    insert(first, a_record())
    (root / ".journal" / "lock").unlink()
    with second.transaction("w") as tx:
        tx.insert(PAYMENTS, a_record())
        started = time.monotonic()
        with pytest.raises(LockedError):
            insert(first, a_record())
        assert time.monotonic() - started < 5, "it was our lock, not SQLite's"
    insert(first, a_record())
    first.close()
    second.close()


def test_what_others_write_while_one_syncs_stays_pending(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is published, but the sync may have come too early for it."""
    monkeypatch.setattr(sync, "SYNC_EVERY", 4)
    storage, other = open_tree(root, HandClock()), open_tree(root, HandClock())
    insert(storage, *(a_record() for _ in range(4)))
    real = sync.sync_files

    def sync_files(*args: object) -> None:
        real(*args)  # type: ignore[arg-type]
        monkeypatch.setattr(sync, "sync_files", real)
        insert(other, a_record(id="meanwhile"))

    monkeypatch.setattr(sync, "sync_files", sync_files)
    insert(storage, a_record())
    close_all(storage, other)
    lock = root / ".journal" / "lock"
    lock.write_text("0" * 36 + lock.read_text()[36:])
    place = root / "var" / "payment" / "meanwhile.json"
    place.write_bytes(b"")
    fresh = open_tree(root, HandClock())
    insert(fresh, a_record())
    assert fresh.get(PAYMENTS, "meanwhile")["rev"] == 1
    assert place.stat().st_size > 0
    fresh.close()


def test_only_one_process_syncs_at_a_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "SYNC_EVERY", 4)
    storage, other = open_tree(root, HandClock()), open_tree(root, HandClock())
    insert(storage, *(a_record() for _ in range(4)))
    calls: list[object] = []

    def sync_files(*args: object) -> None:
        calls.append(args)
        insert(other, a_record())

    monkeypatch.setattr(sync, "sync_files", sync_files)
    insert(storage, a_record())
    assert len(calls) == 1
    close_all(storage, other)


def close_all(*stores: Storage) -> None:
    for store in stores:
        store.close()
