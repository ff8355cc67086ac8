"""What is moved or replaced under an open tree is noticed: nobody is told "done" by a ghost."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from payment_cli.errors import CorruptRecordError, PaymentError, StorageError
from payment_cli.model.query.match import everything
from payment_cli.storage.base import Query, Storage
from payment_cli.storage.tree import open_tree
from payment_cli.storage.tree.fsck import check_tree
from payment_cli.storage.tree.publish import Publication
from tests.storage.storage_contract import PAYMENTS, THINGS, a_record, insert, insert_one
from tests.support.clock import HandClock

Move = Callable[[Path, Path], Path]


@pytest.fixture
def opened(root: Path) -> Iterator[Storage]:
    """A tree with a record, open to read and to write as a server has it."""
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="before", pad="x" * 3000))
    assert ids(storage) == ["before"]
    yield storage
    storage.close()


def ids(storage: Storage) -> list[object]:
    return sorted(str(record["id"]) for record in storage.query(PAYMENTS, Query(everything())))


def ids_at(root: Path) -> list[object]:
    """What a process that starts now finds at the path."""
    fresh = open_tree(root, HandClock())
    found = ids(fresh)
    fresh.close()
    return found


def another_tree(place: Path) -> Path:
    place.mkdir(mode=0o700, exist_ok=True)
    other = open_tree(place, HandClock())
    insert(other, a_record(id="other"))
    other.close()
    return place


def root_renamed_and_another_put_there(root: Path, place: Path) -> Path:
    another_tree(place / "new")
    root.rename(place / "moved")
    (place / "new").rename(root)
    return root


def root_renamed_and_a_copy_put_there(root: Path, place: Path) -> Path:
    shutil.copytree(root, place / "copy")
    root.rename(place / "moved")
    (place / "copy").rename(root)
    return root


def a_copy_with_the_same_files_put_there(root: Path, place: Path) -> Path:
    """As `cp -al` makes it: every file is the same, no folder is."""
    shutil.copytree(root, place / "copy", copy_function=os.link)
    root.rename(place / "moved")
    (place / "copy").rename(root)
    return root


def journal_folder_replaced_by_a_copy(root: Path, place: Path) -> Path:
    shutil.copytree(root / ".journal", place / "copy")
    (root / ".journal").rename(place / "moved")
    (place / "copy").rename(root / ".journal")
    return root


def database_replaced_by_a_copy(root: Path, place: Path) -> Path:
    source = root / ".journal"
    for end in ("", "-wal", "-shm"):
        shutil.copy(source / f"payment.db{end}", place / f"copy{end}")
        (place / f"copy{end}").replace(source / f"payment.db{end}")
    return root


REPLACED = [
    root_renamed_and_another_put_there,
    root_renamed_and_a_copy_put_there,
    a_copy_with_the_same_files_put_there,
    journal_folder_replaced_by_a_copy,
    database_replaced_by_a_copy,
]


@pytest.mark.parametrize("move", REPLACED)
def test_what_is_acknowledged_after_a_replacement_is_found_at_the_path(
    root: Path, fast_disk: Path, opened: Storage, move: Move
) -> None:
    move(root, fast_disk)
    insert(opened, a_record(id="after"))
    assert "after" in ids_at(root)
    assert (root / "var" / "payment" / "after.json").exists()
    opened.close()
    assert check_tree(root).is_clean


@pytest.mark.parametrize("move", REPLACED)
def test_a_reader_reads_what_is_at_the_path(
    root: Path, fast_disk: Path, opened: Storage, move: Move
) -> None:
    move(root, fast_disk)
    other = open_tree(root, HandClock())
    insert(other, a_record(id="theirs"))
    assert ids(opened) == ids(other)
    assert opened.get(PAYMENTS, "theirs") == other.get(PAYMENTS, "theirs")
    other.close()


def test_a_root_that_is_a_link_may_be_pointed_elsewhere(root: Path, fast_disk: Path) -> None:
    link = fast_disk / "link"
    link.symlink_to(root)
    storage = open_tree(link, HandClock())
    insert(storage, a_record(id="before"))
    another_tree(fast_disk / "new")
    link.unlink()
    link.symlink_to(fast_disk / "new")
    insert(storage, a_record(id="after"))
    assert ids(storage) == ["after", "other"] == ids_at(fast_disk / "new")
    assert ids_at(root) == ["before"]
    storage.close()


def root_gone(root: Path, place: Path) -> Path:
    root.rename(place / "moved")
    return place / "moved"


def root_on_an_empty_mount_point(root: Path, place: Path) -> Path:
    root.rename(place / "moved")
    root.mkdir(mode=0o700)
    return place / "moved"


@pytest.mark.parametrize("move", [root_gone, root_on_an_empty_mount_point])
def test_who_had_a_tree_open_makes_no_new_one_where_it_was(
    root: Path, fast_disk: Path, opened: Storage, move: Move
) -> None:
    """A disk that is not mounted any more is no new tree."""
    moved = move(root, fast_disk)
    for _ in range(2):
        with pytest.raises(StorageError, match="is not at its place any more") as caught:
            insert(opened, a_record(id="after"))
        assert caught.value.exit_code == 30
        with pytest.raises(StorageError, match="is not at its place any more"):
            ids(opened)
    assert list(root.rglob("*")) == []
    assert ids_at(moved) == ["before"]
    shutil.rmtree(root, ignore_errors=True)
    moved.rename(root)
    insert(opened, a_record(id="back"))
    assert ids_at(root) == ["back", "before"]


def test_a_journal_moved_away_is_missed_and_nothing_put_in_its_place(
    root: Path, fast_disk: Path, opened: Storage
) -> None:
    (root / ".journal").rename(fast_disk / "moved")
    with pytest.raises(CorruptRecordError, match="journal is missing"):
        insert(opened, a_record(id="after"))
    assert not (root / ".journal").exists(), "it would be in the way of the one that comes back"
    (fast_disk / "moved").rename(root / ".journal")
    insert(opened, a_record(id="back"))
    assert ids_at(root) == ["back", "before"]


def test_a_journal_that_became_a_link_is_refused(
    root: Path, fast_disk: Path, opened: Storage
) -> None:
    (root / ".journal").rename(fast_disk / "moved")
    (root / ".journal").symlink_to(fast_disk / "moved")
    with pytest.raises(CorruptRecordError):
        insert(opened, a_record(id="after"))
    with pytest.raises(CorruptRecordError):
        ids(opened)


@pytest.mark.parametrize("end", ["-wal", "-shm"])
def test_who_commits_into_a_removed_log_of_the_database_is_stopped(
    root: Path, opened: Storage, end: str
) -> None:
    """Who comes later looks for commits in another file; the last to close it saves what was."""
    (root / ".journal" / f"payment.db{end}").unlink()
    for _ in range(2):
        with pytest.raises(StorageError, match="removed or replaced") as caught:
            insert(opened, a_record(id="after"))
        assert "restart" in caught.value.hint
    assert ids(opened) == ["before"]
    opened.close()
    assert ids_at(root) == ["before"]
    insert(opened, a_record(id="after"))
    assert ids_at(root) == ["after", "before"]


@pytest.mark.parametrize("moment", ["before the commit", "after it"])
@pytest.mark.parametrize("what", ["root", "journal"])
def test_a_move_in_the_middle_of_a_transaction_is_not_acknowledged(
    root: Path, fast_disk: Path, opened: Storage, mocker: MockerFixture, moment: str, what: str
) -> None:
    moved = root if what == "root" else root / ".journal"
    name = "write" if moment == "before the commit" else "publish"
    real = getattr(Publication, name)

    def move_and_go_on(self: Publication, *args: object) -> None:
        real(self, *args)
        if moved.exists():
            moved.rename(fast_disk / "moved")

    patched = mocker.patch.object(Publication, name, autospec=True, side_effect=move_and_go_on)
    with pytest.raises(PaymentError, match="moved or replaced"):
        insert(opened, a_record(id="after"))
    mocker.stop(patched)
    (fast_disk / "moved").rename(moved)
    found = ids_at(root)
    assert found == (["before"] if moment == "before the commit" else ["after", "before"])
    insert(opened, a_record(id="more"))
    opened.close()
    assert check_tree(root).is_clean


def test_a_home_pointed_elsewhere_meanwhile_gets_the_file_with_the_next_write(
    root: Path, fast_disk: Path, mocker: MockerFixture
) -> None:
    """Its change is in the journal; that it is told as such, and not as done."""
    home = root / "home" / "demo"
    home.parent.mkdir()
    for name in ("old", "new"):
        (fast_disk / name).mkdir()
    home.symlink_to(fast_disk / "old")
    storage = open_tree(root, HandClock())
    write = Publication.write

    def point_elsewhere(self: Publication, change: object) -> None:
        write(self, change)  # type: ignore[arg-type]
        home.unlink()
        home.symlink_to(fast_disk / "new")

    patched = mocker.patch.object(Publication, "write", autospec=True, side_effect=point_elsewhere)
    insert(storage, a_record(id="t1"), collection=THINGS)
    mocker.stop(patched)
    insert_one(storage, a_record(id="p1"))
    assert (fast_disk / "new" / ".store" / "thing" / "t1.json").exists()
    storage.close()
