"""What is damaged and not needed stops nothing, and is told once: sweeps beside broken rows."""

import sqlite3

import pytest

from payment_cli.cli.main import run
from payment_cli.services.follow_up import Followed, FollowUp
from tests.support.shop_cli import run_later

#: What becomes of a row of the journal.
HARMS = {
    "cut": "substr(doc, 1, 20)",
    "no record": "'[]'",
    "a blob": "x'ff00'",
    "no text": "CAST(x'7b22ff' AS TEXT)",
}

#: What cron calls, and a kind of record that it asks for.
SWEEPS = [
    (("pay", "check", "--pending"), "payment"),
    (("payment", "tick"), "order"),
    (("payment", "tick"), "payment"),
]


@pytest.fixture(autouse=True)
def _only_flat_questions():
    """Over a row that is no JSON its whole kind is read, to name what answers lack."""


def harm(root, harm, kind, record_id=""):
    """Damage the rows of a kind, or that of `record_id`; return what mends them."""
    with sqlite3.connect(root / ".journal/payment.db") as conn:
        which = (kind, record_id or "%")
        rows = conn.execute("SELECT doc, n FROM records WHERE kind = ? AND id LIKE ?", which)
        kept = rows.fetchall()
        assert kept
        conn.execute(f"UPDATE records SET doc = {HARMS[harm]} WHERE kind = ? AND id LIKE ?", which)
    conn.close()

    def mend():
        with sqlite3.connect(root / ".journal/payment.db") as conn:
            conn.executemany("UPDATE records SET doc = ? WHERE n = ?", kept)
        conn.close()

    return mend


@pytest.fixture
def a_shop(payment, pay, shop, root):
    """A shop with an order, and a free payment whose script is due."""
    payment("w", "add", "-nm", "cup", "--title", "C", "--price", 5)
    payment("o", "create", "--anonymous", "--item", "cup")
    script = root / "home/demo/.payment/callback/after"
    script.parent.mkdir(parents=True)
    script.write_text("true\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FollowUp, "wait", lambda _self, payment: Followed(payment, False))
        pay("create", "-fee", 0, "-callback", "after")


@pytest.fixture
def swept(root, monkeypatch, capsys):
    """`swept(words, minutes)` runs a sweep that much later; returns its exit code and stderr."""

    def sweep(words, minutes):
        run_later(monkeypatch, minutes)
        capsys.readouterr()
        code = run(words[0], list(words[1:]))
        return code, capsys.readouterr().err

    return sweep


@pytest.mark.parametrize("harmed", HARMS)
@pytest.mark.parametrize(("words", "kind"), SWEEPS)
@pytest.mark.usefixtures("a_shop")
def test_a_sweep_that_meets_damaged_rows_speaks_once_and_exits_24_until_they_are_mended(
    root, swept, words, kind, harmed
):
    mended = harm(root, harmed, kind)
    code, said = swept(words, 20)
    assert (code, said.count("damaged in the journal")) == (24, 1), said
    assert said.count("\n") == 1
    assert [swept(words, minutes) for minutes in (21, 22)] == [(24, ""), (24, "")]
    mended()
    assert swept(words, 23)[0] == 0
    assert swept(words, 24) == (0, "")


@pytest.mark.usefixtures("a_shop")
def test_beside_a_damaged_order_the_others_end(root, payment, monkeypatch):
    other = payment("o", "create", "--anonymous", "--item", "cup").json["id"]
    third = payment("o", "create", "--anonymous", "--item", "cup").json["id"]
    harm(root, "cut", "order", other)
    run_later(monkeypatch, 20)
    assert third in payment("tick", exit_code=24).json["cancelled"]
    doctor = payment("doctor", "--as", "root", exit_code=40)
    assert f"order {other}" in doctor.text
