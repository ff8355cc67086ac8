"""A tree and its journal moved under a running server: every acknowledged callback is found.

gunicorn with processes and threads, and callbacks that come in while things are moved. A provider
delivers again what was not acknowledged, so in the end all of them are in the tree at the path.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from payment_cli.app import App
from payment_cli.storage.tree.backup import backup_tree
from payment_cli.storage.tree.fsck import check_tree
from tests.support.cli import Runner
from tests.support.receiver import Delivery
from tests.support.sandbox_shop import sandbox_shop
from tests.support.tree_shop import fast_disk
from tests.support.web_server import WebServer, web_server

pytestmark = pytest.mark.slow

COUNT = 40


@dataclass
class Callbacks:
    """Deliveries of a provider: the payments that each is about, and which were acknowledged."""

    server: WebServer
    deliveries: dict[str, Delivery]
    acknowledged: list[str] = field(default_factory=list)

    def deliver(self, payment_id: str) -> bool:
        one = self.deliveries[payment_id]
        headers = {k: v for k, v in one.headers.items() if k not in ("host", "content-length")}
        url = f"{self.server.url}{one.path}"
        answer = requests.post(url, data=one.body, headers=headers, timeout=30)
        if answer.status_code in (200, 204):
            self.acknowledged.append(payment_id)
            return True
        assert answer.status_code >= 400
        return False


@dataclass
class Served:
    """A served tree, the same tree as it is in a backup, and callbacks that are due."""

    root: Path
    backup: Path
    callbacks: Callbacks

    @property
    def ids(self) -> list[str]:
        return list(self.callbacks.deliveries)

    def paid(self, root: Path, ids: list[str]) -> set[str]:
        """What of `ids` a process that starts now finds to be paid."""
        app = App(root, "demo", {})
        found = {one for one in ids if app.payments.get(one).st == "OK"}
        app.close()
        return found


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with fast_disk() as place, ExitStack() as stack:
        root = place / "tree"
        root.mkdir(mode=0o700)
        shop = stack.enter_context(sandbox_shop(root))
        monkeypatch.setenv("PAYMENT_ROOT", str(root))
        monkeypatch.setenv("PAYMENT_DOMAIN", "demo")
        pay = Runner("pay", monkeypatch)
        ids = [pay("create", "-fee", 2300).json["id"] for _ in range(COUNT)]
        deliveries = {}
        for payment_id in ids:
            pay("send", payment_id, "wx.qrcode", "sandbox")
            deliveries[payment_id] = shop.callback(pay, payment_id)
        backup_tree(root, place / "backup")
        server = stack.enter_context(
            web_server(root, place / "server.log", "payment_cli.web.shim:application")
        )
        callbacks = Callbacks(server, deliveries)
        for payment_id in ids[:16]:  # so that every worker has the tree open
            assert callbacks.deliver(payment_id)
        yield Served(root, place / "backup", callbacks)


def put_backup_there(served: Served) -> None:
    served.root.rename(served.root.with_name("moved"))
    served.backup.rename(served.root)


def put_backup_journal_there(served: Served) -> None:
    """The journal alone: the files of what was paid since the backup are newer than it."""
    (served.root / ".journal").rename(served.root.with_name("moved"))
    (served.backup / ".journal").rename(served.root / ".journal")


@pytest.mark.parametrize("put", [put_backup_there, put_backup_journal_there])
def test_what_is_acknowledged_after_the_move_is_in_the_tree_at_the_path(
    served: Served, put: Callable[[Served], None]
) -> None:
    put(served)
    late = served.ids[16:]
    for payment_id in late:
        assert served.callbacks.deliver(payment_id)
    assert served.paid(served.root, late) == set(late)
    kinds = {one.kind for one in check_tree(served.root).differences}
    assert kinds <= ({"edited"} if put is put_backup_journal_there else set())


def test_callbacks_that_come_while_the_tree_is_moved_are_acknowledged_where_they_are(
    served: Served,
) -> None:
    """None is acknowledged without being in the old tree, if it was there, or in the new one."""
    todo = deque(served.ids[16:])
    half, moved_at = threading.Barrier(7), threading.Event()
    begun_later: set[str] = set()

    def provider(count: int) -> None:
        for number in range(count):
            if number == 1:
                half.wait()
            payment_id, is_later = todo.popleft(), moved_at.is_set()
            while not served.callbacks.deliver(payment_id):
                is_later = moved_at.is_set()
            if is_later:
                begun_later.add(payment_id)

    threads = [threading.Thread(target=provider, args=(4,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    half.wait()
    put_backup_there(served)
    moved_at.set()
    for thread in threads:
        thread.join()
    assert begun_later, "callbacks came after the move as well"
    here = served.paid(served.root, served.ids)
    moved = served.paid(served.root.with_name("moved"), served.ids)
    assert begun_later <= here
    assert set(served.callbacks.acknowledged) == here | moved == set(served.ids)
    assert check_tree(served.root).is_clean


@pytest.mark.parametrize("what", [".", ".journal"])
def test_nothing_is_acknowledged_while_it_is_away_and_all_when_it_is_back(
    served: Served, what: str
) -> None:
    place = served.root if what == "." else served.root / what
    away = served.root.with_name("away")
    place.rename(away)
    late = served.ids[16:]
    for payment_id in late[:8]:
        assert not served.callbacks.deliver(payment_id)
    assert not place.exists(), "nothing is made where it was"
    away.rename(place)
    for payment_id in late:
        assert served.callbacks.deliver(payment_id)
    assert served.paid(served.root, served.ids) == set(served.ids)
    assert check_tree(served.root).is_clean
