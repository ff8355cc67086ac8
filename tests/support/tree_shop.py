"""A shop on a real tree with the real services; only its provider and its time are a test's."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from payment_cli.app import App
from payment_cli.errors import PaymentError
from payment_cli.model.events.notice import Delivery
from payment_cli.model.events.webhook_url import WebhookUrl
from payment_cli.model.money import to_fen
from payment_cli.model.query.match import everything
from payment_cli.model.shop.live import LIVE
from payment_cli.services.events.outbox import BASKET_TAKE, OUTBOX
from payment_cli.services.payments.accounts import Accounts
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.storage.base import Collection, Query
from payment_cli.storage.kinds import kind_of
from tests.support.clock import CountedIds, HandClock
from tests.support.failpoints import run_until_step
from tests.support.lying_gateway import LyingAccounts, LyingGateway
from tests.support.racing import reap
from tests.support.shop_model import FIRST_KG, NEXT_KG

#: Leaves one line a run; `>>` appends, so that runs at the same time both show.
SCRIPT = 'echo "$id" >> "$HOME/runs"\n'

SHEET = {"rules": {"CN": [{
    "ship_code": "000000", "target_code": "000000",
    "first": FIRST_KG / 100, "additional": NEXT_KG / 100,
}]}}  # fmt: skip

#: Where its goods come from, and where they go to.
STORE_PLACE = {"country": "CN", "code": "440304", "street": "1 Road", "phone": "13800138000"}
BUYER_PLACE = {
    "addr_user_country": "CN", "addr_user_code": "110108", "addr_user_door": "2 Road",
    "user_name": "Li", "user_phone": "13800138001",
}  # fmt: skip

#: The pay types of the shop, and the target that each goes to.
SELLERS = {"wx": "main", "zfb": "main"}

PENDING_MAX = 3

#: The events that follow from what a model knows: each is told exactly once.
SURE_EVENTS = ("order.paid", "order.cancelled", "order.expired", "order.shipped", "order.done")

Action = Callable[[App], object]


@contextmanager
def fast_disk() -> Iterator[Path]:
    """A place in memory where there is one: a killed process loses nothing that was written."""
    memory = Path("/dev/shm")
    place = tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None)
    try:
        yield Path(place)
    finally:
        shutil.rmtree(place)


class ScriptedApp(App):
    """The program over accounts that a test made."""

    def __init__(self, *args: Any, given: Accounts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.given = given

    @cached_property
    def accounts(self) -> Accounts:
        return self.given

    def has_target(self, _provider: str, _domain: str, _target: str) -> bool:
        """Say that every account is configured: a test made those there are."""
        return True


class Ear:
    """The store's webhook. What it heard is in a file: it survives what kills the shop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_busy = False

    def send(self, url: WebhookUrl, headers: Mapping[str, str], body: bytes) -> Delivery:
        if self.is_busy:
            return Delivery(503, "busy")
        event = json.loads(body)
        heard = {**self.load(), headers["webhook-id"]: (event["type"], event["data"]["order_id"])}
        self.path.write_text(json.dumps(heard))
        return Delivery(200, "")

    def load(self) -> dict[str, tuple[str, str]]:
        """Each event that it was told, by its id."""
        heard = json.loads(self.path.read_text()) if self.path.exists() else {}
        return {key: (what, order) for key, (what, order) in heard.items()}


class TreeShop:
    """The tree of the merchant `demo` below `place`, and the provider's books beside it."""

    def __init__(self, place: Path) -> None:
        self.root = place / "tree"
        self.clock = HandClock()
        self.gateway = LyingGateway(place / "books.json")
        self.ear = Ear(place / "heard.json")
        self.app = self._open()
        if not self.root.exists():
            self.app.merchants.init("demo")
            self.app.merchants.set("demo", "sellers", json.dumps(SELLERS))
            scripts = self.root / "home/demo/.payment/callback"
            scripts.mkdir(parents=True, mode=0o700)
            (scripts / "after").write_text(SCRIPT)
            self.app.shop.webhook_keys.ensure("demo")
            self.app.shop.addresses.add("", STORE_PLACE)
            for name, value in (
                ("pending_max", str(PENDING_MAX)),
                ("order_callback", "after"),
                ("freight_sheet", json.dumps(SHEET)),
                ("webhook_url", "https://store.example/hook"),
            ):
                self.app.shop.settings.set("demo", name, value)

    def restart(self) -> None:
        self.app.close()
        self.app = self._open()

    def act(self, action: Action, kill_at: int | None) -> str | None:
        """Do it here, or in a process that is killed at its k-th step.

        Return `done`, the name of the error that refused it, or None: it was killed.
        """
        if kill_at is None:
            return _outcome(self.app, action)
        self.app.close()
        said = self.root.parent / "said"
        said.write_text("")

        def work(_acknowledge: Callable[[], None]) -> None:
            app = self._open()
            said.write_text(_outcome(app, action))
            app.close()

        run_until_step(kill_at, work)
        reap()
        self.gateway.reload()
        self.app = self._open()
        return said.read_text() or None

    def seen(self) -> dict[tuple[str, str], Any]:
        """Everything that can be seen of the shop, as ShopModel.view shows it."""
        seen: dict[tuple[str, str], Any] = {}
        for record in self._records("thing", "demo"):
            seen["left", record["id"]] = record["sku"]
        for record in self._records("coupon", "demo"):
            seen["coupon", record["id"]] = (record["cpn_stat"], record["cpn_orid"])
        for record in self._records("discount", "demo"):
            if record["th_live"] == LIVE:
                seen["discount", record["id"]] = True
        for record in self._records("basket", "demo"):
            if record["items"]:
                seen["basket", record["id"]] = record["items"]
        seen |= self._seen_of_money()
        seen["owed", ""] = sorted((buyer, sorted(take.items())) for buyer, take in self.owed())
        seen["events", ""] = sorted(e for e in self.events() if e[0] in SURE_EVENTS)
        return seen

    def _seen_of_money(self) -> dict[tuple[str, str], Any]:
        seen: dict[tuple[str, str], Any] = {}
        for record in self._records(PAYMENTS.kind):
            seen["pay", record["id"]] = (
                record["st"],
                record["flag"],
                record["fee"],
                _trades(record),
                record["apply_st"],
            )
        for record in self._records("order", "demo"):
            paid_by = record["pay_id"] if record["ord_status"] in ("OK", "SP", "DN") else ""
            fee = to_fen(record["fee"], "fee")
            seen["order", record["id"]] = (record["ord_status"], fee, record["pay_ids"], paid_by)
        return seen

    def events(self) -> list[tuple[str, str]]:
        """What was told to the store or is still to be: (event, order), each once."""
        known = self.ear.load()
        for record in self._records("notice"):
            known[record["id"]] = (record["what"], record["or_id"])
        return list(known.values())

    def record_ids(self, kind: str) -> list[str]:
        """The ids of all records of a kind that belongs to no domain."""
        return [str(record["id"]) for record in self._records(kind)]

    def runs(self) -> list[str]:
        """The payments whose script ran, once for each run."""
        place = self.root / "home/demo/runs"
        return place.read_text().splitlines() if place.exists() else []

    def owed(self) -> list[tuple[str, dict[str, int]]]:
        """What the outbox owes to baskets, in the order in which it will be applied."""
        rows: Iterator[dict[str, Any]] = self.app.storage.query(
            OUTBOX, Query(everything(), (("lm", 1),))
        )
        return [
            (row["data"]["buyer"], row["data"]["take"])
            for row in rows
            if row["what"] == BASKET_TAKE
        ]

    def record(self, kind: str, record_id: str) -> dict[str, Any]:
        domain = "demo" if kind_of(kind).has_domain else ""
        return self.app.storage.get(Collection(kind, domain), record_id)

    def _records(self, kind: str, domain: str = "") -> Iterator[dict[str, Any]]:
        """All of a kind. Each must be what is read by its id: files keep up with queries."""
        for record in self.app.storage.query(Collection(kind, domain), Query(everything())):
            assert self.record(kind, str(record["id"])) == record
            yield record

    def _open(self) -> App:
        return ScriptedApp(
            self.root, "demo", {}, self.clock, given=LyingAccounts(self.gateway), new_id=self._ids
        )

    @cached_property
    def _ids(self) -> CountedIds:
        return CountedIds()


def _outcome(app: App, action: Action) -> str:
    try:
        action(app)
    except PaymentError as error:
        return type(error).__name__
    return "done"


def _trades(record: dict[str, Any]) -> set[str]:
    more = [trade["trade_no"] for trade in record.get("double_trades", ())]
    return {record["trade_no"], *more} - {""}
