"""Many processes at once on one payment, order or notice, round after round.

The provider is honest and keeps its books under a lock; the tree is on a real disk. After every
round: what the provider took is recorded (I1, I6), a script ran at most once for each time that it
was told to (I2), goods are sold or there (I5), amounts add up (I4: every order is read), and the
tree is clean.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from payment_cli.app import App
from payment_cli.clock import system_clock
from payment_cli.errors import PaymentError
from payment_cli.gateways.base import HttpRequest
from payment_cli.model.actor import Actor
from payment_cli.model.events.notice import CLAIM_MS, Delivery
from payment_cli.model.events.webhook_key import WebhookKeys
from payment_cli.model.events.webhook_url import WebhookUrl
from payment_cli.model.payments.payment import Payment
from payment_cli.model.query.match import everything
from payment_cli.model.secret import Secret
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.services.events.notice_records import NOTICES
from payment_cli.services.events.notices import Notices
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.send import SendArguments
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.orders import Buying
from payment_cli.services.shop.records import note_delivery, orders, products
from payment_cli.storage.base import Query
from payment_cli.storage.tree.fsck import check_tree
from tests.support.lying_gateway import LyingAccounts, SharedGateway
from tests.support.racing import race
from tests.support.tree_shop import SELLERS, ScriptedApp

pytestmark = pytest.mark.slow

ROUNDS = 25
RUNNERS = 8

#: Of these many pieces a round's order takes two.
ITEMS = 1000

Act = Callable[[App], object]


class Place:
    """A store and its provider, seen by as many processes as a race has."""

    def __init__(self, place: Path) -> None:
        self.root = place / "tree"
        self.runs = place / "runs"
        self.gateway = SharedGateway(place / "books.json")
        app = self.open()
        app.merchants.init("demo")
        app.merchants.set("demo", "sellers", json.dumps(SELLERS))
        app.shop.settings.set("demo", "pending_max", "1000")
        callbacks = self.root / "home" / "demo" / ".payment" / "callback"
        callbacks.mkdir(parents=True)
        (callbacks / "after").write_text(f'echo "$id" >> "{self.runs}"; exit 3')
        self.cup = app.shop.goods.add({"w_nm": "Cup", "w_price": 10, "sku": ITEMS}).id
        app.close()

    def open(self, ahead_ms: int = 0) -> App:
        """Open the tree; the clock may be ahead."""
        accounts = LyingAccounts(self.gateway)
        return ScriptedApp(self.root, "demo", {}, lambda: system_clock() + ahead_ms, given=accounts)

    def race(self, *acts: Act, ahead_ms: int = 0) -> Counter[str]:
        """Let each act be done by several processes at once; return how they came out."""

        def work(number: int) -> str:
            app = self.open(ahead_ms)
            try:
                acts[number % len(acts)](app)
            except PaymentError as error:
                return type(error).__name__
            finally:
                app.close()
            return "done"

        came_out = Counter(race(RUNNERS, work))
        self.gateway.reload()
        self.check()
        return came_out

    def check(self) -> None:
        """See that the invariants hold."""
        app = self.open()
        taken = 0
        for record in app.storage.query(orders("demo"), Query(everything())):
            order = Order.from_record(record)
            taken += sum(order.stock.values()) if order.ord_status != "CA" else 0
            paid = [p for p in map(app.payments.get, order.pay_ids) if p.st == "OK"]
            settled = [payment for payment in paid if not payment.flag]
            assert len(settled) <= 1
            assert bool(settled) == (order.ord_status in ("OK", "SP", "DN"))
        left = app.storage.get(products("demo"), self.cup)["sku"]
        assert left + taken == ITEMS
        for payment_id, known in self.gateway.books.orders.items():
            payment = app.payments.get(payment_id)
            said = [line["what"] for line in payment.history]  # type: ignore[index,call-overload]
            assert said.count("pay") <= 1
            assert (payment.st != "FAIL" or payment.flag) or not known["trades"]
            assert payment.st != "OK" or payment.trade_no in known["trades"]
        app.close()
        assert check_tree(self.root).is_clean

    def settled(self, payment_id: str) -> Payment:
        """Let cron find what is paid; return the payment."""
        app = self.open()
        try:
            return app.checker.check(payment_id).payment
        finally:
            app.close()

    def order(self) -> str:
        app = self.open()
        wanted = OrderInput.from_document({"products": [{"id": self.cup, "amount": 2}]})
        order = app.shop.orders.create(wanted, Buying("u1"))
        app.close()
        return order.id

    def payment(self, *, is_sent: bool = True, **fields: Any) -> str:
        app = self.open()
        payment_id = app.creator.create(NewPayment(fee=2300, **fields)).payment.id
        if is_sent:
            send(payment_id)(app)
        app.close()
        return payment_id


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def send(payment_id: str) -> Act:
    return lambda app: app.sender.send(payment_id, "wx.qrcode", "main", SendArguments())


def pay(order_id: str, pay_tp: str) -> Act:
    return lambda app: app.shop.order_payments.pay(order_id, Paying(pay_tp))


def cancel(order_id: str) -> Act:
    return lambda app: app.shop.order_payments.cancel(order_id, "changed my mind")


def pay_at_provider(place: Place, payment_id: str) -> Act:
    """Let the payer pay what is open, and the provider call back."""

    def act(app: App) -> None:
        trade = place.gateway.pay_if_open(payment_id)
        if trade:
            call_back(place, payment_id, trade)(app)

    return act


def call_back(place: Place, payment_id: str, trade: str) -> Act:
    def act(app: App) -> None:
        place.gateway.reload()
        body = place.gateway.notice(payment_id, trade)
        request = HttpRequest("POST", "/pay/re/wx.qrcode/demo/main", "", {}, body)
        received = app.receiver.receive(request)
        assert received.acknowledgement.status == 200, received.error

    return act


def test_pay_and_pay_open_one_payment_that_can_be_paid(place: Place) -> None:
    for _ in range(ROUNDS):
        order_id = place.order()
        place.race(pay(order_id, "wx.qrcode"), pay(order_id, "zfb.qrcode"))
        app = place.open()
        payments = app.shop.order_payments.list(order_id)
        app.close()
        known = place.gateway.books.orders
        is_open = [p.id for p in payments if known.get(p.id, {}).get("state") == "open"]
        assert is_open == [payments[-1].id]
        assert [p.st for p in payments if p.id not in is_open] == ["FAIL"] * (len(payments) - 1)


def test_cancel_and_pay_leave_an_order_that_is_paid_or_over(place: Place) -> None:
    for _ in range(ROUNDS):
        order_id = place.order()

        def pay_it(app: App, order_id: str = order_id) -> None:
            payment_id = app.shop.order_payments.pay(order_id, Paying("wx.qrcode")).payment.id
            pay_at_provider(place, payment_id)(app)

        place.race(pay_it, cancel(order_id))
        app = place.open()
        order = app.shop.orders.get(order_id)
        trades = [place.gateway.books.orders.get(p, {}).get("trades") for p in order.pay_ids]
        assert (order.ord_status == "OK") == any(trades)
        app.close()


def test_close_and_send_leave_nothing_open_that_is_closed_here(place: Place) -> None:
    for _ in range(ROUNDS):
        payment_id = place.payment(is_sent=False)
        place.race(send(payment_id), lambda app, p=payment_id: app.closer.close(p, "no"))  # type: ignore[misc]
        app = place.open()
        known = place.gateway.books.orders.get(payment_id, {"state": "never"})
        is_over = app.payments.get(payment_id).st == "FAIL"
        app.close()
        assert is_over == (known["state"] != "open")


def test_check_and_check_and_callback_settle_once(place: Place) -> None:
    for _ in range(ROUNDS):
        payment_id = place.payment(callback="after")
        trade = place.gateway.pay(payment_id)

        def check(app: App, payment_id: str = payment_id) -> None:
            app.follow_up.wait(app.checker.check(payment_id).payment)

        place.race(check, call_back(place, payment_id, trade))
        settled = place.settled(payment_id)
        assert (settled.st, settled.flag, settled.trade_no) == ("OK", "", trade)
        assert runs(place)[payment_id] == 1


def runs(place: Place) -> Counter[str]:
    return Counter(place.runs.read_text().split() if place.runs.exists() else [])


def test_again_and_again_run_a_failed_script_once_each_time(place: Place) -> None:
    for _ in range(ROUNDS):
        payment_id = place.payment(is_sent=False, callback="after")
        app = place.open()
        app.sender.send(payment_id, "wx.qrcode", "main", SendArguments())
        trade = place.gateway.pay(payment_id)
        call_back(place, payment_id, trade)(app)
        app.applier.apply(payment_id)
        app.close()
        before = runs(place)[payment_id]
        again: Act = lambda app, p=payment_id: app.applier.apply(p, again=True)  # type: ignore[misc] # noqa: E731
        came_out = place.race(again)
        assert came_out["done"] >= 1
        # Who comes after one that has ended runs it once more, as told; never two at a time.
        assert runs(place)[payment_id] == before + came_out["done"]


def test_tick_and_pay_end_an_overdue_order_or_settle_it(place: Place) -> None:
    for _ in range(ROUNDS):
        order_id = place.order()
        app = place.open()
        payment_id = app.shop.order_payments.pay(order_id, Paying("wx.qrcode")).payment.id
        app.close()
        tick: Act = lambda app: app.shop.order_payments.tick(100)  # noqa: E731
        place.race(tick, pay_at_provider(place, payment_id), ahead_ms=16 * 60_000)
        app = place.open()
        status = app.shop.orders.get(order_id).ord_status
        app.close()
        assert status == ("OK" if place.gateway.books.orders[payment_id]["trades"] else "CA")


KEYS = WebhookKeys((Secret("whsec_" + "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="),))


class FileReceiver:
    """Stands for a store's receiver: every other delivery is refused."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, _url: WebhookUrl, headers: Mapping[str, str], _body: bytes) -> Delivery:
        with self.path.open("a") as heard:
            heard.write(f"{headers['webhook-id']}\n")
            is_busy = heard.tell() % 2 == 0
        return Delivery(503, "busy") if is_busy else Delivery(200, "thanks")


def notices(app: App, receiver: FileReceiver) -> Notices:
    return Notices(
        app.storage, Actor("demo"), app.clock, app.new_token,
        lambda _store: "https://demo.example/hook", lambda _store: KEYS,
        partial(note_delivery, by="demo"), receiver,
    )  # fmt: skip


def owed(place: Place) -> set[str]:
    app = place.open()
    found = {str(row["id"]) for row in app.storage.query(NOTICES, Query(everything()))}
    app.close()
    return found


def test_retry_and_drain_deliver_every_notice(place: Place, tmp_path: Path) -> None:
    receiver, told = FileReceiver(tmp_path / "heard"), set()

    def retry(app: App) -> None:
        for notice_id in owed(place):
            with suppress(PaymentError):  # another process has it, or it was delivered
                notices(app, receiver).retry(notice_id)

    for _ in range(5):
        for _ in range(5):
            owe_notice(place)
        told |= owed(place)
        place.race(retry, lambda app: notices(app, receiver).drain(100))
    for _ in range(len(told)):
        app = place.open(ahead_ms=2 * CLAIM_MS)
        retry(app)
        app.close()
    assert owed(place) == set()
    assert set(receiver.path.read_text().split()) == told


def owe_notice(place: Place) -> None:
    """Owe a notice about an order that was made for it."""
    from payment_cli.model.shop.order_notice import NoticeType, order_notice

    order_id = place.order()
    app = place.open()
    order = app.shop.orders.get(order_id)
    notice = order_notice(NoticeType.PAID, order, app.new_id(app.clock()), app.clock())
    with app.storage.transaction("test") as tx:
        tx.insert(NOTICES, notice.to_record())
    app.close()
