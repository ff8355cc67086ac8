"""Random walks of answers and time: what "no such order" may do to a payment, and must do at last.

Services are real, the storage is the reference, and the provider says what the walk tells it.
"""

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payment_cli.errors import ConfigError, OutcomeUnknownError, PaymentError
from payment_cli.gateways.base import AccountId, Answer, Outcome
from payment_cli.model.payments.payment import Payment
from payment_cli.services.payments.pace import ABSENT_ANSWERS, ABSENT_GAP_MS, ABSENT_MARGIN_MS
from tests.services.conftest import World, a_world
from tests.services.payments.sent import NOT_FOUND, QR, sent

WAITING, UNKNOWN = Answer(Outcome.WAITING), Answer(Outcome.UNKNOWN, message="timeout")
STRANGER = AccountId("1900000002", "wx2")

#: (seconds that pass, who asks, the answer, and by whose account)
steps = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 20, 59, 60, 61, 240, 600]),
        st.sampled_from(["check", "close", "pending"]),
        st.sampled_from([NOT_FOUND, NOT_FOUND, NOT_FOUND, WAITING, UNKNOWN]),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=25,
)


def ask(world: World, payment: Payment, how: str) -> None:
    match how:
        case "check":
            world.checker.check(payment.id)
        case "close":
            world.closer.close(payment.id, "the guest left")
        case _:
            world.checker.check_pending(10)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.sampled_from(["wx.qrcode", "zfb.qrcode", "wx.scan"]))
def test_it_never_ends_a_payment_early_nor_by_a_stranger_and_always_at_last(walk, pay_tp) -> None:
    world = a_world()
    payment = sent(world, Answer(Outcome.WAITING, QR.re_tp, "x"), pay_tp)
    own = world.gateway.account_id
    told_at: list[int] = []
    for seconds, how, answer, is_stranger in walk:
        world.clock.advance(s=seconds)
        world.gateway.account_id = STRANGER if is_stranger else own
        # A close that is not answered "closed" is answered as the question was.
        world.gateway.checks = world.gateway.closes = [answer]
        before = world.stored(payment)
        asked = len(world.gateway.asked)
        with suppress(*([ConfigError] if is_stranger else [OutcomeUnknownError])):
            ask(world, payment, how)
        was_asked = len(world.gateway.asked) > asked
        if was_asked and not is_stranger:
            told_at = [*told_at, world.clock.now] if answer is NOT_FOUND else []
        after = world.stored(payment)
        if after.st == "FAIL" and before.st == "WAIT":
            late = [at for at in told_at if at >= payment.expi + ABSENT_MARGIN_MS]
            assert answer is NOT_FOUND
            assert not is_stranger
            assert len(late) >= ABSENT_ANSWERS
            assert late[-1] - late[0] >= (ABSENT_ANSWERS - 1) * ABSENT_GAP_MS
            assert after.fail_re.startswith("no such order at the provider")
    world.gateway.account_id = own
    world.gateway.checks = world.gateway.closes = [NOT_FOUND]
    world.clock.now = max(world.clock.now, payment.expi)
    if walk and world.stored(payment).st == "WAIT":
        # Back-off may have put off the next look by an hour at the most.
        world.clock.advance(minutes=60)
    for _ in range(15):
        world.clock.advance(minutes=1)
        world.checker.check_pending(10)
    assert world.stored(payment).st == "FAIL"
    world.storage.close()


@pytest.mark.parametrize("pay_tp", ["wx.qrcode", "zfb.qrcode", "wx.scan"])
def test_a_payment_nobody_ever_began_ends_minutes_after_its_time(pay_tp: str) -> None:
    world = a_world()
    payment = sent(world, Answer(Outcome.WAITING, QR.re_tp, "x"), pay_tp)
    world.gateway.checks = world.gateway.closes = [NOT_FOUND]
    ended_at = 0
    for _ in range(60):
        world.clock.advance(minutes=1)
        world.checker.check_pending(10)
        if world.stored(payment).st == "FAIL":
            ended_at = ended_at or world.clock.now
    wait = ended_at - payment.expi
    assert ABSENT_MARGIN_MS <= wait <= ABSENT_MARGIN_MS + (ABSENT_ANSWERS + 1) * ABSENT_GAP_MS


def test_nobody_calls_it_gone_who_could_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world()
    payment = sent(world)

    def broken(*_: object) -> None:
        raise ConfigError("no config")

    monkeypatch.setattr(world.accounts, "gateway", broken)
    for _ in range(60):
        world.clock.advance(minutes=1)
        with pytest.raises(PaymentError):
            world.checker.check(payment.id)
    assert world.stored(payment).st == "WAIT"
