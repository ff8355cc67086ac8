import pytest

from payment_cli.errors import InvalidValueError, NotAllowedError, OutcomeUnknownError
from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.payments.intent import INTENT_MS
from payment_cli.model.payments.pay_type import ReturnType
from tests.services.conftest import World
from tests.services.payments.sent import CLOSED, UNKNOWN, interrupted, sent
from tests.support.gateway import paid


def test_closing_an_unsent_payment_needs_no_provider(world: World) -> None:
    payment = world.create()
    result = world.closer.close(payment.id, "changed my mind")
    assert (result.payment.st, result.payment.fail_re) == ("FAIL", "changed my mind")
    assert result.payment.close_at == world.clock.now
    assert world.gateway.asked == []


@pytest.mark.parametrize("reason", ["x" * 257, "two\nlines", "\x1b[31mred"])
def test_a_reason_is_one_short_line(world: World, reason: str) -> None:
    payment = world.create()
    with pytest.raises(InvalidValueError, match="one line"):
        world.closer.close(payment.id, reason)
    assert world.stored(payment) == payment


def test_closing_a_waiting_payment_fails_only_when_the_provider_closed_it(world: World) -> None:
    payment = sent(world)
    world.gateway.closes = [UNKNOWN, CLOSED]
    assert world.closer.close(payment.id, "x").payment.st == "WAIT"
    assert world.closer.close(payment.id, "x").payment.st == "FAIL"
    assert world.closer.close(payment.id, "again").payment.fail_re == "x"


def test_a_paid_payment_is_not_closed(world: World) -> None:
    payment = sent(world)
    world.gateway.closes = [Answer(Outcome.PAID)]
    world.gateway.checks = [paid(payment.id)]
    with pytest.raises(NotAllowedError):
        world.closer.close(payment.id, "x")
    assert world.stored(payment).st == "OK"
    with pytest.raises(NotAllowedError):
        world.closer.close(payment.id, "x")


def test_closing_an_interrupted_send_that_was_paid_is_refused_as_any_other(world: World) -> None:
    payment = interrupted(world)
    world.clock.advance(ms=INTENT_MS)
    world.gateway.checks = [paid(payment.id)]
    with pytest.raises(NotAllowedError, match="paid before it could be closed"):
        world.closer.close(payment.id, "x")
    assert world.stored(payment).st == "OK"


def test_a_scan_is_not_reversed_earlier_than_the_provider_allows(world: World) -> None:
    payment = sent(world, Answer(Outcome.WAITING, ReturnType.JSON, {}), "wx.scan")
    world.gateway.reverse_after_ms = 15_000
    world.clock.advance(s=14)
    with pytest.raises(OutcomeUnknownError):
        world.closer.close(payment.id, "x")
    world.clock.advance(s=1)
    world.gateway.closes = [CLOSED]
    assert world.closer.close(payment.id, "x").payment.st == "FAIL"
