from dataclasses import replace

from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.payments.payment import Payment
from payment_cli.model.secret import Secret
from payment_cli.services.payments.send import SendArguments
from payment_cli.services.payments.watch import Watcher
from tests.services.conftest import World
from tests.support.gateway import paid

WAITING = Answer(Outcome.WAITING, ReturnType.JSON, {})


def watcher(world: World) -> Watcher:
    return Watcher(
        world.payments,
        world.checker,
        world.closer,
        world.clock,
        lambda s: world.clock.advance(s=int(s)),
        45,
    )


def sent(world: World, pay_tp: str) -> Payment:
    payment = world.create()
    world.gateway.sends = [WAITING]
    code = Secret("130000000000000001") if pay_tp.endswith("scan") else None
    world.sender.send(payment.id, pay_tp, "shop", SendArguments(auth_code=code))
    return payment


def test_a_watch_ends_when_the_payment_is_paid(world: World) -> None:
    payment = sent(world, "zfb.qrcode")
    world.gateway.checks = [Answer(Outcome.NOT_FOUND), WAITING, paid(payment.id)]
    results = list(watcher(world).watch(payment.id, 30))
    assert [str(r.payment.st) for r in results] == ["WAIT", "WAIT", "WAIT", "OK"]


def test_a_watch_asks_at_the_providers_pace(world: World) -> None:
    payment = sent(world, "wx.qrcode")
    world.gateway.checks = [WAITING, WAITING, paid(payment.id)]
    started = world.clock.now
    list(watcher(world).watch(payment.id, 30))
    assert world.clock.now - started == 3 * 5000


def test_a_scan_not_confirmed_in_time_is_reversed(world: World) -> None:
    payment = sent(world, "wx.scan")
    world.gateway.checks = [WAITING]
    world.gateway.closes = [Answer(Outcome.CLOSED)]
    last = list(watcher(world).watch(payment.id, 30))[-1]
    assert (last.payment.st, last.payment.fail_re) == ("FAIL", "not confirmed in time")
    assert world.clock.now - last.payment.send_at == 30_000


def test_a_reverse_that_finds_the_money_ends_the_watch_with_ok(world: World) -> None:
    payment = sent(world, "wx.scan")
    world.gateway.checks = [WAITING] * 5 + [paid(payment.id)]
    world.gateway.closes = [Answer(Outcome.PAID)]
    last = list(watcher(world).watch(payment.id, 30))[-1]
    assert (last.payment.st, last.unknown) == ("OK", False)


def test_an_unknown_reverse_is_tried_until_it_is_known(world: World) -> None:
    payment = sent(world, "wx.scan")
    world.gateway.checks = [WAITING]
    world.gateway.closes = [
        Answer(Outcome.UNKNOWN),
        Answer(Outcome.UNKNOWN),
        Answer(Outcome.CLOSED),
    ]
    results = list(watcher(world).watch(payment.id, 10))
    assert results[-1].payment.st == "FAIL"
    assert len(world.gateway.calls("close")) == 3


def test_a_payment_that_is_not_waiting_is_shown_once(world: World) -> None:
    payment = world.create()
    assert len(list(watcher(world).watch(payment.id, 30))) == 1


def test_a_look_asks_when_it_is_time_and_a_scan_each_time(world: World) -> None:
    payment = sent(world, "zfb.qrcode")
    assert watcher(world).look_if_due(world.stored(payment)).payment.st == "WAIT"
    assert world.gateway.calls("check") == []
    world.clock.now = world.stored(payment).next_check_at
    world.gateway.checks = [paid(payment.id)]
    assert watcher(world).look_if_due(world.stored(payment)).payment.st == "OK"
    scanned = sent(world, "wx.scan")
    world.gateway.checks = [WAITING]
    watcher(world).look_if_due(world.stored(scanned))
    assert len(world.gateway.calls("check")) == 2


def test_a_payment_that_outlived_its_time_is_asked_about_and_ends(world: World) -> None:
    payment = sent(world, "zfb.qrcode")
    world.clock.now = world.stored(payment).expi
    watcher(world).end_expired(world.stored(payment))
    assert world.gateway.calls("check") == []
    world.clock.advance(ms=1)
    world.gateway.checks = [Answer(Outcome.CLOSED)]
    watcher(world).end_expired(world.stored(payment))
    assert world.stored(payment).st == "FAIL"


def test_a_scan_that_paid_another_amount_is_watched_and_reversed_no_more(world: World) -> None:
    payment = sent(world, "wx.scan")
    world.gateway.checks = [WAITING, paid(payment.id, 2400)]
    last = list(watcher(world).watch(payment.id, 30))[-1]
    assert (last.payment.st, last.payment.flag) == ("WAIT", "amount")
    assert world.gateway.calls("close") == []
    assert len(list(watcher(world).watch(payment.id, 30))) == 1
    world.clock.advance(minutes=5)
    assert watcher(world).look_if_due(world.stored(payment)).payment == world.stored(payment)


def test_a_scan_whose_money_went_back_before_its_reversal_is_refunded_not_paid(
    world: World,
) -> None:
    payment = sent(world, "wx.scan")
    answer = paid(payment.id)
    assert answer.paid is not None
    returned = replace(answer, paid=replace(answer.paid, went_back=True))
    world.gateway.checks, world.gateway.closes = [WAITING], [returned]
    last = list(watcher(world).watch(payment.id, 30))[-1]
    assert (last.payment.st, last.payment.flag) == ("OK", "refunded")
    assert last.to_record()["errMsg"] == "it was paid, and the money went back"
