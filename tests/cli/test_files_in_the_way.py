"""Whatever lies where a file is read: a command ends, says why in a line, writes nowhere else.

Every file that the program reads, by its place in a tree, with a command that reads it.
"""

import os
import resource
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from payment_cli.cli.main import run
from tests.support.lacks import NO_ROOT

#: The longest that any of these commands may take; it is there so that a hang is a failure.
PATIENCE_S = 20
MEMORY = 1 << 30

#: Exit codes of a command that met what it must not believe, and of one that did without.
DOCUMENTED = (0, 10, 12, 20, 21, 22, 23, 24, 30, 31, 32, 40)

NOBODY = 65534


class Place(NamedTuple):
    """Where a file is read, and by which command; whether the command can do without it."""

    path: str
    words: tuple[str, ...]
    is_needed: bool = True
    may_be_link: bool = False


CREATE = ("pay", "create", "-br", "x", "-bu", "walnut:ann", "-fee", "1")

PLACES = [
    Place("etc/payment.toml", ("pay", "query")),
    Place("etc/payment.toml", ("payment", "doctor"), is_needed=False),
    Place(".version", ("pay", "query"), is_needed=False),
    Place(".journal/lock", CREATE, is_needed=False),
    Place(".journal/payment.db", ("pay", "get", "PAY"), is_needed=False),
    Place(".journal/payment.db", CREATE, is_needed=False),
    Place(".journal/payment.db-wal", CREATE, is_needed=False),
    Place(".journal/payment.db-shm", CREATE, is_needed=False),
    Place(".journal/refused.count", ("payment", "doctor"), is_needed=False),
    Place(
        "home/demo/.store/store_info.json",
        CREATE,
    ),
    Place("home/demo/.store/store_logo.jpg", ("payment", "doctor"), is_needed=False),
    Place("home/demo/.store/i18n/en.json", ("payment", "store", "set", "lang", "en")),
    Place("home/demo/.store/settings.json", ("payment", "store", "show"), is_needed=False),
    Place(
        "home/demo/.payment/callback/after",
        (*CREATE, "-callback", "after"),
    ),
    Place("home/demo/.payment/hook/order.paid", ("payment", "doctor"), is_needed=False),
    Place(
        "home/demo/.payment/wxpay/sandbox/wxpay.conf",
        ("pay", "send", "PAY", "wx.qrcode", "sandbox"),
        may_be_link=True,
    ),
    Place(
        "home/demo/.payment/wxpay/sandbox/merchant_key.pem",
        ("pay", "send", "PAY", "wx.qrcode", "sandbox"),
        may_be_link=True,
    ),
    Place(
        "home/demo/.payment/alipay/sandbox/alipay.conf",
        ("pay", "send", "PAY", "zfb.qrcode", "sandbox"),
        may_be_link=True,
    ),
    Place(
        "home/demo/.payment/alipay/sandbox/alipay_public_key.pem",
        ("pay", "send", "PAY", "zfb.qrcode", "sandbox"),
        may_be_link=True,
    ),
    Place(
        "home/demo/.payment/web.key",
        ("payment", "web", "token", "--role", "cashier"),
        may_be_link=True,
    ),
    Place("home/demo/.payment/webhook.key", ("payment", "notify", "key"), may_be_link=True),
    Place(
        ".journal/wxpay-certificates/demo@sandbox-cert.json",
        ("pay", "send", "PAY", "wx.qrcode", "sandbox-cert"),
        is_needed=False,
    ),
    Place("var/payment/PAY.json", ("pay", "get", "PAY"), is_needed=False),
    Place("var/payment/PAY.json", ("pay", "close", "PAY"), is_needed=False),
    Place("var/payment/PAY", ("pay", "apply", "PAY"), is_needed=False),
    Place("home/demo/.store/thing/CUP.json", ("payment", "w", "get", "CUP"), is_needed=False),
    Place("home/demo/.store/thing/CUP.json", ("payment", "fsck"), is_needed=False),
    Place(".sandbox/accounts.json", ("pay", "sandbox", "init")),
    Place(".sandbox/platform/wechat_ca.key", ("pay", "sandbox", "init")),
    Place(".sandbox/server.json", ("pay", "sandbox", "ledger")),
    Place(".sandbox/token", ("pay", "sandbox", "ledger")),
]  # fmt: skip


def zeros(place: Path, _outside: Path) -> None:
    place.symlink_to("/dev/zero")


def link(place: Path, outside: Path) -> None:
    place.symlink_to(outside)


def holes(place: Path, _outside: Path) -> None:
    with place.open("wb") as file:
        file.truncate(10 << 30)
    place.chmod(0o600)


def pipe(place: Path, _outside: Path) -> None:
    os.mkfifo(place, 0o600)


def folder(place: Path, _outside: Path) -> None:
    place.mkdir(0o700)


def opened(bits: int) -> Callable[[Path, Path], None]:
    def put(place: Path, outside: Path) -> None:
        shutil.copy(outside, place)
        place.chmod(0o600 | bits)

    return put


def others(place: Path, outside: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip(NO_ROOT)
    shutil.copy(outside, place)
    place.chmod(0o600)
    os.chown(place, NOBODY, NOBODY)


FAULTS: dict[str, Callable[[Path, Path], None]] = {
    "pipe": pipe, "zeros": zeros, "link": link, "folder": folder, "holes": holes,
    "open to the group": opened(0o020), "open to all": opened(0o002), "another's": others,
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, str, str]:
    """Return a tree with every file there is, and the ids of its payment and its product."""
    root = tmp_path_factory.mktemp("made") / "tree"
    root.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        from tests.support.cli import Runner

        patch.setenv("PAYMENT_ROOT", str(root))
        patch.setenv("PAYMENT_DOMAIN", "demo")
        pay, payment = Runner("pay", patch), Runner("payment", patch)
        payment("store", "init", "demo")
        pay("sandbox", "init", "--port", 1)
        payment("web", "token", "--role", "cashier")
        payment("notify", "key")
        home = root / "home/demo"
        payment("store", "set", "edit_every", 0)
        cup = payment("w", "add", "-nm", "cup-01", "--title", "Cup", "--price", "1").json["id"]
        payment("w", "set", cup, "{w_nm:'Blue cup'}")
        for place, text in {
            root / "etc/payment.toml": "lock_timeout_s = 1\n",
            home / ".store/i18n/en.json": "{}",
            home / ".store/store_logo.jpg": "no picture",
            home / ".payment/callback/after": "true\n",
            home / ".payment/hook/order.paid": "true\n",
            root / ".journal/wxpay-certificates/demo@sandbox-cert.json": "{}",
            root / ".journal/refused.count": "",
            root / ".sandbox/server.json": '{"url": "http://127.0.0.1:1", "pid": 1}',
            root / ".sandbox/token": "x",
        }.items():
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.write_text(text)
            place.chmod(0o600)
        words = ("create", "-br", "x", "-bu", "walnut:ann", "-fee", 1, "-callback", "after")
        made = pay(*words).json["id"]
    return root, made, cup


@pytest.fixture
def tree(made, tmp_path, monkeypatch) -> Path:
    root = tmp_path / "tree"
    shutil.copytree(made[0], root, symlinks=True)
    monkeypatch.setenv("PAYMENT_ROOT", str(root))
    monkeypatch.setenv("PAYMENT_DOMAIN", "demo")
    return root


@pytest.fixture
def bounded():
    """Fail, and don't hang or fill the machine."""

    def too_long(_number, _frame):
        raise AssertionError(f"no answer in {PATIENCE_S} s")

    before = signal.signal(signal.SIGALRM, too_long)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, limits[1]))
    signal.alarm(PATIENCE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    resource.setrlimit(resource.RLIMIT_AS, limits)


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode)
        if path.is_file()
        else (b"", path.stat().st_mode)
        for path in folder.rglob("*")
    }


def asked(words: tuple[str, ...], made, capsys) -> tuple[int, str]:
    named = {"PAY": made[1], "CUP": made[2]}
    capsys.readouterr()
    program, *rest = [named.get(word, word) for word in words]
    code = run(program, rest)
    return code, capsys.readouterr().err


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.path}-{place.words[1]}")
@pytest.mark.usefixtures("bounded")
def test_a_file_that_must_not_be_believed_is_not(tree, made, tmp_path, capsys, place, fault):
    path = tree / place.path.replace("PAY", made[1]).replace("CUP", made[2])
    outside = tmp_path / "outside"
    outside.mkdir()
    kept = outside / path.name
    if path.exists():
        shutil.move(path, kept)
    else:  # SQLite removed it with its last connection
        kept.write_bytes(b"")
    FAULTS[fault](path, kept)
    before = snapshot(outside)
    code, said = asked(place.words, made, capsys)
    assert snapshot(outside) == before
    assert code in DOCUMENTED, said
    if code:
        assert said
        assert len(said.splitlines()[-1]) < 400
        assert "e.pay.bug" not in said
    if place.is_needed and not (fault == "link" and place.may_be_link):
        assert code in (32, 40), said
        assert path.name in said.splitlines()[-1]


FOLDERS = [
    ("etc", ("pay", "query")),
    ("home", CREATE),
    ("home/demo/.store", ("payment", "w", "add", "-nm", "pot", "--title", "Pot", "--price", "1")),
    ("home/demo/.store", ("payment", "store", "set", "title", "Tea")),
    ("home/demo/.store/thing", ("payment", "w", "add", "-nm", "a", "--title", "P", "--price", "1")),
    ("home/demo/.payment", ("payment", "web", "token", "--role", "cashier")),
    ("home/demo/.payment", ("payment", "web", "rotate")),
    ("home/demo/.payment", ("payment", "notify", "key", "--rotate")),
    ("home/demo/.payment", ("pay", "sandbox", "init")),
    ("home/demo/.payment/wxpay", ("pay", "sandbox", "init")),
    ("home/demo/.payment/wxpay/sandbox", ("pay", "sandbox", "init")),
    ("home/demo/.payment/wxpay", ("pay", "send", "PAY", "wx.qrcode", "sandbox")),
    ("home/demo/.payment/callback", (*CREATE, "-callback", "after")),
    ("var/payment", CREATE),
    (".journal", CREATE),
    (".sandbox", ("pay", "sandbox", "init")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "words"), FOLDERS)
@pytest.mark.usefixtures("bounded")
def test_a_folder_that_leads_out_of_the_tree_is_not_entered(
    tree, made, tmp_path, capsys, name, words
):
    outside = tmp_path / "outside"
    shutil.move(tree / name, outside)
    (tree / name).symlink_to(outside)
    before = snapshot(outside)
    code, said = asked(words, made, capsys)
    assert code in (32, 40), said
    assert snapshot(outside) == before
    assert not list(tmp_path.rglob("pot*"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", ("pay", "query")),
        ("etc", ("pay", "query")),
        ("home", CREATE),
        ("home/demo", CREATE),
        ("home/demo/.store", CREATE),
        ("home/demo/.payment", ("payment", "notify", "key")),
        ("home/demo/.payment/wxpay/sandbox", ("pay", "send", "PAY", "wx.qrcode", "sandbox")),
        ("home/demo/.payment/callback", (*CREATE, "-callback", "after")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("bits", [0o020, 0o002])
def test_what_is_in_a_folder_that_others_can_write_to_is_not_believed(
    tree, made, capsys, name, words, bits
):
    (tree / name).chmod(0o700 | bits)
    code, said = asked(words, made, capsys)
    assert (code, "others can write to it" in said) == (40, True), said


def test_a_real_home_and_a_secret_may_be_elsewhere(tree, made, tmp_path, capsys):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    home = tree / "home/demo"
    for name in (".payment/web.key", ".payment/wxpay/sandbox/merchant_key.pem"):
        kept = secrets / Path(name).name
        shutil.move(home / name, kept)
        (home / name).symlink_to(kept)
    shutil.move(home, tmp_path / "ann")
    home.symlink_to(tmp_path / "ann")
    if os.geteuid() == 0:
        for path in [tmp_path / "ann", *(tmp_path / "ann").rglob("*")]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    assert asked(("payment", "web", "token", "--role", "cashier"), made, capsys)[0] == 0
    code, said = asked(("pay", "send", made[1], "wx.qrcode", "sandbox"), made, capsys)
    assert (code, "reached" in said) == (23, True), said


@pytest.mark.parametrize(
    "name", sorted({p.path for p in PLACES if p.is_needed and not p.path.startswith(".")})
)
def test_the_doctor_names_what_others_can_write_to(tree, made, capsys, name):
    (tree / name).chmod(0o622)
    code = run("payment", ["doctor", "--problems"])
    found = capsys.readouterr()
    assert code == 40, found.out
    assert Path(name).name in found.out
