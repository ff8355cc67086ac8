"""`payment hook`: scripts of a store for its events, run for real."""

import json

import pytest

from payment_cli.app import App

#: What a buyer may write; nothing of it is a program.
NAME = "$(touch pwned) `id`; 李雷"


@pytest.fixture
def started(monkeypatch):
    """The commands that would have been started in processes of their own."""
    words: list[tuple[str, ...]] = []
    monkeypatch.setattr(App, "start", lambda _app, *command: words.append(command))
    return words


@pytest.fixture
def shipped_hook(root):
    """Write the store's script for order.shipped, in the shell unless told otherwise."""

    def write(text: str, name: str = "order.shipped") -> None:
        folder = root / "home/demo/.payment/hook"
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        (folder / name).write_text(text)

    return write


@pytest.fixture
def order(payment, shop, started):
    """A paid order with the buyer's contact."""
    payment("w", "add", "-nm", "gift", "--title", "Gift", "--price", 0)
    words = ("--country", "CN", "--code", "110108", "--phone", "13800138000")
    payment("address", "add", "--buyer", "li", *words, "--street", "1 Road", "--consignee", NAME)
    made = payment("o", "create", "--buyer", "li", "--item", "gift").json["id"]
    payment("p", "pay", made)
    return made


def test_a_hook_gets_the_event_as_variables_and_json_and_nothing_is_shell_text(
    payment, order, started, shipped_hook, root
):
    shipped_hook(
        'echo "$PAY_EVENT $carrier $PAY_NUMBER $PAY_BUYER_PHONE $buyer_name" >told; cat >json'
    )
    payment("o", "ship", order, "SF", "SF1")
    assert started[-1] == ("payment", "hook", "drain")
    assert payment("hook", "drain").json == {"done": 1, "failed": 0}
    home = root / "home/demo"
    assert (home / "told").read_text() == f"order.shipped SF SF1 13800138000 {NAME}\n"
    document = json.loads((home / "json").read_text())
    assert (document["order_id"], document["status"], document["buyer_name"]) == (order, "SP", NAME)
    assert not (home / "pwned").exists()
    notes = [line["note"] for line in payment("o", "get", order).json["history"] if "note" in line]
    assert notes[-1] == "order.shipped: done"


def test_tick_runs_hooks_and_says_which_failed(payment, order, shipped_hook, root):
    shipped_hook("#!/bin/sh\necho no recipient >&2; exit 3")
    shipped_hook("touch done", "order.done")
    payment("o", "ship", order, "SF", "SF1")
    payment("o", "done", order)
    ticked = payment("tick").json
    assert (ticked["hooks"], ticked["hooks_failed"], ticked["errors"]) == (1, 1, [])
    assert (root / "home/demo/done").exists()
    [failed] = payment("owed", "list").json
    assert (failed["what"], failed["re"]) == ("hook order.shipped", "exit 3: no recipient")
    assert "hook order.shipped of order" in payment("doctor", "--problems").text
    assert "exit 3: no recipient" in payment("hook", "again", failed["id"], exit_code=12).err
    shipped_hook("true")
    payment("hook", "again", failed["id"])
    assert payment("owed", "list").json == []


def test_a_hook_that_failed_is_given_up_by_hand(payment, order, shipped_hook):
    shipped_hook("exit 1")
    payment("o", "ship", order, "SF", "SF1")
    payment("hook", "drain")
    [failed] = payment("owed", "list").json
    assert payment("owed", "drop", failed["id"], "--reason", "told by phone").json["id"]
    assert "no hook" in payment("hook", "again", failed["id"], exit_code=10).err


def test_without_a_hook_nothing_is_started_and_nothing_owed(payment, order, started):
    payment("o", "ship", order, "SF", "SF1")
    assert ("payment", "hook", "drain") not in started
    assert payment("owed", "list", "--all").json == []


def test_a_hook_of_a_name_that_is_no_event_is_told_by_the_doctor(payment, order, shipped_hook):
    shipped_hook("true", "order.shiped")
    found = [row["sentence"] for row in payment("doctor", "--problems").json]
    assert "hook/order.shiped: no event is called so" in found
