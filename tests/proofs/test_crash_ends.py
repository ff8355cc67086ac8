"""kill -9 at every step of the commands that end things: what was ended is ended on both sides.

As in test_crash_points.py, which is about the commands that begin them.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from payment_cli.app import App
from payment_cli.clock import system_clock
from payment_cli.model.events.notice import CLAIM_MS
from payment_cli.model.payments.intent import INTENT_MS
from payment_cli.model.query.match import everything
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.orders import Buying
from payment_cli.storage.base import Collection, Query
from payment_cli.storage.tree.fsck import check_tree
from tests.support.crash_proof import Proof, each_step, goods, payments, printed, state_of
from tests.support.http_server import ScriptedServer, scripted_server
from tests.support.killing import Command, Killed
from tests.support.lacks import needs_prctl
from tests.support.racing import adopting

pytestmark = needs_prctl


@pytest.fixture
def hearing(proof: Proof) -> Iterator[ScriptedServer]:
    """The store's webhook, which hears of its orders."""
    root = proof.shop.root
    with scripted_server() as script:
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc/payment.toml").write_text("allow_private_webhooks = true\n")
        app = proof.app(root)
        app.shop.webhook_keys.ensure("demo")
        app.shop.settings.set("demo", "webhook_url", f"{script.url}/hook")
        app.close()
        yield script


def states(proof: Proof, app: App) -> set[tuple[str, str]]:
    """Of each payment its state, and that of its order at the provider."""
    return {
        (payment.st, order["state"])
        for payment in payments(app)
        for order in proof.ordered(payment.id)
    }


@each_step
def test_close(proof: Proof, repeats: bool) -> None:
    """It has failed only where the provider closed it; closing again ends it on both sides."""

    def prepare(root: Path) -> Command:
        payment_id = proof.pay("create", "-fee", 2300).json["id"]
        proof.pay("send", payment_id, "wx.qrcode", "sandbox")
        return Command("pay", ("close", payment_id))

    for killed in proof.killing.everywhere(prepare, repeats=repeats):
        app = proof.app(killed.root, later_ms=INTENT_MS + 1)
        found = states(proof, app)
        assert found <= {("WAIT", "waiting"), ("WAIT", "closed"), ("FAIL", "closed")}, killed
        if printed(killed):
            assert found == {("FAIL", "closed")}, killed
        app.closer.close(killed.command.words[1], "again")
        assert states(proof, app) == {("FAIL", "closed")}, killed
        app.close()
        assert check_tree(killed.root).is_clean, killed


@each_step
def test_cancel(proof: Proof, repeats: bool) -> None:
    """A cancelled order has its stock and coupon back, and nobody can pay it any more."""

    def prepare(root: Path) -> Command:
        app = proof.app(root)
        order = app.shop.orders.create(goods(app), Buying("u1"))
        app.shop.order_payments.pay(order.id, Paying("wx.qrcode"))
        app.close()
        return Command("payment", ("o", "cancel", order.id))

    for killed in proof.killing.everywhere(prepare, repeats=repeats):
        order_id = killed.command.words[2]
        app = proof.app(killed.root, later_ms=INTENT_MS + 1)
        require_whole(app, order_id, killed)
        if printed(killed):
            assert app.shop.orders.get(order_id).ord_status == "CA", killed
        if app.shop.orders.get(order_id).ord_status != "CA":
            app.shop.order_payments.cancel(order_id, "again")
        require_whole(app, order_id, killed)
        assert states(proof, app) == {("FAIL", "closed")}, killed
        app.close()
        assert check_tree(killed.root).is_clean, killed


def require_whole(app: App, order_id: str, killed: Killed) -> None:
    """Its stock and its coupon are taken as long as it may be paid, and not any longer."""
    is_over = app.shop.orders.get(order_id).ord_status == "CA"
    holds = (state_of(app, "thing", "sku"), state_of(app, "coupon", "cpn_stat"))
    assert holds == ((5, "free") if is_over else (3, "reserved")), killed


@each_step
def test_tick(proof: Proof, hearing: ScriptedServer, repeats: bool) -> None:
    """Whatever it came to, the next one does the rest, and nothing of it twice."""

    def prepare(root: Path) -> Command:
        hearing.heard.clear()
        (root / "home/demo/runs").unlink(missing_ok=True)
        app = proof.app(root)
        overdue_order(app)
        free_order(app)  # its basket and its notice are owed
        app.creator.create(NewPayment(fee=0, callback="after"))  # its script is due
        app.close()
        return Command("payment", ("tick",))

    with adopting() as wait:
        for killed in proof.killing.everywhere(prepare, repeats=repeats):
            wait()
            app = proof.app(killed.root, later_ms=INTENT_MS + CLAIM_MS + 1)
            app.upkeep.ticker.tick(100)
            require_ended(app, killed)
            require_one_script(app, killed)
            require_told(app, hearing, killed)
            assert ("FAIL", "closed") in states(proof, app), killed
            assert ("WAIT", "waiting") not in states(proof, app), killed
            app.close()
            assert check_tree(killed.root).is_clean, killed


def overdue_order(app: App) -> None:
    """Make an order whose time is over while its payer may still pay it."""
    order = app.shop.orders.create(goods(app), Buying("u1"))
    app.shop.order_payments.pay(order.id, Paying("wx.qrcode"))
    place = Collection("order", "demo")
    with app.storage.transaction("test") as tx:
        tx.put(place, {**tx.get(place, order.id), "ord_expi": system_clock() - 1})


def free_order(app: App) -> str:
    """Pay an order of nothing, of which its buyer had three in the basket."""
    gift = app.shop.goods.add({"nm": "gift", "w_nm": "Gift", "w_price": 0})
    app.shop.baskets("demo").add("u1", gift.id, 3)
    wanted = OrderInput.from_document({"products": [{"id": gift.id, "amount": 1}]})
    order = app.shop.orders.create(wanted, Buying("u1"))
    app.shop.order_payments.pay(order.id, Paying())
    return order.id


def require_ended(app: App, killed: Killed) -> None:
    found = app.shop.orders.query(Query(everything()))
    assert sorted(str(order["ord_status"]) for order in found) == ["CA", "OK"], killed
    stock = {
        record["nm"]: record.get("sku") for record in app.shop.goods.query(Query(everything()))
    }
    assert stock["cup"] == 5, killed
    assert state_of(app, "coupon", "cpn_stat") == "free", killed
    assert list(app.shop.baskets("demo").get("u1").values()) == [2], killed


def require_one_script(app: App, killed: Killed) -> None:
    [payment] = [payment for payment in payments(app) if payment.apply_st]
    runs = killed.root / "home/demo/runs"
    lines = runs.read_text().splitlines() if runs.exists() else []
    assert payment.apply_st in ("done", "claimed"), killed
    assert len(lines) == 1 or (payment.apply_st == "claimed" and not lines), killed


def told(hearing: ScriptedServer) -> dict[str, str]:
    """The event of each id that was heard whole; who is killed while he speaks is cut off."""
    return {
        heard.headers["webhook-id"]: json.loads(heard.body)["type"]
        for heard in hearing.heard
        if len(heard.body) == int(heard.headers["content-length"])
    }


def require_told(app: App, hearing: ScriptedServer, killed: Killed) -> None:
    """Both orders' events were told, again only under the same id, and none is owed."""
    assert sorted(told(hearing).values()) == ["order.expired", "order.paid"], killed
    assert app.shop.notices.count(everything()) == 0, killed


@each_step
def test_notify_drain(proof: Proof, hearing: ScriptedServer, repeats: bool) -> None:
    """A notice is told at least once, and again only under the same id."""

    def prepare(root: Path) -> Command:
        hearing.heard.clear()
        app = proof.app(root)
        free_order(app)
        app.shop.outbox.apply()
        app.close()
        return Command("payment", ("notify", "drain"))

    for killed in proof.killing.everywhere(prepare, repeats=repeats):
        app = proof.app(killed.root, later_ms=CLAIM_MS + 1)
        if printed(killed):
            assert app.shop.notices.count(everything()) == 0, killed
        app.shop.notices.drain(100)
        assert len(told(hearing)) == 1, killed
        assert app.shop.notices.count(everything()) == 0, killed
        app.close()
        assert check_tree(killed.root).is_clean, killed


@each_step
def test_hook_drain(proof: Proof, repeats: bool) -> None:
    """A hook runs at most once; of one that was begun an operator decides."""
    hooks = proof.shop.root / "home/demo/.payment/hook"
    hooks.mkdir()
    (hooks / "order.paid").write_text('echo ran >> "$HOME/hooked"\n')

    def prepare(root: Path) -> Command:
        app = proof.app(root)
        free_order(app)
        app.close()
        return Command("payment", ("hook", "drain"))

    with adopting() as wait:
        for killed in proof.killing.everywhere(prepare, repeats=repeats):
            wait()
            app = proof.app(killed.root)
            app.shop.hooks.drain(10)
            outbox = app.storage.query(Collection("outbox"), Query(everything()))
            states = [row["st"] for row in outbox if row["what"] == "hook"]
            ran = killed.root / "home/demo/hooked"
            lines = ran.read_text().splitlines() if ran.exists() else []
            if states:
                assert (states, lines) in ((["claimed"], []), (["claimed"], ["ran"])), killed
            else:
                assert lines == ["ran"], killed
            app.close()
            assert check_tree(killed.root).is_clean, killed
