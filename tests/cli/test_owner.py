"""Only the owner of the root folder writes below it; whoever may read it reads."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.lacks import needs_root

OTHER = 54_321


def become_somebody_else(monkeypatch, root):
    stranger = root.stat().st_uid + OTHER
    monkeypatch.setattr("os.geteuid", lambda: stranger)
    return f"#{stranger}"


def picture(root):
    """Every file with what is in it and whose it is, but for what SQLite keeps beside its own."""
    return {
        str(place): (place.lstat().st_uid, place.is_file() and place.read_bytes())
        for place in root.rglob("*")
        if not place.name.endswith(("-shm", "-wal"))
    }


@pytest.fixture
def made(pay, shop):
    return pay("create", "-fee", 2300).json["id"]


@pytest.mark.parametrize(
    "words",
    [
        ("pay", "create", "-fee", 1),
        ("pay", "close", "ID"),
        ("pay", "send", "ID", "wx.qrcode", "main"),
        ("pay", "sandbox", "init"),
        ("payment", "store", "set", "title", "Mine"),
        ("payment", "store", "init", "other", "--as", "root"),
        ("payment", "w", "add", "-nm", "cup", "--title", "Cup", "--price", "1"),
        ("payment", "web", "rotate"),
        ("payment", "web", "token", "--buyer", "li"),
        ("pay", "apply", "--due"),
        ("pay", "check", "--pending"),
        ("payment", "fsck", "--rebuild"),
        ("payment", "fsck", "--restore"),
        ("payment", "fsck", "--adopt"),
        ("payment", "tick"),
        ("payment", "serve", "--port", 0),
        ("payment", "hook", "drain"),
        ("payment", "notify", "drain"),
    ],
    ids=lambda words: " ".join(map(str, words[:3])),
)
def test_nobody_but_the_owner_writes(pay, payment, monkeypatch, root, made, words):
    caller = become_somebody_else(monkeypatch, root)
    before = picture(root)
    program, *rest = [made if word == "ID" else word for word in words]
    ran = {"pay": pay, "payment": payment}[program](*rest, exit_code=40)
    assert f"{root} belongs to the user " in ran.err
    assert f"and you are {caller}" in ran.err
    assert "sudo -u " in ran.err
    assert picture(root) == before


def test_whoever_may_read_reads(pay, payment, monkeypatch, root, made):
    before = picture(root)
    become_somebody_else(monkeypatch, root)
    assert pay("get", made).json["fee"] == 2300
    assert pay("get", made[-8:]).json["fee"] == 2300
    assert pay("query").json[0]["id"] == made
    assert len(payment("store", "list").json) == 1
    assert payment("fsck").json == []
    assert picture(root) == before


def test_nobody_speaks_to_a_provider_who_can_not_record_what_it_says(
    pay, new, sandboxed, monkeypatch
):
    pay("send", new, "wx.qrcode", "sandbox")
    asked = len(sandboxed.sandbox.sandbox.control.ledger()["requests"])
    become_somebody_else(monkeypatch, sandboxed.root)
    for verb in ("close", "check"):
        assert "belongs to the user" in pay(verb, new, exit_code=40).err
    assert len(sandboxed.sandbox.sandbox.control.ledger()["requests"]) == asked


def test_the_doctor_names_both_users(payment, monkeypatch, root, made):
    caller = become_somebody_else(monkeypatch, root)
    told = [row for row in payment("doctor", exit_code=40).json if row["level"] == "error"]
    assert any(caller in row["sentence"] and "sudo -u" in row["hint"] for row in told)


def test_who_makes_the_root_owns_it(payment, root):
    payment("store", "init", "demo", "--root", root / "new")
    assert (root / "new").stat().st_uid == os.geteuid()


@needs_root
def test_roots_cron_writes_nothing_into_the_tree_of_a_server(root, made):
    """In real processes: root, whom no permission stops, and a tree that is another user's."""
    for place in (root, *root.rglob("*")):
        os.chown(place, OTHER, OTHER, follow_symlinks=False)
    env = {**os.environ, "PAYMENT_ROOT": str(root), "PAYMENT_DOMAIN": "demo"}

    def run(*words):
        command = [sys.executable, "-m", "payment_cli.cli.main", "pay", *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    for words in (("create", "-fee", "1"), ("close", made)):
        ran = run(*words)
        assert ran.returncode == 40
        assert f"belongs to the user #{OTHER}, and you are root" in ran.stderr
        assert f"sudo -u '#{OTHER}' COMMAND" in ran.stderr
    assert json.loads(run("get", made).stdout)["fee"] == 2300
    assert json.loads(run("query").stdout)[0]["id"] == made
    assert {place.lstat().st_uid for place in root.rglob("*")} == {OTHER}
