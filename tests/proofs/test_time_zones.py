"""Days and clock times are the store's, whatever the zone of the process (cron, gunicorn, ssh)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from payment_cli.model.codec import decode

#: A day apart at every moment.
FAR = ("Pacific/Kiritimati", "Pacific/Honolulu", "UTC")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A store that sold something and set nothing."""
    run(tmp_path, "UTC", "store", "init", "demo")
    run(tmp_path, "UTC", "w", "add", "-nm", "cup", "--title", "Cup", "--price", "10")
    run(tmp_path, "UTC", "o", "create", "--item", "cup", "--anonymous")
    run(tmp_path, "UTC", "favourite", "add", "xiaobai", "cup")
    return tmp_path


def run(root: Path, zone: str, *words: str, exit_code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "from payment_cli.cli.main import payment; payment()", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PAYMENT_ROOT": str(root), "PAYMENT_DOMAIN": "demo", "TZ": zone},
    )
    assert done.returncode == exit_code, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("stats", "--from", "monthBegin"),
        ("o", "list", "-t", "ct:time"),
        ("o", "list", "-tmpl", "@{ct<date:yyyy-MM-dd HH>}"),
        ("favourite", "list", "xiaobai"),
    ],
)
def test_what_is_printed_does_not_follow_the_process(tree: Path, words) -> None:
    first, *others = [run(tree, zone, *words) for zone in FAR]
    assert others == [first, first]


def test_what_is_typed_does_not_follow_the_process(tree: Path) -> None:
    for zone in FAR:
        assert expiry(tree, zone) == 1_893_427_200_000  # 2030-01-01 in Shanghai


def test_the_tree_and_then_the_store_say_which_zone(tree: Path) -> None:
    (tree / "etc").mkdir(exist_ok=True)
    (tree / "etc/payment.toml").write_text('timezone = "America/New_York"\n')
    assert expiry(tree, "Asia/Tokyo") == 1_893_474_000_000
    run(tree, "Asia/Tokyo", "store", "set", "timezone", "Europe/Berlin")
    assert expiry(tree, "Asia/Tokyo") == 1_893_452_400_000


def test_a_zone_of_the_tree_that_is_none_stops_only_who_means_a_day(tree: Path) -> None:
    (tree / "etc").mkdir(exist_ok=True)
    (tree / "etc/payment.toml").write_text('timezone = "Asia/Shangai"\n')
    assert "did you mean Asia/Shanghai?" in run(tree, "UTC", "stats", exit_code=40)
    run(tree, "UTC", "o", "list")


def expiry(root: Path, zone: str) -> object:
    """Return what a process in `zone` understands by 2030-01-01 in the match of a list."""
    words = ("coupon", "add", "--title", "x", "--off", "1", "--expires", "2030-01-01 00:00", "-c")
    record = decode(run(root, zone, *words))
    assert isinstance(record, dict)
    return record["cpn_expi"]
