"""The tree keeps the storage contract, and its files are what people expect of them."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest

from payment_cli.errors import ConflictError, CorruptRecordError, InvalidValueError, NotFoundError
from payment_cli.model.codec import encode_pretty
from payment_cli.model.query.match import everything
from payment_cli.storage.base import Collection, Query, Storage
from payment_cli.storage.tree import open_tree
from payment_cli.storage.tree.backup import backup_tree
from payment_cli.storage.tree.fsck import check_tree
from payment_cli.storage.tree.glance import committed_text
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.repair import adopt_files
from tests.storage.storage_contract import (
    PAYMENTS,
    THINGS,
    StorageContract,
    a_record,
    insert,
    insert_one,
)
from tests.support.clock import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def storage(root: Path, clock: HandClock) -> Iterator[Storage]:
    opened = open_tree(root, clock)
    yield opened
    opened.close()


class TestTreeStorage(StorageContract):
    """The contract, on a tree."""


def file_of(root: Path, record_id: object) -> Path:
    return root / "var" / "payment" / f"{record_id}.json"


def test_a_record_is_a_file_that_people_can_read(root: Path, storage: Storage) -> None:
    stored = insert_one(storage, a_record(brief="茶", fee=2300))
    text = file_of(root, stored["id"]).read_text()
    assert text == encode_pretty(stored)
    assert '\n  "brief": "茶",\n' in text


def test_files_lie_where_the_seeds_put_them(root: Path, storage: Storage) -> None:
    insert(storage, a_record(id="p1"))
    insert(storage, a_record(id="o1"), collection=Collection("order", "demo"))
    insert(storage, a_record(id="t1"), collection=THINGS)
    insert(storage, a_record(id="settings"), collection=Collection("settings", "demo"))
    found = {str(path.relative_to(root)) for path in root.rglob("*.json")}
    assert found == {
        "var/payment/p1.json",
        "sys/order/ord_demo_o1.json",
        "home/demo/.store/thing/t1.json",
        "home/demo/.store/settings.json",
    }


def test_content_is_published_without_json_in_its_name(root: Path, storage: Storage) -> None:
    with storage.transaction("tester") as tx:
        stored = tx.insert(PAYMENTS, a_record(), b"#!/bin/sh\necho paid\n")
    place = file_of(root, stored["id"]).with_suffix("")
    assert place.read_bytes() == b"#!/bin/sh\necho paid\n"
    with storage.transaction("tester") as tx:
        tx.delete(PAYMENTS, str(stored["id"]), 1)
    assert list((root / "var" / "payment").iterdir()) == []


def test_content_is_published_though_its_record_changed_at_once(
    root: Path, storage: Storage
) -> None:
    with storage.transaction("tester") as tx:
        stored = tx.insert(PAYMENTS, a_record(), b"script")
        tx.put(PAYMENTS, stored)
    assert file_of(root, stored["id"]).with_suffix("").read_bytes() == b"script"


def test_the_log_digest_is_what_sha256sum_says_of_the_file(root: Path, storage: Storage) -> None:
    stored = insert_one(storage, a_record())
    (row,) = storage.log()
    assert row.after_digest == sha256(file_of(root, stored["id"]).read_bytes()).hexdigest()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_everything_is_private_whatever_the_umask(root: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        storage = open_tree(root / "new" / "tree", HandClock())
        with storage.transaction("tester") as tx:
            tx.insert(PAYMENTS, a_record(), b"script")
            tx.insert(THINGS, a_record())
        open_and_used = _modes(root / "new")
        storage.close()
    finally:
        os.umask(before)
    assert {path.name for path in open_and_used} >= {"payment.db", "payment.db-wal", "lock"}
    assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in open_and_used.items())


def _modes(top: Path) -> dict[Path, int]:
    return {path: stat.S_IMODE(path.stat().st_mode) for path in (top, *top.rglob("*"))}


def test_reading_by_id_does_without_the_journal_and_says_so(root: Path, storage: Storage) -> None:
    stored = insert_one(storage, a_record(price=Decimal("1.10")))
    storage.close()
    for path in sorted((root / ".journal").iterdir()):
        path.unlink()
    said: list[str] = []
    fresh = open_tree(root, HandClock(), say=said.append)
    for _ in range(2):
        assert fresh.get(PAYMENTS, str(stored["id"])) == stored
    assert fresh.find_id(PAYMENTS, str(stored["id"])) == stored["id"]
    assert said == [
        f"var/payment/{stored['id']}.json is shown unchecked: "
        "the journal is missing, but the tree has records"
    ]


def test_nothing_is_made_where_a_journal_was_moved_away(root: Path, storage: Storage) -> None:
    """Else `mv AWAY .journal` would put it into the folder that is there by now."""
    stored = insert_one(storage, a_record())
    storage.close()
    (root / ".journal").rename(root / "away")
    fresh = open_tree(root, HandClock())
    with pytest.raises(CorruptRecordError, match="the journal is missing"):
        insert_one(fresh, a_record())
    assert not (root / ".journal").exists()
    (root / "away").rename(root / ".journal")
    insert_one(fresh, a_record())
    assert fresh.get(PAYMENTS, str(stored["id"])) == stored


@pytest.mark.parametrize("reader", ["new", "that has asked", "that has the journal open"])
def test_a_file_that_a_foreign_hand_edited_is_no_record(
    root: Path, storage: Storage, reader: str
) -> None:
    stored = insert_one(storage, a_record(price=Decimal("1.10")))
    other = insert_one(storage, a_record())
    if reader == "new":
        storage.close()
    elif reader == "that has asked":
        assert storage.get(PAYMENTS, str(stored["id"])) == stored
    else:
        assert storage.count(PAYMENTS, everything()) == 2
    place = file_of(root, stored["id"])
    edited = place.read_text().replace("1.10", "0.10")
    place.write_text(edited)
    with pytest.raises(CorruptRecordError, match="changed by a foreign hand") as caught:
        storage.get(PAYMENTS, str(stored["id"]))
    assert caught.value.exit_code == 32
    assert "payment fsck" in caught.value.hint
    assert place.read_text() == edited
    assert storage.get(PAYMENTS, str(other["id"])) == other
    assert storage.committed(PAYMENTS, str(stored["id"])) == stored


def test_an_edited_file_beside_one_that_is_left_is_no_record_either(
    root: Path, storage: Storage
) -> None:
    ours = insert_one(storage, a_record(price=1))
    edited = insert_one(storage, a_record(price=1))
    for record in (ours, edited):
        file_of(root, record["id"]).write_text("{}")
    with storage.transaction("w", leaves_foreign=True) as tx:
        ours = tx.put(PAYMENTS, {**ours, "price": 2})
    assert storage.get(PAYMENTS, str(ours["id"])) == ours
    with pytest.raises(CorruptRecordError, match="foreign hand"):
        storage.get(PAYMENTS, str(edited["id"]))


def test_a_file_that_no_command_wrote_is_no_record(root: Path, storage: Storage) -> None:
    stored = insert_one(storage, a_record())
    place = file_of(root, "0" * 32)
    place.write_text(encode_pretty({**stored, "id": "0" * 32}))
    with pytest.raises(CorruptRecordError, match="made by a foreign hand"):
        storage.get(PAYMENTS, "0" * 32)


def test_an_edited_file_is_all_there_is_without_a_journal_and_is_said_to_be_unchecked(
    root: Path, storage: Storage
) -> None:
    stored = insert_one(storage, a_record(price=1))
    storage.close()
    file_of(root, stored["id"]).write_text(encode_pretty({**stored, "price": 2}))
    (root / ".journal" / "payment.db").write_bytes(b"not a database" * 1000)
    said: list[str] = []
    fresh = open_tree(root, HandClock(), say=said.append)
    assert fresh.get(PAYMENTS, str(stored["id"]))["price"] == 2
    assert "unchecked" in said[0]
    assert "journal is damaged" in said[0]


def test_a_root_with_any_name_is_glanced_at(root: Path) -> None:
    strange = root / "50% of #1? änd 'more'"
    storage = open_tree(strange, HandClock())
    stored = insert_one(storage, a_record(id="p1"))
    storage.close()
    key = Key("payment", "", "p1")
    assert committed_text(strange, key) == (strange / "var/payment/p1.json").read_bytes()
    assert open_tree(strange, HandClock()).get(PAYMENTS, "p1") == stored


def test_a_glance_sees_what_is_still_in_the_wal(root: Path, storage: Storage) -> None:
    insert_one(storage, a_record(id="p1"))
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p1"), "st": "OK"})
    assert (root / ".journal/payment.db-wal").stat().st_size > 0
    found = committed_text(root, Key("payment", "", "p1"))
    assert found == (root / "var/payment/p1.json").read_bytes()
    assert b'"OK"' in found


def test_a_glance_makes_no_file(root: Path, storage: Storage) -> None:
    insert_one(storage, a_record(id="p1"))
    storage.close()
    before = sorted((root / ".journal").iterdir())
    assert committed_text(root, Key("payment", "", "p1"))
    assert sorted((root / ".journal").iterdir()) == before


def test_reading_by_id_loads_sqlite_and_nothing_else_that_is_heavy(
    root: Path, storage: Storage
) -> None:
    """Cold start is a feature; a full id needs none of what handles the database."""
    stored = insert_one(storage, a_record(id="0" * 32))
    storage.close()
    script = f"""
import sys
from pathlib import Path
from payment_cli.storage.base import Collection
from payment_cli.storage.tree import open_tree
tree = open_tree(Path({str(root)!r}), lambda: 0)
wanted = tree.find_id(Collection("payment"), {stored["id"]!r})
print(tree.get(Collection("payment"), wanted)["rev"])
heavy = {{"sqlite3", "ctypes", "hashlib", "logging", "tempfile",
    "payment_cli.storage.tree.connection"}}
print(sorted(heavy & set(sys.modules)))
"""
    # Isolated and without site: an editable install itself loads modules at start-up.
    paths = [path for path in sys.path if path]
    script = f"import sys; sys.path[:] = {paths!r}\n{script}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["1", "['sqlite3']"]


def test_a_reader_makes_nothing(root: Path) -> None:
    storage = open_tree(root, HandClock())
    assert list(storage.query(PAYMENTS, Query(everything()))) == []
    assert storage.count(PAYMENTS, everything()) == 0
    assert list(storage.log()) == []
    with pytest.raises(NotFoundError):
        storage.get(PAYMENTS, "0" * 32)
    with pytest.raises(NotFoundError):
        storage.find_id(PAYMENTS, "0" * 32)
    storage.close()
    assert list(root.iterdir()) == []


def test_a_tree_that_is_not_there_is_empty_to_readers(root: Path) -> None:
    storage = open_tree(root / "nowhere", HandClock())
    assert storage.count(PAYMENTS, everything()) == 0
    with pytest.raises(NotFoundError):
        storage.get(PAYMENTS, "0" * 32)
    assert not (root / "nowhere").exists()


def test_a_first_write_makes_the_tree(root: Path) -> None:
    storage = open_tree(root / "far" / "away", HandClock())
    insert(storage, a_record(id="p1"))
    storage.close()
    assert (root / "far" / "away" / "var" / "payment" / "p1.json").exists()


def test_a_record_without_its_file_is_read_from_the_journal(root: Path, storage: Storage) -> None:
    stored = insert_one(storage, a_record())
    file_of(root, stored["id"]).unlink()
    assert storage.get(PAYMENTS, str(stored["id"])) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        '{"id": "another", "rev": 1}',
        '{"rev": 1}',
        "\xff",
        "[" * 100_000,
    ],
)
def test_a_damaged_file_is_reported_by_its_name(root: Path, storage: Storage, text: str) -> None:
    stored = insert_one(storage, a_record())
    other = insert_one(storage, a_record())
    file_of(root, stored["id"]).write_bytes(text.encode("latin-1"))
    with pytest.raises(CorruptRecordError, match=str(stored["id"])):
        storage.get(PAYMENTS, str(stored["id"]))
    assert storage.get(PAYMENTS, str(other["id"])) == other


def test_a_file_cut_at_any_byte_is_reported(root: Path, storage: Storage) -> None:
    stored = insert_one(storage, a_record(brief="茶", price=Decimal("1.10")))
    place = file_of(root, stored["id"])
    whole = place.read_bytes()
    for length in range(len(whole) - 1):
        place.write_bytes(whole[:length])
        with pytest.raises(CorruptRecordError):
            storage.get(PAYMENTS, str(stored["id"]))


@pytest.mark.parametrize("what", ["edited", "emptied", "removed", "linked", "folder"])
@pytest.mark.parametrize("op", ["put", "delete"])
def test_a_writer_that_meets_a_foreign_file_touches_nothing(
    root: Path, storage: Storage, what: str, op: str
) -> None:
    stored = insert_one(storage, a_record(name="ours"))
    other = insert_one(storage, a_record())
    place = file_of(root, stored["id"])
    _tamper(place, what)
    before = _picture(root)
    with pytest.raises(CorruptRecordError), storage.transaction("tester") as tx:  # noqa: PT012
        tx.put(PAYMENTS, other)
        if op == "put":
            tx.put(PAYMENTS, {**stored, "name": "new"})
        else:
            tx.delete(PAYMENTS, str(stored["id"]), 1)
    assert _picture(root) == before
    assert len(list(storage.log())) == 2


def _tamper(place: Path, what: str) -> None:
    text = place.read_text()
    place.unlink()
    if what == "edited":
        place.write_text(text.replace("ours", "mine"))
    elif what == "emptied":
        place.write_text("")
    elif what == "linked":
        place.with_name("elsewhere").write_text(text)
        place.symlink_to("elsewhere")
    elif what == "folder":
        place.mkdir()


def _picture(root: Path) -> dict[str, object]:
    """Everything in the tree but the journal."""
    return {
        str(path): path.read_bytes() if path.is_file() else path.is_symlink()
        for path in (root / "var").rglob("*")
    }


@pytest.mark.parametrize("kind", ["file", "content"])
def test_an_insert_does_not_overwrite_a_foreign_file(
    root: Path, storage: Storage, kind: str
) -> None:
    insert(storage, a_record())
    place = root / "var" / "payment" / ("p1.json" if kind == "file" else "p1")
    place.write_text("somebody's")
    with pytest.raises(CorruptRecordError, match="p1"), storage.transaction("tester") as tx:
        tx.insert(PAYMENTS, a_record(id="p1"), b"script")
    assert place.read_text() == "somebody's"
    assert storage.count(PAYMENTS, everything()) == 1


def test_an_insert_of_a_taken_id_is_a_conflict_though_its_file_was_edited(
    root: Path, storage: Storage
) -> None:
    stored = insert_one(storage, a_record())
    file_of(root, stored["id"]).write_text("{}")
    with pytest.raises(ConflictError):
        insert(storage, a_record(id=stored["id"]))


def test_the_home_of_a_domain_may_be_a_link_to_a_folder(
    root: Path, tmp_path: Path, storage: Storage
) -> None:
    real = tmp_path / "ann"
    real.mkdir()
    (root / "home").mkdir()
    (root / "home" / "demo").symlink_to(real)
    stored = insert_one(storage, a_record(id="t1"), THINGS)
    assert json.loads((real / ".store" / "thing" / "t1.json").read_text())["id"] == "t1"
    assert storage.get(THINGS, "t1") == stored


@pytest.mark.parametrize("part", ["var", "var/payment", "home", "home/demo/.store"])
def test_no_other_link_is_followed(root: Path, tmp_path: Path, storage: Storage, part: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = root / part
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    collection = PAYMENTS if part.startswith("var") else THINGS
    with pytest.raises(CorruptRecordError):
        insert(storage, a_record(id="t1"), collection=collection)
    with pytest.raises(CorruptRecordError):
        storage.get(collection, "t1")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("what", ["link", "link to its folder", "folder", "pipe"])
def test_a_journal_that_is_not_in_the_tree_itself_is_refused_by_all(
    root: Path, storage: Storage, what: str
) -> None:
    insert(storage, a_record())
    storage.close()
    folder, outside = root / ".journal", root.with_name("outside")
    outside.mkdir()
    if what == "link to its folder":
        folder.symlink_to(folder.rename(outside / "elsewhere"))
    else:
        place = folder / "payment.db"
        place.rename(outside / "payment.db")
        if what == "link":
            place.symlink_to(outside / "payment.db")
        else:
            (Path.mkdir if what == "folder" else os.mkfifo)(place)
    before = sorted(outside.rglob("*"))
    for attempt in (
        lambda: list(storage.query(PAYMENTS, Query(everything()))),
        lambda: storage.count(PAYMENTS, everything()),
        lambda: list(storage.log()),
        lambda: insert(storage, a_record()),
        lambda: check_tree(root),
        lambda: adopt_files(root, HandClock()),
        lambda: backup_tree(root, root.with_name("copy")),
    ):
        with pytest.raises(CorruptRecordError, match=r"\.journal"):
            attempt()
    assert sorted(outside.rglob("*")) == before


def test_text_that_no_backend_can_keep_is_refused(storage: Storage) -> None:
    for bad in ("a\0b", "\ud800"):
        for record in (a_record(brief=bad), a_record(deep=[{"k": bad}]), a_record(**{bad: 1})):
            with pytest.raises(InvalidValueError):
                insert(storage, record)
    assert storage.count(PAYMENTS, everything()) == 0
    insert(storage, a_record(brief="a\\u0000b"))


def test_a_second_transaction_inside_the_first_is_a_bug(storage: Storage) -> None:
    with storage.transaction("tester") as tx:
        tx.insert(PAYMENTS, a_record())
        with pytest.raises(RuntimeError), storage.transaction("tester") as inner:
            inner.insert(PAYMENTS, a_record())
        tx.insert(PAYMENTS, a_record())
    assert storage.count(PAYMENTS, everything()) == 2


def test_a_transaction_is_of_no_use_after_its_end(storage: Storage) -> None:
    with storage.transaction("tester") as tx:
        tx.insert(PAYMENTS, a_record())
    with pytest.raises(RuntimeError):
        tx.insert(PAYMENTS, a_record())


def test_a_closed_storage_opens_again(storage: Storage) -> None:
    stored = insert_one(storage, a_record())
    storage.close()
    with storage.transaction("tester") as tx:
        tx.put(PAYMENTS, stored)
    assert storage.get(PAYMENTS, str(stored["id"]))["rev"] == 2


def test_a_long_reader_does_not_keep_the_journal_large(root: Path, storage: Storage) -> None:
    """An open snapshot pins SQLite's WAL; when it ends the file is cut back."""
    insert(storage, *(a_record(brief="x" * 3000) for _ in range(300)))
    stream = storage.query(PAYMENTS, Query(everything()))
    next(stream)
    for _ in range(40):
        insert(storage, *(a_record(brief="x" * 3000) for _ in range(200)))
    wal = root / ".journal" / "payment.db-wal"
    pinned = wal.stat().st_size
    stream.close()  # type: ignore[attr-defined]
    insert(storage, a_record())
    insert(storage, a_record())
    assert pinned > 24 << 20
    assert wal.stat().st_size <= 16 << 20
