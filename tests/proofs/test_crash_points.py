"""kill -9 at every step of the commands that move money: nothing acknowledged is lost.

A step is what changes files, a statement of SQLite, bytes sent to a gateway, or the start of a
process. Each command is killed before each of its distinct steps, on a fresh copy of a tree whose
gateway is the sandbox; the long run also kills at the steps that come again.
"""

from pathlib import Path

from payment_cli.app import App
from payment_cli.model.payments.intent import INTENT_MS
from payment_cli.model.payments.payment import Status
from payment_cli.model.payments.result import Result
from payment_cli.model.query.match import everything
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.payments.send import SendArguments
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.orders import Buying
from payment_cli.storage.base import Query
from payment_cli.storage.tree.fsck import check_tree
from tests.support.crash_proof import (
    SCRIPT,
    Proof,
    each_step,
    goods,
    payments,
    printed,
    state_of,
)
from tests.support.killing import Command, Killed
from tests.support.lacks import needs_prctl
from tests.support.racing import adopting
from tests.support.sandbox_shop import raw

pytestmark = needs_prctl


@each_step
def test_create(proof: Proof, repeats: bool) -> None:
    """What was printed is there; and the same command with its key again makes no second one."""
    words = ("create", "-fee", "2300", "-callback", "after", "--idempotency-key", "k1")
    command = Command("pay", words)
    for killed in proof.killing.everywhere(lambda _root: command, repeats=repeats):
        app = proof.app(killed.root)
        made = [payment.id for payment in payments(app)]
        if acknowledged := printed(killed):
            assert made == [acknowledged["id"]], killed
        again = proof.pay(*words).json["id"]
        assert made in ([], [again]), killed
        [payment] = payments(app)
        assert app.storage.content(PAYMENTS, payment.id) == SCRIPT.encode()
        app.close()
        assert check_tree(killed.root).is_clean, killed


@each_step
def test_send(proof: Proof, repeats: bool) -> None:
    """However far it came, a check after the intent's time leaves one order at the provider."""

    def prepare(root: Path) -> Command:
        payment_id = proof.pay("create", "-fee", 2300).json["id"]
        return Command("pay", ("send", payment_id, "wx.qrcode", "sandbox"))

    steps = []
    for killed in proof.killing.everywhere(prepare, repeats=repeats):
        steps.append(str(killed.step))
        payment_id = killed.command.words[1]
        acknowledged = printed(killed).get("data")
        app = proof.app(killed.root, later_ms=INTENT_MS + 1)
        checked = app.checker.check(payment_id)
        if checked.payment.st is Status.NEW:
            assert not acknowledged
            assert not proof.ordered(payment_id), killed
            checked = app.sender.send(payment_id, "wx.qrcode", "sandbox", SendArguments())
        require_one_open_order(proof, checked, killed)
        assert acknowledged in (None, checked.payment.re_obj)
        app.close()
        assert check_tree(killed.root).is_clean, killed
    assert {"connect", "sendall", "COMMIT", "rename"} <= {step.split()[0] for step in steps}


def require_one_open_order(proof: Proof, result: Result, killed: Killed) -> None:
    payment = result.payment
    [order] = proof.ordered(payment.id)
    assert (payment.st, payment.intent, order["amount"]) == ("WAIT", None, payment.fee), killed
    assert (payment.re_obj, order["state"]) == (order["code"], "waiting"), killed


@each_step
def test_re(proof: Proof, repeats: bool) -> None:
    """The callback again: one OK; its script runs at most once, or is visibly undecided."""
    payment_id = proof.pay("create", "-fee", 2300, "-callback", "after").json["id"]
    proof.pay("send", payment_id, "wx.qrcode", "sandbox")
    request = raw(proof.shop.callback(proof.pay, payment_id))
    command = Command("pay", ("re", "--http"), request)
    steps = []
    with adopting() as wait:
        for killed in proof.killing.everywhere(lambda _root: command, repeats=repeats):
            steps.append(str(killed.step))
            wait()
            app = proof.app(killed.root)
            if killed.out:
                assert app.payments.get(payment_id).st is Status.OK, killed
            redelivered = proof.pay("re", "--http", stdin=request)
            assert redelivered.text == (killed.out or redelivered.text)
            wait()
            require_one_run(app, payment_id, killed)
            app.close()
            assert check_tree(killed.root).is_clean, killed
    assert {"start", "COMMIT", "rename"} <= {step.split()[0] for step in steps}


@each_step
def test_apply(proof: Proof, repeats: bool) -> None:
    """The script itself: run again only while nothing says that it was started."""

    def prepare(root: Path) -> Command:
        app = proof.app(root)
        free = app.creator.create(NewPayment(fee=0, callback="after")).payment
        app.close()
        return Command("pay", ("apply", free.id))

    with adopting() as wait:
        for killed in proof.killing.everywhere(prepare, repeats=repeats):
            wait()
            assert check_tree(killed.root).is_clean, killed
            app = proof.app(killed.root)
            proof.pay("apply", "--due")
            require_one_run(app, killed.command.words[1], killed)
            app.close()
            assert check_tree(killed.root).is_clean, killed


def require_one_run(app: App, payment_id: str, killed: Killed) -> None:
    payment = app.payments.get(payment_id)
    runs = killed.root / "home" / "demo" / "runs"
    lines = runs.read_text().splitlines() if runs.exists() else []
    assert [line["what"] for line in payment.history].count("pay") <= 1
    assert (payment.st, payment.flag) == ("OK", "")
    if payment.apply_st == "claimed":
        assert lines in ([], [f"{payment_id} {payment.fee}"]), killed
    else:
        assert payment.apply_st == "done", killed
        assert lines == [f"{payment_id} {payment.fee}"], killed


@each_step
def test_order_create(proof: Proof, repeats: bool) -> None:
    """The order is there with its stock and coupon taken, or none of it is."""

    def prepare(root: Path) -> Command:
        app = proof.app(root)
        wanted = goods(app)
        app.close()
        words = ("o", "create", "--item", "cup:2", "--coupon", wanted.coupon_ids[0], "-bu", "u1")
        return Command("payment", words)

    for killed in proof.killing.everywhere(prepare, repeats=repeats):
        app = proof.app(killed.root)
        orders = [str(record["id"]) for record in app.shop.orders.query(Query(everything()))]
        if acknowledged := printed(killed):
            assert orders == [acknowledged["id"]], killed
        taken = (5, "free") if not orders else (3, "reserved")
        assert (state_of(app, "thing", "sku"), state_of(app, "coupon", "cpn_stat")) == taken
        for order_id in orders:
            app.shop.order_payments.cancel(order_id, "x")
        assert (state_of(app, "thing", "sku"), state_of(app, "coupon", "cpn_stat")) == (5, "free")
        app.close()
        assert check_tree(killed.root).is_clean, killed


@each_step
def test_order_pay(proof: Proof, repeats: bool) -> None:
    """However far it came, paying again leaves one payment, one order at the provider, one OK."""

    def prepare(root: Path) -> Command:
        app = proof.app(root)
        order = app.shop.orders.create(goods(app), Buying("u1"))
        app.close()
        return Command("payment", ("p", "pay", order.id, "-pt", "wx.qrcode"))

    for killed in proof.killing.everywhere(prepare, repeats=repeats):
        order_id = killed.command.words[2]
        acknowledged = printed(killed).get("payObjId")
        app = proof.app(killed.root, later_ms=INTENT_MS + 1)
        for payment in payments(app):
            app.checker.check(payment.id)
        result = app.shop.order_payments.pay(order_id, Paying("wx.qrcode"))
        require_one_open_order(proof, result, killed)
        assert [payment.id for payment in payments(app)] == [result.payment.id], killed
        assert acknowledged in (None, result.payment.id)
        proof.shop.sandbox.sandbox.control.scan(result.payment.id)
        paid = app.shop.order_payments.check(order_id).payment
        order = app.shop.orders.get(order_id)
        assert (paid.st, paid.flag, order.ord_status, order.pay_ids) == ("OK", "", "OK", (paid.id,))
        assert state_of(app, "coupon", "cpn_stat") == "used"
        app.close()
        assert check_tree(killed.root).is_clean, killed
