"""`payment notify` as a whole: a real tree, real processes, a real receiver on this machine."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from payment_cli.app import App, open_app
from payment_cli.clock import system_clock
from payment_cli.model.events.notice import CLAIM_MS
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.orders import Buying
from tests.support.cli import Runner
from tests.support.http_server import Heard, Said, ScriptedServer, scripted_server

KEY_PLACE = "home/demo/.payment/webhook.key"


@pytest.fixture
def receiver() -> Iterator[ScriptedServer]:
    with scripted_server() as script:
        yield script


@pytest.fixture
def store(shop, payment: Runner, root: Path, receiver: ScriptedServer) -> App:
    """The store `demo`, its webhook at the receiver, which it may reach on this machine."""
    (root / "etc").mkdir()
    (root / "etc/payment.toml").write_text("allow_private_webhooks = true\n")
    payment("notify", "key")
    app = open_app(str(root), "demo")
    app.shop.settings.set("demo", "webhook_url", f"{receiver.url}/hook?token=url-canary")
    return app


def end_orders(app: App, count: int = 1) -> list[str]:
    """Make orders and cancel them; return their ids. Each owes a notice."""
    cup = app.shop.goods.add({"w_nm": "Cup", "w_price": 3})
    ended = []
    for _ in range(count):
        order = app.shop.orders.create(_one(cup.id), Buying("u1"))
        ended.append(app.shop.order_payments.cancel(order.id, "x").id)
    return ended


def order_of_nothing(app: App) -> str:
    """Make an order that costs nothing; return its id."""
    gift = app.shop.goods.add({"w_nm": "Gift", "w_price": 0})
    return app.shop.orders.create(_one(gift.id), Buying("u1")).id


def pay_order(app: App) -> str:
    """Let an order of nothing be paid; return its id."""
    order_id = order_of_nothing(app)
    app.shop.order_payments.pay(order_id, Paying())
    return order_id


def _one(product_id: str) -> OrderInput:
    return OrderInput.from_document({"products": [{"id": product_id, "amount": 1}]})


#: `payment notify drain`, held back until somebody says go.
HELD_DRAIN = """
import sys
from payment_cli.cli import main
from payment_cli.cli.payment import notify
from payment_cli.webhooks import sender
print("ready", flush=True)
sys.stdin.readline()
sys.exit(main.run("payment", ["notify", "drain", "-c", *sys.argv[1:]]))
"""


def held_drain(root: Path) -> "subprocess.Popen[str]":
    """Start a process that is about to drain; return it when it is ready."""
    drain = subprocess.Popen(
        [sys.executable, "-c", HELD_DRAIN, "--root", str(root), "--as", "demo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert drain.stdout is not None
    assert drain.stdout.readline() == "ready\n"
    return drain


def key_of(root: Path) -> str:
    return (root / KEY_PLACE).read_text().splitlines()[0]


def event_ids(receiver: ScriptedServer) -> list[str]:
    return [heard.headers["webhook-id"] for heard in receiver.heard]


def test_a_paid_order_reaches_the_receiver_and_a_stranger_can_verify_it(
    store, payment, root, receiver
) -> None:
    order_id = pay_order(store)
    assert receiver.heard == []
    assert payment("notify", "drain").json == {
        "delivered": 1, "waiting": 0, "failed": 0, "errors": []
    }  # fmt: skip
    [heard] = receiver.heard
    assert (heard.method, heard.target) == ("POST", "/hook?token=url-canary")
    scope: dict = {}
    exec((Path(__file__).parents[3] / "examples/verify_webhook.py").read_text(), scope)
    event = scope["verify"](key_of(root), heard.headers, heard.body)
    assert event == Webhook(key_of(root)).verify(heard.body, dict(heard.headers))
    assert event["id"] == heard.headers["webhook-id"]
    assert (event["type"], event["data"]["order_id"]) == ("order.paid", order_id)
    assert (event["data"]["fee"], event["data"]["currency"]) == (0, "CNY")
    assert payment("notify", "list").json == []
    assert store.shop.orders.get(order_id).history[-1]["what"] == "notified"


def test_a_paid_order_is_told_by_a_process_that_nobody_waits_for(store, payment, receiver) -> None:
    command_ended, told = threading.Event(), threading.Event()
    ended_first: list[bool] = []

    def answer(_heard: Heard) -> Said:
        ended_first.append(command_ended.wait(4))
        told.set()
        return Said()

    receiver.answer = answer
    order_id = order_of_nothing(store)
    assert payment("p", "pay", order_id).json["status"] == "OK"
    command_ended.set()
    assert told.wait(30)
    assert ended_first == [True]
    assert json.loads(receiver.heard[0].body)["data"]["order_id"] == order_id


def test_tick_delivers_what_is_due(store, payment, receiver) -> None:
    end_orders(store, 2)
    receiver.says(Said(500), Said(200))
    ticked = payment("tick").json
    assert (ticked["notices"], ticked["notices_missed"], ticked["errors"]) == (1, 1, [])


def test_list_shows_what_is_owed_and_the_last_answer(store, payment, receiver) -> None:
    receiver.says(Said(500, b"no\x1b[31m room"))
    [order_id] = end_orders(store)
    payment("notify", "drain")
    [row] = payment("notify", "list", "-st", "waiting").json
    assert (row["what"], row["or_id"], row["tries"]) == ("order.cancelled", order_id, 1)
    assert (row["code"], row["re"]) == (500, "no [31m room")
    table = payment("notify", "list", "-bish", "-t", "what,code,next_at:time").text
    assert "order.cancelled" in table
    assert payment("notify", "list", "-st", "failed").json == []
    assert payment("notify", "list", "-match", "{code:500}", "-pager").json["pager"]["sum"] == 1


def test_retry_prints_the_notice_as_it_came_out(store, payment, receiver) -> None:
    receiver.says(Said(503, b"busy"), Said(503, b"busy"), Said(204))
    end_orders(store)
    payment("notify", "drain")
    [row] = payment("notify", "list").json
    ran = payment("notify", "retry", row["id"][-8:], exit_code=23)
    assert (ran.json["st"], ran.json["tries"]) == ("waiting", 1)
    assert ran.err == f"payment: e.pay.refused: notice {row['id']} was not taken: 503 busy\n"
    assert payment("notify", "retry", row["id"]).json["st"] == "delivered"
    assert set(event_ids(receiver)) == {row["id"]}
    payment("notify", "retry", row["id"], exit_code=10)


def test_without_leave_this_machine_is_not_reached(store, payment, root, receiver) -> None:
    (root / "etc/payment.toml").unlink()
    end_orders(store)
    assert payment("notify", "drain").json["waiting"] == 1
    [row] = payment("notify", "list").json
    assert "not public" in row["re"]
    assert receiver.connections == 0


def test_key_says_where_it_is_and_what_was_done(store, payment, root) -> None:
    path = root / KEY_PLACE
    first = path.read_text()
    facts = {"store": "demo", "file": str(path), "keys": 1, "done": "kept"}
    assert payment("notify", "key").json == facts
    assert path.read_text() == first
    assert payment("notify", "key", "--rotate").json == {**facts, "keys": 2, "done": "rotated"}
    assert payment("notify", "key", "--retire").json == {**facts, "done": "retired"}
    assert path.read_text() != first
    payment("notify", "key", "--rotate", "--retire", exit_code=2)
    payment("notify", "key", "--store", "nobody", "--as", "root", exit_code=10)
    payment("notify", "key", "--store", "demo", "--as", "other", exit_code=10)


def test_a_rotated_key_signs_beside_the_old_one(store, payment, root, receiver) -> None:
    old = key_of(root)
    payment("notify", "key", "--rotate")
    end_orders(store)
    payment("notify", "drain")
    [heard] = receiver.heard
    for key in (old, key_of(root)):
        Webhook(key).verify(heard.body, dict(heard.headers))
    payment("notify", "key", "--rotate")
    with pytest.raises(WebhookVerificationError):
        Webhook(key_of(root)).verify(heard.body, dict(heard.headers))


def test_the_key_is_nowhere_but_in_its_file(store, payment, root, receiver) -> None:
    receiver.answer = lambda heard: Said(500, json.dumps(dict(heard.headers)).encode())
    pay_order(store)
    ran = [payment("notify", "key", "--rotate", "--debug"), payment("notify", "drain", "--debug")]
    [row] = payment("notify", "list").json
    ran.append(payment("notify", "list", "-H", "-n"))
    ran.append(payment("notify", "retry", row["id"], "--debug", exit_code=23))
    path = root / KEY_PLACE
    secrets = [line.removeprefix("whsec_").encode() for line in path.read_bytes().decode().split()]
    assert len(secrets) == 2
    path.write_text(path.read_text().replace("=", ""))
    ran.append(payment("notify", "key", "--debug", exit_code=40))
    store.close()
    seen = [part for one in ran for part in (one.out, one.err.encode())]
    seen += [file.read_bytes() for file in root.rglob("*") if file.is_file() and file != path]
    seen += [repr(heard).encode() for heard in receiver.heard]
    assert not [text for text in seen for secret in secrets if secret.rstrip(b"=") in text]
    printed = b"".join(part for one in ran for part in (one.out, one.err.encode()))
    assert b"url-canary" not in printed


def test_killed_between_claim_and_record_it_is_delivered_again_under_the_same_id(
    store, payment, root, receiver
) -> None:
    end_orders(store)
    killed: list[int] = []

    def kill(_heard: Heard) -> Said:
        os.kill(child.pid, signal.SIGKILL)
        killed.append(child.wait())
        return Said()

    receiver.answer = kill
    child = held_drain(root)
    child.communicate("go", timeout=30)
    assert killed == [-signal.SIGKILL]
    receiver.says(Said())
    [row] = payment("notify", "list").json
    assert (row["st"], row["tries"]) == ("waiting", 1)
    assert payment("notify", "drain").json["delivered"] == 0
    payment("notify", "retry", row["id"], exit_code=12)
    later = App(root, "demo", clock=lambda: system_clock() + CLAIM_MS + 1000)
    assert later.shop.notices.drain(10).delivered == 1
    later.close()
    assert event_ids(receiver) == [row["id"], row["id"]]
    assert payment("fsck").json == []


def test_drains_of_several_processes_deliver_each_notice_once(store, root, receiver) -> None:
    end_orders(store, 12)
    both_are_at_work = threading.Barrier(2)

    def answer(_heard: Heard) -> Said:
        if len(receiver.heard) <= 2:
            both_are_at_work.wait(4)
        return Said()

    receiver.answer = answer
    drains = [held_drain(root) for _ in range(2)]
    for drain in drains:
        assert drain.stdin is not None
        drain.stdin.write("go\n")
        drain.stdin.flush()
    done = [json.loads(drain.communicate(timeout=60)[0]) for drain in drains]
    assert [drain.returncode for drain in drains] == [0, 0]
    assert sorted(set(event_ids(receiver))) == sorted(event_ids(receiver))
    assert len(receiver.heard) == 12
    assert sum(one["delivered"] for one in done) == 12
    assert all(one["delivered"] for one in done)


def test_a_notice_edited_by_hand_is_named_and_not_sent(store, payment, root, receiver) -> None:
    end_orders(store, 2)
    edited, whole = payment("notify", "list", "-sort", "id:1").json
    path = root / "var/notice" / f"{edited['id']}.json"
    path.write_text(path.read_text().replace("order.cancelled", "order.paid"))
    ran = payment("notify", "drain", exit_code=24)
    assert ran.json["delivered"] == 1
    assert [error["id"] for error in ran.json["errors"]] == [edited["id"]]
    assert event_ids(receiver) == [whole["id"]]
