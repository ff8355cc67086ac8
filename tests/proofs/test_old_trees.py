"""A tree that an older program left in the middle of its day goes on under this one.

Each kept tree (tests/storage/tree/old) has payments in every state a process may leave them in. Its
shop gets new keys at a sandbox of the test, whose provider knows what the old one's knew.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from payment_cli.app import App
from payment_cli.clock import system_clock
from payment_cli.errors import ElsewhereError, OutcomeUnknownError
from payment_cli.gateways.base import SendRequest
from payment_cli.model.events.notice import Notice
from payment_cli.model.payments.intent import INTENT_MS
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.payments.payment import Payment
from payment_cli.model.query.match import equal, everything
from payment_cli.sandbox.server import running_sandbox
from payment_cli.services.payments.pace import ABSENT_ANSWERS, ABSENT_GAP_MS
from payment_cli.services.payments.records import load, save
from payment_cli.services.payments.send import intended_request
from payment_cli.services.upkeep.doctor_payments import examine_payments
from payment_cli.storage.base import Collection, Query
from payment_cli.storage.tree.fsck import check_tree
from tests.support.cli import Runner
from tests.support.old_trees import VERSIONS, old_tree
from tests.support.racing import adopting
from tests.support.receiver import receiving
from tests.support.sandbox_shop import SandboxShop, raw
from tests.support.tree_shop import fast_disk


@dataclass(frozen=True)
class OldShop:
    """The merchant `demo` of an old tree; `names` are the ids of what it holds."""

    root: Path
    names: dict[str, str]
    gateways: SandboxShop
    pay: Runner
    payment: Runner

    def app(self, *, later_ms: int = 0) -> App:
        return App(self.root, "demo", {}, clock=lambda: system_clock() + later_ms)

    def load(self, name: str) -> Payment:
        app = self.app()
        with app.storage.transaction("test") as tx:
            found = load(tx, self.names[name])
        app.close()
        return found

    def revive(self, name: str) -> Payment:
        """Move an old payment to today: the provider's order of it ends in ten minutes."""
        app = self.app()
        later = system_clock() + 600_000
        with app.storage.transaction("test") as tx:
            payment = load(tx, self.names[name])
            intent = payment.intent
            if intent is not None:
                request = asdict(replace(intended_request(payment), expires_at=later))
                intent = {**intent, "request": request}
            payment = save(tx, payment._replace(expi=later, intent=intent))
        app.close()
        return payment

    def place(self, name: str) -> None:
        """Let the provider have the order that the old program placed there."""
        payment = self.revive(name)
        app = self.app()
        provider = pay_type(payment.pay_tp).provider
        gateway = app.accounts.gateway("demo", provider, "sandbox")
        gateway.send(
            SendRequest(
                payment_id=payment.id,
                pay_tp=payment.pay_tp,
                brief=payment.brief,
                fee=payment.fee,
                cur="CNY",
                notify_url=app.accounts.notify_url(gateway, payment.pay_tp, "demo", "sandbox"),
                expires_at=payment.expi,
            ),
            None,
        )
        app.close()

    def scan(self, name: str) -> None:
        """Let the payer pay; the callback reaches nobody of ours."""
        self.gateways.sandbox.sandbox.control.scan(self.names[name])


def be_known_as_before(root: Path, names: dict[str, str]) -> None:
    """Give the new account at the provider the numbers that the old payments were sent through."""
    sent = json.loads((root / f"var/payment/{names['waiting']}.json").read_text())
    if not sent.get("pay_mch"):
        return  # an older program did not record them
    configs = root / "home/demo/.payment/wxpay"
    now = json.loads((configs / "sandbox/wxpay.conf").read_text())
    for file in (*configs.glob("*/wxpay.conf"), root / ".sandbox/accounts.json"):
        text = file.read_text().replace(now["pay_mch_id"], sent["pay_mch"])
        file.write_text(text.replace(now["appid"], sent["pay_app"]))


@pytest.fixture(params=VERSIONS)
def shop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[OldShop]:
    with ExitStack() as held:
        place, receiver = held.enter_context(fast_disk()), held.enter_context(receiving())
        root, names = old_tree(place, request.param)
        running = held.enter_context(running_sandbox(root / ".sandbox"))
        monkeypatch.setenv("PAYMENT_ROOT", str(root))
        monkeypatch.setenv("PAYMENT_DOMAIN", "demo")
        pay, payment = Runner("pay", monkeypatch), Runner("payment", monkeypatch)
        port = running.url.rpartition(":")[2]
        pay("sandbox", "init", "--port", port, "--notify", receiver.url)
        be_known_as_before(root, names)
        yield OldShop(root, names, SandboxShop(root, running, receiver), pay, payment)
        assert check_tree(root).is_clean


def test_everything_is_found_by_query_and_by_id(shop: OldShop) -> None:
    found = {row["id"]: row["st"] for row in shop.pay("query").json}
    states = {name: found[id_] for name, id_ in shop.names.items() if id_ in found}
    assert states == {
        "waiting": "WAIT", "unsent": "NEW", "lost": "WAIT", "strange": "WAIT", "closed": "FAIL",
        "due": "OK", "paying": "WAIT", "payment": "OK",
    }  # fmt: skip
    for payment_id, st in found.items():
        assert shop.pay("get", payment_id).json["st"] == st
    orders = {row["id"]: row["ord_status"] for row in shop.payment("o", "list").json}
    assert orders == {shop.names["order"]: "WT", shop.names["paid"]: "OK"}


def test_a_waiting_payment_shows_its_code_and_settles(shop: OldShop) -> None:
    code = shop.pay("get", shop.names["waiting"]).json["re_obj"]
    sent = shop.pay("send", shop.names["waiting"], "wx.qrcode", "sandbox").json
    assert sent["data"] == code, "the old code, without asking the provider"
    shop.place("waiting")
    shop.scan("waiting")
    shop.pay("check", shop.names["waiting"])
    assert shop.load("waiting").st == "OK"
    assert (shop.root / "home/demo/runs").read_text() == f"{shop.names['waiting']} 2300\n"


def test_its_callback_settles_it_as_well(shop: OldShop) -> None:
    shop.place("waiting")
    delivery = shop.gateways.callback(shop.pay, shop.names["waiting"])
    with adopting() as wait:
        shop.pay("re", "--http", stdin=raw(delivery))
        wait()
    assert (shop.load("waiting").st, shop.load("waiting").apply_st) == ("OK", "done")


def test_a_lost_send_is_repeated_with_the_parameters_it_had(shop: OldShop) -> None:
    request = shop.load("lost").intent["request"]  # type: ignore[index]
    again = shop.revive("lost")
    if not again.pay_mch:  # who was sent it is not known: nobody is sent it again
        assert "decides nothing" in shop.pay("check", again.id, exit_code=21).json["errMsg"]
        assert shop.load("lost").intent is not None
        return
    assert intended_request(again).notify_url == request["notify_url"]  # type: ignore[index]
    result = shop.pay("check", shop.names["lost"]).json
    assert result["status"] == "WAIT"
    assert result["data"].startswith("weixin://")
    shop.scan("lost")
    shop.pay("check", shop.names["lost"])
    assert shop.load("lost").st == "OK"


def test_an_old_lost_send_that_nobody_paid_ends(shop: OldShop) -> None:
    for asked in range(ABSENT_ANSWERS):
        assert shop.load("lost").st == "WAIT"
        app = shop.app(later_ms=asked * ABSENT_GAP_MS)
        app.checker.check(shop.names["lost"])
        app.close()
    if not shop.load("lost").pay_mch:  # an operator ends it: nobody else knows whom to ask
        assert shop.load("lost").st == "WAIT"
        shop.pay("close", shop.names["lost"], "--abandon", "--as", "root")
        assert shop.load("lost").st == "FAIL"
        return
    assert shop.load("lost").st == "FAIL"
    assert shop.load("lost").fail_re.startswith("no such order at the provider")


def test_an_intent_of_an_unknown_kind_is_asked_about_and_never_sent(shop: OldShop) -> None:
    shop.revive("strange")
    app = shop.app(later_ms=INTENT_MS + 1)
    if shop.load("strange").pay_mch:
        with pytest.raises(OutcomeUnknownError, match="from-the-future"):
            app.checker.check(shop.names["strange"])
    else:
        result = app.checker.check(shop.names["strange"])
        assert (result.unknown, result.is_answered) == (True, True)
        assert "an account not recorded" in result.err_msg
    app.close()
    assert shop.load("strange").st == "WAIT"
    ledger = shop.gateways.sandbox.sandbox.control.ledger()["orders"]
    assert shop.names["strange"] not in {order["out_trade_no"] for order in ledger}
    shop.place("strange")
    shop.scan("strange")
    shop.pay("check", shop.names["strange"])
    assert shop.load("strange").st == "OK"


def test_an_unsent_payment_is_sent_and_settles(shop: OldShop) -> None:
    shop.pay("send", shop.names["unsent"], "wx.qrcode", "sandbox")
    shop.scan("unsent")
    shop.pay("check", shop.names["unsent"])
    assert shop.load("unsent").st == "OK"


def test_an_order_that_is_being_paid_turns_ok_with_its_stock_and_coupon(shop: OldShop) -> None:
    shop.place("paying")
    shop.scan("paying")
    shop.payment("p", "check", shop.names["order"])
    app = shop.app()
    order = app.shop.orders.get(shop.names["order"])
    assert (order.ord_status, shop.load("paying").flag) == ("OK", "")
    assert state_of(app, "coupon", "cpn_stat") == "used"
    assert state_of(app, "thing", "sku") == 2
    app.close()


def test_an_order_that_is_given_up_frees_its_stock_and_coupon(shop: OldShop) -> None:
    if not shop.load("paying").pay_mch:
        give_up_what_nobody_can_ask_about(shop)
        return
    for asked in range(ABSENT_ANSWERS):
        app = shop.app(later_ms=asked * ABSENT_GAP_MS)
        is_last = asked == ABSENT_ANSWERS - 1
        with nullcontext() if is_last else pytest.raises(OutcomeUnknownError):
            app.shop.order_payments.cancel(shop.names["order"], "changed my mind")
        if not is_last:
            app.close()
    assert state_of(app, "coupon", "cpn_stat") == "free"
    assert state_of(app, "thing", "sku") == 4
    app.close()


def give_up_what_nobody_can_ask_about(shop: OldShop) -> None:
    """However often it is asked, nothing ends; what an operator is told to do ends it."""
    order = shop.names["order"]
    for asked in range(ABSENT_ANSWERS + 1):
        app = shop.app(later_ms=asked * ABSENT_GAP_MS)
        with pytest.raises(ElsewhereError, match="an account not recorded") as refused:
            app.shop.order_payments.cancel(order, "changed my mind")
        assert (state_of(app, "coupon", "cpn_stat"), state_of(app, "thing", "sku")) == (
            "reserved",
            2,
        )
        told = list(examine_payments(app.storage, app.accounts))
        app.close()
    assert f"`payment o cancel {order} --abandon --as root`" in refused.value.hint
    assert any("`pay close ID --abandon --as root`" in finding.hint for finding in told)
    shop.payment("o", "cancel", order, "--abandon", "--as", "root")
    app = shop.app()
    assert (state_of(app, "coupon", "cpn_stat"), state_of(app, "thing", "sku")) == ("free", 4)
    app.close()


def test_a_due_script_runs_once(shop: OldShop) -> None:
    shop.pay("apply", "--due")
    shop.pay("apply", "--due")
    assert shop.load("due").apply_st == "done"
    assert (shop.root / "home/demo/runs").read_text() == f"{shop.names['due']} 0\n"


def test_what_is_owed_is_done_and_the_notice_kept(shop: OldShop) -> None:
    app = shop.app()
    [row] = app.storage.query(Collection("outbox"), Query(everything()))
    assert row["what"] == "basket.take"
    # An order of version 1 is overdue, and of its payment nobody knows whom to ask.
    shop.payment("tick", exit_code=0 if shop.load("paying").pay_mch else 24)
    assert list(app.storage.query(Collection("outbox"), Query(everything()))) == []
    assert app.shop.baskets("demo").get("u2") == {shop.names["cup"]: 2}
    [notice] = app.storage.query(Collection("notice"), Query(equal("or_id", shop.names["paid"])))
    shown = Notice.from_record(notice)
    assert (shown.what, shown.st, shown.data["status"]) == ("order.paid", "waiting", "OK")
    app.close()


def state_of(app: App, kind: str, name: str) -> Any:
    [record] = app.storage.query(Collection(kind, "demo"), Query(everything()))
    return record[name]
