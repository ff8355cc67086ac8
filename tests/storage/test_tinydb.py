"""The tinydb backend: what every storage promises, in memory and in a file, and the file itself."""

import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_mock import MockerFixture
from tinydb import TinyDB, where

from payment_cli.errors import CorruptRecordError, LockedError, StorageError
from payment_cli.model.query.match import everything
from payment_cli.storage import tinydb
from payment_cli.storage.base import Storage
from payment_cli.storage.tinydb import open_tinydb
from tests.storage.storage_contract import PAYMENTS, StorageContract, a_record, insert_one
from tests.support.clock import HandClock


class TestInMemory(StorageContract):
    @pytest.fixture
    def storage(self, clock: HandClock) -> Iterator[Storage]:
        opened = open_tinydb(None, clock)
        yield opened
        opened.close()


class TestInAFile(StorageContract):
    @pytest.fixture
    def storage(self, clock: HandClock, tmp_path: Path) -> Iterator[Storage]:
        opened = open_tinydb(tmp_path / "payments.json", clock)
        yield opened
        opened.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "payments.json"


def test_what_was_committed_is_there_when_the_file_is_opened_again(path: Path) -> None:
    first = open_tinydb(path, HandClock())
    with first.transaction("tester") as tx:
        stored = tx.insert(PAYMENTS, a_record(price=Decimal("1.50"), brief="茶"), b"\x00script\xff")
    first.close()
    again = open_tinydb(path, HandClock())
    assert again.get(PAYMENTS, str(stored["id"])) == stored
    assert again.content(PAYMENTS, str(stored["id"])) == b"\x00script\xff"
    assert [entry.id for entry in again.log()] == [stored["id"]]
    with again.transaction("tester") as tx:
        tx.put(PAYMENTS, {**stored, "brief": "coffee"})
    assert [entry.seq for entry in again.log()] == [1, 2]


def test_the_file_is_private_and_a_tinydb_database_to_others(path: Path) -> None:
    stored = insert_one(open_tinydb(path, HandClock()), a_record(brief="tea"))
    assert path.stat().st_mode & 0o777 == 0o600
    with TinyDB(path, access_mode="r") as plain:
        found = plain.table("payment/").search(where("brief") == "tea")
    assert [dict(record)["id"] for record in found] == [stored["id"]]


def test_a_disk_that_refuses_leaves_file_and_memory_as_they_were(
    path: Path, mocker: MockerFixture
) -> None:
    storage = open_tinydb(path, HandClock())
    insert_one(storage, a_record())
    before = path.read_bytes()
    mocker.patch("os.fsync", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(StorageError, match="No space left"):
        insert_one(storage, a_record())
    assert path.read_bytes() == before
    assert storage.count(PAYMENTS, everything()) == 1


@pytest.mark.parametrize("damaged", ["", "{", "[]", "\x00"])
def test_a_file_that_is_no_database_is_refused(path: Path, damaged: str) -> None:
    path.write_text(damaged)
    with pytest.raises(CorruptRecordError, match=r"payments\.json"):
        open_tinydb(path, HandClock())


def test_a_file_that_can_not_be_read_is_an_error_of_the_storage(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StorageError, match=r"payments\.json"):
        open_tinydb(path, HandClock())


def test_transactions_of_several_threads_wait_for_each_other() -> None:
    storage = open_tinydb(None, HandClock())
    stored = insert_one(storage, a_record(count=0))

    def add_ten() -> None:
        for _ in range(10):
            with storage.transaction("tester") as tx:
                found = tx.get(PAYMENTS, str(stored["id"]))
                tx.put(PAYMENTS, {**found, "count": int(str(found["count"])) + 1})

    threads = [threading.Thread(target=add_ten) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert storage.get(PAYMENTS, str(stored["id"]))["count"] == 40


def test_a_transaction_that_waits_in_vain_says_so(mocker: MockerFixture) -> None:
    mocker.patch.object(tinydb, "LOCK_TIMEOUT_S", 0.01)
    storage = open_tinydb(None, HandClock())
    with (
        storage.transaction("one"),
        pytest.raises(LockedError),
        storage.transaction("two"),
    ):
        pass
