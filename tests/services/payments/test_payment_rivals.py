"""What the services of payments read again inside a transaction, and who may have been faster.

Each guard here is reached only if another process comes in between; without the guard its test
fails (tests/mutants/ keeps the proof).

| guard | where | the rival |
|---|---|---|
| sent already, and how | send.py: _record_intent | another send, or a close |
| whose intent it is, at a late answer | answers.py: record, send.py: _unknown | another send |
| the state, at any late answer | answers.py: record | a callback |
| still failed, when a reversal is owed | send.py: _record | a callback |
| final by now; sent meanwhile | ask.py: record_end | a callback, a send, another close |
| not paid, the same intent, when it is abandoned | ask.py: record_abandoned | a callback, a check |
| still awaited, when the next look is planned | ask.py: note | a callback |
| the same intent, before it is sent again | resolve.py: _send_again | another check |
| still to be looked at, when it is put off | check.py: _postpone | a callback |
| the claim of a script | apply.py: _same_claim, _finish | another run, --again, --skip |
| the state and the trade | receive.py: _settle, settlement.py | the same callback |
| the key of a retry | create.py: _earlier | the same command |
"""

from collections.abc import Callable

import pytest

from payment_cli.errors import ConfigError, ConflictError, NotAllowedError, OutcomeUnknownError
from payment_cli.gateways.base import Answer, HttpRequest, Notice, Outcome
from payment_cli.model.payments.intent import INTENT_MS
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.query.match import everything
from payment_cli.model.secret import Secret
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.records import load, save
from payment_cli.services.payments.send import SendArguments
from tests.services.conftest import World
from tests.services.payments.sent import CLOSED, NOT_FOUND, QR, UNKNOWN, WAITING, sent
from tests.services.rivals import Rivals
from tests.support.gateway import paid

ANOTHER_QR = Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://wxpay/another")
REFUSED = Answer(Outcome.REFUSED, code="PARAM_ERROR")
DECLINED = Answer(Outcome.FAILED, code="NOTENOUGH")


def send(world: World, payment: Payment, pay_tp: str = "wx.qrcode", target: str = "shop"):
    scanned = Secret("130000000000000001") if pay_tp.endswith("scan") else None
    return world.sender.send(payment.id, pay_tp, target, SendArguments(auth_code=scanned))


def callback(world: World, payment: Payment, answer: Answer | None = None) -> Callable[[], None]:
    """Return what delivers a true callback of the payment, paid unless told otherwise."""

    def deliver() -> None:
        at = world.stored(payment)
        world.gateway.notices = [Notice(payment.id, answer or paid(payment.id, payment.fee))]
        path = f"/pay/re/{at.pay_tp}/demo/{at.pay_target}"
        received = world.receiver.receive(HttpRequest("POST", path, "", {}, b"{}"))
        assert received.acknowledgement.status == 200

    return deliver


def happened(world: World, payment: Payment) -> list[object]:
    """Return what the payment's history says happened to it."""
    return [line["what"] for line in world.stored(payment).history]  # type: ignore[index,call-overload]


def test_of_two_sends_one_reaches_the_provider_and_both_show_its_code(rivals: Rivals) -> None:
    first, second = rivals.first, rivals.second
    payment = first.create()
    first.gateway.sends = [QR, ANOTHER_QR]
    rivals.stop(lambda: send(second, payment))
    assert send(first, payment).payment.re_obj == QR.re_obj
    assert len(first.gateway.calls("send")) == 1


def test_a_send_beside_one_without_an_outcome_is_not_made(rivals: Rivals) -> None:
    payment = rivals.first.create()
    rivals.first.gateway.sends = [UNKNOWN]
    rivals.stop(lambda: send(rivals.second, payment))
    with pytest.raises(OutcomeUnknownError):
        send(rivals.first, payment)
    assert len(rivals.first.gateway.calls("send")) == 1


@pytest.mark.parametrize(("pay_tp", "target"), [("zfb.qrcode", "shop"), ("wx.qrcode", "till")])
def test_of_two_sends_in_two_ways_the_slower_is_refused(
    rivals: Rivals, pay_tp: str, target: str
) -> None:
    payment = rivals.first.create()
    rivals.first.gateway.sends = [QR]
    rivals.stop(lambda: send(rivals.second, payment))
    with pytest.raises(ConflictError):
        send(rivals.first, payment, pay_tp, target)
    assert len(rivals.first.gateway.calls("send")) == 1
    assert rivals.first.stored(payment).pay_tp == "wx.qrcode"


def test_what_was_closed_before_its_send_began_is_not_sent(rivals: Rivals) -> None:
    payment = rivals.first.create()
    rivals.stop(lambda: rivals.second.closer.close(payment.id, "changed my mind"))
    with pytest.raises(ConflictError):
        send(rivals.first, payment)
    assert rivals.first.gateway.calls("send") == []
    assert rivals.first.stored(payment).st == "FAIL"


def sending_again(rivals: Rivals, payment: Payment) -> Callable[[], None]:
    """Return what finds the send without an outcome, and is at sending it again."""

    class StillAtItError(Exception):
        pass

    def hang() -> None:
        raise StillAtItError

    def again() -> None:
        second = rivals.second
        second.clock.advance(ms=INTENT_MS)
        second.gateway.checks = [NOT_FOUND]
        second.gateway.meanwhile = lambda: setattr(second.gateway, "meanwhile", hang)
        with pytest.raises(StillAtItError):
            second.checker.check(payment.id)

    return again


@pytest.mark.parametrize("late", [QR, REFUSED, UNKNOWN], ids=["code", "refused", "unknown"])
def test_a_late_answer_does_not_end_the_intent_of_who_sent_it_again(
    rivals: Rivals, late: Answer
) -> None:
    payment = rivals.first.create()
    rivals.first.gateway.sends = [late]
    owners: list[object] = []

    def again() -> None:
        sending_again(rivals, payment)()
        owners.append(rivals.second.stored(payment).intent)

    rivals.stop(again, before=2)
    send(rivals.first, payment)
    after = rivals.first.stored(payment)
    assert (after.st, [after.intent], after.re_obj) == ("WAIT", owners, None)
    assert after.intent is not None


@pytest.mark.parametrize(
    "late", [QR, DECLINED, UNKNOWN, REFUSED, CLOSED], ids=lambda answer: str(answer.outcome)
)
def test_what_a_callback_paid_during_the_send_stays_paid(rivals: Rivals, late: Answer) -> None:
    payment = rivals.first.create()
    rivals.first.gateway.sends = [late]
    rivals.stop(callback(rivals.second, payment), before=2)
    result = send(rivals.first, payment)
    assert (result.payment.st, result.unknown) == ("OK", False)
    assert rivals.first.stored(payment).fail_re == ""


def test_a_scan_that_was_paid_after_all_owes_no_reversal(rivals: Rivals) -> None:
    payment = rivals.first.create()
    rivals.first.gateway.reverse_after_ms = 15_000
    rivals.first.gateway.sends = [DECLINED]

    def paid_elsewhere() -> None:
        rivals.second.gateway.checks = [paid(payment.id)]
        rivals.second.clock.advance(ms=INTENT_MS)
        assert rivals.second.checker.check(payment.id).payment.st == "OK"

    rivals.stop(paid_elsewhere, before=2)
    assert send(rivals.first, payment, "wx.scan").payment.st == "OK"
    after = rivals.first.stored(payment)
    assert (after.next_check_at, "reverse owed" in happened(rivals.first, payment)) == (0, False)


@pytest.mark.parametrize(
    "late", [WAITING, NOT_FOUND, UNKNOWN, DECLINED, CLOSED], ids=lambda answer: str(answer.outcome)
)
def test_what_a_callback_paid_during_a_check_stays_paid_and_is_looked_at_no_more(
    rivals: Rivals, late: Answer
) -> None:
    payment = sent(rivals.first)
    rivals.first.gateway.checks = [late]
    rivals.stop(callback(rivals.second, payment))
    result = rivals.first.checker.check(payment.id)
    assert (result.payment.st, result.unknown) == ("OK", False)
    after = rivals.first.stored(payment)
    assert (after.next_check_at, after.fail_re, after.flag) == (0, "", "")


def test_two_checks_that_hear_of_the_same_money_settle_it_once(rivals: Rivals) -> None:
    payment = sent(rivals.first, callback="after")
    rivals.first.gateway.checks = [paid(payment.id)]
    rivals.stop(lambda: rivals.second.checker.check(payment.id))
    assert rivals.first.checker.check(payment.id).payment.st == "OK"
    after = rivals.first.stored(payment)
    assert (happened(rivals.first, payment).count("pay"), after.flag) == (1, "")
    assert "double_trades" not in after.extra


def test_a_close_that_hears_of_money_too_late_does_not_fail_what_is_paid(rivals: Rivals) -> None:
    payment = sent(rivals.first)
    rivals.first.gateway.closes = [CLOSED]
    rivals.stop(callback(rivals.second, payment))
    with pytest.raises(NotAllowedError):
        rivals.first.closer.close(payment.id, "changed my mind")
    assert (rivals.first.stored(payment).st, rivals.first.stored(payment).fail_re) == ("OK", "")


def test_two_closes_are_one_with_the_faster_ones_reason(rivals: Rivals) -> None:
    payment = sent(rivals.first)
    rivals.first.gateway.closes = [CLOSED]
    rivals.stop(lambda: rivals.second.closer.close(payment.id, "faster"))
    assert rivals.first.closer.close(payment.id, "slower").payment.fail_re == "faster"
    assert happened(rivals.first, payment).count("close") == 1


def test_what_is_sent_while_it_is_closed_unsent_is_not_closed(rivals: Rivals) -> None:
    payment = rivals.first.create()
    rivals.first.gateway.sends = [QR]
    rivals.stop(lambda: send(rivals.second, payment))
    with pytest.raises(ConflictError):
        rivals.first.closer.close(payment.id, "changed my mind")
    assert rivals.first.stored(payment).st == "WAIT"


def test_a_send_that_was_refused_and_made_anew_is_not_closed_by_who_saw_the_old_one(
    rivals: Rivals,
) -> None:
    """The provider closed the first order; the second one is another, and can be paid."""
    payment = sent(rivals.first)
    rivals.first.gateway.closes = [CLOSED]

    def anew() -> None:
        second = rivals.second
        with second.storage.transaction("demo") as tx:  # as a refusal leaves it
            save(tx, load(tx, payment.id)._replace(st=Status.NEW, send_at=0))
        second.clock.advance(s=5)
        send(second, payment)

    rivals.stop(anew)
    with pytest.raises(ConflictError):
        rivals.first.closer.close(payment.id, "changed my mind")
    assert rivals.first.stored(payment).st == "WAIT"


def test_an_interrupted_send_is_sent_again_by_one_of_two_checks(rivals: Rivals) -> None:
    payment = rivals.first.create()
    rivals.first.gateway.sends = [UNKNOWN, QR, ANOTHER_QR]
    send(rivals.first, payment)
    rivals.first.gateway.checks = [NOT_FOUND]
    rivals.stop(lambda: rivals.second.checker.check(payment.id))
    assert rivals.first.checker.check(payment.id).payment.re_obj == QR.re_obj
    assert len(rivals.first.gateway.calls("send")) == 2


def test_what_is_paid_before_it_is_sent_again_is_not_sent_again(rivals: Rivals) -> None:
    payment = rivals.first.create()
    rivals.first.gateway.sends = [UNKNOWN, QR]
    send(rivals.first, payment)
    rivals.first.gateway.checks = [NOT_FOUND]
    rivals.stop(callback(rivals.second, payment))
    assert rivals.first.checker.check(payment.id).payment.st == "OK"
    assert len(rivals.first.gateway.calls("send")) == 1


def test_what_is_paid_before_a_sweep_puts_it_off_is_not_put_off(rivals: Rivals) -> None:
    payment = sent(rivals.first)
    rivals.first.clock.advance(minutes=1)
    own, rivals.first.accounts.gateway = rivals.first.accounts.gateway, without_config  # type: ignore[method-assign,assignment]
    rivals.stop(callback(rivals.second, payment))
    assert len(rivals.first.checker.check_pending(10).errors) == 1
    rivals.first.accounts.gateway = own  # type: ignore[method-assign]
    after = rivals.first.stored(payment)
    assert (after.st, after.next_check_at) == ("OK", 0)


def without_config(*_names: str) -> None:
    raise ConfigError("no config")


def an_operator_without_the_account(rivals: Rivals) -> World:
    first = rivals.first.seen_by("root", is_operator=True)
    first.accounts.gateway = without_config  # type: ignore[method-assign,assignment]
    return first


def test_what_is_paid_while_it_is_abandoned_stays_paid(rivals: Rivals) -> None:
    payment = sent(rivals.first)
    rivals.stop(callback(rivals.second, payment))
    with pytest.raises(NotAllowedError):
        an_operator_without_the_account(rivals).closer.abandon(payment.id, "its account is gone")
    assert (rivals.first.stored(payment).st, rivals.first.stored(payment).fail_re) == ("OK", "")


def test_what_is_sent_again_while_it_is_abandoned_is_not(rivals: Rivals) -> None:
    payment = rivals.first.create()
    rivals.first.gateway.sends = [UNKNOWN]
    send(rivals.first, payment)
    rivals.first.clock.advance(ms=1)
    rivals.stop(sending_again(rivals, payment))
    with pytest.raises(ConflictError):
        an_operator_without_the_account(rivals).closer.abandon(payment.id, "its account is gone")
    assert rivals.first.stored(payment).st == "WAIT"


@pytest.mark.parametrize("late", [DECLINED, CLOSED, NOT_FOUND], ids=lambda a: str(a.outcome))
def test_a_callback_that_says_failed_does_not_undo_the_one_that_says_paid(
    rivals: Rivals, late: Answer
) -> None:
    payment = sent(rivals.first)

    def paid_before() -> None:
        callback(rivals.second, payment)()
        rivals.first.gateway.notices = [Notice(payment.id, late)]

    rivals.stop(paid_before)
    callback(rivals.first, payment, late)()
    assert (rivals.first.stored(payment).st, rivals.first.stored(payment).flag) == ("OK", "")


def test_the_same_callback_twice_at_once_is_one_payment_and_one_script(rivals: Rivals) -> None:
    payment = sent(rivals.first, callback="after")
    rivals.stop(callback(rivals.second, payment))
    callback(rivals.first, payment)()
    after = rivals.first.stored(payment)
    assert (after.st, after.flag, happened(rivals.first, payment).count("pay")) == ("OK", "", 1)


def test_money_of_two_trades_at_once_is_flagged_not_lost(rivals: Rivals) -> None:
    payment = sent(rivals.first)
    rivals.stop(callback(rivals.second, payment, paid(payment.id, trade_no="T2")))
    callback(rivals.first, payment, paid(payment.id, trade_no="T1"))()
    after = rivals.first.stored(payment)
    assert (after.st, after.flag, after.extra["double_fee"]) == ("OK", "double", payment.fee)


def due(world: World) -> Payment:
    return world.create(fee=0, callback="after")


def test_a_script_that_another_process_runs_is_not_run(rivals: Rivals) -> None:
    payment = due(rivals.first)
    rivals.stop(lambda: rivals.second.applier.apply(payment.id))
    with pytest.raises(ConflictError):
        rivals.first.applier.apply(payment.id)
    assert len(rivals.first.scripts.runs) == 1


def test_a_failed_script_is_run_again_by_one_of_two_operators(rivals: Rivals) -> None:
    """Both claims look alike but for their time."""
    payment = due(rivals.first)
    rivals.first.scripts.exit_code = 3
    rivals.first.applier.apply(payment.id)
    rivals.first.clock.advance(minutes=5)
    rivals.stop(lambda: rivals.second.applier.apply(payment.id, again=True))
    with pytest.raises(ConflictError):
        rivals.first.applier.apply(payment.id, again=True)
    assert len(rivals.first.scripts.runs) == 2


@pytest.mark.parametrize("again", [False, True])
def test_a_script_that_is_being_run_is_not_skipped(rivals: Rivals, again: bool) -> None:
    payment = due(rivals.first)
    if again:
        rivals.first.scripts.exit_code = 3
        rivals.first.applier.apply(payment.id)
        rivals.first.clock.advance(minutes=5)
    rivals.stop(lambda: rivals.second.applier.apply(payment.id, again=again))
    with pytest.raises(ConflictError):
        rivals.first.applier.skip(payment.id)
    assert rivals.first.stored(payment).apply_st == ("failed" if again else "done")


def test_a_run_that_was_given_up_or_begun_anew_does_not_say_how_it_came_out(
    rivals: Rivals,
) -> None:
    payment = due(rivals.first)

    def begun_anew() -> None:
        rivals.second.clock.advance(minutes=5)
        rivals.second.scripts.exit_code = 3
        rivals.second.applier.apply(payment.id, again=True)

    rivals.stop(begun_anew, before=2)
    with pytest.raises(ConflictError):
        rivals.first.applier.apply(payment.id)
    assert rivals.first.stored(payment).apply_st == "failed"


def test_a_run_does_not_end_the_claim_of_who_runs_it_again(rivals: Rivals) -> None:
    """The claim that is open is another's: only its time says so."""
    payment = due(rivals.first)

    def claimed_anew() -> None:
        rivals.second.clock.advance(minutes=5)
        rivals.second.applier._claim(rivals.second.stored(payment))

    rivals.stop(claimed_anew, before=2)
    with pytest.raises(ConflictError):
        rivals.first.applier.apply(payment.id)
    assert rivals.first.stored(payment).apply_st == "claimed"


def test_two_commands_with_one_key_make_one_payment(rivals: Rivals) -> None:
    new = NewPayment(fee=2300, idempotency_key="order-7")
    made: list[str] = []
    rivals.stop(lambda: made.append(rivals.second.creator.create(new).payment.id))
    created = rivals.first.creator.create(new)
    assert ([created.payment.id], created.is_replay) == (made, True)
    assert rivals.first.payments.count(everything()) == 1


def test_two_commands_with_one_key_for_two_things_are_one_payment_and_a_refusal(
    rivals: Rivals,
) -> None:
    key = "order-7"
    rivals.stop(lambda: rivals.second.creator.create(NewPayment(fee=100, idempotency_key=key)))
    with pytest.raises(ConflictError):
        rivals.first.creator.create(NewPayment(fee=2300, idempotency_key=key))
    assert rivals.first.payments.count(everything()) == 1
