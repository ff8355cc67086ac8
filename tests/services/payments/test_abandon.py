"""Ending a payment whose account is gone: who may, when not, and that no money is lost by it."""

from collections.abc import Callable

import pytest

from payment_cli.errors import ConfigError, InvalidValueError, NotAllowedError, OutcomeUnknownError
from payment_cli.gateways.base import AccountId, Answer, Notice, Outcome
from payment_cli.model.payments.intent import INTENT_MS
from payment_cli.model.payments.payment import Payment
from payment_cli.model.query.match import everything
from payment_cli.services.payments.pace import ABSENT_MARGIN_MS
from payment_cli.services.payments.records import save
from payment_cli.storage.base import Query
from tests.services.conftest import World
from tests.services.payments.sent import CLOSED, NOT_FOUND, UNKNOWN, WAITING, interrupted, sent
from tests.services.payments.test_accounts import CALLBACK, receive
from tests.support.gateway import paid

EVERYTHING = Query(everything())
OWN = AccountId("1900000001", "wx1")


def gone(world: World) -> None:
    world.gateway.account_id = AccountId("1900000002", "wx2")


def elsewhere(world: World) -> None:
    world.gateway.api_base = "http://localhost:8711"
    world.gateway.checks = [NOT_FOUND]


def not_recorded(world: World) -> None:
    for record in list(world.payments.query(EVERYTHING)):
        with world.storage.transaction("demo") as tx:
            payment = Payment.from_record(record)
            save(tx, payment._replace(pay_mch="", pay_app="", pay_base=""))
    world.gateway.checks = [NOT_FOUND]


def silent_too_long(world: World) -> None:
    world.clock.advance(ms=700_000 + ABSENT_MARGIN_MS)
    world.gateway.checks = [UNKNOWN]


WHYS: dict[str, Callable[[World], None]] = {
    "gone": gone,
    "elsewhere": elsewhere,
    "not recorded": not_recorded,
    "silent too long": silent_too_long,
}


@pytest.fixture
def operator(world: World) -> World:
    return world.seen_by("boss", is_operator=True)


@pytest.mark.parametrize("why", WHYS)
def test_it_is_fail_and_says_who_ended_it_and_why(world: World, operator: World, why: str) -> None:
    payment = sent(world)
    WHYS[why](world)
    after = operator.closer.abandon(payment.id, "the account was ended").payment
    assert (after.st, after.fail_re, after.next_check_at) == ("FAIL", "the account was ended", 0)
    [abandoned, closed] = after.history[-2:]
    assert (abandoned["what"], abandoned["by"]) == ("abandoned", "boss")
    assert abandoned["note"]
    assert (closed["what"], closed["note"]) == ("close", "the account was ended")
    assert world.gateway.calls("close") == []
    assert world.stored(payment) == after
    assert operator.closer.abandon(payment.id, "again").payment == after


@pytest.mark.parametrize("way", ["callback", "check"])
@pytest.mark.parametrize("why", WHYS)
def test_money_that_comes_after_all_is_flagged_late(
    world: World, operator: World, why: str, way: str
) -> None:
    payment = sent(world)
    WHYS[why](world)
    operator.closer.abandon(payment.id, "x")
    world.gateway.account_id, world.gateway.api_base = OWN, "https://api.example"
    world.gateway.notices = [Notice(payment.id, paid(payment.id))]
    world.gateway.checks = [paid(payment.id)]
    if way == "callback":
        receive(world, CALLBACK)
    else:
        world.checker.check(payment.id)
    after = world.stored(payment)
    assert (after.st, after.flag, after.paid_fee, after.trade_no) == ("FAIL", "late", 2300, "T1")
    assert after.apply_st == ""


def test_an_interrupted_send_may_be_abandoned_when_it_is_over(
    world: World, operator: World
) -> None:
    payment = interrupted(world)
    gone(world)
    with pytest.raises(OutcomeUnknownError, match="under way"):
        operator.closer.abandon(payment.id, "x")
    world.clock.advance(ms=INTENT_MS)
    after = operator.closer.abandon(payment.id, "x").payment
    assert (after.st, after.intent) == ("FAIL", None)


def test_a_reversal_that_can_not_be_made_is_given_up(world: World, operator: World) -> None:
    world.gateway.reverse_after_ms = 15_000
    declined = sent(world, Answer(Outcome.FAILED, code="NOTENOUGH"), "wx.scan")
    assert declined.next_check_at
    gone(world)
    after = operator.closer.abandon(declined.id, "x").payment
    assert (after.st, after.fail_re, after.next_check_at) == ("FAIL", "NOTENOUGH", 0)
    assert after.history[-1]["what"] == "abandoned"


@pytest.mark.parametrize("answer", [WAITING, NOT_FOUND, CLOSED])
def test_what_can_be_asked_is_asked_and_not_abandoned(
    world: World, operator: World, answer: Answer
) -> None:
    payment = sent(world)
    world.gateway.checks = [answer]
    with pytest.raises(NotAllowedError, match="can be asked"):
        operator.closer.abandon(payment.id, "x")
    assert world.stored(payment).st == ("FAIL" if answer is CLOSED else "WAIT")


def test_what_turns_out_to_be_paid_is_ok(world: World, operator: World) -> None:
    payment = sent(world)
    world.gateway.checks = [paid(payment.id)]
    for _ in range(2):
        with pytest.raises(NotAllowedError, match="is OK"):
            operator.closer.abandon(payment.id, "x")
    gone(world)
    with pytest.raises(NotAllowedError, match="is OK"):
        operator.closer.abandon(payment.id, "x")
    assert world.stored(payment).st == "OK"


def test_money_that_came_while_it_was_asked_about_is_kept(world: World, operator: World) -> None:
    payment = sent(world)
    elsewhere(world)

    def money_comes() -> None:
        world.gateway.notices = [Notice(payment.id, paid(payment.id))]
        receive(world, CALLBACK)

    world.gateway.meanwhile = money_comes
    with pytest.raises(NotAllowedError, match="is OK now"):
        operator.closer.abandon(payment.id, "x")
    assert (world.stored(payment).st, world.stored(payment).flag) == ("OK", "")


def test_an_account_that_is_silent_just_now_may_yet_get_the_money(
    world: World, operator: World
) -> None:
    payment = sent(world)
    world.gateway.checks = [UNKNOWN]
    with pytest.raises(NotAllowedError, match="timeout") as refusal:
        operator.closer.abandon(payment.id, "x")
    assert "in 15 min" in refusal.value.hint
    assert world.stored(payment) == payment


def test_another_amount_and_an_unsent_payment_are_not_abandoned(
    world: World, operator: World
) -> None:
    unsent, payment = world.create(), sent(world)
    world.gateway.checks = [paid(payment.id, 2400)]
    world.checker.check(payment.id)
    gone(world)
    for kept in (unsent, payment):
        before = world.stored(kept)
        with pytest.raises(NotAllowedError):
            operator.closer.abandon(kept.id, "x")
        assert world.stored(kept) == before


def test_only_an_operator_abandons(world: World) -> None:
    payment = sent(world)
    gone(world)
    with pytest.raises(NotAllowedError, match="operator"):
        world.closer.abandon(payment.id, "x")
    assert world.stored(payment) == payment


def test_the_reason_is_one_short_line(world: World, operator: World) -> None:
    payment = sent(world)
    gone(world)
    with pytest.raises(InvalidValueError, match="one line"):
        operator.closer.abandon(payment.id, "two\nlines")


def test_a_config_that_is_not_there_is_the_reason_that_is_kept(
    world: World, operator: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = sent(world)

    def missing(*_: object) -> None:
        raise ConfigError("demo has no wxpay config shop")

    monkeypatch.setattr(operator.accounts, "gateway", missing)
    after = operator.closer.abandon(payment.id, "x").payment
    assert after.history[-2]["note"] == "e.pay.config: demo has no wxpay config shop"
