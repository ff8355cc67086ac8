"""A payment is spoken for by the account that it was sent through, and by no other."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from payment_cli.errors import ConfigError, NotAllowedError
from payment_cli.gateways.base import AccountId, Answer, HttpRequest, Notice, Outcome
from payment_cli.model.payments.intent import INTENT_MS
from payment_cli.model.payments.payment import Payment
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.payments.watch import Watcher
from tests.services.conftest import World
from tests.services.payments.sent import CLOSED, NOT_FOUND, WAITING, interrupted, sent
from tests.support.gateway import paid

OTHERS = [AccountId("1900000002", "wx1"), AccountId("1900000001", "wx2"), AccountId("", "")]
JSON = {"content-type": "application/json"}
CALLBACK = HttpRequest("POST", "/pay/re/wx.qrcode/demo/shop", "", JSON, b"{}")
BARE = HttpRequest("POST", "/pay/re", "", JSON, b'{"resource": {}, "event_type": "x"}')


def watch(world: World, payment: Payment) -> None:
    Watcher(
        world.payments, world.checker, world.closer, world.clock, lambda _s: None, scan_reverse_s=45
    ).look(payment)


def receive(world: World, request: HttpRequest) -> None:
    received = world.receiver.receive(request)
    assert received.acknowledgement.status == (500 if received.error else 200)
    if received.error is not None:
        raise received.error


WAYS: dict[str, Callable[[World, Payment], object]] = {
    "check": lambda world, payment: world.checker.check(payment.id),
    "close": lambda world, payment: world.closer.close(payment.id, "x"),
    "watch": watch,
    "callback": lambda world, _: receive(world, CALLBACK),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("way", WAYS)
def test_another_account_of_the_same_target_does_not_speak_for_it(
    world: World, way: str, other: AccountId
) -> None:
    payment = sent(world)
    world.gateway.checks = world.gateway.closes = [paid(payment.id)]
    world.gateway.notices = [Notice(payment.id, paid(payment.id))]
    own, world.gateway.account_id = world.gateway.account_id, other
    with pytest.raises(ConfigError) as refusal:
        WAYS[way](world, payment)
    assert str(own) in str(refusal.value)
    assert str(other) in str(refusal.value)
    assert world.stored(payment) == payment
    world.gateway.account_id = own
    with suppress(NotAllowedError):  # close: it is paid
        WAYS[way](world, payment)
    assert world.stored(payment).st == "OK"


def test_an_interrupted_send_is_not_repeated_at_another_account(world: World) -> None:
    payment = interrupted(world)
    world.clock.advance(ms=INTENT_MS)
    world.gateway.account_id = OTHERS[0]
    world.gateway.checks = [NOT_FOUND]
    with pytest.raises(ConfigError):
        world.checker.check(payment.id)
    assert len(world.gateway.calls("send")) == 1
    assert world.stored(payment) == payment


def test_a_declined_scan_is_not_reversed_through_another_account(world: World) -> None:
    world.gateway.reverse_after_ms = 15_000
    declined = sent(world, Answer(Outcome.FAILED, code="NOTENOUGH"), "wx.scan")
    world.gateway.account_id = OTHERS[0]
    world.clock.advance(s=20)
    sweep = world.checker.check_pending(10)
    assert [payment_id for payment_id, _ in sweep.errors] == [declined.id]
    assert world.gateway.calls("close") == []
    assert world.checker.check_pending(10).checked == 0  # it is postponed


def test_the_account_is_known_before_the_provider_is_called(world: World) -> None:
    cut_short = interrupted(world)
    assert (cut_short.pay_mch, cut_short.pay_app) == world.gateway.account_id


def of_an_older_program(world: World, payment: Payment) -> Payment:
    with world.storage.transaction("demo") as tx:
        record = world.stored(payment).to_record()
        del record["pay_mch"], record["pay_app"], record["pay_base"]
        tx.put(PAYMENTS, record)
    return world.stored(payment)


def at_another_address(world: World, payment: Payment) -> Payment:
    world.gateway.api_base = "http://localhost:8711/sandbox"
    return world.stored(payment)


#: Two ways in which nobody is known to be asked where the payment was sent.
ELSEWHERE = pytest.mark.parametrize("elsewhere", [of_an_older_program, at_another_address])
Elsewhere = Callable[[World, Payment], Payment]


@pytest.mark.parametrize("answer", [WAITING, paid("01a200")])
@ELSEWHERE
def test_who_knows_the_payment_speaks_for_it_and_is_recorded(
    world: World, elsewhere: Elsewhere, answer: Answer
) -> None:
    payment = elsewhere(world, sent(world))
    world.gateway.checks = [answer if answer is WAITING else paid(payment.id)]
    after = world.checker.check(payment.id).payment
    assert after.st == ("WAIT" if answer is WAITING else "OK")
    assert (after.pay_mch, after.pay_app) == world.gateway.account_id
    assert after.pay_base == world.gateway.api_base
    assert world.stored(payment) == after


@ELSEWHERE
def test_a_true_callback_settles_it_and_its_account_is_recorded(
    world: World, elsewhere: Elsewhere
) -> None:
    payment = elsewhere(world, sent(world))
    world.gateway.notices = [Notice(payment.id, paid(payment.id))]
    receive(world, CALLBACK)
    after = world.stored(payment)
    assert (after.st, after.pay_mch, after.pay_base) == ("OK", "1900000001", world.gateway.api_base)


def pending(world: World, _payment: Payment) -> None:
    assert world.checker.check_pending(10).by_status == {"unknown": 1}


LOOKS = {name: way for name, way in WAYS.items() if name != "callback"} | {"pending": pending}


@pytest.mark.parametrize("pay_tp", ["wx.qrcode", "wx.scan"])
@pytest.mark.parametrize("how", LOOKS)
@ELSEWHERE
def test_no_such_order_decides_nothing_where_it_may_not_have_been_sent(
    world: World, elsewhere: Elsewhere, how: str, pay_tp: str
) -> None:
    payment = elsewhere(world, sent(world, pay_tp=pay_tp))
    world.gateway.checks = [NOT_FOUND]
    world.gateway.closes = [CLOSED]  # of an order nobody knows: it must not come to that
    for _ in range(12):
        world.clock.advance(minutes=60)
        LOOKS[how](world, payment)
    after = world.stored(payment)
    assert (after.st, after.absent_count, after.absent_at) == ("WAIT", 0, 0)
    assert world.gateway.calls("close") == []
    told = [line for line in after.history if line["what"] == "not known there"]
    assert len(told) == 1
    assert world.gateway.api_base in told[0]["note"]


@ELSEWHERE
def test_whoever_asks_is_told_that_nothing_was_decided(world: World, elsewhere: Elsewhere) -> None:
    payment = elsewhere(world, sent(world))
    world.gateway.checks = [NOT_FOUND]
    for result in (world.checker.check(payment.id), world.closer.close(payment.id, "x")):
        assert result.unknown
        assert "decides nothing" in result.err_msg
        assert world.gateway.api_base in result.err_msg


@pytest.mark.parametrize("pay_tp", ["wx.qrcode", "wx.scan"])
@ELSEWHERE
def test_an_interrupted_send_is_not_repeated_where_it_may_not_have_been_sent(
    world: World, elsewhere: Elsewhere, pay_tp: str
) -> None:
    payment = elsewhere(world, interrupted(world, pay_tp))
    world.gateway.checks = [NOT_FOUND]
    for _ in range(3):
        world.clock.advance(ms=INTENT_MS)
        assert world.checker.check(payment.id).unknown
    assert len(world.gateway.calls("send")) == 1
    assert world.gateway.calls("close") == []
    assert world.stored(payment).intent == payment.intent


@ELSEWHERE
def test_an_account_that_answers_so_is_not_silent(world: World, elsewhere: Elsewhere) -> None:
    payments = [sent(world) for _ in range(5)]
    payments = [elsewhere(world, payment) for payment in payments]
    world.gateway.checks = [NOT_FOUND]
    world.clock.advance(minutes=1)
    assert world.checker.check_pending(10).by_status == {"unknown": len(payments)}


@ELSEWHERE
def test_a_reversal_that_is_owed_stays_owed(world: World, elsewhere: Elsewhere) -> None:
    world.gateway.reverse_after_ms = 15_000
    declined = elsewhere(world, sent(world, Answer(Outcome.FAILED, code="NOTENOUGH"), "wx.scan"))
    world.gateway.checks = world.gateway.closes = [NOT_FOUND]
    for _ in range(5):
        world.clock.advance(minutes=60)
        assert world.checker.check(declined.id).err_msg.startswith("elsewhere")
    assert world.stored(declined).next_check_at > 0
    world.gateway.checks, world.gateway.closes = [WAITING], [CLOSED]
    assert world.checker.check(declined.id).payment.reversed_at == world.clock.now


def test_the_recorded_account_back_at_its_address_decides(world: World) -> None:
    payment = sent(world)
    own = world.gateway.api_base
    at_another_address(world, payment)
    world.gateway.checks = world.gateway.closes = [NOT_FOUND]
    world.clock.advance(minutes=60)
    assert world.checker.check(payment.id).unknown
    world.gateway.api_base = own
    for _ in range(3):
        world.clock.advance(minutes=1)
        world.checker.check(payment.id)
    assert world.stored(payment).st == "FAIL"


def test_payments_of_a_former_account_keep_none_of_todays_waiting(world: World) -> None:
    for _ in range(5):
        sent(world)
    world.gateway.account_id = OTHERS[0]
    todays = sent(world)
    world.gateway.checks = [paid(todays.id)]
    world.clock.advance(minutes=1)
    sweep = world.checker.check_pending(10)
    assert len(sweep.errors) == 5
    assert world.stored(todays).st == "OK"


def test_a_recorded_account_without_an_address_decides(world: World) -> None:
    payment = sent(world)
    with world.storage.transaction("demo") as tx:
        record = world.stored(payment).to_record()
        del record["pay_base"]
        tx.put(PAYMENTS, record)
    world.gateway.checks = world.gateway.closes = [NOT_FOUND]
    world.clock.advance(minutes=60)
    for _ in range(3):
        world.clock.advance(minutes=1)
        world.checker.check(payment.id)
    assert world.stored(payment).st == "FAIL"
