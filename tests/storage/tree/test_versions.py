"""An older tree is upgraded whoever comes first, and a newer one is refused in one line."""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from payment_cli.errors import ConfigError, CorruptRecordError, PaymentError, StorageError
from payment_cli.model.query.match import equal, everything
from payment_cli.storage.base import Collection, Query, Storage
from payment_cli.storage.kinds import KINDS
from payment_cli.storage.tree import layout, open_tree, schema, versions
from payment_cli.storage.tree.backup import backup_tree
from payment_cli.storage.tree.fsck import check_tree
from payment_cli.storage.tree.lock import Mark
from payment_cli.storage.tree.rebuild import rebuild_journal
from tests.storage.storage_contract import PAYMENTS, a_record, insert
from tests.support.clock import HandClock
from tests.support.failpoints import first_of_each, run_until_step, steps_of
from tests.support.old_trees import VERSIONS, old_tree
from tests.support.racing import race

ORDERS = Collection("order", None)
TOO_NEW = (
    f"this tree is of version {versions.VERSION + 1},"
    f" this program knows versions up to {versions.VERSION}"
)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def old(fast_disk: Path, version: int) -> tuple[Path, dict[str, str]]:
    return old_tree(fast_disk, version)


def journal(root: Path) -> Path:
    return root / ".journal" / "payment.db"


def user_version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as conn:
        return int(conn.execute("PRAGMA user_version").fetchone()[0])


def schema_of(path: Path) -> dict[str, object]:
    """What a journal is made of: columns in no order, and the indexes."""
    with closing(sqlite3.connect(path)) as conn:
        columns = {
            table: sorted(row[1:] for row in conn.execute(f"PRAGMA table_info({table})"))
            for (table,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        indexes = dict(
            conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql <> ''")
        )
        return {"columns": columns, "indexes": indexes}


def everything_in(storage: Storage) -> dict[str, object]:
    return {
        kind: list(storage.query(Collection(kind, None), Query(everything()))) for kind in KINDS
    }


@contextmanager
def the_next_program() -> Iterator[None]:
    """Within it, the code is of the next version: it knows one more change."""

    def one_more_column(conn: sqlite3.Connection) -> None:
        conn.execute("ALTER TABLE records ADD COLUMN parcel TEXT")

    with pytest.MonkeyPatch.context() as patch:
        version = layout.VERSION + 1
        for module in (layout, schema, versions):
            patch.setattr(module, "VERSION", version)
        steps = {**versions.STEPS, versions.VERSION: one_more_column}
        patch.setattr(versions, "STEPS", steps)
        yield


# -- what has to be kept in step -------------------------------------------------------------------


def test_every_version_has_a_step_and_a_kept_tree() -> None:
    assert list(versions.STEPS) == list(range(2, versions.VERSION + 1))
    assert list(range(1, versions.VERSION)) == VERSIONS


def test_a_change_of_the_tables_is_a_new_version(root: Path) -> None:
    """If this fails: raise VERSION, add a step, keep a tree of the version before, and new text."""
    storage = open_tree(root, HandClock())
    insert(storage, a_record())
    storage.close()
    with closing(sqlite3.connect(journal(root))) as conn:
        made = [row[0] for row in conn.execute("SELECT sql FROM sqlite_master ORDER BY name")]
    text = "".join(f"{' '.join(sql.split())};\n" for sql in made if sql)
    kept = Path(__file__).parent / "old" / "schema.sql"
    assert text == kept.read_text(), f"version {versions.VERSION} is no longer what it was"


# -- an older tree ---------------------------------------------------------------------------------


def test_a_writer_upgrades_it_and_keeps_its_journal(
    old: tuple[Path, dict[str, str]], fast_disk: Path, version: int
) -> None:
    root, _ = old
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="new"))
    storage.close()
    assert user_version(journal(root)) == versions.VERSION
    assert (root / ".version").read_text() == f"{versions.VERSION}\n"
    kept = journal(root).with_name(f"payment.db.version-{version}")
    assert user_version(kept) == version
    assert kept.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(kept)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert conn.execute("SELECT count(*) FROM records WHERE id = 'new'").fetchone() == (0,)
    fresh = open_tree(fast_disk / "fresh", HandClock())
    insert(fresh, a_record())
    fresh.close()
    assert schema_of(journal(root)) == schema_of(journal(fast_disk / "fresh"))
    assert check_tree(root).is_clean


def test_columns_and_indexes_follow_the_table_of_kinds(old: tuple[Path, dict[str, str]]) -> None:
    """Whatever an old journal had of them; a damaged record costs nobody anything."""
    root, names = old
    with closing(sqlite3.connect(journal(root))) as conn, conn:
        had = {row[1] for row in conn.execute("PRAGMA table_info(records)")}
        kept = had.intersection(schema.COLUMNS) - {"odd"}
        columns = ", ".join(f"{name} = NULL" for name in kept)
        conn.execute("DROP INDEX payment_by_st_lm")
        conn.execute("CREATE INDEX of_another_day ON records (lm) WHERE kind = 'nothing'")
        conn.execute(f"UPDATE records SET {columns}")
        conn.execute("UPDATE records SET doc = '[' WHERE id = ?", (names["due"],))
        conn.execute("UPDATE records SET st = 'OK' WHERE id = ?", (names["due"],))
    storage = open_tree(root, HandClock())
    assert storage.count(PAYMENTS, equal("st", "WAIT")) == 4
    assert storage.count(PAYMENTS, equal("st", "OK")) == 2
    assert storage.count(ORDERS, equal("ord_status", "WT")) == 1
    storage.close()
    with closing(sqlite3.connect(journal(root))) as conn:
        names_now = {name for (name,) in conn.execute("SELECT name FROM sqlite_master")}
    assert "payment_by_st_lm" in names_now
    assert "of_another_day" not in names_now


READS: dict[str, Callable[[Storage, dict[str, str]], object]] = {
    "query": lambda tree, _: next(tree.query(PAYMENTS, Query(everything()))),
    "count": lambda tree, _: tree.count(ORDERS, everything()),
    "get": lambda tree, names: tree.get(PAYMENTS, names["waiting"]),
    "committed": lambda tree, names: tree.committed(PAYMENTS, names["waiting"]),
    "content": lambda tree, names: tree.content(PAYMENTS, names["waiting"]),
    "find_id": lambda tree, names: tree.find_id(PAYMENTS, names["waiting"][-9:]),
    "log": lambda tree, _: next(tree.log()),
    "left": lambda tree, _: list(tree.left()) == [],
}


@pytest.mark.parametrize("what", READS)
def test_a_reader_upgrades_it_too_and_reads(old: tuple[Path, dict[str, str]], what: str) -> None:
    root, names = old
    storage = open_tree(root, HandClock())
    assert READS[what](storage, names)
    storage.close()
    if what != "get":  # which may have read the file, and its row as a glance shows it
        assert user_version(journal(root)) == versions.VERSION


def test_nothing_of_it_is_lost_or_changed(old: tuple[Path, dict[str, str]]) -> None:
    root, names = old
    files = {path: path.read_bytes() for path in root.rglob("*.json")}
    with closing(sqlite3.connect(journal(root))) as conn:
        docs = sorted(row[0] for row in conn.execute("SELECT doc FROM records"))
        logged = conn.execute("SELECT count(*) FROM log").fetchone()[0]
    storage = open_tree(root, HandClock())
    found = everything_in(storage)
    assert len(found["payment"]) == 8  # type: ignore[arg-type]
    assert storage.content(PAYMENTS, names["due"]).startswith(b"echo")
    assert len(list(storage.log())) == logged
    storage.close()
    with closing(sqlite3.connect(journal(root))) as conn:
        assert sorted(row[0] for row in conn.execute("SELECT doc FROM records")) == docs
    assert {path: path.read_bytes() for path in root.rglob("*.json")} == files


@pytest.mark.parametrize("change", ["fsck", "backup", "rebuild"])
def test_upkeep_takes_it_as_it_is(
    old: tuple[Path, dict[str, str]], fast_disk: Path, change: str
) -> None:
    root, names = old
    if change == "fsck":
        assert check_tree(root).is_clean
    elif change == "backup":
        backup_tree(root, fast_disk / "copy")
        root = fast_disk / "copy"
        assert check_tree(root).is_clean
    else:
        assert rebuild_journal(root, HandClock()).is_clean
    storage = open_tree(root, HandClock())
    assert storage.get(PAYMENTS, names["waiting"])["st"] == "WAIT"
    storage.close()
    assert (root / ".version").read_text() == f"{versions.VERSION}\n"


def work(root: Path, acknowledge: Callable[[], None]) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="new"))
    acknowledge()
    storage.close()


def test_killed_at_every_step_it_is_the_old_tree_or_the_new_one(
    fast_disk: Path, version: int
) -> None:
    prepared, _ = old_tree(fast_disk, version)
    shutil.copytree(prepared, fast_disk / "whole")
    steps = steps_of(lambda acknowledge: work(fast_disk / "whole", acknowledge))
    before = open_tree(fast_disk / "whole", HandClock())
    wanted = everything_in(before)
    before.close()
    for k in first_of_each(steps):
        root = fast_disk / str(k)
        shutil.copytree(prepared, root)
        death = run_until_step(k, lambda acknowledge, root=root: work(root, acknowledge))
        with closing(sqlite3.connect(journal(root))) as conn:
            assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        now = user_version(journal(root))
        assert now in (version, versions.VERSION), death
        if now == versions.VERSION:
            assert user_version(journal(root).with_name(f"payment.db.version-{version}")) == version
            mark = (root / ".journal/lock").read_bytes()
            assert len(mark.split()) != 6, "a program of version 1 would go on with its own mark"
        again = open_tree(root, HandClock())
        if again.count(PAYMENTS, everything()) == 8:
            assert not death.acknowledged
            insert(again, a_record(id="new"))
        assert everything_in(again) == wanted, death
        again.close()
        assert check_tree(root).is_clean, death
        assert [path.name for path in (root / ".journal").glob("*.new*")] == [], death
    assert death.step is None
    assert any("CREATE INDEX" in step for step in steps)


def test_of_many_who_come_at_once_one_upgrades_it(
    old: tuple[Path, dict[str, str]], version: int
) -> None:
    root, names = old

    def come(number: int) -> int:
        storage = open_tree(root, HandClock(), lock_timeout_s=60)
        if number % 2:
            insert(storage, a_record(id=f"new{number}"))
        assert storage.get(PAYMENTS, names["waiting"])["st"] == "WAIT"
        count = storage.count(PAYMENTS, everything())
        storage.close()
        return count

    assert all(count >= 8 for count in race(8, come))
    storage = open_tree(root, HandClock())
    assert storage.count(PAYMENTS, everything()) == 12
    storage.close()
    kept = journal(root).with_name(f"payment.db.version-{version}")
    assert user_version(kept) == version
    assert check_tree(root).is_clean


def test_on_a_full_disk_it_stays_as_it_is(
    old: tuple[Path, dict[str, str]], version: int, mocker: MockerFixture
) -> None:
    root, names = old
    storage = open_tree(root, HandClock())
    mocker.patch.object(versions.os, "fsync", side_effect=OSError(28, "No space left on device"))
    for attempt in (
        lambda: insert(storage, a_record()),
        lambda: storage.count(PAYMENTS, everything()),
    ):
        with pytest.raises(StorageError):
            attempt()
    assert storage.get(PAYMENTS, names["waiting"])["st"] == "WAIT", "its file is there"
    mocker.stopall()
    assert user_version(journal(root)) == version
    assert list((root / ".journal").glob("*.new*")) == []
    assert storage.count(PAYMENTS, everything()) == 8
    storage.close()


def test_on_a_read_only_disk_single_records_are_read_and_queries_say_what_is_to_do(
    old: tuple[Path, dict[str, str]], read_only: Callable[[Path], Path], version: int
) -> None:
    old_root, names = old
    root = read_only(old_root)
    shown = open_tree(root, HandClock())
    assert shown.get(PAYMENTS, names["waiting"])["st"] == "WAIT"
    assert shown.find_id(PAYMENTS, names["waiting"]) == names["waiting"]
    with pytest.raises(StorageError, match=f"of version {version} and must be upgraded") as caught:
        shown.count(PAYMENTS, everything())
    assert "make the disk writable once" in str(caught.value.hint)
    assert "\n" not in str(caught.value)
    for attempt in (
        lambda: check_tree(root),
        lambda: backup_tree(root, old_root.parent / "copy"),
    ):
        with pytest.raises(StorageError, match="must be upgraded"):
            attempt()
    shown.close()


def test_a_folder_where_the_journal_is_kept_is_named_and_nothing_is_upgraded(
    old: tuple[Path, dict[str, str]], version: int
) -> None:
    root, names = old
    in_the_way = journal(root).with_name(f"payment.db.version-{version}")
    in_the_way.mkdir()
    storage = open_tree(root, HandClock())
    for attempt in (
        lambda: storage.count(PAYMENTS, everything()),
        lambda: insert(storage, a_record()),
        lambda: check_tree(root),
        lambda: backup_tree(root, root.with_name("copy")),
    ):
        with pytest.raises(CorruptRecordError, match=re.escape(in_the_way.name)) as caught:
            attempt()
        assert caught.value.hint == "move that folder away"
    assert storage.get(PAYMENTS, names["waiting"])["st"] == "WAIT"
    assert user_version(journal(root)) == version
    in_the_way.rmdir()
    insert(storage, a_record())
    storage.close()
    assert check_tree(root).is_clean


def test_a_program_of_version_1_that_has_it_open_does_not_go_on(fast_disk: Path) -> None:
    """It looks at no version; but what it looks at first is no longer there."""
    root, _ = old_tree(fast_disk, 1)
    with closing(sqlite3.connect(journal(root), isolation_level=None)) as server:
        assert server.execute("SELECT synced FROM state").fetchone() == (0,)
        storage = open_tree(root, HandClock())
        insert(storage, a_record())
        storage.close()
        with pytest.raises(sqlite3.OperationalError, match="no such table: state"):
            server.execute("SELECT synced FROM state")
        with pytest.raises(sqlite3.OperationalError, match="no such table: state"):
            server.execute("UPDATE state SET settled = 1")
    mark = (root / ".journal/lock").read_bytes()
    assert Mark.from_bytes(mark) is not None
    assert len(mark[:160].split()) == 7, "its marks have six words: it takes this for none"


# -- a newer tree ----------------------------------------------------------------------------------


def refused(attempt: Callable[[], object]) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        attempt()
    return caught.value


def test_a_newer_tree_is_refused_in_one_line_and_not_changed(root: Path) -> None:
    with the_next_program():
        newer = open_tree(root, HandClock())
        insert(newer, a_record(id="p1"))
        newer.close()
    before = journal(root).read_bytes()
    storage = open_tree(root, HandClock())
    for attempt in (
        lambda: insert(storage, a_record()),
        lambda: storage.count(PAYMENTS, everything()),
        lambda: storage.committed(PAYMENTS, "p1"),
        lambda: check_tree(root),
        lambda: backup_tree(root, root.parent / "copy"),
        lambda: rebuild_journal(root, HandClock()),
    ):
        error = refused(attempt)
        assert str(error) == TOO_NEW
        assert error.exit_code == 40
    storage.close()
    assert journal(root).read_bytes() == before


def test_files_of_a_newer_tree_are_refused_though_its_journal_is_lost(root: Path) -> None:
    with the_next_program():
        newer = open_tree(root, HandClock())
        insert(newer, a_record(id="p1"))
        newer.close()
    shutil.rmtree(root / ".journal")
    storage = open_tree(root, HandClock())
    for attempt in (
        lambda: insert(storage, a_record()),
        lambda: rebuild_journal(root, HandClock()),
    ):
        assert str(refused(attempt)) == TOO_NEW
    storage.close()
    with the_next_program():
        assert rebuild_journal(root, HandClock()).is_clean


def test_a_newer_tree_is_refused_by_who_reads_single_files(root: Path) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="a" * 32))
    storage.close()
    with the_next_program():
        newer = open_tree(root, HandClock())
        insert(newer, a_record())
        newer.close()
    for attempt in (
        lambda: open_tree(root, HandClock()).get(PAYMENTS, "a" * 32),
        lambda: open_tree(root, HandClock()).get(PAYMENTS, "nothing"),
        lambda: open_tree(root, HandClock()).find_id(PAYMENTS, "a" * 32),
    ):
        assert str(refused(attempt)) == TOO_NEW
    shutil.rmtree(root / ".journal")
    assert str(refused(lambda: open_tree(root, HandClock()).get(PAYMENTS, "a" * 32))) == TOO_NEW


@pytest.mark.parametrize("text", ["", "two", "-1", "9" * 5000, "\u00b2"])
def test_a_damaged_layout_refuses_nothing_that_the_journal_answers(root: Path, text: str) -> None:
    """The journal knows its version; files alone could be anything."""
    storage = open_tree(root, HandClock())
    insert(storage, a_record(id="p1"))
    storage.close()
    (root / ".version").write_text(text)
    assert open_tree(root, HandClock()).get(PAYMENTS, "p1")["rev"] == 1
    shutil.rmtree(root / ".journal")
    with pytest.raises(CorruptRecordError, match=re.escape(".version holds no version")):
        open_tree(root, HandClock()).get(PAYMENTS, "p1")


@pytest.mark.parametrize("text", ["", "two", "-1", "9" * 5000])
def test_a_damaged_layout_is_told_when_it_matters(root: Path, text: str) -> None:
    storage = open_tree(root, HandClock())
    insert(storage, a_record())
    (root / ".version").write_text(text)
    insert(storage, a_record())
    storage.close()
    shutil.rmtree(root / ".journal")
    with pytest.raises(CorruptRecordError, match=re.escape(".version")):
        rebuild_journal(root, HandClock())


def test_who_has_it_open_while_it_is_upgraded_says_so_and_the_upgrader_goes_on(root: Path) -> None:
    """A server of the old program, and cron with the new one."""
    server = open_tree(root, HandClock())
    insert(server, a_record(id="p1"))
    assert server.count(PAYMENTS, everything()) == 1
    assert server.get(PAYMENTS, "p1")["rev"] == 1
    with the_next_program():
        cron = open_tree(root, HandClock())
        insert(cron, a_record(id="p2"))
    for attempt in (
        lambda: insert(server, a_record()),
        lambda: server.count(PAYMENTS, everything()),
        lambda: list(server.query(PAYMENTS, Query(everything()))),
        lambda: server.get(PAYMENTS, "p1"),
    ):
        error = refused(attempt)
        assert str(error) == TOO_NEW
        assert "restart a server" in str(error.hint)
    with the_next_program():
        insert(cron, a_record(id="p3"))
        assert cron.count(PAYMENTS, everything()) == 3
        cron.close()
        assert check_tree(root).is_clean
    server.close()


def test_a_program_that_knows_the_new_version_goes_on_by_itself(root: Path) -> None:
    """Two of the new program have the old tree at hand; one of them upgrades it."""
    server = open_tree(root, HandClock())
    insert(server, a_record(id="p1"))
    server.close()
    with the_next_program():
        first, second = open_tree(root, HandClock()), open_tree(root, HandClock())
        assert first.get(PAYMENTS, "p1")["rev"] == 1
        insert(second, a_record(id="p2"))
        insert(first, a_record(id="p3"))
        assert second.count(PAYMENTS, everything()) == 3
        first.close()
        second.close()
    kept = journal(root).with_name(f"payment.db.version-{versions.VERSION}")
    assert user_version(kept) == versions.VERSION


def test_a_stream_that_is_open_during_an_upgrade_ends_well(root: Path) -> None:
    server = open_tree(root, HandClock())
    insert(server, *(a_record() for _ in range(200)))
    stream = server.query(PAYMENTS, Query(everything()))
    next(stream)
    with the_next_program():
        cron = open_tree(root, HandClock())
        insert(cron, a_record())
        cron.close()
    assert len(list(stream)) == 199
    with pytest.raises(PaymentError):
        server.count(PAYMENTS, everything())
    server.close()
