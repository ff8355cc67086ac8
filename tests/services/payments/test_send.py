from dataclasses import replace

import pytest

from payment_cli.errors import (
    ConflictError,
    InvalidValueError,
    OutcomeUnknownError,
    ProviderRefusedError,
    UntrustedError,
)
from payment_cli.gateways.base import Answer, Outcome, SendRequest
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.payments.payment import Payment
from payment_cli.model.secret import Secret
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.payments.send import SendArguments
from tests.services.conftest import World
from tests.support.gateway import ScriptedGateway, paid

QR = Answer(Outcome.WAITING, ReturnType.QRCODE, "weixin://wxpay/abc")
NOTHING = SendArguments()
SCAN = SendArguments(auth_code=Secret("130000000000000001"))


def send(world: World, payment: Payment, pay_tp: str = "wx.qrcode", arguments=NOTHING):
    return world.sender.send(payment.id, pay_tp, "shop", arguments)


def test_a_sent_payment_waits_with_what_the_payer_needs(world: World) -> None:
    world.gateway.sends = [QR]
    payment = world.create(brief="tea")
    result = send(world, payment)
    assert result.to_record() == {
        "payObjId": payment.id,
        "status": "WAIT",
        "changedKeys": [
            "st",
            "re_tp",
            "re_obj",
            "pay_tp",
            "pay_target",
            "pay_mch",
            "pay_app",
            "send_at",
            "expi",
        ],
        "type": "QRCODE",
        "data": "weixin://wxpay/abc",
    }
    stored = world.stored(payment)
    assert stored.intent is None
    assert stored.next_check_at > world.clock.now
    request = world.gateway.calls("send")[0]
    assert isinstance(request, SendRequest)
    assert (request.payment_id, request.fee, request.cur) == (payment.id, 2300, "CNY")
    assert request.notify_url == "https://shop.example/pay/re/wx.qrcode/demo/shop"


def test_sending_twice_returns_the_stored_result_without_asking_again(world: World) -> None:
    world.gateway.sends = [QR]
    payment = world.create()
    first = send(world, payment).to_record()
    again = send(world, payment).to_record()
    assert (again["data"], again["changedKeys"]) == (first["data"], [])
    assert len(world.gateway.calls("send")) == 1


@pytest.mark.parametrize(("pay_tp", "target"), [("zfb.qrcode", "shop"), ("wx.qrcode", "shop2")])
def test_a_sent_payment_is_not_sent_another_way(world: World, pay_tp: str, target: str) -> None:
    world.gateway.sends = [QR]
    payment = world.create()
    send(world, payment)
    with pytest.raises(ConflictError) as caught:
        world.sender.send(payment.id, pay_tp, target, NOTHING)
    assert caught.value.hint == "pay close ends it; another try is a new payment"


def test_the_intent_is_durable_before_the_call_and_holds_no_auth_code(world: World) -> None:
    payment = world.create()
    seen: list[dict] = []
    world.gateway.sends = [Answer(Outcome.WAITING, ReturnType.JSON, {})]
    world.gateway.meanwhile = lambda: seen.append(world.storage.get(PAYMENTS, payment.id))
    send(world, payment, "wx.scan", SCAN)
    assert seen[0]["st"] == "WAIT"
    assert seen[0]["intent"]["kind"] == "send"
    assert seen[0]["send_at"] == world.clock.now
    assert "130000000000000001" not in str(seen[0])


def test_a_second_send_while_the_first_is_under_way_says_so(world: World) -> None:
    payment = world.create()
    world.gateway.sends = [QR]

    def second() -> None:
        with pytest.raises(OutcomeUnknownError):
            send(world, payment)

    world.gateway.meanwhile = second
    assert send(world, payment).payment.st == "WAIT"
    assert len(world.gateway.calls("send")) == 1


@pytest.mark.parametrize(("pay_tp", "is_stored"), [("wx.qrcode", True), ("zfb.qrcode", False)])
def test_of_two_sends_at_once_the_slower_is_told_what_the_faster_did(
    world: World, pay_tp: str, is_stored: bool
) -> None:
    payment = world.create()
    world.gateway.sends = [QR]

    def second(*_: object) -> None:
        world.gateway.validate = ScriptedGateway.validate.__get__(world.gateway)  # type: ignore[method-assign]
        send(world, payment)

    world.gateway.validate = second  # type: ignore[method-assign]
    if is_stored:
        assert send(world, payment, pay_tp).payment.re_obj == "weixin://wxpay/abc"
    else:
        with pytest.raises(ConflictError):
            send(world, payment, pay_tp)
    assert len(world.gateway.calls("send")) == 1


def test_a_definite_refusal_makes_the_payment_new_again(world: World) -> None:
    world.gateway.sends = [Answer(Outcome.REFUSED, code="PARAM_ERROR", message="bad"), QR]
    payment = world.create()
    with pytest.raises(ProviderRefusedError, match="PARAM_ERROR bad"):
        send(world, payment)
    stored = world.stored(payment)
    assert (stored.st, stored.send_at, stored.expi, stored.intent) == ("NEW", 0, 0, None)
    assert (stored.next_check_at, stored.check_count) == (0, 0)  # nobody asks about it
    assert send(world, payment).payment.st == "WAIT"


def test_an_unknown_outcome_leaves_the_payment_waiting_with_its_intent(world: World) -> None:
    world.gateway.sends = [Answer(Outcome.UNKNOWN, message="timeout")]
    payment = world.create()
    result = send(world, payment)
    assert result.unknown
    assert result.to_record()["errMsg"] == "timeout"
    stored = world.stored(payment)
    assert stored.st == "WAIT"
    assert stored.intent is not None
    with pytest.raises(OutcomeUnknownError):
        send(world, payment)


def test_a_scan_that_is_paid_at_once_is_ok(world: World) -> None:
    payment = world.create(callback="after")
    answer = replace(paid(payment.id), re_tp=ReturnType.JSON, re_obj={"trade_state": "SUCCESS"})
    world.gateway.sends = [answer]
    result = send(world, payment, "wx.scan", SCAN)
    stored = world.stored(payment)
    assert (stored.re_tp, stored.re_obj) == ("JSON", {"trade_state": "SUCCESS"})
    assert result.payment.st == stored.st == "OK"
    assert (stored.trade_no, stored.paid_fee, stored.payer) == ("T1", 2300, "o-payer")
    assert stored.extra["wx_bank"] == "CMB"
    assert stored.close_at == world.clock.now
    assert (stored.next_check_at, stored.intent, stored.apply_st) == (0, None, "due")


def test_a_scan_whose_payer_must_type_a_password_waits(world: World) -> None:
    world.gateway.sends = [Answer(Outcome.WAITING, ReturnType.JSON, {"trade_state": "USERPAYING"})]
    payment = world.create()
    result = send(world, payment, "wx.scan", SCAN)
    assert (result.payment.st, result.unknown) == ("WAIT", False)


def test_a_declined_scan_is_reversed_and_fails_with_the_providers_words(world: World) -> None:
    world.gateway.sends = [Answer(Outcome.FAILED, code="NOTENOUGH", message="no money")]
    world.gateway.closes = [Answer(Outcome.CLOSED)]
    payment = world.create()
    result = send(world, payment, "wx.scan", SCAN)
    assert result.payment.st == "FAIL"
    assert result.to_record()["errMsg"] == "NOTENOUGH no money"
    assert len(world.gateway.calls("close")) == 1
    assert world.stored(payment).next_check_at == 0


def test_a_decline_that_may_not_be_reversed_yet_is_reversed_by_a_later_check(world: World) -> None:
    world.gateway.sends = [Answer(Outcome.FAILED, code="NOTENOUGH")]
    world.gateway.reverse_after_ms = 15_000
    payment = world.create()
    assert send(world, payment, "wx.scan", SCAN).payment.st == "FAIL"
    assert world.gateway.calls("close") == []
    assert world.stored(payment).next_check_at == world.clock.now + 15_000
    world.clock.advance(s=15)
    world.gateway.closes = [Answer(Outcome.UNKNOWN), Answer(Outcome.CLOSED)]
    assert world.checker.check_pending(10).checked == 1
    assert world.stored(payment).next_check_at > world.clock.now
    world.clock.advance(minutes=5)
    world.checker.check_pending(10)
    assert (world.stored(payment).next_check_at, world.stored(payment).st) == (0, "FAIL")


@pytest.mark.parametrize(("fee", "cur"), [(2299, "CNY"), (2301, "CNY"), (2300, "USD")])
def test_a_scan_that_paid_another_amount_is_flagged_and_right_money_settles_it(
    world: World, fee: int, cur: str
) -> None:
    payment = world.create()
    world.gateway.sends = [paid(payment.id, fee, cur=cur)]
    result = send(world, payment, "wx.scan", SCAN)
    stored = world.stored(payment)
    assert (stored.st, stored.flag, stored.paid_fee, stored.trade_no) == (
        "WAIT",
        "amount",
        fee,
        "T1",
    )
    assert (stored.intent, stored.next_check_at) == (None, 0)
    assert str(fee) in result.to_record()["errMsg"]
    world.gateway.checks = [paid(payment.id)]
    settled = world.checker.check(payment.id).payment
    assert (settled.st, settled.flag, settled.paid_fee, settled.paid_cur) == ("OK", "", 2300, "")


def test_an_answer_about_another_payment_changes_nothing(world: World) -> None:
    payment = world.create()
    world.gateway.sends = [paid("0" * 32)]
    with pytest.raises(UntrustedError) as caught:
        send(world, payment, "wx.scan", SCAN)
    stored = world.stored(payment)
    assert (stored.st, stored.paid_fee, stored.trade_no) == ("WAIT", 0, "")
    assert stored.history[-1]["note"] == str(caught.value)
    world.gateway.checks = [paid(payment.id)]
    assert world.checker.check(payment.id).payment.st == "OK"


@pytest.mark.parametrize(
    ("pay_tp", "arguments"),
    [
        ("wx.scan", NOTHING),
        ("wx.jsapi", NOTHING),
        ("wx.qrcode", SendArguments(openid="o1")),
        ("wx.qrcode", SCAN),
        ("wx.nope", NOTHING),
        ("wx.h5", NOTHING),
        ("wx.qrcode", SendArguments(client_ip="14.23.150")),
        ("wx.qrcode", SendArguments(client_ip="fe80::1%eth0")),
        ("free", NOTHING),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_recorded(
    world: World, pay_tp: str, arguments: SendArguments
) -> None:
    payment = world.create()
    with pytest.raises(InvalidValueError):
        send(world, payment, pay_tp, arguments)
    assert world.stored(payment) == payment


@pytest.mark.parametrize(
    ("told", "sent"),
    [
        ("14.23.150.211", "14.23.150.211"),
        ("2408:8400:0:0::1", "2408:8400::1"),
        ("::ffff:14.23.150.211", "14.23.150.211"),  # what a dual-stack server sees of IPv4
        ("", ""),
    ],
)
def test_the_payers_address_is_sent_and_recorded_with_the_intent(
    world: World, told: str, sent: str
) -> None:
    payment = world.create()
    intents = []
    world.gateway.meanwhile = lambda: intents.append(world.stored(payment).intent)
    world.gateway.sends = [QR]
    send(world, payment, arguments=SendArguments(client_ip=told))
    assert intents[0]["request"]["client_ip"] == sent
    assert world.gateway.calls("send")[0].client_ip == sent  # type: ignore[attr-defined]


def test_what_the_gateway_refuses_by_rule_is_not_recorded(world: World) -> None:
    payment = world.create()

    def refuse(request: object, auth_code: object) -> None:
        raise InvalidValueError("auth code")

    world.gateway.validate = refuse  # type: ignore[method-assign]
    with pytest.raises(InvalidValueError):
        send(world, payment)
    assert world.stored(payment).st == "NEW"


@pytest.mark.parametrize(
    "answer", [Answer(Outcome.REFUSED, code="X"), Answer(Outcome.UNKNOWN, message="timeout")]
)
def test_money_that_arrives_during_the_call_is_not_undone_by_its_answer(
    world: World, answer: Answer
) -> None:
    payment = world.create()

    def callback() -> None:
        world.gateway.checks = [paid(payment.id)]
        current = world.stored(payment)
        with world.storage.transaction("x") as tx:
            world.settlement.settle(
                tx, current, paid(payment.id).paid, now=world.clock.now, by="callback"
            )

    world.gateway.sends = [answer]
    world.gateway.meanwhile = callback
    result = send(world, payment)
    assert (result.payment.st, result.err_msg, result.unknown) == ("OK", "", False)
    assert world.stored(payment).st == "OK"
