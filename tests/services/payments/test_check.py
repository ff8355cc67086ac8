from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import (
    ConfigError,
    InvalidValueError,
    NotAllowedError,
    OutcomeUnknownError,
    UntrustedError,
)
from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.payments.intent import INTENT_MS
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.payments.payment import Payment
from payment_cli.model.secret import Secret
from payment_cli.services.payments.pace import BACK_OFF_MAX_MS, SILENCE_MS, back_off
from payment_cli.services.payments.records import load, save
from payment_cli.services.payments.send import SendArguments
from payment_cli.storage.tree import open_tree
from tests.services.conftest import World
from tests.support.clock import HandClock
from tests.support.gateway import ScriptedGateway, paid

QR = Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://wxpay/abc")
WAITING = Answer(Outcome.WAITING)
UNKNOWN = Answer(Outcome.UNKNOWN, message="timeout")
NOT_FOUND = Answer(Outcome.NOT_FOUND)
CLOSED = Answer(Outcome.CLOSED)


def sent(world: World, answer: Answer = QR, pay_tp: str = "wx.qrcode", **changes) -> Payment:
    payment = world.create(**changes)
    world.gateway.sends = [answer]
    is_scan = pay_tp.endswith("scan")
    arguments = SendArguments(auth_code=Secret("130000000000000001") if is_scan else None)
    world.sender.send(payment.id, pay_tp, "shop", arguments)
    return world.stored(payment)


def test_a_paid_answer_makes_the_payment_ok_and_its_script_due(world: World) -> None:
    payment = sent(world, callback="after")
    world.gateway.checks = [paid(payment.id)]
    result = world.checker.check(payment.id)
    assert (result.payment.st, result.payment.apply_st) == ("OK", "due")
    assert "st" in result.changed


def test_a_final_payment_is_answered_without_asking_the_provider(world: World) -> None:
    payment = sent(world)
    world.gateway.checks = [paid(payment.id)]
    world.checker.check(payment.id)
    assert world.checker.check(payment.id).payment.st == "OK"
    assert len(world.gateway.calls("check")) == 1


@pytest.mark.parametrize("answer", [UNKNOWN, WAITING, NOT_FOUND])
def test_what_decides_nothing_leaves_wait_and_asks_again_later(world: World, answer) -> None:
    payment = sent(world)
    world.gateway.checks = [answer]
    result = world.checker.check(payment.id)
    assert result.payment.st == "WAIT"
    assert result.unknown == (answer is UNKNOWN)
    assert world.stored(payment).next_check_at == world.clock.now + back_off(0)
    assert world.stored(payment).re_obj == "weixin://wxpay/abc"


def test_the_providers_no_makes_it_fail_with_the_reason(world: World) -> None:
    payment = sent(world)
    world.gateway.checks = [Answer(Outcome.FAILED, code="CLOSED", message="order closed")]
    result = world.checker.check(payment.id)
    assert result.payment.st == "FAIL"
    assert world.stored(payment).fail_re == "CLOSED order closed"


def test_money_for_another_order_is_not_trusted(world: World) -> None:
    payment = sent(world)
    world.gateway.checks = [paid("f" * 32)]
    with pytest.raises(UntrustedError):
        world.checker.check(payment.id)
    assert world.stored(payment).st == "WAIT"


def test_an_expired_payment_is_closed_at_the_provider_then_fails(world: World) -> None:
    payment = sent(world)
    world.clock.advance(minutes=11)
    world.gateway.checks = [WAITING]
    world.gateway.closes = [CLOSED]
    result = world.checker.check(payment.id)
    assert (result.payment.st, result.payment.fail_re) == ("FAIL", "expired")


def test_an_expired_payment_that_was_paid_after_all_is_ok(world: World) -> None:
    payment = sent(world)
    world.clock.advance(minutes=11)
    world.gateway.checks = [WAITING, paid(payment.id)]
    world.gateway.closes = [Answer(Outcome.PAID)]
    assert world.checker.check(payment.id).payment.st == "OK"


def test_an_expired_payment_whose_close_is_unknown_stays_waiting(world: World) -> None:
    payment = sent(world)
    world.clock.advance(minutes=11)
    world.gateway.checks = [WAITING]
    world.gateway.closes = [UNKNOWN]
    result = world.checker.check(payment.id)
    assert (result.payment.st, result.unknown) == ("WAIT", True)


def interrupted(world: World, pay_tp: str = "wx.qrcode") -> Payment:
    """A payment whose sender died during the call."""
    payment = world.create()

    class PowerCutError(Exception):
        pass

    def die() -> None:
        raise PowerCutError

    world.gateway.meanwhile = die
    arguments = SendArguments(auth_code=Secret("130000000000000001") if "scan" in pay_tp else None)
    with pytest.raises(PowerCutError):
        world.sender.send(payment.id, pay_tp, "shop", arguments)
    return world.stored(payment)


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


def test_money_that_came_by_a_declined_scan_is_late_and_not_called_reversed(world: World) -> None:
    world.gateway.reverse_after_ms = 15_000
    payment = sent(world, Answer(Outcome.FAILED, code="NOTENOUGH"), "wx.scan")
    assert (payment.st, payment.next_check_at > 0) == ("FAIL", True)
    world.clock.advance(s=15)
    world.gateway.closes = [paid(payment.id)]
    world.checker.check(payment.id)
    stored = world.stored(payment)
    assert (stored.flag, stored.next_check_at) == ("late", 0)
    assert "reversed" not in [line["what"] for line in stored.history]  # type: ignore[index,call-overload]


def test_pending_looks_only_at_what_is_due_and_never_stops_at_a_bad_one(world: World) -> None:
    first, second = sent(world), sent(world)
    world.clock.advance(s=20)
    fresh = sent(world)
    world.gateway.checks = [paid("f" * 32), paid(second.id), UNKNOWN]
    sweep = world.checker.check_pending(10)
    assert sweep.checked == 2
    assert [payment_id for payment_id, _ in sweep.errors] == [first.id]
    assert sweep.by_status == {"OK": 1}
    assert [payment.id for payment in sweep.settled] == [second.id]
    assert world.stored(first).next_check_at > world.clock.now
    assert world.stored(fresh).st == "WAIT"
    assert world.checker.check_pending(10).checked == 0


def test_a_hand_edited_payment_is_settled_by_its_journal_and_its_file_is_left(
    tmp_path: Path,
) -> None:
    clock = HandClock()
    world = World(open_tree(tmp_path, clock), clock, ScriptedGateway())
    edited, second = sent(world), sent(world)
    file = tmp_path / "var" / "payment" / f"{edited.id}.json"
    by_hand = file.read_text().replace("2300", "2301")
    file.write_text(by_hand)
    clock.advance(s=20)
    world.gateway.checks = [paid(edited.id), paid(second.id)]
    sweep = world.checker.check_pending(10)
    assert (sweep.errors, sweep.by_status) == ((), {"OK": 2})
    assert world.stored(edited).st == world.stored(second).st == "OK"
    assert world.stored(edited).fee == 2300
    assert file.read_text() == by_hand
    assert [left.id for left in world.storage.left()] == [edited.id]
    world.storage.close()


def test_a_provider_that_is_down_does_not_keep_the_sweep_from_another(world: World) -> None:
    silent = [sent(world, pay_tp="wx.qrcode") for _ in range(5)]
    other = sent(world, pay_tp="zfb.qrcode")
    world.clock.advance(s=20)
    world.gateway.checks = [UNKNOWN, UNKNOWN, UNKNOWN, paid(other.id)]
    sweep = world.checker.check_pending(10)
    assert sweep.by_status == {"unknown": 3, "postponed": 2, "OK": 1}
    assert (world.stored(silent[4]).next_check_at, world.stored(silent[4]).check_count) == (
        world.clock.now + SILENCE_MS, 0,
    )  # fmt: skip


def test_pending_is_bounded_and_takes_the_longest_waiting_first(world: World) -> None:
    payments = []
    for _ in range(4):
        payments.append(sent(world))
        world.clock.advance(s=1)
    world.clock.advance(minutes=1)
    world.gateway.checks = [UNKNOWN]
    assert world.checker.check_pending(2).checked == 2
    asked = [order.payment_id for order in world.gateway.calls("check")]  # type: ignore[attr-defined]
    assert asked == [payments[0].id, payments[1].id]


def test_a_missing_config_is_an_error_of_that_payment_only(world: World) -> None:
    payment = sent(world)

    def broken(domain: str, provider: str, target: str):
        raise ConfigError("no config")

    world.accounts.gateway = broken  # type: ignore[method-assign]
    world.clock.advance(minutes=1)
    sweep = world.checker.check_pending(10)
    assert sweep.errors == ((payment.id, "e.pay.config: no config"),)


def test_asking_often_does_not_put_off_the_look_at_the_expiry(world: World) -> None:
    payment = sent(world)
    world.gateway.checks = [WAITING]
    for _ in range(20):
        world.clock.advance(s=5)
        world.checker.check(payment.id)
    assert world.stored(payment).next_check_at == payment.expi + 1
    world.clock.now = payment.expi + 1
    world.gateway.closes = [CLOSED]
    assert world.checker.check_pending(10).by_status == {"FAIL": 1}


def test_a_clock_set_back_holds_nothing_up(world: World) -> None:
    world.gateway.reverse_after_ms = 15_000
    waiting, cut_short = sent(world), interrupted(world)
    declined = sent(world, Answer(Outcome.FAILED, code="NOTENOUGH"), "wx.scan")
    world.clock.advance(minutes=-24 * 60)
    world.gateway.checks, world.gateway.sends = [WAITING], [QR]
    world.gateway.closes = [CLOSED]
    sweep = world.checker.check_pending(10)
    assert (sweep.checked, sweep.errors) == (3, ())
    assert world.stored(cut_short).intent is None
    assert world.stored(declined).next_check_at == 0
    assert world.stored(waiting).next_check_at == world.clock.now + back_off(0)


@given(st.integers(0, 200))
def test_the_wait_between_checks_grows_to_an_hour_and_no_further(count: int) -> None:
    assert 0 < back_off(count) <= back_off(count + 1) <= BACK_OFF_MAX_MS


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
