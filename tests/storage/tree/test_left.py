"""A file that a foreign hand has never refuses money: it is left, named, and decided about."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from payment_cli.errors import CorruptRecordError, NotFoundError, StorageError
from payment_cli.files import safe_files
from payment_cli.model.codec import encode_pretty
from payment_cli.model.query.match import equal
from payment_cli.model.record import Record
from payment_cli.storage.base import Collection, Query, Storage
from payment_cli.storage.tree import open_tree, reader
from payment_cli.storage.tree.backup import backup_tree
from payment_cli.storage.tree.fsck import Kind, check_tree
from payment_cli.storage.tree.rebuild import rebuild_journal
from payment_cli.storage.tree.repair import adopt_files, restore_files
from tests.storage.storage_contract import PAYMENTS, a_record, insert
from tests.support.clock import HandClock
from tests.support.failpoints import first_of_each, run_until_step, steps_of

ORDERS = Collection("order", "demo")
PATH = "var/payment/p1.json"


@pytest.fixture
def storage(root: Path) -> Iterator[Storage]:
    """A tree with a payment that has a script, and another."""
    opened = open_tree(root, HandClock())
    with opened.transaction("w") as tx:
        tx.insert(PAYMENTS, a_record(id="p1", name="ours", st="WAIT"), b"script")
        tx.insert(PAYMENTS, a_record(id="p2", st="WAIT"))
    yield opened
    opened.close()


def edit(place: Path) -> None:
    place.write_bytes(place.read_bytes().replace(b"ours", b"mine"))


def link(place: Path) -> None:
    shutil.move(place, place.parent.parent / "elsewhere.json")
    place.symlink_to("../elsewhere.json")


def make_folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


def link_parent(place: Path) -> None:
    place.parent.rename(place.parent.with_name("moved"))
    place.parent.symlink_to("moved")


def replace_parent(place: Path) -> None:
    place.parent.rename(place.parent.with_name("moved"))
    place.parent.mkdir()


def file_as_parent(place: Path) -> None:
    place.parent.rename(place.parent.with_name("moved"))
    place.parent.write_text("a file")


HANDS: dict[str, Callable[[Path], object]] = {
    "a newline": lambda place: place.write_bytes(place.read_bytes() + b"\n"),
    "edited": edit,
    "cut": lambda place: place.write_bytes(place.read_bytes()[:5]),
    "emptied": lambda place: place.write_bytes(b""),
    "removed": Path.unlink,
    "linked": link,
    "a folder": make_folder,
    "its folder linked": link_parent,
    "its folder replaced": replace_parent,
    "its folder a file": file_as_parent,
}


def settle(storage: Storage, record_id: str = "p1", **fields: str) -> Record:
    """What a payment's writer does: read in the transaction, change, write."""
    with storage.transaction("w", leaves_foreign=True) as tx:
        return tx.put(PAYMENTS, {**tx.get(PAYMENTS, record_id), "st": "OK", **fields})


def picture(root: Path) -> dict[str, object]:
    """Everything in the tree but the journal."""
    return {
        str(path): path.read_bytes() if path.is_file() else path.is_symlink()
        for path in (root / "var").rglob("*")
    }


def left(storage: Storage) -> list[str]:
    return [one.path for one in storage.left()]


def kinds(root: Path) -> list[tuple[Kind, str]]:
    return [(one.kind, one.path) for one in check_tree(root).differences]


@pytest.fixture(params=HANDS)
def hand(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    return HANDS[request.param]


# -- money goes on ---------------------------------------------------------------------------------


def test_the_record_changes_and_the_file_is_left_as_it_is(
    root: Path, storage: Storage, hand: Callable[[Path], object]
) -> None:
    hand(root / PATH)
    before = picture(root)
    stored = settle(storage)
    assert stored["rev"] == 2
    assert picture(root) == before
    assert storage.committed(PAYMENTS, "p1") == stored
    assert storage.get(PAYMENTS, "p1") == stored
    assert storage.get(PAYMENTS, storage.find_id(PAYMENTS, "p1")) == stored
    assert list(storage.query(PAYMENTS, Query(equal("st", "OK")))) == [stored]
    assert left(storage) == [PATH]
    fresh = open_tree(root, HandClock())
    assert fresh.get(PAYMENTS, "p1") == stored, "another process"
    fresh.close()


def test_it_goes_on_and_on(root: Path, storage: Storage, hand: Callable[[Path], object]) -> None:
    hand(root / PATH)
    before = picture(root)
    assert [settle(storage, note=str(n))["rev"] for n in range(3)] == [2, 3, 4]
    assert picture(root) == before
    assert left(storage) == [PATH]


def test_a_removal_leaves_the_file(
    root: Path, storage: Storage, hand: Callable[[Path], object]
) -> None:
    hand(root / PATH)
    before = picture(root)
    with storage.transaction("w", leaves_foreign=True) as tx:
        tx.delete(PAYMENTS, "p1", 1)
    assert picture(root) == before
    assert left(storage) == [PATH]
    with pytest.raises(NotFoundError):
        storage.get(PAYMENTS, "p1")
    with pytest.raises(NotFoundError):
        storage.committed(PAYMENTS, "p1")


@pytest.mark.parametrize("place", ["p9.json", "p9"])
def test_an_insert_leaves_what_is_at_its_place(root: Path, storage: Storage, place: str) -> None:
    foreign = root / "var/payment" / place
    foreign.write_text("somebody's")
    with storage.transaction("w", leaves_foreign=True) as tx:
        stored = tx.insert(PAYMENTS, a_record(id="p9"), b"ours")
        stored = tx.put(PAYMENTS, stored)
    assert foreign.read_text() == "somebody's"
    assert storage.get(PAYMENTS, "p9") == stored
    assert storage.content(PAYMENTS, "p9") == b"ours"
    assert left(storage) == ["var/payment/p9.json"]
    assert restore_files(root).is_clean
    assert (root / "var/payment/p9.json").read_text() == encode_pretty(stored)
    assert (root / "var/payment/p9").read_bytes() == b"ours"


def test_an_insert_is_left_where_its_folder_is_none(root: Path, storage: Storage) -> None:
    link_parent(root / PATH)
    before = picture(root)
    with storage.transaction("w", leaves_foreign=True) as tx:
        stored = tx.insert(PAYMENTS, a_record(id="p9"))
    assert picture(root) == before
    assert storage.get(PAYMENTS, "p9") == stored


def test_a_file_that_may_not_be_read_is_left(
    root: Path, storage: Storage, mocker: MockerFixture
) -> None:
    real = os.open

    def refusing(path: object, *rest: object, **named: object) -> int:
        if path == "p1.json":
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **named)  # type: ignore[arg-type]

    mocker.patch.object(safe_files.os, "open", refusing)
    stored = settle(storage)
    assert storage.get(PAYMENTS, "p1") == stored
    assert left(storage) == [PATH]
    assert (Kind.LEFT, PATH) in kinds(root)


def test_what_no_foreign_hand_has_is_published_as_ever(root: Path, storage: Storage) -> None:
    edit(root / PATH)
    settle(storage)
    stored = settle(storage, "p2")
    assert (root / "var/payment/p2.json").read_text() == encode_pretty(stored)
    assert left(storage) == [PATH]


def test_several_records_change_together_whatever_their_files(root: Path, storage: Storage) -> None:
    insert(storage, a_record(id="o1"), collection=ORDERS)
    place = root / "sys/order/ord_demo_o1.json"
    place.write_text("{}")
    edit(root / PATH)
    with storage.transaction("w", leaves_foreign=True) as tx:
        tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p1"), "st": "OK"})
        tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p2"), "st": "OK"})
        tx.put(ORDERS, {**tx.get(ORDERS, "o1"), "st": "OK"})
    assert left(storage) == ["sys/order/ord_demo_o1.json", PATH]
    assert place.read_text() == "{}"
    assert storage.get(ORDERS, "o1")["st"] == "OK"


def test_a_transaction_that_fails_leaves_nothing(root: Path, storage: Storage) -> None:
    edit(root / PATH)
    with pytest.raises(RuntimeError), storage.transaction("w", leaves_foreign=True) as tx:  # noqa: PT012
        tx.put(PAYMENTS, tx.get(PAYMENTS, "p1"))
        raise RuntimeError
    assert left(storage) == []
    assert storage.committed(PAYMENTS, "p1")["rev"] == 1
    with pytest.raises(CorruptRecordError, match="foreign hand"):
        storage.get(PAYMENTS, "p1")


def test_an_ordinary_writer_is_refused_until_it_is_decided(
    root: Path, storage: Storage, hand: Callable[[Path], object]
) -> None:
    hand(root / PATH)
    stored = settle(storage)
    before = picture(root)
    for change in (
        lambda tx: tx.put(PAYMENTS, stored),
        lambda tx: tx.delete(PAYMENTS, "p1", 2),
    ):
        with pytest.raises(CorruptRecordError), storage.transaction("w") as tx:
            change(tx)
    assert storage.committed(PAYMENTS, "p1") == stored
    assert picture(root) == before


# -- what an unedited tree pays --------------------------------------------------------------------


def test_a_record_that_nobody_edited_is_read_at_a_glance(
    root: Path, storage: Storage, mocker: MockerFixture
) -> None:
    stored = settle(storage)
    storage.close()
    opened = mocker.patch.object(reader, "open_reader", side_effect=AssertionError)
    assert storage.get(PAYMENTS, "p1") == stored
    assert not opened.called


@pytest.mark.parametrize("lock", ["gone", "damaged"])
def test_without_a_mark_readers_look_whether_something_is_left(
    root: Path, storage: Storage, lock: str
) -> None:
    edit(root / PATH)
    stored = settle(storage)
    storage.close()
    place = root / ".journal/lock"
    place.unlink() if lock == "gone" else place.write_text("?")
    assert storage.get(PAYMENTS, "p1") == stored
    settle(storage, "p2")
    assert storage.get(PAYMENTS, "p1") == stored
    assert left(storage) == [PATH]


def test_after_a_reboot_what_is_left_is_still_left(root: Path, storage: Storage) -> None:
    edit(root / PATH)
    before = picture(root)[str(root / PATH)]
    stored = settle(storage)
    storage.close()
    place = root / ".journal/lock"
    place.write_text("0" * 36 + place.read_text()[36:])
    assert storage.get(PAYMENTS, "p1") == stored
    settle(storage, "p2")
    assert picture(root)[str(root / PATH)] == before
    assert storage.get(PAYMENTS, "p1") == stored


# -- put back --------------------------------------------------------------------------------------


@pytest.mark.parametrize("leaves_foreign", [False, True])
@pytest.mark.parametrize("as_it_was", ["published", "the journal's"])
def test_a_file_that_is_put_back_is_published_by_the_next_write(
    root: Path, storage: Storage, as_it_was: str, leaves_foreign: bool
) -> None:
    published = (root / PATH).read_bytes()
    edit(root / PATH)
    settle(storage, note="1")
    stored = settle(storage, note="2")
    (root / PATH).write_bytes(
        published if as_it_was == "published" else encode_pretty(stored).encode()
    )
    with storage.transaction("w", leaves_foreign=leaves_foreign) as tx:
        stored = tx.put(PAYMENTS, stored)
    assert (root / PATH).read_text() == encode_pretty(stored)
    assert left(storage) == []
    assert check_tree(root).is_clean


def test_a_file_that_is_put_back_is_published_by_a_check(root: Path, storage: Storage) -> None:
    published = (root / PATH).read_bytes()
    edit(root / PATH)
    stored = settle(storage)
    (root / PATH).write_bytes(published)
    assert check_tree(root).is_clean
    assert (root / PATH).read_text() == encode_pretty(stored)
    assert left(storage) == []


def test_a_removed_record_whose_file_is_put_back_is_removed_by_a_check(
    root: Path, storage: Storage
) -> None:
    published = (root / PATH).read_bytes()
    edit(root / PATH)
    with storage.transaction("w", leaves_foreign=True) as tx:
        tx.delete(PAYMENTS, "p1", 1)
    assert kinds(root) == [(Kind.LEFT, "var/payment/p1"), (Kind.LEFT, PATH)]
    (root / PATH).write_bytes(published)
    assert check_tree(root).is_clean
    assert not (root / PATH).exists()
    assert not (root / "var/payment/p1").exists()
    assert left(storage) == []


def test_a_place_that_is_free_again_is_published_to(root: Path, storage: Storage) -> None:
    foreign = root / "var/payment/p9"
    foreign.write_text("somebody's")
    with storage.transaction("w", leaves_foreign=True) as tx:
        tx.insert(PAYMENTS, a_record(id="p9"), b"ours")
    settle(storage, "p9")
    assert foreign.read_text() == "somebody's", "its own file is free, the script's is not"
    foreign.unlink()
    stored = settle(storage, "p9")
    assert foreign.read_bytes() == b"ours"
    assert (root / "var/payment/p9.json").read_text() == encode_pretty(stored)
    assert left(storage) == []


def test_an_id_that_was_removed_and_left_can_be_taken_again(root: Path, storage: Storage) -> None:
    edit(root / PATH)
    with storage.transaction("w", leaves_foreign=True) as tx:
        tx.delete(PAYMENTS, "p1", 1)
    with pytest.raises(CorruptRecordError), storage.transaction("w") as tx:
        tx.insert(PAYMENTS, a_record(id="p1"))
    with storage.transaction("w", leaves_foreign=True) as tx:
        stored = tx.insert(PAYMENTS, a_record(id="p1"))
    assert storage.get(PAYMENTS, "p1") == stored
    assert left(storage) == [PATH]


# -- fsck ------------------------------------------------------------------------------------------


def test_a_left_file_is_named_by_its_own_word(
    root: Path, storage: Storage, hand: Callable[[Path], object]
) -> None:
    hand(root / PATH)
    settle(storage)
    assert (Kind.LEFT, PATH) in kinds(root)


@pytest.mark.parametrize("how", ["a newline", "edited", "cut", "emptied", "removed", "linked"])
def test_restoring_publishes_the_journals_record_and_ends_it(
    root: Path, storage: Storage, how: str
) -> None:
    HANDS[how](root / PATH)
    stored = settle(storage)
    assert restore_files(root).is_clean
    assert (root / PATH).read_text() == encode_pretty(stored)
    assert left(storage) == []
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, stored)


def test_restoring_removes_the_file_of_a_removed_record(root: Path, storage: Storage) -> None:
    edit(root / PATH)
    with storage.transaction("w", leaves_foreign=True) as tx:
        tx.delete(PAYMENTS, "p1", 1)
    assert restore_files(root).is_clean
    assert not (root / PATH).exists()
    assert left(storage) == []


def test_a_folder_in_a_files_place_does_not_keep_others_from_being_restored(
    root: Path, storage: Storage
) -> None:
    make_folder(root / PATH)
    (root / "var/payment/p2.json").write_text("{}")
    settle(storage)
    stored = settle(storage, "p2")
    assert [(one.kind, one.path) for one in restore_files(root).differences] == [(Kind.LEFT, PATH)]
    assert (root / "var/payment/p2.json").read_text() == encode_pretty(stored)
    assert left(storage) == [PATH]


def test_an_old_file_never_undoes_what_the_journal_went_on_to(root: Path, storage: Storage) -> None:
    edit(root / PATH)
    stored = settle(storage)
    (found,) = adopt_files(root, HandClock()).differences
    assert found.kind is Kind.LEFT
    assert found.detail == "is of revision 1, the journal's of 2: only --restore"
    assert storage.committed(PAYMENTS, "p1") == stored
    assert left(storage) == [PATH]


def test_nor_does_an_old_file_that_was_put_over_a_newer_one(root: Path, storage: Storage) -> None:
    """Nothing is left here: somebody copied a file out of a backup."""
    old = (root / PATH).read_text()
    stored = settle(storage)
    (root / PATH).write_text(old)
    (found,) = adopt_files(root, HandClock()).differences
    assert (found.kind, found.detail) == (
        Kind.STALE,
        "is an earlier revision: only --restore",
    )
    assert storage.committed(PAYMENTS, "p1") == stored


def test_nor_does_a_file_whose_number_was_only_raised(root: Path, storage: Storage) -> None:
    place = root / PATH
    place.write_text(place.read_text().replace('"rev": 1', '"rev": 99'))
    stored = settle(storage)
    assert [one.kind for one in adopt_files(root, HandClock()).differences] == [Kind.LEFT]
    assert storage.committed(PAYMENTS, "p1") == stored


def test_nor_does_the_file_of_a_removed_record_bring_it_back(root: Path, storage: Storage) -> None:
    edit(root / PATH)
    with storage.transaction("w", leaves_foreign=True) as tx:
        tx.delete(PAYMENTS, "p1", 1)
    found = adopt_files(root, HandClock()).differences
    assert {one.detail for one in found} == {"the journal removed this record: only --restore"}
    with pytest.raises(NotFoundError):
        storage.committed(PAYMENTS, "p1")


def test_a_file_that_was_made_anew_from_the_journal_is_adopted(
    root: Path, storage: Storage
) -> None:
    edit(root / PATH)
    stored = settle(storage)
    (root / PATH).write_text(encode_pretty({**stored, "brief": "by hand"}))
    assert adopt_files(root, HandClock()).is_clean
    assert storage.get(PAYMENTS, "p1") == {**stored, "brief": "by hand", "rev": 3}
    assert left(storage) == []
    assert check_tree(root).is_clean


def test_the_journal_is_not_rebuilt_from_files_that_are_known_to_be_old(
    root: Path, storage: Storage
) -> None:
    edit(root / PATH)
    stored = settle(storage)
    with pytest.raises(CorruptRecordError, match="are newer than their files"):
        rebuild_journal(root, HandClock())
    assert storage.committed(PAYMENTS, "p1") == stored
    restore_files(root)
    assert rebuild_journal(root, HandClock()).is_clean
    assert storage.committed(PAYMENTS, "p1") == stored


def test_in_a_backup_nothing_is_left(root: Path, tmp_path: Path, storage: Storage) -> None:
    edit(root / PATH)
    stored = settle(storage)
    backup_tree(root, tmp_path / "copy")
    copy = open_tree(tmp_path / "copy", HandClock())
    assert left(copy) == []
    assert copy.get(PAYMENTS, "p1") == stored
    assert check_tree(tmp_path / "copy").is_clean
    copy.close()


def test_committed_never_takes_the_file(root: Path, storage: Storage) -> None:
    edit(root / PATH)
    assert storage.committed(PAYMENTS, "p1")["name"] == "ours"
    storage.close()
    shutil.rmtree(root / ".journal")
    with pytest.raises(CorruptRecordError, match="journal is missing"):
        storage.committed(PAYMENTS, "p1")
    assert storage.get(PAYMENTS, "p1")["name"] == "mine"


# -- a writer that dies ----------------------------------------------------------------------------


def prepare(root: Path) -> None:
    """A tree in which a foreign hand has the files of p1 and o1, and an id that is to be new."""
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1", name="ours", st="WAIT"), a_record(id="p2", st="WAIT"))
    insert(storage, a_record(id="o1"), collection=ORDERS)
    storage.close()
    edit(root / PATH)
    (root / "sys/order/ord_demo_o1.json").unlink()
    (root / "var/payment/p9.json").write_text("somebody's")


def work(root: Path, acknowledge: Callable[[], None]) -> None:
    """Money that meets all of that, twice; then one file is put back and published."""
    storage = open_tree(root, HandClock())
    with storage.transaction("w", leaves_foreign=True) as tx:
        tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p1"), "st": "OK"})
        tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p2"), "st": "OK"})
        tx.delete(ORDERS, "o1", 1)
        tx.insert(PAYMENTS, a_record(id="p9"))
    acknowledge()
    settle(storage, note="again")
    acknowledge()
    (root / PATH).write_text((root / "published").read_text())
    settle(storage, note="put back")
    acknowledge()
    storage.close()


REVISIONS = ((1, 1, None), (2, 2, 1), (3, 2, 1), (4, 2, 1))


def revisions(read: Callable[[Collection, str], Record]) -> tuple[object, ...]:
    def revision(record_id: str) -> object:
        try:
            return read(PAYMENTS, record_id)["rev"]
        except NotFoundError:
            return None

    return tuple(map(revision, ("p1", "p2", "p9")))


def test_killed_at_every_step_nothing_is_lost_and_no_file_touched(fast_disk: Path) -> None:
    prepared = fast_disk / "prepared"
    prepared.mkdir()
    prepare(prepared)
    published = (prepared / PATH).read_text().replace("mine", "ours")
    (prepared / "published").write_text(published)
    shutil.copytree(prepared, fast_disk / "whole")
    steps = steps_of(lambda acknowledge: work(fast_disk / "whole", acknowledge))
    commit = max(at for at, step in enumerate(steps, 1) if "COMMIT" in step)
    # The last transaction takes steps that the others took, but in a state of its own.
    for k in sorted({*first_of_each(steps), *range(commit, len(steps) + 2)}):
        root = fast_disk / str(k)
        shutil.copytree(prepared, root)
        death = run_until_step(k, lambda acknowledge, root=root: work(root, acknowledge))
        check_after_death(root, death.acknowledged, published)
    assert death.step is None
    assert sum("COMMIT" in step for step in steps) >= 3


def check_after_death(root: Path, acknowledged: int, published: str) -> None:
    possible = REVISIONS[acknowledged : acknowledged + 2]
    reader = open_tree(root, HandClock())
    # Before anything was committed nothing is left: a file is shown as the foreign hand made it.
    read = reader.get if acknowledged else reader.committed
    assert revisions(read) in possible
    place = root / PATH
    was = place.read_text()
    assert acknowledged >= 2 or "mine" in was
    insert(reader, a_record(id="probe"))
    assert revisions(read) in possible
    assert "mine" not in was or place.read_text() == was, "the next writer did not touch it"
    assert (root / "var/payment/p9.json").read_text() == "somebody's"
    assert not (root / "sys/order/ord_demo_o1.json").exists()
    stored = settle(reader, note="after")
    if was == published or "mine" not in was:
        assert place.read_text() == encode_pretty(stored)
    reader.close()
    restore_files(root)
    assert {one.path for one in check_tree(root).differences} <= {"var/payment/p9.json"}


def test_a_repair_of_an_old_foreign_file_lets_readers_know(root: Path, storage: Storage) -> None:
    """The writer died before it published, and meanwhile a foreign hand had the file."""
    with storage.transaction("w") as tx:
        stored = tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p1"), "st": "OK"})
    storage.close()
    text = (root / PATH).read_text().replace('"rev": 2', '"rev": 1').replace("OK", "WAIT")
    (root / PATH).write_text(text.replace("ours", "mine"))
    place = root / ".journal/lock"
    place.write_text("0" * 36 + place.read_text()[36:])
    with pytest.raises(CorruptRecordError), storage.transaction("w") as tx:
        tx.put(PAYMENTS, stored)
    assert "mine" in (root / PATH).read_text()
    assert left(storage) == [PATH], "though that transaction came to nothing"
    assert storage.get(PAYMENTS, "p1") == stored


def test_a_full_disk_still_refuses_money_and_nothing_is_noted(
    root: Path, storage: Storage, mocker: MockerFixture
) -> None:
    edit(root / PATH)
    mocker.patch.object(os, "write", side_effect=OSError(28, "No space left on device"))
    with pytest.raises(StorageError), storage.transaction("w", leaves_foreign=True) as tx:  # noqa: PT012
        tx.put(PAYMENTS, tx.get(PAYMENTS, "p1"))
        tx.put(PAYMENTS, tx.get(PAYMENTS, "p2"))
    mocker.stopall()
    assert left(storage) == []
