"""What is damaged and not needed stops nothing, and is told once: sweeps beside broken rows."""

import sqlite3

import pytest

from payment_cli.app import App
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
    (("payment", "notify", "drain"), "notice"),
    (("payment", "hook", "drain"), "outbox"),
]


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
    for name in ("callback/after", "hook/order.cancelled"):
        script = root / "home/demo/.payment" / name
        script.parent.mkdir(parents=True)
        script.write_text("true\n")
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/payment.toml").write_text("allow_private_webhooks = true\n")
    payment("notify", "key")
    payment("store", "set", "webhook_url", "http://127.0.0.1:1/")  # where nobody is
    ended = payment("o", "create", "--anonymous", "--item", "cup").json["id"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(App, "start", lambda _app, *_words: None)
        payment("o", "cancel", ended, "--reason", "x")
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


@pytest.mark.parametrize(
    ("words", "kind", "harmed"),
    [
        (words, kind, harmed)
        for words, kind in SWEEPS
        for harmed in HARMS
        # What is due in the outbox is found by its JSON: `[]` is like a row that owes nothing.
        if (kind, harmed) != ("outbox", "no record")
    ],
)
@pytest.mark.usefixtures("a_shop")
def test_a_sweep_that_meets_damaged_rows_speaks_once_and_exits_24_until_they_are_mended(
    root, swept, words, kind, harmed
):
    mended = harm(root, harmed, kind)
    code, said = swept(words, 20)
    assert (code, "damaged in the journal" in said) == (24, True), said
    assert said.count("\n") == 1
    assert [swept(words, minutes) for minutes in (21, 22)] == [(24, ""), (24, "")]
    mended()
    assert swept(words, 23)[0] == 0
    assert swept(words, 24) == (0, "")


@pytest.mark.usefixtures("a_shop")
def test_scripts_run_by_hand_beside_a_damaged_payment_run_and_it_is_named(root, pay, swept):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FollowUp, "wait", lambda _self, payment: Followed(payment, False))
        made = pay("create", "-fee", 0, "-callback", "after").json["id"]
        other = pay("create", "-fee", 0, "-callback", "after").json["id"]
    harm(root, "cut", "payment", other)
    code, said = swept(("pay", "apply", "--due"), 1)
    assert (code, said) == (24, f"pay: payment {other} is damaged in the journal, and left out\n")
    assert pay("get", made).json["apply_st"] == "done"


@pytest.mark.usefixtures("a_shop")
def test_beside_a_damaged_order_the_others_end(root, payment, monkeypatch):
    other = payment("o", "create", "--anonymous", "--item", "cup").json["id"]
    third = payment("o", "create", "--anonymous", "--item", "cup").json["id"]
    harm(root, "cut", "order", other)
    run_later(monkeypatch, 20)
    assert third in payment("tick", exit_code=24).json["cancelled"]
    doctor = payment("doctor", "--as", "root", exit_code=40)
    assert f"order {other}" in doctor.text


@pytest.mark.usefixtures("a_shop")
def test_of_damaged_payments_each_store_is_told_its_own(root, payment, pay):
    payment("store", "init", "redfox", "--as", "root")
    theirs = pay("create", "-fee", 5, "-br", "x", "--as", "redfox").json["id"]
    ours = pay("create", "-fee", 5, "-br", "x").json["id"]
    for one in (theirs, ours):
        harm(root, "cut", "payment", one)
    for caller, told in (("demo", [ours]), ("redfox", [theirs]), ("root", [ours, theirs])):
        said = pay("query", "--as", caller, exit_code=32).err
        assert [one for one in (ours, theirs) if one in said] == told
