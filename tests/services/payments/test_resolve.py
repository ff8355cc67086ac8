from collections.abc import Callable

import pytest

from payment_cli.errors import InvalidValueError, OutcomeUnknownError
from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.payments.intent import INTENT_MS
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.payments.payment import Payment
from payment_cli.services.payments.pace import back_off
from payment_cli.services.payments.records import load, save
from payment_cli.services.payments.send import SendArguments
from tests.services.conftest import World
from tests.services.payments.sent import CLOSED, NOT_FOUND, QR, UNKNOWN, WAITING, interrupted, sent
from tests.support.gateway import paid


def test_a_send_under_way_is_left_alone_until_its_deadline(world: World) -> None:
    payment = interrupted(world)
    with pytest.raises(OutcomeUnknownError):
        world.checker.check(payment.id)
    assert len(world.gateway.calls("check")) == 0


def test_an_interrupted_send_is_sent_again_with_identical_parameters(world: World) -> None:
    payment = interrupted(world)
    world.clock.advance(ms=INTENT_MS)
    world.gateway.checks = [NOT_FOUND]
    world.gateway.sends = [QR]
    result = world.checker.check(payment.id)
    assert (result.payment.st, result.payment.re_obj) == ("WAIT", "weixin://wxpay/abc")
    first, again = world.gateway.calls("send")
    assert first == again
    assert world.stored(payment).intent is None


def rewritten(world: World, payment: Payment, change: Callable[[dict], None]) -> None:
    """Let the payment's intent be as another program wrote it."""
    with world.storage.transaction("demo") as tx:
        request = dict(world.stored(payment).intent["request"])
        change(request)
        save(tx, payment._replace(intent={**payment.intent, "request": request}))
    world.clock.advance(ms=INTENT_MS)
    world.gateway.checks = [NOT_FOUND]
    world.gateway.sends = [QR]


def test_an_intent_of_an_older_program_is_sent_again_without_what_it_did_not_know(
    world: World,
) -> None:
    payment = interrupted(world)
    rewritten(world, payment, lambda request: request.pop("client_ip"))
    assert world.checker.check(payment.id).payment.re_obj == "weixin://wxpay/abc"
    assert world.gateway.calls("send")[1].client_ip == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "newer", [{"pay_tp": "wx.palm"}, {"contract": "1"}, {"pay_tp": "wx.palm", "contract": "1"}]
)
def test_an_intent_of_a_newer_program_is_never_sent_as_something_else(
    world: World, newer: dict[str, str]
) -> None:
    payment = interrupted(world)
    rewritten(world, payment, lambda request: request.update(newer))
    with pytest.raises(InvalidValueError):
        world.checker.check(payment.id)
    assert len(world.gateway.calls("send")) == 1
    assert world.stored(payment).st == "WAIT"


def test_a_refused_repetition_forgets_no_order_of_the_first_send(world: World) -> None:
    payment = interrupted(world)
    world.clock.advance(ms=INTENT_MS)
    world.gateway.checks = [WAITING]
    world.gateway.sends = [Answer(Outcome.REFUSED, message="can't be reached")]
    result = world.checker.check(payment.id)
    assert (result.payment.st, result.unknown, result.err_msg) == ("WAIT", True, "can't be reached")
    world.gateway.sends = [QR]
    assert world.checker.check(payment.id).payment.re_obj == "weixin://wxpay/abc"


def test_a_send_repeated_in_vain_lets_others_go_first(world: World) -> None:
    payment = interrupted(world)
    world.clock.advance(ms=INTENT_MS)
    world.gateway.checks = [WAITING]
    world.gateway.sends = [UNKNOWN]
    for count in range(3):
        world.checker.check(payment.id)
        assert world.stored(payment).next_check_at == world.clock.now + back_off(count)


def test_the_late_answer_of_a_repeated_send_does_not_bring_back_its_void_code(
    world: World,
) -> None:
    payment = world.create()

    def meanwhile() -> None:
        world.clock.advance(ms=INTENT_MS)
        world.gateway.checks = [WAITING]
        world.gateway.sends = [Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://new")]
        world.checker.check(payment.id)

    world.gateway.meanwhile = meanwhile
    world.gateway.sends = [QR]
    late = world.sender.send(payment.id, "wx.qrcode", "shop", SendArguments())
    assert late.payment.re_obj == world.stored(payment).re_obj == "weixin://new"


def test_an_interrupted_send_that_was_paid_is_ok_without_sending_again(world: World) -> None:
    payment = interrupted(world)
    world.clock.advance(ms=INTENT_MS)
    world.gateway.checks = [paid(payment.id)]
    assert world.checker.check(payment.id).payment.st == "OK"
    assert len(world.gateway.calls("send")) == 1


def test_an_interrupted_scan_is_asked_about_and_never_sent_again(world: World) -> None:
    payment = interrupted(world, "wx.scan")
    world.clock.advance(ms=INTENT_MS)
    world.gateway.checks = [NOT_FOUND]
    world.gateway.closes = [CLOSED]
    assert world.checker.check(payment.id).payment.st == "FAIL"
    assert len(world.gateway.calls("send")) == 1


def with_intent(world: World, payment: Payment, kind: str) -> None:
    """Leave an intent of this kind on the payment, its deadline past."""
    with world.storage.transaction("another version") as tx:
        current = load(tx, payment.id)
        request = {"refund_fee": 1}
        intent = {"kind": kind, "owner": "x", "deadline": world.clock.now, "request": request}
        save(tx, current._replace(intent=intent))


@pytest.mark.parametrize("answer", [WAITING, NOT_FOUND])
@pytest.mark.parametrize("minutes", [0, 11])
def test_an_intent_of_an_unknown_kind_is_asked_about_and_never_sent(world, answer, minutes) -> None:
    payment = sent(world)
    with_intent(world, payment, "refund")
    world.clock.advance(minutes=minutes)
    world.gateway.checks = [answer] * 3
    with pytest.raises(OutcomeUnknownError, match="does not know an intent of the kind 'refund'"):
        world.checker.check(payment.id)
    with pytest.raises(OutcomeUnknownError, match="refund"):
        world.closer.close(payment.id, "x")
    assert len(world.gateway.calls("send")) == 1
    assert world.gateway.calls("close") == []
    assert world.stored(payment).intent["kind"] == "refund"  # type: ignore[index]
    sweep = world.checker.check_pending(10) if minutes else None
    assert sweep is None or len(sweep.errors) == 1


def test_an_intent_of_an_unknown_kind_does_not_keep_money_from_settling(world: World) -> None:
    payment = sent(world)
    with_intent(world, payment, "refund")
    world.gateway.checks = [paid(payment.id)]
    assert world.checker.check(payment.id).payment.st == "OK"


def test_a_send_without_an_outcome_is_not_made_again_after_its_time(world: World) -> None:
    payment = interrupted(world)
    world.clock.advance(ms=payment.expi - world.clock.now + 1)
    world.gateway.checks = [WAITING]
    world.gateway.closes = [CLOSED]
    result = world.checker.check(payment.id)
    assert (result.payment.st, result.payment.fail_re) == ("FAIL", "expired")
    assert len(world.gateway.calls("send")) == 1
