import pytest

from payment_cli.errors import (
    ConfigError,
    CorruptRecordError,
    InvalidValueError,
    LockedError,
    NotFoundError,
    StorageError,
    UnfitError,
    UntrustedError,
)
from payment_cli.gateways.base import Answer, HttpRequest, Notice, Outcome
from payment_cli.model.payments.pay_type import PAY_TYPES, Argument, ReturnType, pay_type
from payment_cli.model.payments.payment import Payment
from payment_cli.model.secret import Secret
from payment_cli.services.payments.receive import TRYING_MS
from payment_cli.services.payments.send import SendArguments
from tests.services.conftest import World
from tests.support.gateway import paid

FORM = {"content-type": "application/x-www-form-urlencoded"}


def sent(world: World, pay_tp: str = "wx.qrcode") -> Payment:
    payment = world.create(callback="after")
    world.gateway.sends = [Answer(Outcome.WAITING, ReturnType.QRCODE, "x")]
    world.sender.send(payment.id, pay_tp, "shop", SendArguments())
    return world.stored(payment)


def call(path: str = "/pay/re/wx.qrcode/demo/shop", body: bytes = b"{}", headers=None):
    return HttpRequest("POST", path, "", headers or {"content-type": "application/json"}, body)


def notice(payment: Payment, fee: int = 2300) -> Notice:
    return Notice(payment.id, paid(payment.id, fee))


def test_a_true_callback_settles_and_is_acknowledged(world: World) -> None:
    payment = sent(world)
    world.gateway.notices = [notice(payment)]
    received = world.receiver.receive(call())
    assert (received.acknowledgement.status, received.error) == (200, None)
    assert received.payment == world.stored(payment)
    assert (received.payment.st, received.payment.apply_st) == ("OK", "due")


def test_the_same_callback_again_is_acknowledged_and_changes_nothing(world: World) -> None:
    payment = sent(world)
    world.gateway.notices = [notice(payment)]
    world.receiver.receive(call())
    before = world.stored(payment)
    again = world.receiver.receive(call())
    assert again.acknowledgement.status == 200
    assert world.stored(payment) == before


@pytest.mark.parametrize("pay_tp", [k.name for k in PAY_TYPES.values() if k.has_callback])
def test_every_type_with_callbacks_has_a_path_that_is_read(world: World, pay_tp: str) -> None:
    payment = world.create()
    world.gateway.sends = [Answer(Outcome.WAITING, ReturnType.QRCODE, "x")]
    given = SendArguments(
        auth_code=Secret("281234567890123456") if pay_type(pay_tp).is_scan else None,
        openid="o1" if pay_type(pay_tp).argument is Argument.OPENID else "",
        client_ip="203.0.113.7",
    )
    world.sender.send(payment.id, pay_tp, "shop", given)
    world.gateway.notices = [notice(payment)]
    request = world.gateway.calls("send")[0]
    path = request.notify_url.removeprefix("https://shop.example")  # type: ignore[attr-defined]
    assert world.receiver.receive(call(path)).error is None
    assert world.stored(payment).st == "OK"


@pytest.mark.parametrize(
    "fault", [UntrustedError("bad signature"), InvalidValueError("not a message")]
)
def test_what_is_not_verified_changes_nothing(world: World, fault: Exception) -> None:
    payment = sent(world)
    world.gateway.notices = [fault]
    received = world.receiver.receive(call())
    assert received.error is fault
    assert received.acknowledgement.status == 400
    assert world.stored(payment) == payment
    assert len(world.refusals) == isinstance(fault, UntrustedError)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (StorageError("the disk is full"), 500),
        (LockedError("others"), 500),
        (CorruptRecordError("the payment is damaged"), 500),
        (ConfigError("no key"), 500),
        (UntrustedError("bad signature"), 400),
        (InvalidValueError("not a message"), 400),
    ],
)
@pytest.mark.parametrize(
    ("path", "headers"), [("/pay/re/wx.qrcode/demo/shop", None), ("/pay/re", FORM)]
)
def test_our_faults_are_5xx_and_the_callers_4xx(world, fault, status, path, headers) -> None:
    payment = sent(world, "zfb.qrcode" if headers else "wx.qrcode")
    world.gateway.notices = [fault]
    body = f"out_trade_no={payment.id}".encode() if headers else b"{}"
    received = world.receiver.receive(call(path, body, headers))
    assert (received.error, received.acknowledgement.status) == (fault, status)


@pytest.mark.parametrize("fault", [StorageError("full"), LockedError("others")])
def test_money_that_can_not_be_written_now_is_asked_for_again(world, fault, mocker) -> None:
    payment = sent(world)
    world.gateway.notices = [notice(payment)]
    mocker.patch.object(type(world.storage), "transaction", side_effect=fault)
    received = world.receiver.receive(call())
    assert (received.error, received.acknowledgement.status) == (fault, 500)
    mocker.stopall()
    assert world.receiver.receive(call()).payment.st == "OK"


@pytest.mark.parametrize(
    "path",
    [
        "/pay/re/wx.qrcode/demo/shop2",
        "/pay/re/wx.qrcode/other/shop",
        "/pay/re/wx.jsapi/demo/shop",
        "/pay/re/zfb.qrcode/demo/shop",
    ],
)
def test_another_account_cannot_vouch_for_this_payment(world: World, path: str) -> None:
    payment = sent(world)
    world.gateway.notices = [notice(payment)]
    received = world.receiver.receive(call(path))
    assert isinstance(received.error, UntrustedError)
    assert world.stored(payment) == payment


@pytest.mark.parametrize(("target", "error"), [("shop", ConfigError), ("made-up", UntrustedError)])
def test_only_a_broken_account_of_ours_is_ours_to_mend(world: World, target, error) -> None:
    def broken(domain: str, provider: str, target: str):
        raise ConfigError("no config")

    world.accounts.gateway = broken  # type: ignore[method-assign]
    received = world.receiver.receive(call(f"/pay/re/wx.qrcode/demo/{target}"))
    assert isinstance(received.error, error)
    assert received.acknowledgement.status == (500 if error is ConfigError else 400)


def test_the_media_type_of_a_form_is_written_in_any_case(world: World) -> None:
    payment = sent(world, "zfb.qrcode")
    world.gateway.notices = [notice(payment)]
    headers = {"content-type": "Application/X-WWW-Form-URLencoded"}
    received = world.receiver.receive(
        call("/pay/re", f"out_trade_no={payment.id}".encode(), headers)
    )
    assert received.payment is not None
    assert received.payment.st == "OK"


def test_a_true_callback_that_says_nothing_clear_is_asked_for_again(world: World) -> None:
    payment = sent(world)
    unclear = Answer(Outcome.UNKNOWN, code="SUCCESS", message="the answer names no amount")
    world.gateway.notices = [Notice(payment.id, unclear)]
    received = world.receiver.receive(call())
    assert received.acknowledgement.status == 400
    assert world.stored(payment) == payment
    assert world.refusals == [f"payment {payment.id}: SUCCESS the answer names no amount"]


def test_another_amount_is_flagged_and_acknowledged_and_is_no_payment(world: World) -> None:
    payment = sent(world)
    world.gateway.notices = [notice(payment, 1)]
    received = world.receiver.receive(call())
    assert (received.acknowledgement.status, received.error) == (200, None)
    flagged = world.stored(payment)
    assert (flagged.st, flagged.flag, flagged.paid_fee) == ("WAIT", "amount", 1)
    assert (flagged.next_check_at, flagged.apply_st) == (0, "")
    assert world.receiver.receive(call()).acknowledgement.status == 200
    assert world.stored(payment) == flagged


def test_a_genuine_message_about_an_unknown_order_is_refused(world: World) -> None:
    world.gateway.notices = [Notice("f" * 32, paid("f" * 32))]
    assert isinstance(world.receiver.receive(call()).error, UntrustedError)


def test_a_genuine_message_that_is_not_about_payments_is_acknowledged(world: World) -> None:
    world.gateway.notices = [Notice("", Answer(Outcome.UNKNOWN))]
    received = world.receiver.receive(call())
    assert (received.acknowledgement.status, received.payment) == (200, None)


@pytest.mark.parametrize(("kind", "is_genuine"), [(UnfitError, True), (UntrustedError, False)])
def test_what_only_a_verified_sender_can_cause_is_told_apart(
    world: World, kind, is_genuine
) -> None:
    world.gateway.notices = [kind("told")]
    received = world.receiver.receive(call())
    assert (received.acknowledgement.status, received.is_genuine) == (400, is_genuine)


def test_true_money_that_names_no_order_is_refused_and_leaves_a_trace(world: World) -> None:
    world.gateway.notices = [Notice("", paid(""))]
    received = world.receiver.receive(call())
    assert isinstance(received.error, UntrustedError)
    assert (received.acknowledgement.status, received.is_genuine) == (400, True)
    [trace] = world.refusals
    assert trace == "the callback names no payment of ours (its trade is 'T1')"


V2_REFUSAL = b"<xml><return_code>FAIL</return_code><return_msg>refused</return_msg></xml>"


@pytest.mark.parametrize(
    ("path", "error", "status"),
    [
        ("/pay/re", ConfigError("broken"), 500),
        ("/pay/re", UntrustedError("no sign"), 400),
        ("/pay/re/", UntrustedError("no sign"), 400),
        ("/pay/re/wx.qrcode/demo/stranger", ConfigError("no such target"), 400),
        ("/pay/re/wx.qrcode/demo/shop", ConfigError("broken"), 500),
        ("/pay/re/nope/demo/shop", None, 400),
        ("/pay/re/wx.qrcode/demo/..", None, 400),
        ("/pay/re/free/demo/shop", None, 400),
    ],
)
@pytest.mark.parametrize("body", [b"<xml><a>1</a></xml>", b" <xml>", b"\xef\xbb\xbf<xml/>"])
def test_xml_refused_before_its_account_is_known_is_refused_in_xml(
    world: World, body: bytes, path: str, error: Exception | None, status: int
) -> None:
    def broken(domain: str, provider: str, target: str):
        raise error

    world.accounts.wechat_targets = [("demo", "shop")]
    if error is not None:
        world.accounts.gateway = broken
    received = world.receiver.receive(call(path, body, {"content-type": "text/xml"}))
    assert received.error is not None
    answer = received.acknowledgement
    assert (answer.status, answer.body) == (status, V2_REFUSAL)
    assert answer.content_type == "text/xml; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/pay/re/wx.qrcode/../shop",
        "/pay/re/wx.qrcode/demo/..",
        "/pay/re/nope/demo/shop",
        "/pay/re/wx.qrcode/demo",
        "/pay/other",
        "/pay/re/wx.qrcode/de\nmo/shop",
    ],
)
def test_an_impossible_path_is_refused(world: World, path: str) -> None:
    received = world.receiver.receive(call(path))
    assert received.error is not None
    assert received.acknowledgement.status == 400


SIGNED = {"content-type": "application/json", "wechatpay-signature": "AAAA"}


def test_a_message_in_no_providers_form_is_refused_on_the_bare_path(world: World) -> None:
    world.accounts.wechat_targets = [("demo", "shop")]
    received = world.receiver.receive(call("/pay/re"))
    assert isinstance(received.error, UntrustedError)
    assert received.acknowledgement.status == 400
    assert len(world.refusals) == 1
    assert world.gateway.calls("complete") == []


def test_the_bare_path_finds_the_wechat_account_by_trying(world: World) -> None:
    payment = sent(world)
    world.accounts.wechat_targets = [("other", "a"), ("demo", "shop")]
    world.accounts.said_to = {("demo", "shop"): payment.id}
    world.gateway.notices = [UntrustedError("serial"), notice(payment)]
    assert world.receiver.receive(call("/pay/re", headers=SIGNED)).error is None
    assert world.stored(payment).st == "OK"


def test_only_accounts_that_a_message_may_be_for_verify_it(world: World) -> None:
    payment = sent(world)
    world.accounts.wechat_targets = [("demo", f"t{n}") for n in range(100)] + [("demo", "shop")]
    world.accounts.said_to = dict.fromkeys(world.accounts.wechat_targets)
    world.accounts.said_to["demo", "shop"] = payment.id
    world.gateway.notices = [notice(payment)]
    assert world.receiver.receive(call("/pay/re", headers=SIGNED)).error is None
    assert world.stored(payment).st == "OK"
    assert len(world.gateway.calls("complete")) == 1


def test_a_message_that_is_for_no_account_is_verified_by_none(world: World) -> None:
    world.accounts.wechat_targets = [("demo", f"t{n}") for n in range(100)]
    world.accounts.said_to = dict.fromkeys(world.accounts.wechat_targets)
    received = world.receiver.receive(call("/pay/re", headers=SIGNED))
    assert isinstance(received.error, UntrustedError)
    assert world.gateway.calls("complete") == []
    assert world.refusals == ["no account is named by this callback, or has the key that opens it"]


@pytest.mark.parametrize("first", ["twin", "shop"])
def test_of_targets_that_share_an_account_the_payments_own_verifies_and_once(
    world: World, first: str
) -> None:
    payment = sent(world)
    world.accounts.wechat_targets = sorted(
        [("demo", "twin"), ("demo", "shop")], key=lambda target: target[1] != first
    )
    world.accounts.said_to = dict.fromkeys(world.accounts.wechat_targets, payment.id)
    world.gateway.notices = [notice(payment)]
    assert world.receiver.receive(call("/pay/re", headers=SIGNED)).error is None
    assert world.stored(payment).st == "OK"
    assert len(world.gateway.calls("complete")) == 1


def test_another_account_whose_keys_fit_can_not_speak_for_the_payments_own(world: World) -> None:
    payment = sent(world)
    world.accounts.wechat_targets = [("other", "liar"), ("demo", "shop")]
    world.accounts.said_to = dict.fromkeys(world.accounts.wechat_targets, payment.id)
    world.gateway.notices = [UntrustedError("not for this merchant")]
    received = world.receiver.receive(call("/pay/re", headers=SIGNED))
    assert isinstance(received.error, UntrustedError)
    assert world.stored(payment) == payment
    assert len(world.gateway.calls("complete")) == 1  # its own; the other one is not asked


def test_no_further_account_is_tried_when_the_providers_patience_is_spent(world: World) -> None:
    def slow(request: HttpRequest) -> Notice:
        world.gateway.asked.append(("complete", request))
        world.clock.advance(ms=TRYING_MS // 2 + 1)
        raise UntrustedError("serial")

    world.accounts.wechat_targets = [("demo", f"t{n}") for n in range(100)]
    world.gateway.complete = slow  # type: ignore[method-assign]
    received = world.receiver.receive(call("/pay/re", headers=SIGNED))
    assert isinstance(received.error, UntrustedError)
    assert len(world.gateway.calls("complete")) == 2


def test_an_account_that_can_not_be_read_is_our_fault_on_the_bare_path(world: World) -> None:
    sent(world)
    world.accounts.wechat_targets = [("demo", "broken"), ("demo", "other")]
    world.gateway.notices = [ConfigError("others can read the key"), UntrustedError("serial")]
    received = world.receiver.receive(call("/pay/re", headers=SIGNED))
    assert isinstance(received.error, ConfigError)
    assert received.acknowledgement.status == 500


def test_a_type_about_which_nobody_calls_opens_no_account(world: World) -> None:
    world.gateway.notices = [ConfigError("it was asked")]
    received = world.receiver.receive(call("/pay/re/free/demo/shop"))
    assert isinstance(received.error, UntrustedError)
    assert received.acknowledgement.status == 400


@pytest.mark.parametrize(
    "body", [b"out_trade_no=" + b"f" * 70_000, b"&".join([b"a=1"] * 201) + b"&out_trade_no=x"]
)
def test_a_form_larger_than_any_of_the_providers_claims_nothing(world: World, body) -> None:
    received = world.receiver.receive(call("/pay/re", body, FORM))
    assert isinstance(received.error, UntrustedError)
    assert world.gateway.calls("complete") == []


def test_the_bare_path_finds_the_alipay_account_by_the_claimed_order(world: World) -> None:
    payment = sent(world, "zfb.qrcode")
    world.gateway.notices = [notice(payment)]
    body = f"out_trade_no={payment.id}".encode()
    assert world.receiver.receive(call("/pay/re", body, FORM)).error is None
    assert world.stored(payment).st == "OK"
    for claim in (b"", b"out_trade_no=../../x", b"out_trade_no=" + b"f" * 32):
        received = world.receiver.receive(call("/pay/re", claim, FORM))
        assert isinstance(received.error, UntrustedError)


def test_a_failed_notice_after_ok_does_not_undo_it(world: World) -> None:
    payment = sent(world)
    world.gateway.notices = [notice(payment), Notice(payment.id, Answer(Outcome.FAILED))]
    world.receiver.receive(call())
    assert world.receiver.receive(call()).acknowledgement.status == 200
    assert world.stored(payment).st == "OK"


def test_paid_after_fail_is_acknowledged_and_flagged(world: World) -> None:
    payment = sent(world)
    world.gateway.notices = [Notice(payment.id, Answer(Outcome.FAILED, code="C")), notice(payment)]
    world.receiver.receive(call())
    assert world.stored(payment).st == "FAIL"
    assert world.receiver.receive(call()).acknowledgement.status == 200
    assert (world.stored(payment).st, world.stored(payment).flag) == ("FAIL", "late")


def test_json_without_a_signature_is_only_a_hint(world: World) -> None:
    payment = sent(world)
    world.gateway.checks = [Answer(Outcome.WAITING)]
    fields = {"out_trade_no": payment.id, "trade_state": "SUCCESS"}
    assert world.receiver.receive_json(fields, "out_trade_no").payment.st == "WAIT"
    world.gateway.checks = [paid(payment.id)]
    assert world.receiver.receive_json(fields, "out_trade_no").payment.st == "OK"


def test_json_with_alipays_signature_is_verified(world: World) -> None:
    payment = sent(world, "zfb.qrcode")
    fields = {"out_trade_no": payment.id, "sign": "x"}
    world.gateway.notices = [UntrustedError("bad signature"), notice(payment)]
    with pytest.raises(UntrustedError):
        world.receiver.receive_json(fields, "out_trade_no")
    assert world.stored(payment) == payment
    assert world.receiver.receive_json(fields, "out_trade_no").payment.st == "OK"
    assert world.refusals == ["bad signature"]


def test_signed_json_speaks_of_the_payment_that_it_is_said_to_be_of(world: World) -> None:
    payment, other = sent(world, "zfb.qrcode"), sent(world, "zfb.qrcode")
    world.gateway.notices = [notice(other)]
    fields = {"out_trade_no": payment.id, "sign": "x"}
    with pytest.raises(UntrustedError):
        world.receiver.receive_json(fields, "out_trade_no")
    assert (world.stored(payment).st, world.stored(other).st) == ("WAIT", "WAIT")


def test_json_must_name_a_payment(world: World) -> None:
    with pytest.raises(InvalidValueError):
        world.receiver.receive_json({}, "out_trade_no")
    with pytest.raises(InvalidValueError):
        world.receiver.receive_json({"id": 5}, "id")
    with pytest.raises(InvalidValueError):
        world.receiver.receive_json({"id": "../x"}, "id")
    with pytest.raises(NotFoundError):
        world.receiver.receive_json({"id": "f" * 32}, "id")
