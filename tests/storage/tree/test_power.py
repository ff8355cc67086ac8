"""Power is cut: what was acknowledged is on the disk, whatever the cache had not written yet.

The writes of journal and files are recorded, and the disk made that a cut at each sync would leave:
what was not synced is there, gone, without its name, empty, zeroed, torn or there in part.
"""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from payment_cli.model.query.match import everything
from payment_cli.storage.tree import lock, open_tree, sync
from payment_cli.storage.tree.backup import backup_tree
from payment_cli.storage.tree.fsck import Kind, check_tree
from payment_cli.storage.tree.glance import committed_text
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.rebuild import rebuild_journal
from payment_cli.storage.tree.repair import adopt_files, restore_files
from tests.storage.storage_contract import PAYMENTS, a_record, insert
from tests.storage.tree.test_crash import STATES, held, revision, work
from tests.support.clock import HandClock
from tests.support.lacks import needs_proc
from tests.support.old_trees import old_tree
from tests.support.recorded_disk import HOWS, Disk, How, Op, recorded

pytestmark = needs_proc


@pytest.fixture
def ops(fast_disk: Path, monkeypatch: pytest.MonkeyPatch) -> list[Op]:
    """What one transaction of every shape does to the disk."""
    monkeypatch.setattr(sync, "SYNC_EVERY", 2)
    return recorded(lambda acknowledge: work(fast_disk / "tree", acknowledge), fast_disk)


def test_before_each_acknowledgement_the_log_of_the_database_is_synced(ops: list[Op]) -> None:
    is_synced, acknowledged = True, 0
    for op in ops:
        if op[1].endswith("payment.db-wal"):
            is_synced = op[0] == "sync"
        elif op[0] == "ack":
            assert is_synced
            acknowledged += 1
    assert acknowledged == len(STATES) - 1
    names = {op[0] for op in ops}
    assert names >= {"write", "sync", "syncfs", "rename", "create", "mkdir", "unlink"}


SYNCHRONOUS_FULL = 2


@pytest.mark.parametrize(
    "use", ["write", "read", "glance", "fsck", "restore", "adopt", "backup", "upgrade"]
)
def test_every_connection_has_its_commits_and_checkpoints_on_disk(
    fast_disk: Path, mocker: MockerFixture, use: str
) -> None:
    """A reader as well: the last to close a database merges the log into it."""
    root, uses = a_tree(fast_disk), USES[use]
    if use == "upgrade":
        root, _ = old_tree(fast_disk / "old", 1)
    seen: list[int] = []

    class Watched(sqlite3.Connection):
        def close(self) -> None:
            seen.append(self.execute("PRAGMA synchronous").fetchone()[0])
            super().close()

    connect = sqlite3.connect
    mocker.patch.object(
        sqlite3, "connect", side_effect=lambda *a, **k: connect(*a, **{**k, "factory": Watched})
    )
    uses(root)
    assert set(seen) == {SYNCHRONOUS_FULL}


def a_tree(place: Path) -> Path:
    root = place / "tree"
    with closing(open_tree(root, HandClock())) as storage:
        insert(storage, a_record(id="p1"), a_record(id="p2"))
    return root


def _write(root: Path) -> None:
    with closing(open_tree(root, HandClock())) as storage:
        insert(storage, a_record())


def _read(root: Path) -> None:
    with closing(open_tree(root, HandClock())) as storage:
        assert storage.count(PAYMENTS, everything()) > 0


def _edit(root: Path) -> None:
    place = root / "var/payment/p1.json"
    place.write_text(place.read_text().replace('"rev": 1', '"rev": 1, "x": 1'))


#: What opens a journal, of a tree with the payment p1.
USES: dict[str, Callable[[Path], object]] = {
    "write": _write,
    "read": _read,
    "glance": lambda root: committed_text(root, Key("payment", "", "p1")),
    "fsck": check_tree,
    "restore": lambda root: (_edit(root), restore_files(root)),
    "adopt": lambda root: (_edit(root), adopt_files(root, HandClock())),
    "backup": lambda root: backup_tree(root, root.with_name("copy")),
    "upgrade": _read,
}


@pytest.mark.parametrize("make", ["create", "rebuild", "backup"])
def test_a_new_journal_is_on_disk_before_it_has_its_name(fast_disk: Path, make: str) -> None:
    """A rebuild makes it without syncs: then all of it is synced at once."""
    root = a_tree(fast_disk)
    uses: dict[str, Callable[[], object]] = {
        "create": lambda: a_tree(fast_disk / "new"),
        "rebuild": lambda: rebuild_journal(root, HandClock()),
        "backup": lambda: backup_tree(root, fast_disk / "copy"),
    }
    ops = recorded(lambda _: uses[make]() and None, fast_disk)
    named = [at for at, op in enumerate(ops) if op[0] == "rename" and op[1].endswith(".new")]
    assert len(named) == 1
    path = ops[named[0]][1]
    touched = [op[0] for op in ops[: named[0]] if op[1] == path]
    assert touched[-1] == "sync"
    folder = path.rpartition("/")[0]
    assert ("sync", folder) in ops[named[0] :]


def after_reboot(root: Path, acknowledged: int, what: str) -> None:
    """Nothing acknowledged is missing; files are repaired; and everything agrees."""
    possible = STATES[acknowledged : acknowledged + 2]
    reader = open_tree(root, HandClock())
    for kind, record_id in {key for state in possible for key in state}:
        wanted = {state.get((kind, record_id)) for state in possible}
        assert revision(reader, kind, record_id) in wanted, what
    reader.close()
    writer = open_tree(root, HandClock())
    insert(writer, a_record(id="probe"))
    found = held(writer)
    del found[("payment", "probe")]
    assert found in possible, what
    for (kind, record_id), rev in found.items():
        assert revision(writer, kind, record_id) == rev, what
    writer.close()
    left = [one for one in check_tree(root).differences if one.kind is not Kind.LEFTOVER]
    assert left == [], what


def cut_everywhere(
    ops: list[Op],
    place: Path,
    use_boot: Callable[[int], None],
    hows: tuple[How, ...],
    seeds: int,
    at: tuple[str, ...] = ("sync", "syncfs", "ack"),
) -> int:
    """Cut before and after each sync and each acknowledgement; return how often it was cut."""
    disk, acknowledged, count = Disk(), 0, 0
    root = place / "tree"
    for op, following in zip(ops, [*ops[1:], ("ack", "")], strict=True):
        disk.do(op)
        acknowledged += op[0] == "ack"
        if op[0] not in at and following[0] not in at:
            continue
        for how in hows:
            for seed in range(seeds if how in ("torn", "mixed") else 1):
                count += 1
                use_boot(count)
                cut = place / f"cut-{count}"
                disk.after_cut(root, cut, how, seed)
                after_reboot(cut, acknowledged, f"{how} {seed} after {op[:2]}")
                shutil.rmtree(cut)
    return count


@pytest.fixture
def use_boot(fast_disk: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the machine have been started again."""
    name = fast_disk / "boot_id"
    monkeypatch.setattr(lock, "_BOOT_ID", str(name))

    def use(number: int) -> None:
        name.write_text(f"boot-{number}\n")

    return use


def test_power_cut_at_each_acknowledgement_loses_nothing_acknowledged(
    fast_disk: Path, ops: list[Op], use_boot: Callable[[int], None]
) -> None:
    assert cut_everywhere(ops, fast_disk, use_boot, ("dropped",), 1, at=("ack",)) > 10


@pytest.mark.slow
@pytest.mark.parametrize("how", HOWS)
def test_power_cut_at_each_sync_in_every_way_loses_nothing_acknowledged(
    fast_disk: Path, ops: list[Op], use_boot: Callable[[int], None], how: How
) -> None:
    assert cut_everywhere(ops, fast_disk, use_boot, (how,), 12) > 20
