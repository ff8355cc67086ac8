"""`payment tick`: what cron does."""

import pytest

from payment_cli.files.run_lock import only_run
from payment_cli.services.follow_up import Followed, FollowUp
from tests.support.shop_cli import configure_target, run_later


@pytest.fixture
def later(monkeypatch):
    """`later(minutes)` lets the commands after it run at a later time."""
    return lambda minutes: run_later(monkeypatch, minutes)


@pytest.fixture
def cup(payment, shop):
    return payment("w", "add", "-nm", "cup", "--title", "C", "--price", 5, "--stock", 9).json["id"]


def test_overdue_orders_end_and_give_back_what_they_took(payment, cup, later):
    coupon = payment("coupon", "add", "--title", "x", "--off", 1).json["id"]
    order = payment("o", "create", "--anonymous", "--item", "cup:2", "--coupon", coupon).json["id"]
    nothing = payment("tick").json
    assert (nothing["cancelled"], nothing["errors"]) == ([], [])
    later(14)
    fresh = payment("o", "create", "--anonymous", "--item", "cup").json["id"]
    later(16)
    ran = payment("tick", "-c")
    assert (ran.json["cancelled"], ran.json["settled"], ran.err) == ([order], [], "")
    assert payment("o", "get", order).json["ord_status"] == "CA"
    assert payment("o", "get", fresh).json["ord_status"] == "NW"
    assert payment("w", "get", "cup").json["sku"] == 8
    assert payment("coupon", "get", coupon).json["cpn_stat"] == "free"
    assert payment("tick").json["cancelled"] == []


def test_it_does_a_bounded_amount(payment, cup, later):
    for _ in range(3):
        payment("o", "create", "--anonymous", "--item", "cup")
    later(16)
    assert len(payment("tick", "--most", 2).json["cancelled"]) == 2
    assert len(payment("tick", "--most", 2).json["cancelled"]) == 1
    assert "is not in the range" in payment("tick", "--most", 0, exit_code=2).err


def test_a_store_whose_info_can_not_be_read_has_its_orders_ended_and_hooks_run(
    payment, cup, later, root
):
    hook = root / "home/demo/.payment/hook/order.expired"
    hook.parent.mkdir(parents=True)
    hook.write_text("touch expired")
    order = payment("o", "create", "--anonymous", "--item", "cup").json["id"]
    (root / "home/demo/.store/store_info.json").write_text("{ broken")
    later(16)
    ran = payment("tick")
    assert (ran.json["cancelled"], ran.json["errors"]) == ([order], [])
    assert ran.json["hooks"] == 1
    assert (root / "home/demo/expired").exists()


def test_an_order_whose_way_to_pay_is_broken_ends_and_leaves_no_payment(payment, cup, later, root):
    configure_target(root, name="gone")
    payment("store", "set", "sellers", '{"wx":"gone"}')
    order = payment("o", "create", "--anonymous", "--item", "cup", "-pt", "wx.qrcode").json["id"]
    payment("p", "pay", order, exit_code=40)
    assert payment("p", "list", order).json == []
    later(16)
    assert payment("tick").json["cancelled"] == [order]


def test_a_payment_that_reached_nobody_ends_with_its_order(payment, pay, cup, later, root):
    pay("sandbox", "init", "--notify", "http://127.0.0.1:1/pay/re")  # and nobody serves it
    payment("store", "set", "sellers", '{"wx":"sandbox"}')
    order = payment("o", "create", "--anonymous", "--item", "cup", "-pt", "wx.qrcode").json["id"]
    payment("p", "pay", order, exit_code=23)
    assert [one["st"] for one in payment("p", "list", order).json] == ["NEW"]
    later(16)
    assert payment("tick").json["cancelled"] == [order]
    assert [one["st"] for one in payment("p", "list", order).json] == ["FAIL"]


def test_scripts_that_are_due_run(payment, pay, cup, root, monkeypatch):
    scripts = root / "home/demo/.payment/callback"
    scripts.mkdir(parents=True)
    (scripts / "after").write_text("exit $((fee))\n")
    monkeypatch.setattr(FollowUp, "wait", lambda _self, payment: Followed(payment, False))
    done = pay("create", "-fee", 0, "-callback", "after").json["id"]
    assert pay("get", done).json["apply_st"] == "due"
    (scripts / "fails").write_text("exit 3\n")
    failed = pay("create", "-fee", 0, "-callback", "fails").json["id"]
    ticked = payment("tick").json
    assert (ticked["scripts"], ticked["scripts_failed"]) == (1, 1)
    assert pay("get", done).json["apply_st"] == "done"
    assert pay("get", failed).json["apply_st"] == "failed"
    assert payment("tick").json["scripts"] == 0


def test_what_a_dead_command_left_in_the_outbox_is_applied(payment, cup, monkeypatch):
    payment("basket", "it", "li", "cup", 2)
    coupon = payment("coupon", "add", "--title", "x", "--off", 10).json["id"]
    words = ("--basket", "--buyer", "li", "--coupon", coupon)
    order = payment("o", "create", *words).json["id"]
    with monkeypatch.context() as patch:
        patch.setattr(FollowUp, "wait", lambda _self, payment: Followed(payment, False))
        payment("p", "pay", order)
    assert payment("basket", "sum", "li").text == "2\n"
    assert payment("tick").json["outbox"] == 1
    assert payment("basket", "sum", "li").text == "0\n"
    assert payment("tick").json["outbox"] == 0


def test_what_fails_is_told_once_and_exit_24_says_so_until_it_is_done(
    payment, later, shop, served, monkeypatch
):
    monkeypatch.setenv("PAYMENT_ROOT", str(served.root))
    conf = served.root / "home/demo/.payment/wxpay/sandbox/wxpay.conf"
    payment("store", "set", "sellers", '{"wx":"sandbox"}')
    payment("store", "set", "order_minutes", 1)
    payment("w", "add", "-nm", "cup", "--title", "C", "--price", 5)
    order = payment("o", "create", "--anonymous", "--item", "cup", "-pt", "wx.qrcode").json["id"]
    payment("p", "pay", order)
    whole = conf.read_text()
    conf.write_text("{")
    later(2)
    first = payment("tick", "-c", exit_code=24)
    assert (first.json["postponed"], first.err.count("\n")) == (1, 1)
    assert first.err.startswith(f"payment tick: order {order}: e.pay.config: ")
    assert [error["id"] for error in first.json["errors"]] == [order]
    again = payment("tick", "-c", exit_code=24)
    assert (again.json["postponed"], again.json["errors"], again.err) == (1, [], "")
    assert payment("tick", "--all", exit_code=24).err == ""
    told = payment("doctor", exit_code=40).text
    assert f"order {order} failed 2 times, is tried again in 2 min: e.pay.config: " in told
    conf.write_text(whole)
    done = payment("tick", "--all")
    assert (done.json["cancelled"], done.json["postponed"]) == ([order], 0)
    assert done.err == "payment tick: 1 postponed (order) could be done at last\n"
    assert payment("tick").err == ""


def test_a_tick_beside_another_one_does_nothing_and_says_so(payment, cup, later, root):
    order = payment("o", "create", "--anonymous", "--item", "cup").json["id"]
    later(16)
    with only_run(root, "tick-demo"):
        ran = payment("tick", "-c")
        assert (ran.json["busy"], ran.json["cancelled"], ran.err) == (True, [], "")
    assert payment("tick").json["cancelled"] == [order]
