"""A backup is a whole tree or says what it lacks; the beginning of one is never taken for one."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from payment_cli.errors import (
    CorruptRecordError,
    InvalidValueError,
    NotFoundError,
    PaymentError,
    StorageError,
)
from payment_cli.model.query.match import everything
from payment_cli.storage.base import Query, Storage
from payment_cli.storage.tree import open_tree
from payment_cli.storage.tree.backup import backup_tree
from payment_cli.storage.tree.fsck import check_copy, check_tree
from payment_cli.storage.tree.rebuild import rebuild_journal
from tests.storage.storage_contract import PAYMENTS, a_record, insert
from tests.support.clock import HandClock
from tests.support.every_shape import open_every_shape, places
from tests.support.failpoints import first_of_each, run_until_step, steps_of

PLACES = places("demo")
KEY = "home/demo/.payment/wxpay/shop/wxpay.conf"


@pytest.fixture
def storage(root: Path) -> Iterator[Storage]:
    """A tree with a record of every shape, and files that people wrote."""
    opened = open_every_shape(root, "demo")
    yield opened
    opened.close()


@pytest.fixture
def key(root: Path, storage: Storage) -> Path:
    place = root / KEY
    place.parent.mkdir(parents=True)
    place.write_text("{}")
    return place


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"ours", b"mine").replace(b"script", b"evil"))


def test_a_backup_is_a_whole_tree(root: Path, tmp_path: Path, storage: Storage) -> None:
    gateway = root / "home/demo/.payment/wxpay/shop"
    gateway.mkdir(parents=True)
    (gateway / "wxpay.conf").write_text("{}")
    (gateway / "key.pem").symlink_to("/etc/ssl/key.pem")
    (root / "etc").mkdir()
    (root / "etc" / "payment.toml").write_text("[tree]")
    (root / "home/demo/holiday.jpg").write_text("not ours")
    told: list[tuple[int, int]] = []
    copy = tmp_path / "backup" / "monday"
    assert backup_tree(root, copy, lambda done, total: told.append((done, total))).total == 5
    assert told[-1] == (5, 5)
    assert check_tree(copy).is_clean
    restored = open_tree(copy, HandClock())
    assert restored.get(PAYMENTS, "p1") == storage.get(PAYMENTS, "p1")
    assert restored.content(PAYMENTS, "p1") == b"script"
    assert list(restored.log()) == list(storage.log())
    insert(restored, a_record())
    restored.close()
    for path in (
        "home/demo/.store/store_info.json",
        "home/demo/.store/i18n/zh-cn.json",
        "home/demo/.payment/wxpay/shop/wxpay.conf",
        "etc/payment.toml",
    ):
        assert (copy / path).read_text() == (root / path).read_text()
        assert (copy / path).stat().st_mode & 0o077 == 0
    assert (copy / "home/demo/.payment/wxpay/shop/key.pem").readlink() == Path("/etc/ssl/key.pem")
    assert not (copy / "home/demo/holiday.jpg").exists()
    assert check_tree(copy).is_clean


def test_a_backup_while_others_write_agrees_with_itself(
    root: Path, tmp_path: Path, storage: Storage
) -> None:
    insert(storage, *(a_record(id=f"many{n}", pad="x" * 4000) for n in range(2000)))
    record = storage.get(PAYMENTS, "p1")

    def write_meanwhile(_done: int, _total: int) -> None:
        nonlocal record
        with storage.transaction("w") as tx:
            record = tx.put(PAYMENTS, record)
            tx.insert(PAYMENTS, a_record(id=f"new{record['rev']}"))

    made = backup_tree(root, tmp_path / "copy", write_meanwhile)
    assert made.total == 2005, "one snapshot, from before"
    assert int(str(record["rev"])) > 4
    assert check_tree(tmp_path / "copy").is_clean
    assert check_tree(root).is_clean


def test_a_backup_follows_the_home_of_a_domain_and_no_other_link(
    root: Path, tmp_path: Path, storage: Storage
) -> None:
    shutil.move(root / "home/demo", tmp_path / "ann")
    (root / "home/demo").symlink_to(tmp_path / "ann")
    (root / "home/other").mkdir()
    (root / "home/other/.store").symlink_to("/etc")
    made = backup_tree(root, tmp_path / "copy")
    assert made.missing == ("home/other/.store was a link or no folder",)
    assert (tmp_path / "copy/home/demo/.store/store_info.json").exists()
    assert not (tmp_path / "copy/home/demo").is_symlink()
    assert not (tmp_path / "copy/home/other").exists()
    assert check_tree(tmp_path / "copy").is_clean


def test_a_hand_edited_file_is_backed_up_as_the_journal_has_it(
    root: Path, tmp_path: Path, storage: Storage
) -> None:
    edit(root / PLACES["payment"])
    backup_tree(root, tmp_path / "copy")
    assert json.loads((tmp_path / "copy" / PLACES["payment"]).read_text())["name"] == "ours"


def test_a_backup_overwrites_nothing(root: Path, tmp_path: Path, storage: Storage) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").write_text("kept")
    with pytest.raises(StorageError, match="not empty"):
        backup_tree(root, tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["mine"]


def test_a_tree_without_its_journal_is_not_backed_up(
    root: Path, tmp_path: Path, storage: Storage
) -> None:
    storage.close()
    shutil.rmtree(root / ".journal")
    with pytest.raises(CorruptRecordError, match="journal is missing"):
        backup_tree(root, tmp_path / "copy")


# -- the manifest ----------------------------------------------------------------------------------


def told(copy: Path) -> set[tuple[str, str]]:
    """What --verify names."""
    return {(one.kind.value, one.path) for one in check_copy(copy).differences}


@pytest.mark.usefixtures("key")
def test_a_backup_ends_with_a_manifest_that_it_keeps(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    made = backup_tree(root, copy, now=1_790_000_000_000)
    written = json.loads((copy / ".backup").read_text())
    assert made.records == {"order": 1, "payment": 2, "settings": 1, "thing": 1}
    assert (made.total, made.changes, made.missing) == (5, 5, ())
    assert set(made.authored) == {
        KEY, "home/demo/.store/store_info.json", "home/demo/.store/i18n/zh-cn.json",
    }  # fmt: skip
    assert written["state"] == "whole"
    assert written["made_at"] == 1_790_000_000_000
    assert told(copy) == set()
    assert check_tree(copy).is_clean
    assert told(copy) == set(), "looking at it changes nothing"


CHANGES: dict[str, tuple[Callable[[Path], object], tuple[str, str]]] = {
    "key changed": (lambda c: (c / KEY).write_text("{ }"), ("backup", KEY)),
    "key gone": (lambda c: (c / KEY).unlink(), ("backup", KEY)),
    "home gone": (lambda c: shutil.rmtree(c / "home/demo/.payment"), ("backup", KEY)),
    "file added": (lambda c: (c / KEY).with_name("x").write_text(""), ("backup", f"{KEY[:-10]}x")),
    "record edited": (lambda c: edit(c / PLACES["payment"]), ("edited", PLACES["payment"])),
    "script edited": (lambda c: edit(c / PLACES["content"]), ("edited", PLACES["content"])),
    "record gone": (lambda c: (c / PLACES["order"]).unlink(), ("missing", PLACES["order"])),
    "journal gone": (
        lambda c: shutil.rmtree(c / ".journal"),
        ("journal", ".journal/payment.db"),
    ),
    "manifest gone": (lambda c: (c / ".backup").unlink(), ("backup", ".backup")),
    "manifest cut": (
        lambda c: (c / ".backup").write_bytes((c / ".backup").read_bytes()[:-9]),
        ("backup", ".backup"),
    ),
    "manifest empty": (lambda c: (c / ".backup").write_bytes(b""), ("backup", ".backup")),
    "manifest another": (lambda c: (c / ".backup").write_text("[1]"), ("backup", ".backup")),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.usefixtures("key")
def test_what_a_copy_lost_is_named_by_verify_and_by_fsck(
    root: Path, tmp_path: Path, change: str
) -> None:
    copy = tmp_path / "copy"
    backup_tree(root, copy)
    damage, wanted = CHANGES[change]
    damage(copy)
    assert wanted in told(copy)
    assert wanted in {(one.kind.value, one.path) for one in check_tree(copy).differences}


def test_a_log_that_was_changed_is_named(root: Path, tmp_path: Path, storage: Storage) -> None:
    """No file tells of it: only the digest of the manifest does."""
    copy = tmp_path / "copy"
    backup_tree(root, copy)
    with closing(sqlite3.connect(copy / ".journal" / "payment.db")) as conn:
        conn.execute("UPDATE log SET actor = 'x' WHERE seq = 1")
        conn.commit()
    assert told(copy) == {("backup", ".journal/payment.db")}


def test_a_copy_that_is_used_is_a_tree_like_any_other(
    root: Path, tmp_path: Path, key: Path, storage: Storage
) -> None:
    copy = tmp_path / "copy"
    backup_tree(root, copy)
    used = open_tree(copy, HandClock())
    insert(used, a_record(id="p3"))
    used.close()
    (copy / KEY).write_text("{ }")
    assert check_tree(copy).is_clean
    assert told(copy) == {("backup", ".backup")}, "as a backup it is none any more"
    made = backup_tree(copy, tmp_path / "second")
    assert made.total == 6
    assert told(tmp_path / "second") == set()


def test_a_tree_that_is_no_backup_and_no_tree_at_all_are_told_as_such(
    root: Path, tmp_path: Path, storage: Storage
) -> None:
    assert told(root) == {("backup", ".backup")}
    (tmp_path / "empty").mkdir()
    assert told(tmp_path / "empty") == {("backup", ".backup")}
    with pytest.raises(NotFoundError):
        check_copy(tmp_path / "nowhere")


def test_a_backup_of_an_empty_tree_is_whole(root: Path, tmp_path: Path) -> None:
    (root / "etc").mkdir()
    (root / "etc/payment.toml").write_text("")
    assert backup_tree(root, tmp_path / "copy").total == 0
    assert told(tmp_path / "copy") == set()
    assert check_tree(tmp_path / "copy").is_clean


# -- what can't be reached, and where a backup can't be --------------------------------------------


@pytest.mark.parametrize(
    ("away", "sentence"),
    [
        ("link", "home/demo was not there"),
        ("mount point", "home/demo was empty"),
        ("store", "home/demo had no .store, though the journal has records of it"),
        ("gone", "home/demo was not there"),
    ],
)
def test_a_home_that_can_not_be_reached_is_told_and_the_rest_copied(
    root: Path, tmp_path: Path, storage: Storage, away: str, sentence: str
) -> None:
    home = root / "home/demo"
    if away == "store":
        (home / "other").write_text("")
        shutil.rmtree(home / ".store")
    else:
        shutil.rmtree(home)
    if away == "link":
        home.symlink_to(tmp_path / "nowhere")
    elif away == "mount point":
        home.mkdir()
    made = backup_tree(root, tmp_path / "copy")
    assert made.missing == (sentence,)
    assert (tmp_path / "copy" / PLACES["payment"]).exists()
    assert told(tmp_path / "copy") == {("backup", ".backup")}
    assert check_tree(tmp_path / "copy").is_clean, "as a tree it is whole"


@pytest.mark.parametrize("place", ["backups/x", "var/x", "home/demo/x", "home/demo/.store/x"])
@pytest.mark.parametrize("way", ["direct", "link to the root", "link into it", "home is a link"])
def test_a_place_in_the_tree_itself_is_refused(
    root: Path, tmp_path: Path, storage: Storage, place: str, way: str
) -> None:
    destination = root / place
    if way == "link to the root":
        (tmp_path / "link").symlink_to(root)
        destination = tmp_path / "link" / place
    elif way == "link into it":
        (root / place).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "link").symlink_to((root / place).parent)
        destination = tmp_path / "link" / "x"
    elif way == "home is a link":
        shutil.move(root / "home/demo", tmp_path / "ann")
        (root / "home/demo").symlink_to(tmp_path / "ann")
        destination = tmp_path / "ann" / place
    before = sorted(root.rglob("*"))
    with pytest.raises(InvalidValueError, match=r"is in (the tree itself|home/demo of the tree)"):
        backup_tree(root, destination)
    assert sorted(root.rglob("*")) == before
    assert not destination.exists()


def test_a_place_beside_the_tree_is_none_in_it(
    root: Path, tmp_path: Path, storage: Storage
) -> None:
    backup_tree(root, root.with_name("tree-copy"))
    backup_tree(root, tmp_path / "a" / "b" / ".." / "c")
    assert told(tmp_path / "a" / "c") == set()


# -- killed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("repeats", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("key")
def test_killed_at_any_step_it_is_never_taken_for_a_whole_one(
    root: Path, fast_disk: Path, storage: Storage, repeats: bool
) -> None:
    storage.close()
    steps = steps_of(lambda _: backup_tree(root, fast_disk / "whole"))
    tried = range(1, len(steps) + 2) if repeats else first_of_each(steps)
    finished = 0
    for k in tried:
        copy = fast_disk / str(k)
        death = run_until_step(k, lambda _, copy=copy: backup_tree(root, copy))
        if not copy.exists():
            continue
        if (copy / ".backup").exists() and '"whole"' in (copy / ".backup").read_text():
            finished += 1
            assert told(copy) == set(), death
            continue
        assert told(copy) != set(), death
        if all(path.name.endswith(".part") for path in copy.iterdir()):
            continue  # a folder with nothing in it yet
        assert not check_tree(copy).is_clean, death
        if not (copy / ".journal/payment.db").exists():
            require_refused(copy)
        with pytest.raises(StorageError, match="not empty"):
            backup_tree(root, copy)
    assert death.step is None
    assert 0 < finished < 8, "the manifest comes last"
    assert len(tried) > 60


def require_refused(copy: Path) -> None:
    """No command takes the beginning of a backup for a tree, and none makes one of it."""
    started = open_tree(copy, HandClock())
    for attempt in (
        lambda: insert(started, a_record()),
        lambda: list(started.query(PAYMENTS, Query(everything()))),
        lambda: rebuild_journal(copy, HandClock()),
    ):
        with pytest.raises(PaymentError) as caught:
            attempt()
        assert caught.value.exit_code == 32
    started.close()
