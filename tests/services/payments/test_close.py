import pytest

from payment_cli.errors import InvalidValueError, NotAllowedError, OutcomeUnknownError
from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.payments.intent import INTENT_MS
from payment_cli.model.payments.pay_type import ReturnType
from tests.services.conftest import World
from tests.services.payments.sent import CLOSED, NOT_FOUND, QR, UNKNOWN, interrupted, sent
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


def test_a_reversed_scan_keeps_what_the_reversal_did_and_when(world: World) -> None:
    payment = sent(world, Answer(Outcome.WAITING, ReturnType.JSON, {}), "wx.scan")
    world.gateway.closes = [Answer(Outcome.CLOSED, extra={"wx_action": "refund"})]
    closed = world.closer.close(payment.id, "not confirmed").payment
    assert (closed.st, closed.reversed_at) == ("FAIL", world.clock.now)
    assert closed.extra["wx_action"] == "refund"
    assert world.stored(payment) == closed


def test_a_closed_code_was_not_reversed(world: World) -> None:
    payment = sent(world)
    world.gateway.closes = [CLOSED]
    assert world.closer.close(payment.id, "x").payment.reversed_at == 0


@pytest.mark.parametrize("pay_tp", ["zfb.qrcode", "wx.qrcode", "wx.scan"])
def test_what_the_provider_does_not_know_is_not_closed_and_the_answer_says_when(
    world: World, pay_tp: str
) -> None:
    payment = sent(world, QR, pay_tp)
    world.gateway.closes = [NOT_FOUND]
    result = world.closer.close(payment.id, "the guest left")
    assert (result.payment.st, result.unknown) == ("WAIT", True)
    left = 1 if pay_tp == "wx.scan" else 10
    assert f"may still be scanned and paid for {left} min" in result.err_msg
    assert f"FAIL in about {left + 7} min" in result.err_msg


def test_another_amount_is_never_closed_and_both_figures_are_named(world: World) -> None:
    payment = sent(world)
    world.gateway.checks = [paid(payment.id, 2400)]
    world.checker.check(payment.id)
    flagged = world.stored(payment)
    for _ in range(2):
        with pytest.raises(NotAllowedError, match=r"2300 fen.*2400 fen"):
            world.closer.close(payment.id, "x")
        world.clock.advance(minutes=20)
    assert world.stored(payment) == flagged
    assert world.gateway.calls("close") == []


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_an_amount_that_is_heard_of_by_closing_is_named_too(
    world: World, is_interrupted: bool
) -> None:
    payment = interrupted(world) if is_interrupted else sent(world)
    world.clock.advance(ms=INTENT_MS)
    world.gateway.checks = world.gateway.closes = [paid(payment.id, 2400)]
    with pytest.raises(NotAllowedError, match=r"2300 fen.*2400 fen"):
        world.closer.close(payment.id, "x")
    assert (world.stored(payment).st, world.stored(payment).flag) == ("WAIT", "amount")
