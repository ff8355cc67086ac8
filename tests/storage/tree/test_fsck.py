"""fsck names every difference between files and journal, and repairs what it is told to."""

import json
import os
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from payment_cli.errors import CorruptRecordError
from payment_cli.model.codec import encode_pretty
from payment_cli.model.query.match import equal, everything
from payment_cli.storage.base import Collection, Query, Storage
from payment_cli.storage.tree import open_tree
from payment_cli.storage.tree.fsck import Kind, Report, check_tree
from payment_cli.storage.tree.rebuild import rebuild_journal
from payment_cli.storage.tree.repair import adopt_files, restore_files
from tests.storage.storage_contract import PAYMENTS, THINGS, a_record
from tests.support.clock import HandClock
from tests.support.every_shape import open_every_shape, places

#: Of a domain with the sign that parts the name of an order's file.
ORDERS = Collection("order", "de_mo")
PLACES = places("de_mo")


@pytest.fixture
def storage(root: Path) -> Iterator[Storage]:
    """A tree with a record of every shape."""
    opened = open_every_shape(root, "de_mo")
    yield opened
    opened.close()


def named(report: Report) -> set[tuple[str, str]]:
    return {(one.kind.value, one.path) for one in report.differences}


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"ours", b"mine").replace(b"script", b"evil"))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "edited": edit,
    "damaged": lambda path: path.write_bytes(path.read_bytes()[:5]),
}


def test_a_tree_in_order_is_clean(root: Path, storage: Storage) -> None:
    report = check_tree(root)
    assert report.is_clean
    assert (report.record_count, report.file_count) == (5, 6)


def test_an_empty_tree_is_clean_and_stays_empty(root: Path) -> None:
    assert check_tree(root).is_clean
    assert check_tree(root / "nowhere").is_clean
    assert not (root / ".journal" / "payment.db").exists()


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("what", PLACES)
def test_every_difference_is_named_and_restored(
    root: Path, storage: Storage, what: str, kind: str
) -> None:
    place = root / PLACES[what]
    before = place.read_bytes()
    DAMAGES[kind](place)
    expected = "edited" if (what, kind) == ("content", "damaged") else kind
    assert named(check_tree(root)) == {(expected, PLACES[what])}
    assert restore_files(root).is_clean
    assert place.read_bytes() == before
    assert check_tree(root).is_clean


def test_all_differences_are_named_at_once(root: Path, storage: Storage) -> None:
    edit(root / PLACES["payment"])
    (root / PLACES["order"]).unlink()
    (root / PLACES["thing"]).write_text("")
    (root / "var/payment/p3.json").write_text('{"id": "p3"}')
    (root / "var/payment/stray").write_text("script")
    (root / "sys/order/notes.txt").write_text("hello")
    (root / "var/payment/.0123-0.tmp").write_text("half")
    assert named(check_tree(root)) == {
        ("edited", PLACES["payment"]),
        ("missing", PLACES["order"]),
        ("damaged", PLACES["thing"]),
        ("foreign", "var/payment/p3.json"),
        ("foreign", "var/payment/stray"),
        ("foreign", "sys/order/notes.txt"),
        ("leftover", "var/payment/.0123-0.tmp"),
    }


def test_restoring_leaves_foreign_files_alone(root: Path, storage: Storage) -> None:
    foreign = root / "var/payment/p3.json"
    foreign.write_text('{"id": "p3"}')
    (root / PLACES["payment"]).unlink()
    (root / "var/payment/.0123-0.tmp").write_text("half")
    assert named(restore_files(root)) == {("foreign", "var/payment/p3.json")}
    assert foreign.read_text() == '{"id": "p3"}'
    assert list(root.rglob("*.tmp")) == []


def test_a_link_or_a_folder_in_a_files_place_is_damage(root: Path, storage: Storage) -> None:
    place = root / PLACES["payment"]
    target = root / "outside.json"
    shutil.move(place, target)
    place.symlink_to(target)
    assert named(check_tree(root)) == {("damaged", PLACES["payment"])}
    assert restore_files(root).is_clean
    assert not place.is_symlink()
    assert json.loads(target.read_text())["name"] == "ours"


def test_adopting_takes_hand_edited_records_into_the_journal(root: Path, storage: Storage) -> None:
    place = root / PLACES["payment"]
    place.write_text('{"rev": 1, "id": "p1", "st": "EDITED",\n "name": "by hand"}')
    assert adopt_files(root, HandClock()).is_clean
    record = storage.get(PAYMENTS, "p1")
    assert record == {"rev": 2, "id": "p1", "st": "EDITED", "name": "by hand"}
    assert place.read_text() == encode_pretty(record)
    assert storage.count(PAYMENTS, equal("st", "EDITED")) == 1
    assert storage.count(PAYMENTS, equal("st", "NEW")) == 1
    last = list(storage.log())[-1]
    assert (last.actor, last.op, last.id) == ("fsck", "put", "p1")
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, record)


def test_adopting_takes_in_a_copied_store(root: Path, tmp_path: Path, storage: Storage) -> None:
    other = open_tree(tmp_path / "other", HandClock())
    with other.transaction("w") as tx:
        goods = tx.insert(Collection("thing", "guest"), a_record(id="t9", price=5))
        goods = tx.put(Collection("thing", "guest"), goods)
    other.close()
    shutil.copytree(tmp_path / "other/home/guest", root / "home/guest")
    assert adopt_files(root, HandClock()).is_clean
    assert storage.get(Collection("thing", "guest"), "t9") == goods
    assert [r["id"] for r in storage.query(Collection("thing", None), Query(everything()))] == [
        "t1",
        "t9",
    ]


def test_adopting_takes_a_foreign_payment_with_its_script(root: Path, storage: Storage) -> None:
    (root / "var/payment/p9.json").write_text('{"id": "p9", "len": 2}')
    (root / "var/payment/p9").write_bytes(b"ls")
    assert adopt_files(root, HandClock()).is_clean
    assert storage.content(PAYMENTS, "p9") == b"ls"
    assert storage.get(PAYMENTS, "p9")["rev"] == 1


def test_what_can_not_be_adopted_stays_named(root: Path, storage: Storage) -> None:
    (root / PLACES["thing"]).unlink()
    (root / PLACES["order"]).write_text("{")
    (root / "var/payment/p3.json").write_text('{"id": "another"}')
    (root / "var/payment/p4.json").write_text('{"id": "p4", "id": "p4"}')
    edit(root / PLACES["content"])
    assert named(adopt_files(root, HandClock())) == {
        ("missing", PLACES["thing"]),
        ("damaged", PLACES["order"]),
        ("foreign", "var/payment/p3.json"),
        ("foreign", "var/payment/p4.json"),
        ("edited", PLACES["content"]),
    }


def a_folder(place: Path, _outside: Path) -> None:
    place.mkdir()


def a_socket(place: Path, _outside: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(place))


IN_THE_WAY: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "link": (Path.symlink_to, "is a symbolic link"),
    "folder": (a_folder, "is not a plain file"),
    "fifo": (lambda place, _outside: os.mkfifo(place), "is not a plain file"),
    "socket": (a_socket, "is not a plain file"),
}


@pytest.mark.parametrize("what", IN_THE_WAY)
@pytest.mark.parametrize("name", ["p3.json", "p4"])
def test_what_is_no_file_keeps_nothing_else_from_being_adopted(
    root: Path, storage: Storage, what: str, name: str
) -> None:
    """Neither in a record's place, nor where the script of a foreign payment would be."""
    outside = root / "outside.json"
    outside.write_text('{"id": "p3"}')
    make, why = IN_THE_WAY[what]
    make(root / "var/payment" / name, outside)
    if name == "p4":
        (root / "var/payment/p4.json").write_text('{"id": "p4"}')
    for good in ("p1", "p9"):
        (root / f"var/payment/{good}.json").write_text(
            f'{{"id": "{good}", "st": "HAND", "rev": 1}}'
        )
    after = adopt_files(root, HandClock())
    details = {one.path: one.detail for one in after.differences}
    assert why in details.pop(f"var/payment/{name.removesuffix('.json')}.json")
    assert set(details) <= {"var/payment/p4"}
    assert storage.count(PAYMENTS, equal("st", "HAND")) == 2
    assert outside.read_text() == '{"id": "p3"}'


def test_a_place_that_is_a_link_is_told_and_keeps_nothing_else_from_repair(
    root: Path, tmp_path: Path, storage: Storage
) -> None:
    shutil.move(root / "home/demo/.store", tmp_path / "elsewhere")
    (root / "home/demo/.store").symlink_to(tmp_path / "elsewhere")
    (root / "var/payment/p9.json").write_text('{"id": "p9"}')
    (root / PLACES["order"]).unlink()
    blocked = {path for _, path in named(check_tree(root)) if path.startswith("home/demo/.store")}
    assert {PLACES["thing"], PLACES["settings"], "home/demo/.store/coupon"} <= blocked
    assert {path for _, path in named(adopt_files(root, HandClock()))} - blocked == {
        PLACES["order"]
    }
    assert {path for _, path in named(restore_files(root))} == blocked
    assert storage.get(ORDERS, "o_1")["name"] == "ours"


def test_a_folder_where_a_script_was_keeps_nothing_else_from_being_restored(
    root: Path, storage: Storage
) -> None:
    (root / PLACES["content"]).unlink()
    (root / PLACES["content"]).mkdir()
    for what in ("payment", "order"):
        edit(root / PLACES[what])
    assert named(restore_files(root)) == {
        ("damaged", PLACES["content"]),
        ("edited", PLACES["payment"]),
    }


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("p3", '{"id": "another"}', "its id is 'another', which is not its file's name"),
        ("p3", '{"st": "NEW"}', "its id is missing, which is not its file's name"),
        ("p3", '{"id": "p3", "id": "p3"}', "a key occurs twice"),
        ("p3", "[" * 100_000, "nested too deep"),
        ("not a name", "{}", "no record has such a name"),
    ],
)
def test_it_is_told_why_a_foreign_file_is_not_adopted(
    root: Path, storage: Storage, name: str, text: str, why: str
) -> None:
    (root / f"var/payment/{name}.json").write_text(text)
    [left] = adopt_files(root, HandClock()).differences
    assert left.path == f"var/payment/{name}.json"
    assert why in left.detail


@pytest.mark.parametrize("kind", ["outbox", "notice", "idempotency"])
def test_what_was_deleted_because_it_was_done_does_not_come_back_from_a_backup(
    root: Path, storage: Storage, kind: str
) -> None:
    """An owed step would be done twice: stock given back twice, a shop told twice."""
    done = Collection(kind, "")
    for n in ("1", "2"):
        with storage.transaction("w") as tx:
            tx.insert(done, a_record(id=f"s{n}"))
    files = [root / f"var/{kind}/s{n}.json" for n in ("1", "2")]
    before = [file.read_bytes() for file in files]
    with storage.transaction("w") as tx:
        tx.delete(done, "s1", 1)
    files[0].write_bytes(before[0])
    (root / f"var/{kind}/s3.json").write_text('{"id": "s3"}')
    [difference] = adopt_files(root, HandClock()).differences
    assert (difference.kind, difference.path) == (Kind.FOREIGN, f"var/{kind}/s1.json")
    assert "was deleted; what it asked for would be done again" in difference.detail
    assert [r["id"] for r in storage.query(done, Query(everything()))] == ["s2", "s3"]


def test_what_a_person_deleted_may_be_adopted_again(root: Path, storage: Storage) -> None:
    place = root / PLACES["thing"]
    before = place.read_bytes()
    with storage.transaction("w") as tx:
        tx.delete(THINGS, "t1", 1)
    place.write_bytes(before)
    assert adopt_files(root, HandClock()).is_clean
    assert storage.get(THINGS, "t1")["name"] == "ours"


def test_a_missing_journal_is_named_and_rebuilt_from_the_files(
    root: Path, storage: Storage
) -> None:
    storage.close()
    before = {r["id"]: r for r in storage.query(PAYMENTS, Query(everything()))}
    storage.close()
    shutil.rmtree(root / ".journal")
    assert named(check_tree(root)) == {("journal", ".journal/payment.db")}
    assert rebuild_journal(root, HandClock()).is_clean
    assert {r["id"]: r for r in storage.query(PAYMENTS, Query(everything()))} == before
    assert storage.content(PAYMENTS, "p1") == b"script"
    assert storage.get(ORDERS, "o_1")["name"] == "ours"
    assert storage.count(Collection("order", "de_mo"), everything()) == 1
    assert storage.count(Collection("settings", "demo"), everything()) == 1
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, before["p1"])
    assert check_tree(root).is_clean


def test_a_damaged_journal_is_named_and_rebuilt_and_kept(root: Path, storage: Storage) -> None:
    storage.close()
    database = root / ".journal" / "payment.db"
    database.write_bytes(b"no database at all" * 500)
    assert {one.kind for one in check_tree(root).differences} == {Kind.JOURNAL}
    assert rebuild_journal(root, HandClock()).is_clean
    assert storage.count(PAYMENTS, everything()) == 2
    [kept] = database.parent.glob("payment.db.replaced-*")
    assert kept.read_bytes().startswith(b"no database")


def test_a_page_damaged_within_the_journal_is_named(root: Path, storage: Storage) -> None:
    storage.close()
    database = root / ".journal" / "payment.db"
    data = bytearray(database.read_bytes())
    for start in range(4096, len(data), 4096):
        data[start : start + 8] = b"\xff" * 8
    database.write_bytes(data)
    assert Kind.JOURNAL in {one.kind for one in check_tree(root).differences}


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE records SET doc = substr(doc, 1, 20) WHERE id = 'p1'",
        "UPDATE records SET rev = rev + 1 WHERE id = 'p1'",
        "UPDATE records SET doc = replace(doc, 'p1', 'p9') WHERE id = 'p1'",
    ],
)
def test_a_record_damaged_within_the_journal_is_restored_over_no_file(
    root: Path, storage: Storage, harm: str
) -> None:
    storage.close()
    with sqlite3.connect(root / ".journal" / "payment.db") as journal:
        journal.execute(harm)
    journal.close()
    file = root / "var/payment/p1.json"
    whole = file.read_bytes()
    report = restore_files(root)
    assert Kind.JOURNAL in {one.kind for one in report.differences}
    assert file.read_bytes() == whole


def test_a_record_damaged_within_the_journal_is_named_and_adopted_from_its_file(
    root: Path, storage: Storage
) -> None:
    storage.close()
    with sqlite3.connect(root / ".journal" / "payment.db") as conn:
        conn.execute("UPDATE records SET doc = '{' WHERE id = 'p1'")
    conn.close()
    assert named(check_tree(root)) == {
        ("journal", ".journal/payment.db"),
        ("edited", PLACES["payment"]),
    }
    assert "p1" not in [record["id"] for record in storage.query(PAYMENTS, Query(everything()))]
    with pytest.raises(CorruptRecordError, match="1 damaged record was left out"):
        storage.close()
    assert adopt_files(root, HandClock()).is_clean
    assert storage.get(PAYMENTS, "p1")["name"] == "ours"


def test_rebuilding_leaves_out_what_is_no_record(root: Path, storage: Storage) -> None:
    storage.close()
    shutil.rmtree(root / ".journal")
    (root / PLACES["thing"]).write_text("{")
    (root / "var/payment/p3.json").write_text('{"id": "p3", "st": "HAND"}')
    assert named(rebuild_journal(root, HandClock())) == {("foreign", PLACES["thing"])}
    assert storage.get(PAYMENTS, "p3") == {"id": "p3", "st": "HAND", "rev": 1}
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, storage.get(PAYMENTS, "p3"))
    assert storage.count(PAYMENTS, equal("st", "HAND")) == 1


def test_an_open_store_goes_on_with_the_rebuilt_journal(root: Path, storage: Storage) -> None:
    first = next(storage.query(PAYMENTS, Query(equal("id", "p1"))))
    rebuild_journal(root, HandClock())
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, first)
    assert storage.count(PAYMENTS, everything()) == 2
    assert [row.actor for row in storage.log()] == ["w"] * 6, "the log is kept"
    storage.close()
    assert check_tree(root).is_clean


def test_a_check_while_others_write_sees_no_difference(root: Path, storage: Storage) -> None:
    """What only looks different because it was written meanwhile is looked at again."""
    record = storage.get(PAYMENTS, "p1")
    writes = 0

    def write_meanwhile(_done: int, _total: int) -> None:
        nonlocal record, writes
        writes += 1
        with storage.transaction("w") as tx:
            record = tx.put(PAYMENTS, record)
            tx.insert(PAYMENTS, a_record(id=f"new{writes}"))
            if writes > 1:
                tx.delete(PAYMENTS, f"new{writes - 1}", 1)

    assert check_tree(root, write_meanwhile).is_clean
    assert writes > 5


def test_progress_is_told_and_ends_at_the_end(root: Path, storage: Storage) -> None:
    told: list[tuple[int, int]] = []
    check_tree(root, lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert all(done <= total for done, total in told)
    assert told[-1] == (11, 11)
    for repair in (restore_files, lambda r, p: rebuild_journal(r, HandClock(), p)):
        told.clear()
        repair(root, lambda done, total: told.append((done, total)))  # type: ignore[operator]
        assert told[-1][0] == told[-1][1] >= 5


def test_a_foreign_file_is_found_where_one_of_ours_is_missing(root: Path, storage: Storage) -> None:
    """There are as many files as there should be."""
    (root / PLACES["payment"]).rename(root / "var/payment/p3.json")
    assert named(check_tree(root)) == {
        ("missing", PLACES["payment"]),
        ("foreign", "var/payment/p3.json"),
    }


@pytest.mark.parametrize("column", ["rev = rev + 1", "id = 'p9'"])
def test_a_row_that_holds_another_record_is_damaged_though_its_file_agrees(
    root: Path, storage: Storage, column: str
) -> None:
    storage.close()
    with sqlite3.connect(root / ".journal/payment.db") as conn:
        conn.execute(f"UPDATE records SET {column} WHERE id = 'p2'")
    conn.close()
    (root / "var/payment/p9.json").write_bytes((root / "var/payment/p2.json").read_bytes())
    assert "journal" in {kind for kind, _ in named(check_tree(root))}


def test_progress_is_told_a_few_times_however_many_records_there_are(
    root: Path, storage: Storage
) -> None:
    with storage.transaction("w") as tx:
        for n in range(1200):
            tx.insert(PAYMENTS, a_record(id=f"q{n}"))
    told: list[tuple[int, int]] = []
    assert check_tree(root, lambda *step: told.append(step)).is_clean
    assert 4 <= len(told) < 40
    assert told == sorted(told)
