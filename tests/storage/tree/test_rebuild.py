"""A new journal loses nothing that the old one or the files can still tell."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from payment_cli.errors import CorruptRecordError
from payment_cli.model.query.match import everything
from payment_cli.model.record import Record
from payment_cli.storage.base import Query, Storage
from payment_cli.storage.tree import connection, open_tree
from payment_cli.storage.tree.fsck import Kind, check_tree
from payment_cli.storage.tree.rebuild import rebuild_journal
from payment_cli.storage.tree.repair import adopt_files
from tests.storage.storage_contract import PAYMENTS, a_record
from tests.support.clock import HandClock
from tests.support.failpoints import first_of_each, run_until_step, steps_of

COUNT = 300


@pytest.fixture
def storage(root: Path) -> Iterator[Storage]:
    """Payments at their second revision, with scripts."""
    opened = open_tree(root, HandClock())
    with opened.transaction("w") as tx:
        for n in range(COUNT):
            tx.insert(PAYMENTS, a_record(id=f"p{n:03}", st="WAIT", pad="x" * 200), b"script")
    with opened.transaction("w") as tx:
        for n in range(COUNT):
            tx.put(PAYMENTS, {**tx.get(PAYMENTS, f"p{n:03}"), "st": "OK"})
    yield opened
    opened.close()


def file_of(root: Path, n: int) -> Path:
    return root / f"var/payment/p{n:03}.json"


def database_of(root: Path) -> Path:
    return root / ".journal" / "payment.db"


def records(storage: Storage) -> list[Record]:
    found = list(storage.query(PAYMENTS, Query(everything())))
    storage.close()
    return found


def break_page_of(root: Path, needle: bytes) -> None:
    """Break the pages of the database that hold `needle`, and the WAL that has them too."""
    with sqlite3.connect(database_of(root)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    conn.close()
    data = bytearray(database_of(root).read_bytes())
    for start in range(4096, len(data), 4096):
        if needle in data[start : start + 4096]:
            data[start : start + 64] = b"\xff" * 64
    database_of(root).write_bytes(data)


def empty(place: Path) -> None:
    place.write_bytes(b"")


@pytest.mark.parametrize("harm", [Path.unlink, empty])
def test_a_whole_journal_that_is_newer_is_not_replaced(
    root: Path, storage: Storage, harm: object
) -> None:
    before = records(storage)
    for n in range(5):
        harm(file_of(root, n))  # type: ignore[operator]
    whole = database_of(root).read_bytes()
    with pytest.raises(CorruptRecordError, match=r"5 of its records.*p000\.json") as caught:
        rebuild_journal(root, HandClock())
    assert "--restore" in caught.value.hint
    assert "--rebuild" not in caught.value.hint
    assert database_of(root).read_bytes() == whole
    assert records(storage) == before


def test_of_a_damaged_journal_all_is_taken_that_still_reads(root: Path, storage: Storage) -> None:
    """And for the rest its files."""
    before = records(storage)
    break_page_of(root, b'"id": "p150"')
    for n in (0, 1, 299):
        empty(file_of(root, n))
    file_of(root, 2).unlink()
    assert Kind.JOURNAL in {one.kind for one in check_tree(root).differences}
    report = rebuild_journal(root, HandClock())
    assert report.differences == ()
    assert records(storage) == before
    assert storage.content(PAYMENTS, "p000") == b"script"
    assert len(list(storage.log())) >= COUNT, "the log is kept"
    assert check_tree(root).is_clean


def test_a_newer_file_is_taken_and_a_stale_one_is_written_anew(
    root: Path, storage: Storage
) -> None:
    stale = file_of(root, 3).read_bytes()
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, tx.get(PAYMENTS, "p003"))
    newer = storage.get(PAYMENTS, "p004")
    before = records(storage)
    break_page_of(root, b'"id": "p150"')
    file_of(root, 3).write_bytes(stale)
    text = file_of(root, 4).read_text().replace('"rev": 2', '"rev": 9')
    file_of(root, 4).write_text(text)
    assert rebuild_journal(root, HandClock()).is_clean
    assert storage.get(PAYMENTS, "p004") == {**newer, "rev": 9}
    assert file_of(root, 4).read_text() == text
    assert [r for r in records(storage) if r["id"] != "p004"] == [
        r for r in before if r["id"] != "p004"
    ]


def test_a_removed_record_does_not_come_back_with_its_file(root: Path, storage: Storage) -> None:
    old = file_of(root, 5).read_bytes()
    with storage.transaction("w") as tx:
        tx.delete(PAYMENTS, "p005", 2)
    before = records(storage)
    file_of(root, 5).write_bytes(old)
    break_page_of(root, b'"id": "p150"')
    report = rebuild_journal(root, HandClock())
    assert {one.path for one in report.differences} == {"var/payment/p005.json"}
    assert records(storage) == before


def test_each_old_journal_is_kept_whole_with_its_wal(root: Path, storage: Storage) -> None:
    """Under a name of its own, so that a second rebuild overwrites nothing."""
    storage.close()
    kept = []
    for text in (b"no database", b"nor this"):
        database_of(root).write_bytes(text * 500)
        database_of(root).with_name("payment.db-wal").write_bytes(text)
        report = rebuild_journal(root, HandClock())
        kept += [(Path(path), size, text) for path, size in report.kept]
    assert len({path for path, _, _ in kept}) == 4
    for path, size, text in kept:
        assert path.read_bytes().startswith(text)
        assert path.stat().st_size == size
        assert path.name.startswith("payment.db.replaced-")
    assert len(records(storage)) == COUNT


def test_a_disk_that_fails_to_read_is_no_damage(
    root: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither does fsck suggest a rebuild for it, nor does a rebuild go on."""
    storage.close()

    class Failing(sqlite3.OperationalError):
        sqlite_errorname = "SQLITE_IOERR_READ"

    def refuse(*_: object) -> None:
        raise Failing("disk I/O error")

    whole = database_of(root).read_bytes()
    monkeypatch.setattr(connection, "check_version", refuse)
    for ask in (check_tree, lambda place: rebuild_journal(place, HandClock())):
        with pytest.raises(connection.StorageError) as caught:
            ask(root)
        assert "rebuild" not in caught.value.hint
    monkeypatch.undo()
    assert database_of(root).read_bytes() == whole


def test_killed_at_every_step_it_leaves_the_old_journal_or_the_new(
    root: Path, storage: Storage, fast_disk: Path
) -> None:
    storage.close()
    break_page_of(root, b'"id": "p150"')
    empty(file_of(root, 0))
    shutil.copytree(root, fast_disk / "whole")
    steps = steps_of(lambda _: rebuild_journal(fast_disk / "whole", HandClock()))
    tried = [k for k in first_of_each(steps) if k > len(steps) - 60 or k % 5 == 0]
    for k in tried:
        place = fast_disk / str(k)
        shutil.copytree(root, place)
        death = run_until_step(k, lambda _, place=place: rebuild_journal(place, HandClock()))
        opened = open_tree(place, HandClock())
        found = rebuild_journal(place, HandClock()).differences
        assert {one.kind for one in found} <= {Kind.LEFTOVER}, death
        assert [r["st"] for r in records(opened)] == ["OK"] * COUNT, death
        shutil.rmtree(place)
    assert len(tried) > 10


def test_a_stale_file_is_told_from_an_edited_one_and_never_adopted(
    root: Path, storage: Storage
) -> None:
    storage.close()
    file_of(root, 1).write_text(file_of(root, 1).read_text().replace('"OK"', '"XX"'))
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, tx.get(PAYMENTS, "p002"))
    old = file_of(root, 2).read_bytes().replace(b'"rev": 3', b'"rev": 2')
    file_of(root, 2).write_bytes(old)
    kinds = {one.path[-9:-5]: one.kind for one in check_tree(root).differences}
    assert kinds == {"p001": Kind.EDITED, "p002": Kind.STALE}
    assert [one.kind for one in adopt_files(root, HandClock()).differences] == [Kind.STALE]
    assert storage.get(PAYMENTS, "p001")["st"] == "XX"
    assert storage.committed(PAYMENTS, "p002")["rev"] == 3
    assert os.path.getsize(file_of(root, 2)) == len(old)  # noqa: PTH202
