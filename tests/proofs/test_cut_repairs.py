"""After a power cut: what an operator does to repair a tree destroys nothing, and one file that
can't be replaced stops nobody.

A thousand acknowledged changes are recorded as they reach the disk; then the power is cut after
some of them, in each of the ways of tests/support/recorded_disk.py.
"""

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from payment_cli.errors import CorruptRecordError
from payment_cli.model.query.match import everything
from payment_cli.storage.base import Query, Storage
from payment_cli.storage.tree import lock, open_tree
from payment_cli.storage.tree.fsck import Kind, check_tree
from payment_cli.storage.tree.rebuild import rebuild_journal
from tests.storage.storage_contract import PAYMENTS, a_record, insert
from tests.support.clock import HandClock
from tests.support.recorded_disk import HOWS, Disk, How, Op, recorded

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc/self/fd"),
]

IDS, CHANGES = 40, 1_100
#: So many cuts of each way, spread over the changes; the last of them is after all.
CUTS = 8


def work(root: Path, acknowledge: Callable[[], None]) -> None:
    """Change payments in turn, each change acknowledged by itself."""
    storage = open_tree(root, HandClock())
    for number in range(CHANGES):
        with storage.transaction("w") as tx:
            if number < IDS:
                tx.insert(PAYMENTS, a_record(id=name(number), pad="x" * 300), b"script")
            else:
                tx.put(PAYMENTS, tx.get(PAYMENTS, name(number)))
        acknowledge()
    storage.close()


def name(number: int) -> str:
    return f"p{number % IDS:02}"


def acknowledged_at(count: int) -> dict[str, int]:
    """Which revision of each payment was acknowledged after `count` changes."""
    found: dict[str, int] = {}
    for number in range(count):
        found[name(number)] = found.get(name(number), 0) + 1
    return found


@pytest.fixture(scope="module")
def ops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Op]]:
    """What the changes do to the disk, and where their tree was."""
    place = tmp_path_factory.mktemp("recorded")
    return place / "tree", recorded(lambda acknowledge: work(place / "tree", acknowledge), place)


@pytest.fixture
def boots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the machine have been started again."""
    told = tmp_path / "boot_id"
    monkeypatch.setattr(lock, "_BOOT_ID", str(told))

    def use(number: int) -> None:
        told.write_text(f"boot-{number}\n")

    return use


def cuts(
    ops: tuple[Path, list[Op]], place: Path, how: How, boots: Callable[[int], None]
) -> Iterator[tuple[Path, dict[str, int]]]:
    """Yield trees after a cut, with the revisions that had been acknowledged."""
    root, done = ops
    disk, count = Disk(), 0
    for op in done:
        disk.do(op)
        if op[0] != "ack":
            continue
        count += 1
        if count % (CHANGES // CUTS) == 0 or count == CHANGES:
            boots(count)
            cut = place / f"{how}-{count}"
            disk.after_cut(root, cut, how, seed=count)
            yield cut, acknowledged_at(count)
            shutil.rmtree(cut)


def held(root: Path) -> dict[str, int]:
    """The revision of each payment, as commands see it."""
    with closing(open_tree(root, HandClock())) as storage:
        found = {
            str(r["id"]): int(str(r["rev"])) for r in storage.query(PAYMENTS, Query(everything()))
        }
        for one, rev in found.items():
            assert storage.get(PAYMENTS, one)["rev"] == rev
    return found


def in_files(root: Path) -> dict[str, int]:
    """The revision that each payment's file has, if it is a whole record."""
    found = {}
    for path in (root / "var/payment").glob("*.json"):
        with suppress(ValueError):
            record = json.loads(path.read_bytes())
            found[str(record["id"])] = int(record["rev"])
    return found


def in_journal(root: Path) -> dict[str, int]:
    """The revision that a damaged journal has of each payment that still reads, row by row."""
    found = {}
    with closing(sqlite3.connect(root / ".journal/payment.db")) as conn:
        for n in range(1, CHANGES + 1):
            with suppress(sqlite3.DatabaseError, ValueError, TypeError):
                sql = "SELECT id, rev, doc FROM records NOT INDEXED WHERE n = ?"
                for record_id, rev, doc in conn.execute(sql, (n,)):
                    if (json.loads(doc)["id"], json.loads(doc)["rev"]) == (record_id, rev):
                        found[record_id] = rev
    return found


@pytest.mark.parametrize("how", HOWS)
def test_a_rebuild_after_a_cut_is_refused_or_loses_nothing_acknowledged(
    ops: tuple[Path, list[Op]], tmp_path: Path, boots: Callable[[int], None], how: How
) -> None:
    tried = refused = 0
    for cut, acknowledged in cuts(ops, tmp_path, how, boots):
        tried += 1
        files = in_files(cut)
        is_newer = any(files.get(one, 0) < rev for one, rev in acknowledged.items())
        if is_newer:
            with pytest.raises(CorruptRecordError, match="the journal is whole"):
                rebuild_journal(cut, HandClock())
            refused += 1
        else:
            rebuild_journal(cut, HandClock())
        assert held(cut).items() >= acknowledged.items()
        assert {one.kind for one in check_tree(cut).differences} <= {Kind.LEFTOVER}
    assert tried > CUTS
    assert sum(acknowledged.values()) >= 1_000
    assert refused or how == "kept", "no cut left files that were older"


def damage(root: Path, seed: int) -> bool:
    """Break a page of the records in the journal; return whether there is one to break."""
    database = root / ".journal/payment.db"
    with closing(sqlite3.connect(database)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(database.read_bytes())
    pages = [at for at in range(4096, len(data), 4096) if b'"pad"' in data[at : at + 4096]]
    if not pages:
        return False
    at = pages[seed % len(pages)]
    data[at : at + 64] = b"\xff" * 64
    database.write_bytes(data)
    return True


@pytest.mark.parametrize("how", HOWS)
def test_a_rebuild_of_a_damaged_journal_keeps_what_either_side_still_has(
    ops: tuple[Path, list[Op]], tmp_path: Path, boots: Callable[[int], None], how: How
) -> None:
    tried = lacked = 0
    for cut, acknowledged in cuts(ops, tmp_path, how, boots):
        if not damage(cut, tried):
            continue
        tried += 1
        files, rows = in_files(cut), in_journal(cut)
        lacked += len(rows) < len(acknowledged)
        rebuild_journal(cut, HandClock())
        found = held(cut)
        for one in acknowledged:
            best = max(files.get(one, 0), rows.get(one, 0))
            assert found.get(one, 0) >= best, f"{one} was at {best}"
        lost = {f"var/payment/{one}" for one in acknowledged if one not in found}
        for different in check_tree(cut).differences:
            of_lost = different.path.removesuffix(".json") in lost
            # A torn script is told, not replaced: nothing says which side of it is newer.
            assert of_lost or different.is_content or different.kind is Kind.LEFTOVER, different
    assert tried > 1
    assert lacked, "no damage cost the journal a record"


def a_folder(place: Path) -> None:
    place.unlink(missing_ok=True)
    (place / "something").mkdir(parents=True)


@pytest.mark.parametrize("how", HOWS)
def test_a_file_that_can_not_be_replaced_after_a_cut_stops_nobody_and_heals(
    ops: tuple[Path, list[Op]], tmp_path: Path, boots: Callable[[int], None], how: How
) -> None:
    tried = 0
    for cut, acknowledged in cuts(ops, tmp_path, how, boots):
        stuck = max(acknowledged)
        place = cut / f"var/payment/{stuck}.json"
        a_folder(place)
        with closing(open_tree(cut, HandClock())) as storage:
            insert(storage, a_record(id="probe"))
            tried += _others_go_on(storage, acknowledged, stuck)
            named = [file.path for file in storage.left()]
        assert named in ([f"var/payment/{stuck}.json"], [])
        shutil.rmtree(place)
        boots(CHANGES + tried)
        with closing(open_tree(cut, HandClock())) as storage:
            insert(storage, a_record(id="probe2"))
            if not named:  # its change was synced before the folder came: fsck's to say
                continue
            assert list(storage.left()) == []
            assert storage.get(PAYMENTS, stuck)["rev"] == acknowledged[stuck]
        assert in_files(cut)[stuck] == acknowledged[stuck]
        assert {one.kind for one in check_tree(cut).differences} <= {Kind.LEFTOVER}
    assert tried > CUTS


def _others_go_on(storage: Storage, acknowledged: dict[str, int], stuck: str) -> int:
    for one, rev in acknowledged.items():
        assert storage.committed(PAYMENTS, one)["rev"] == rev
        if one != stuck:
            with storage.transaction("w") as tx:
                tx.put(PAYMENTS, tx.get(PAYMENTS, one))
    with pytest.raises(CorruptRecordError, match=stuck), storage.transaction("w") as tx:
        tx.put(PAYMENTS, tx.get(PAYMENTS, stuck))
    return 1
