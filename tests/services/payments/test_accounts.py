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
from tests.services.payments.sent import NOT_FOUND, interrupted, sent
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


def test_a_payment_of_an_older_program_is_believed_of_its_target(world: World) -> None:
    payment = sent(world)
    with world.storage.transaction("demo") as tx:
        record = world.stored(payment).to_record()
        del record["pay_mch"], record["pay_app"]
        tx.put(PAYMENTS, record)
    world.gateway.account_id = OTHERS[0]
    world.gateway.checks = [paid(payment.id)]
    assert world.checker.check(payment.id).payment.st == "OK"
