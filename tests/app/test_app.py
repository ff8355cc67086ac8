"""What follows from a settled payment, in the one place all commands and the web end at."""

import pytest

from payment_cli.app import App
from payment_cli.errors import LockedError
from payment_cli.model.query.match import everything
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.services.events.outbox import OUTBOX
from payment_cli.services.shop.order_payments import Paying
from payment_cli.services.shop.orders import Buying
from payment_cli.storage.base import Collection, Query


@pytest.fixture
def app(root):
    app = App(root, domain="demo", environ={})
    app.merchants.init("demo")
    scripts = root / "home/demo/.payment/callback"
    scripts.mkdir(parents=True)
    (scripts / "after").write_text('echo "$or_id" >> told\n')
    app.shop.settings.set("demo", "order_callback", "after")
    yield app
    app.close()


@pytest.fixture
def paid(app):
    """The paid payment of an order from a basket, of which nobody has done what follows."""
    song = app.shop.goods.add({"nm": "song", "w_nm": "Song", "w_price": 0})
    app.shop.baskets("demo").add("li", song.id, 2)
    wanted = OrderInput.from_document({"products": [{"id": song.id, "amount": 2}]})
    order = app.shop.orders.create(wanted, Buying("li"))
    payment = app.shop.order_payments.pay(order.id, Paying()).payment
    assert (payment.st, payment.apply_st) == ("OK", "due")
    return payment


def basket(app):
    return app.shop.baskets("demo").get("li")


def test_what_was_bought_leaves_the_basket_and_the_script_runs_once(app, paid, root):
    assert basket(app) != {}
    after = app.follow_up.wait(paid).payment
    assert after.apply_st == "done"
    assert basket(app) == {}
    app.follow_up.wait(after)
    app.follow_up.wait(paid)
    assert (root / "home/demo/told").read_text() == f"{paid.or_id}\n"


def test_a_callback_does_not_wait_for_the_script(app, paid, monkeypatch):
    started = []
    monkeypatch.setattr(App, "start", lambda _app, *words: started.append(words))
    app.follow_up.detach(paid)
    assert basket(app) == {}
    assert started == [("pay", "apply", paid.id)]
    assert app.payments.get(paid.id).apply_st == "due"


@pytest.mark.parametrize("apply_st", ["", "claimed", "done", "failed", "skipped"])
def test_a_script_that_is_not_due_is_not_started(app, paid, monkeypatch, apply_st):
    monkeypatch.setattr(App, "start", lambda _app, *_words: pytest.fail("it was started"))
    app.follow_up.detach(paid._replace(apply_st=apply_st))
    followed = app.follow_up.wait(paid._replace(apply_st=apply_st))
    assert (followed.payment.apply_st, followed.script_failed) == (apply_st, False)


def test_a_basket_that_can_not_be_written_now_does_not_stop_the_script(app, paid, monkeypatch):
    def locked(_outbox, _limit=100):
        raise LockedError("busy")

    with monkeypatch.context() as patch:
        patch.setattr("payment_cli.services.events.outbox.Outbox.apply", locked)
        assert app.follow_up.wait(paid).payment.apply_st == "done"
    assert basket(app) != {}
    assert app.shop.outbox.apply().count == 1
    assert basket(app) == {}


def test_a_buyer_who_can_have_no_basket_leaves_nothing_in_the_outbox(app, paid):
    [row] = app.storage.query(OUTBOX, Query(everything()))
    with app.storage.transaction("test") as tx:
        tx.put(OUTBOX, {**row, "data": {**row["data"], "buyer": "小白"}})
    assert app.shop.outbox.apply().errors == ()
    assert app.storage.count(Collection("outbox"), everything()) == 0
