from pathlib import Path

import pytest

from payment_cli.errors import ConfigError, UntrustedError
from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.events.postponed import FIRST_MS
from payment_cli.services.payments.pace import back_off
from payment_cli.storage.tree import open_tree
from tests.services.conftest import World
from tests.services.payments.sent import CLOSED, NOT_FOUND, QR, UNKNOWN, WAITING, interrupted, sent
from tests.support.clock import HandClock
from tests.support.gateway import ScriptedGateway, paid


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
    world.gateway.checks = [UNKNOWN, paid(other.id), UNKNOWN, UNKNOWN]
    sweep = world.checker.check_pending(10)
    assert sweep.by_status == {"unknown": 3, "postponed": 2, "OK": 1}
    assert (sweep.undone, sweep.news) == (1, ("account demo wx shop: e.pay.unknown: no answer",))
    assert world.stored(silent[4]).check_count == 0
    again = world.checker.check_pending(10)
    assert (again.checked, again.by_status, again.news) == (0, {"postponed": 2}, ())
    world.clock.advance(ms=FIRST_MS)
    world.gateway.checks = [UNKNOWN]
    probed = world.checker.check_pending(10)
    assert (probed.by_status, probed.news) == ({"unknown": 1, "postponed": 4}, ())
    world.clock.advance(ms=FIRST_MS)
    assert world.checker.check_pending(10).checked == 0  # twice as late each time
    world.clock.advance(ms=FIRST_MS)
    world.gateway.checks = [WAITING]
    healed = world.checker.check_pending(10)
    assert (healed.by_status, healed.undone) == ({"WAIT": 5}, 0)
    assert healed.news == ("1 postponed (payment) could be done at last",)


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


def test_another_amount_is_asked_about_no_more_by_itself_and_again_by_a_person(
    world: World,
) -> None:
    payment = sent(world)
    world.clock.advance(s=20)
    world.gateway.checks = [paid(payment.id, 2400)]
    assert world.checker.check_pending(10).by_status == {"amount": 1}
    flagged = world.stored(payment)
    for _ in range(3):
        world.clock.advance(minutes=60)
        assert world.checker.check_pending(10).checked == 0
        assert world.checker.check(payment.id).payment == flagged
    for nothing in (WAITING, NOT_FOUND, UNKNOWN):
        world.gateway.checks = [nothing]
        assert world.checker.check(payment.id).payment == flagged
    assert world.gateway.calls("close") == []
    world.gateway.checks = [paid(payment.id)]
    assert world.checker.check(payment.id).payment.st == "OK"


def test_the_owed_reversal_of_a_declined_scan_is_recorded_as_our_own(world: World) -> None:
    world.gateway.reverse_after_ms = 15_000
    payment = sent(world, Answer(Outcome.FAILED, code="NOTENOUGH"), "wx.scan")
    world.clock.advance(s=15)
    world.gateway.closes = [Answer(Outcome.CLOSED, extra={"wx_action": "refund"})]
    reversed_ = world.checker.check(payment.id).payment
    assert (reversed_.st, reversed_.reversed_at) == ("FAIL", world.clock.now)
    assert reversed_.extra["wx_action"] == "refund"


def test_a_scan_nobody_knows_is_reversed_until_that_was_said_late_and_often_enough(
    world: World,
) -> None:
    world.gateway.closes = [NOT_FOUND]
    declined = sent(world, Answer(Outcome.FAILED, code="NOTENOUGH"), "wx.scan")
    assert (declined.st, declined.next_check_at > 0) == ("FAIL", True)
    for _ in range(12):
        world.clock.advance(minutes=1)
        world.checker.check_pending(10)
    stored = world.stored(declined)
    assert (stored.st, stored.next_check_at, stored.fail_re) == ("FAIL", 0, "NOTENOUGH")
    assert stored.history[-1]["what"] == "nothing to reverse"  # type: ignore[index,call-overload]
    assert world.clock.now > declined.expi


def test_a_payment_of_a_clock_that_was_far_ahead_expires_after_its_own_time(world: World) -> None:
    payment = sent(world)
    world.clock.advance(minutes=-60 * 24 * 365)
    world.gateway.checks, world.gateway.closes = [WAITING], [CLOSED]
    assert world.checker.check_pending(10).by_status == {"WAIT": 1}
    redated = world.stored(payment)
    assert redated.expi == world.clock.now + payment.expi - payment.send_at
    world.clock.now = redated.expi + 1
    assert world.checker.check_pending(10).by_status == {"FAIL": 1}
