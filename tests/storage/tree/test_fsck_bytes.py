"""Whatever bytes fsck meets, it ends in a report or in one error of ours, never in a bug.

Every byte of a small tree's files, changed by each of a few patterns, one at a time: the journal,
its WAL, the WAL's index, the lock, the version, the records.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from payment_cli.errors import PaymentError
from payment_cli.storage.base import Collection
from payment_cli.storage.tree import open_tree
from payment_cli.storage.tree.fsck import Report, check_tree
from payment_cli.storage.tree.rebuild import rebuild_journal
from tests.storage.storage_contract import PAYMENTS, a_record
from tests.support.clock import HandClock

#: The bits that are flipped in each byte.
PATTERNS = (0x01, 0x80, 0xFF)

FILES = (
    ".journal/payment.db", ".journal/payment.db-wal", ".journal/payment.db-shm", ".journal/lock",
    ".version", "var/payment/p1.json", "var/payment/p1", "home/demo/.store/thing/t1.json",
)  # fmt: skip

#: So many bytes of each file are tried in the quick suite, with each pattern.
SAMPLE = 8
#: The journal's pages are mostly empty: of those zeros one in so many is tried.
ZEROS = 251


def make(root: Path) -> None:
    """A tree with a WAL, its index, and files that are left, as its last process died."""
    storage = open_tree(root, HandClock())
    with storage.transaction("w") as tx:
        tx.insert(PAYMENTS, a_record(id="p1", st="WAIT"), b"script")
        tx.insert(Collection("thing", "demo"), a_record(id="t1"))
        tx.insert(Collection("order", "demo"), a_record(id="o1"))
    storage.close()
    (root / "var/payment/p1.json").write_text('{"id": "p1"}')
    held = sqlite3.connect(root / ".journal/payment.db")
    held.execute("SELECT * FROM tree").fetchall()
    with storage.transaction("w", leaves_foreign=True) as tx:
        tx.put(PAYMENTS, {**tx.get(PAYMENTS, "p1"), "st": "OK"})
    files = {path: (root / ".journal" / path).read_bytes() for path in
             ("payment.db", "payment.db-wal", "payment.db-shm", "lock")}  # fmt: skip
    held.close()
    storage.close()
    for name, data in files.items():
        (root / ".journal" / name).write_bytes(data)


def flips(data: bytes, most: int) -> Iterator[tuple[int, int]]:
    """Yield which byte to change by which pattern, at most `most` bytes of each pattern."""
    said = [at for at, byte in enumerate(data) if byte or at % ZEROS == 0]
    stride = max(1, len(said) // most)
    for number, pattern in enumerate(PATTERNS):
        yield from ((at, pattern) for at in said[number % stride :: stride])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("most", [SAMPLE, pytest.param(1 << 30, marks=pytest.mark.slow)])
def test_every_flipped_byte_ends_in_a_report_or_one_line(
    fast_disk: Path, name: str, most: int
) -> None:
    make(fast_disk / "made")
    whole = (fast_disk / "made" / name).read_bytes()
    tried = 0
    for at, pattern in flips(whole, most):
        tried += 1
        root = fast_disk / "tree"
        shutil.copytree(fast_disk / "made", root)
        data = bytearray(whole)
        data[at] ^= pattern
        (root / name).write_bytes(data)
        asks = [check_tree]
        if tried % SAMPLE == 1:
            asks.append(lambda place: rebuild_journal(place, HandClock()))
        for ask in asks:
            assert said_of(ask, root) in ("", 30, 31, 32, 40), f"{name} byte {at} ^ {pattern:#x}"
        shutil.rmtree(root)
    assert tried >= len(PATTERNS)


def said_of(ask: Callable[[Path], Report], root: Path) -> object:
    """What a question came to: "" for a report, an exit code for a line, else what went wrong."""
    try:
        return "".join("no path" for one in ask(root).differences if not one.path)
    except PaymentError as error:
        return "two lines" if "\n" in str(error) else error.exit_code
    except Exception as error:
        return repr(error)


def test_a_schema_that_no_text_can_hold_is_damage(fast_disk: Path) -> None:
    """SQLite names the function that it does not know, and Python can't read the name."""
    make(fast_disk)
    held = fast_disk / ".journal/payment.db"
    data = held.read_bytes()
    assert b"(substr(" in data
    held.write_bytes(data.replace(b"(substr(", b"(\xf3ubstr("))
    (held.with_name("payment.db-wal")).unlink()
    assert said_of(check_tree, fast_disk) in ("", 30)
