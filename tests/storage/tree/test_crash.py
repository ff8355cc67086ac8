"""A writer that dies at any step, and a machine that goes down, lose nothing acknowledged."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from payment_cli.errors import CorruptRecordError, NotFoundError
from payment_cli.model.codec import decode
from payment_cli.model.query.match import everything
from payment_cli.storage.base import Collection, Query, Storage
from payment_cli.storage.tree import journal, lock, open_tree, sync
from payment_cli.storage.tree.fsck import Kind, check_tree
from tests.storage.storage_contract import PAYMENTS, THINGS, a_record, insert, insert_one
from tests.support.clock import HandClock
from tests.support.failpoints import Death, first_of_each, run_until_step, steps_of
from tests.support.lacks import needs_strace

ORDERS = Collection("order", "demo")

#: What the tree holds after 0, 1, 2 … steps of `work`: (kind, id) -> revision.
STATES: list[dict[tuple[str, str], int]] = [
    {},
    {("payment", "p1"): 1},
    {("payment", "p1"): 2},
    {("payment", "p1"): 3, ("order", "o1"): 1, ("thing", "t1"): 1},
    {("payment", "p1"): 3, ("order", "o1"): 1, ("thing", "t1"): 1, ("payment", "p2"): 1},
    {("payment", "p1"): 3, ("order", "o1"): 1, ("thing", "t1"): 1},
    {("payment", "p1"): 4, ("order", "o1"): 2, ("thing", "t1"): 1},
]
COLLECTIONS = {"payment": PAYMENTS, "order": ORDERS, "thing": THINGS}


def work(root: Path, acknowledge: Callable[[], None]) -> None:
    """One transaction of every shape."""
    storage = open_tree(root, HandClock())
    with storage.transaction("w") as tx:
        payment = tx.insert(PAYMENTS, a_record(id="p1"), b"script")
    acknowledge()
    with storage.transaction("w") as tx:
        payment = tx.put(PAYMENTS, payment)
    acknowledge()
    with storage.transaction("w") as tx:
        payment = tx.put(PAYMENTS, payment)
        order = tx.insert(ORDERS, a_record(id="o1"))
        tx.insert(THINGS, a_record(id="t1"))
    acknowledge()
    with storage.transaction("w") as tx:
        tx.insert(PAYMENTS, a_record(id="p2"), b"script")
    acknowledge()
    with storage.transaction("w") as tx:
        tx.delete(PAYMENTS, "p2", 1)
    acknowledge()
    with storage.transaction("w") as tx:
        tx.put(PAYMENTS, payment)
        tx.put(ORDERS, order)
    acknowledge()
    storage.close()


def held(storage: Storage) -> dict[tuple[str, str], int]:
    """What the journal holds."""
    return {
        (kind, str(record["id"])): int(str(record["rev"]))
        for kind, collection in COLLECTIONS.items()
        for record in storage.query(Collection(kind, collection.domain), Query(everything()))
    }


def check_after_death(root: Path, death: Death) -> None:
    """Nothing acknowledged is lost, to readers at once, and to the journal after the next write."""
    possible = STATES[death.acknowledged : death.acknowledged + 2]
    for path in root.rglob("*.json"):
        assert isinstance(decode(path.read_bytes()), dict), f"{path} is torn after {death}"
    reader = open_tree(root, HandClock())
    for kind, record_id in {key for state in possible for key in state}:
        wanted = {state.get((kind, record_id)) for state in possible}
        assert revision(reader, kind, record_id) in wanted, death
    reader.close()
    writer = open_tree(root, HandClock())
    insert(writer, a_record(id="probe"))
    found = held(writer)
    assert found.pop(("payment", "probe")) == 1
    assert found in possible, death
    for (kind, record_id), rev in found.items():
        assert revision(writer, kind, record_id) == rev
    writer.close()
    assert check_tree(root).differences == (), death


def revision(storage: Storage, kind: str, record_id: str) -> int | None:
    try:
        return int(str(storage.get(COLLECTIONS[kind], record_id)["rev"]))
    except NotFoundError:
        return None


@pytest.mark.parametrize("repeats", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_killed_at_every_step_nothing_acknowledged_is_lost(
    fast_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    repeats: bool,
) -> None:
    """At each distinct one, and with `repeats` whenever it comes again."""
    monkeypatch.setattr(sync, "SYNC_EVERY", 2)
    steps = steps_of(lambda acknowledge: work(fast_disk / "whole", acknowledge))
    tried = first_of_each(steps) if not repeats else range(1, len(steps) + 2)
    for k in tried:
        root = fast_disk / str(k)
        death = run_until_step(k, lambda acknowledge, root=root: work(root, acknowledge))
        check_after_death(root, death)
        assert death.step == (steps[k - 1] if k <= len(steps) else None)
    assert death.acknowledged == len(STATES) - 1
    with capsys.disabled():
        sys.stdout.write(f"\nkilled at {len(tried) - 1} steps, {len(set(steps))} distinct\n")
    assert len(set(steps)) > 40
    assert any("COMMIT" in step for step in steps)


def test_killed_at_every_step_of_the_recovery_the_next_one_finishes_it(fast_disk: Path) -> None:
    prepared, whole = fast_disk / "prepared", fast_disk / "whole"
    steps = steps_of(lambda acknowledge: work(whole, acknowledge))
    for k in (at for at, step in enumerate(steps, 1) if step.startswith("rename")):
        shutil.rmtree(prepared, ignore_errors=True)
        death = run_until_step(k, lambda acknowledge: work(prepared, acknowledge))
        if death.acknowledged == 2:
            break
    shutil.copytree(prepared, fast_disk / "recovered")
    recovery = steps_of(lambda _: probe(fast_disk / "recovered", "second"))
    for k in first_of_each(recovery):
        root = fast_disk / str(k)
        shutil.copytree(prepared, root)
        second = run_until_step(k, lambda acknowledge, root=root: probe(root, "second"))
        writer = open_tree(root, HandClock())
        insert(writer, a_record(id="third"))
        found = held(writer)
        found.pop(("payment", "second"), None)
        del found[("payment", "third")]
        assert found == STATES[3], second
        writer.close()
        assert check_tree(root).differences == (), second
    assert second.step is None


def probe(root: Path, record_id: str) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id=record_id))
    storage.close()


@pytest.mark.parametrize("stride", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_survivor_publishes_what_a_dead_writer_committed(
    fast_disk: Path, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    """And does not forget it when it clears what it knows to be on disk."""
    monkeypatch.setattr(sync, "SYNC_EVERY", 2)
    steps = steps_of(lambda acknowledge: work(fast_disk / "whole", acknowledge))
    for k in range(1, len(steps) + 1, stride):
        root = fast_disk / str(k)
        survivor = Survivor(root)
        death = run_until_step(k, lambda acknowledge, root=root: work(root, acknowledge))
        survivor.write(6)
        found = open_tree(root, HandClock())
        state = held(found)
        for n in range(7):
            del state[("payment", f"s{n}")]
        assert state in STATES[death.acknowledged : death.acknowledged + 2], death
        for (kind, record_id), rev in state.items():
            assert revision(found, kind, record_id) == rev, death
        found.close()
        survivor.end()
        assert check_tree(root).differences == (), death


class Survivor:
    """A process that has the tree open, and writes when it is told to."""

    def __init__(self, root: Path) -> None:
        told_read, self._tell = os.pipe()
        self._done, done_write = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(self._tell)
            os.close(self._done)
            self._serve(root, told_read, done_write)
        os.close(told_read)
        os.close(done_write)
        self.write(1)

    def write(self, count: int) -> None:
        os.write(self._tell, bytes([count]))
        assert os.read(self._done, 1) == b"."

    def end(self) -> None:
        os.close(self._tell)
        os.close(self._done)
        assert os.waitpid(self._child, 0)[1] == 0

    @staticmethod
    def _serve(root: Path, told: int, done: int) -> None:
        status = 1
        try:
            storage = open_tree(root, HandClock())
            number = 0
            while count := os.read(told, 1):
                for _ in range(count[0]):
                    insert(storage, a_record(id=f"s{number}"))
                    number += 1
                os.write(done, b".")
            storage.close()
            status = 0
        finally:
            os._exit(status)


@pytest.mark.slow
def test_killed_at_random_times_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Also within SQLite's own writes, which the steps above do not cut."""
    script = tmp_path / "writer.py"
    script.write_text(WRITER)
    root = tmp_path / "tree"
    acknowledged: set[str] = set()
    for number in range(60):
        command = [sys.executable, str(script), str(root), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for _ in range(1 + number * 7 % 40):
                acknowledged.add(child.stdout.readline().strip())
            child.send_signal(signal.SIGKILL)
            acknowledged.update(line.strip() for line in child.stdout if line.endswith("\n"))
        storage = open_tree(root, HandClock())
        for line in acknowledged:
            record_id, rev = line.split()
            assert int(str(storage.get(PAYMENTS, record_id)["rev"])) >= int(rev)
        storage.close()
    assert check_tree(root).differences == ()


WRITER = """
import sys
from pathlib import Path
from payment_cli.storage.base import Collection
from payment_cli.storage.tree import open_tree
tree = open_tree(Path(sys.argv[1]), lambda: 0)
payments = Collection("payment")
for number in range(10_000):
    record_id = f"w{sys.argv[2]}-{number}"
    with tree.transaction("w") as tx:
        stored = tx.insert(payments, {"id": record_id, "pad": "x" * 500})
    print(record_id, 1, flush=True)
    with tree.transaction("w") as tx:
        tx.put(payments, stored)
    print(record_id, 2, flush=True)
"""


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "renameat", "ftruncate"])
def test_killed_within_sqlites_own_writes(tmp_path: Path, call: str) -> None:
    killed = 0
    for when in range(1, 60, 3):
        root = tmp_path / str(when)
        child = subprocess.run(
            ["strace", "-f", "-qq", "-e", f"trace={call}",
             "-e", f"inject={call}:signal=KILL:when={when}", "-o", "/dev/null",
             sys.executable, "-c", SHORT, str(root)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        killed += child.returncode != 0
        storage = open_tree(root, HandClock())
        insert(storage, a_record(id="probe"))
        for line in child.stdout.splitlines():
            record_id, rev = line.split()
            assert int(str(storage.get(PAYMENTS, record_id)["rev"])) >= int(rev)
        storage.close()
        assert check_tree(root).differences == (), when
    assert killed


SHORT = WRITER.replace("range(10_000)", "range(8)").replace("sys.argv[2]", "0")


# -- power loss ------------------------------------------------------------------------------------


def power_off(root: Path) -> None:
    """Make the tree look as after a reboot: the mark is of another boot, or was never written."""
    lock = root / ".journal" / "lock"
    text = lock.read_text()
    lock.write_text("00000000-0000-0000-0000-000000000000" + text[36:])


def damage(path: Path, how: str, old: bytes) -> None:
    if how == "absent":
        path.unlink()
    else:
        now = path.read_bytes()
        left = {
            "empty": b"",
            "cut": now[:20],
            "end": now[:-1],
            "old": old,
            "zeros": bytes(len(now)),
        }
        path.write_bytes(left[how])


@pytest.mark.parametrize("mark", ["other boot", "lost", "torn"])
@pytest.mark.parametrize("how", ["empty", "cut", "end", "old", "zeros", "absent"])
def test_what_a_power_loss_does_to_an_unsynced_file_is_repaired(
    root: Path, how: str, mark: str
) -> None:
    storage = open_tree(root, HandClock())
    with storage.transaction("w") as tx:
        first = tx.insert(PAYMENTS, a_record(id="p1", name="old"), b"script")
    place = root / "var" / "payment" / "p1.json"
    old = place.read_bytes()
    with storage.transaction("w") as tx:
        stored = tx.put(PAYMENTS, {**first, "name": "new"})
    storage.close()
    power_off(root)
    damage(place, how, old)
    damage(place.with_suffix(""), "cut" if how == "old" else how, b"")
    fresh = open_tree(root, HandClock())
    if mark == "other boot":
        assert fresh.get(PAYMENTS, "p1") == stored, "a reader before the first writer"
    else:
        lock = root / ".journal" / "lock"
        lock.write_bytes(b"" if mark == "lost" else lock.read_bytes()[:50])
    insert(fresh, a_record())
    assert place.read_bytes() != old
    assert fresh.get(PAYMENTS, "p1") == stored
    assert place.with_suffix("").read_bytes() == b"script"
    fresh.close()
    assert check_tree(root).is_clean


def test_a_deletion_that_a_power_loss_undid_is_repeated(root: Path) -> None:
    storage = open_tree(root, HandClock())
    stored = insert_one(storage, a_record(id="p1"))
    place = root / "var" / "payment" / "p1.json"
    text = place.read_bytes()
    with storage.transaction("w") as tx:
        tx.delete(PAYMENTS, "p1", int(str(stored["rev"])))
    storage.close()
    power_off(root)
    place.write_bytes(text)
    fresh = open_tree(root, HandClock())
    with pytest.raises(NotFoundError):
        fresh.get(PAYMENTS, "p1")
    insert(fresh, a_record())
    fresh.close()
    assert not place.exists()


def test_what_is_known_to_be_on_disk_is_not_looked_at_after_a_power_loss(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "SYNC_EVERY", 4)
    storage = open_tree(root, HandClock())
    for number in range(12):
        insert(storage, a_record(id=f"p{number}"))
    storage.close()
    power_off(root)
    folder = root / "var" / "payment"
    for number in range(12):
        (folder / f"p{number}.json").unlink()
    fresh = open_tree(root, HandClock())
    insert(fresh, a_record(id="probe"))
    fresh.close()
    missing = {one.path for one in check_tree(root).differences if one.kind is Kind.MISSING}
    repaired = {path.name for path in folder.glob("p*.json")} - {"probe.json"}
    assert "p11.json" in repaired
    assert "var/payment/p0.json" in missing
    assert len(missing) + len(repaired) == 12
    assert len(repaired) <= 5


def test_what_a_repair_wrote_is_pending_until_it_is_synced_itself(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "SYNC_EVERY", 4)
    storage = open_tree(root, HandClock())
    insert(storage, *(a_record(id=f"p{number}") for number in range(5)))
    storage.close()
    for _ in range(2):
        power_off(root)
        damage(root / "var" / "payment" / "p0.json", "empty", b"")
        fresh = open_tree(root, HandClock())
        insert(fresh, a_record())
        fresh.close()
        assert (root / "var" / "payment" / "p0.json").stat().st_size > 0
        assert pending(root) > 4


def test_a_hand_edited_file_is_not_overwritten_by_the_repair(root: Path) -> None:
    """Only what a power loss can leave is: nothing whole that none of our changes wrote."""
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1", name="ours"), a_record(id="p2"))
    storage.close()
    place = root / "var" / "payment" / "p1.json"
    edited = place.read_text().replace("ours", "mine")
    place.write_text(edited)
    power_off(root)
    fresh = open_tree(root, HandClock())
    insert(fresh, a_record())
    fresh.close()
    assert place.read_text() == edited
    assert [one.kind for one in check_tree(root).differences] == [Kind.EDITED]


def test_a_link_in_the_way_of_a_repair_does_not_stop_all_writers(root: Path) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="t1"), collection=THINGS)
    storage.close()
    power_off(root)
    store = root / "home" / "demo" / ".store"
    store.rename(store.with_name("moved"))
    store.symlink_to("moved")
    fresh = open_tree(root, HandClock())
    insert(fresh, a_record(id="p1"))
    assert fresh.get(PAYMENTS, "p1")["rev"] == 1
    fresh.close()


def test_temporary_files_beside_what_changed_are_swept_after_a_power_loss(root: Path) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="t1"), collection=THINGS)
    storage.close()
    for folder in ("var/payment", "home/demo/.store/thing"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / ".0123456789abcdef-0.tmp").write_text("{")
    power_off(root)
    fresh = open_tree(root, HandClock())
    insert(fresh, a_record())
    fresh.close()
    assert [str(path.relative_to(root)) for path in root.rglob("*.tmp")] == [
        "var/payment/.0123456789abcdef-0.tmp"
    ]
    assert [one.kind for one in check_tree(root).differences] == [Kind.LEFTOVER]


def test_the_files_of_a_dead_writer_are_swept_by_name_and_no_folder_is_listed(
    fast_disk: Path, mocker: MockerFixture
) -> None:
    """A folder may hold a million records."""
    for k in (at for at, step in enumerate(steps_of_work(fast_disk), 1) if "COMMIT" in step):
        root = fast_disk / str(k)
        run_until_step(k, lambda acknowledge, root=root: work(root, acknowledge))
        if not (root / ".journal" / "payment.db").exists():
            continue
        died_with = list(root.rglob("*.tmp"))
        listing = mocker.patch.object(os, "scandir", side_effect=AssertionError("a listing"))
        probe(root, "probe")
        mocker.stop(listing)
        assert list(root.rglob("*.tmp")) == []
    assert died_with


def steps_of_work(place: Path) -> list[str]:
    return steps_of(lambda acknowledge: work(place / "whole", acknowledge))


# -- where nothing names the boot, and where a disk went away --------------------------------------


@pytest.fixture
def no_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_BOOT_ID", "/nowhere/boot_id")


@pytest.mark.usefixtures("no_boot")
def test_where_nothing_names_the_boot_a_write_looks_at_no_earlier_change(
    root: Path, mocker: MockerFixture
) -> None:
    for number in range(5):
        probe(root, f"p{number}")
    changed = mocker.spy(journal, "changed_since")
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p5"))
    insert(storage, a_record(id="p6"))
    assert storage.get(PAYMENTS, "p6")["rev"] == 1
    storage.close()
    assert changed.call_count == 0
    assert pending(root) == 0
    assert check_tree(root).is_clean


@pytest.mark.usefixtures("no_boot")
def test_where_nothing_names_the_boot_files_are_on_disk_before_the_acknowledgement(
    root: Path, mocker: MockerFixture
) -> None:
    probe(root, "p0")
    events: list[str] = []
    rename = os.rename
    mocker.patch.object(
        os, "rename", side_effect=lambda *a, **k: (events.append("rename"), rename(*a, **k))[1]
    )
    mocker.patch.object(sync, "_syncfs", return_value=lambda _fd: events.append("sync"))
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1"))
    events.append("acknowledged")
    storage.close()
    assert events == ["rename", "sync", "acknowledged"]


def test_a_chroot_may_share_the_tree_with_the_machine(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        with monkeypatch.context() as patch:
            if number % 2:
                patch.setattr(lock, "_BOOT_ID", "/nowhere/boot_id")
            probe(root, f"p{number}")
    with monkeypatch.context() as patch:
        patch.setattr(lock, "_BOOT_ID", "/nowhere/boot_id")
        probe(root, "last")
    assert pending(root) == 0
    assert check_tree(root).is_clean


def test_files_lost_with_a_disk_that_went_away_are_repaired_in_the_same_boot(root: Path) -> None:
    """The journal is on disk, its commits were synced; the mark is what the disk had of it."""
    probe(root, "p1")
    mark = (root / ".journal" / "lock").read_bytes()
    probe(root, "p2")
    (root / ".journal" / "lock").write_bytes(mark)
    for name in ("p1", "p2"):
        damage(root / "var" / "payment" / f"{name}.json", "empty", b"")
    probe(root, "p3")
    assert check_tree(root).is_clean


# -- a disk that fails to sync ---------------------------------------------------------------------


def inodes(root: Path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in (root / "var" / "payment").iterdir()}


def pending(root: Path) -> int:
    """How many changes are not known to be on disk, by the lock file's mark."""
    _, _, seq, synced, *_ = (root / ".journal" / "lock").read_text().split()
    return int(seq) - int(synced)


def test_after_a_failed_sync_files_are_written_again_and_nothing_is_cleared(
    root: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    """The disk may have dropped what the cache still shows, and a second sync would not tell."""
    monkeypatch.setattr(sync, "SYNC_EVERY", 4)
    storage = open_tree(root, HandClock())
    for number in range(4):
        insert(storage, a_record(id=f"p{number}"))
    before = inodes(root)
    failing = mocker.patch.object(sync, "sync_files", side_effect=OSError(5, "I/O error"))
    insert(storage, a_record(id="p4"))
    after = inodes(root)
    assert failing.call_count == 1
    assert all(before[name] != after[name] for name in before)
    assert pending(root) == 5
    mocker.stop(failing)
    insert(storage, a_record(id="p5"))
    assert pending(root) == 1
    storage.close()
    assert check_tree(root).is_clean


def test_where_there_is_no_syncfs_each_file_is_synced(
    root: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    monkeypatch.setattr(sync, "SYNC_EVERY", 4)
    mocker.patch.object(sync, "_syncfs", return_value=None)
    synced: list[str] = []
    fsync = os.fsync

    def noted(file_fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{file_fd}").readlink()))
        fsync(file_fd)

    mocker.patch.object(os, "fsync", side_effect=noted)
    storage = open_tree(root, HandClock())
    with storage.transaction("w") as tx:
        tx.insert(PAYMENTS, a_record(id="p0"), b"script")
    for number in range(1, 5):
        insert(storage, a_record(id=f"p{number}"))
    storage.close()
    folder = str(root / "var" / "payment")
    wanted = {folder, f"{folder}/p0", *(f"{folder}/p{number}.json" for number in range(4))}
    assert wanted <= set(synced)
    assert pending(root) == 1


# -- the journal and the lock are taken away -------------------------------------------------------


def test_a_journal_removed_under_an_open_writer_is_noticed(root: Path) -> None:
    storage = open_tree(root, HandClock())
    stored = insert_one(storage, a_record())
    for path in (root / ".journal").glob("payment.db*"):
        path.unlink()
    with pytest.raises(CorruptRecordError, match="journal is missing") as caught:
        insert(storage, a_record())
    assert "--rebuild" in caught.value.hint
    with pytest.raises(CorruptRecordError):
        storage.count(PAYMENTS, everything())
    assert storage.get(PAYMENTS, str(stored["id"])) == stored
    assert len(list((root / "var" / "payment").iterdir())) == 1
    storage.close()


def test_a_tree_with_records_but_no_journal_is_never_taken_for_empty(root: Path) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="t1"), collection=THINGS)
    storage.close()
    shutil.rmtree(root / ".journal")
    fresh = open_tree(root, HandClock())
    for attempt in (
        lambda: insert(fresh, a_record()),
        lambda: list(fresh.query(PAYMENTS, Query(everything()))),
        lambda: list(fresh.log()),
        lambda: fresh.find_id(THINGS, "t1t1t1"),
    ):
        with pytest.raises(CorruptRecordError, match="journal is missing"):
            attempt()
    fresh.close()


def test_authored_files_alone_are_no_records(root: Path) -> None:
    store = root / "home" / "demo" / ".store"
    store.mkdir(parents=True)
    (store / "store_info.json").write_text('{"id": "x"}')
    (root / ".journal").mkdir()
    (root / ".journal" / "refused.count").write_text("3")
    storage = open_tree(root, HandClock())
    assert storage.count(THINGS, everything()) == 0
    insert(storage, a_record(), collection=THINGS)
    storage.close()


def test_a_journal_replaced_under_open_stores_is_taken_up(root: Path, tmp_path: Path) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1"))
    assert storage.count(PAYMENTS, everything()) == 1
    other = open_tree(tmp_path / "other", HandClock())
    insert(other, a_record(id="p2"))
    other.close()
    database = root / ".journal" / "payment.db"
    shutil.copy(tmp_path / "other" / ".journal" / "payment.db", database.with_suffix(".new"))
    for end in ("-wal", "-shm"):
        database.with_name(f"payment.db{end}").unlink()
    database.with_suffix(".new").replace(database)
    assert storage.find_id(PAYMENTS, "p2") == "p2"
    insert(storage, a_record(id="p3"))
    assert storage.count(PAYMENTS, everything()) == 2
    assert (root / "var" / "payment" / "p2.json").exists()
    storage.close()
