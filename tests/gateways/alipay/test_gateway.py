import json
import logging
from dataclasses import replace

import pytest

from payment_cli.errors import ConfigError, InvalidValueError, UntrustedError
from payment_cli.gateways.alipay.gateway import AlipayGateway
from payment_cli.gateways.alipay.sign import load_keys
from payment_cli.gateways.base import Acknowledgement, OrderRef, Outcome, SendRequest
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.secret import Secret
from tests.gateways.gateway_contract import ORDER_NO, GatewayContract
from tests.support import alipay as side
from tests.support.clock import HandClock
from tests.support.http_server import How, Said, scripted_server

ID = "01990b5e6f7a7000a0b0c0d0e0f00102"
CODE = Secret("281234567890123456")
NOW = 1_790_000_000_000  # 2026-09-21 22:13:20 in Beijing
PAID = {
    "code": "10000",
    "msg": "Success",
    "trade_no": "2026092122001468450512505578",
    "total_amount": "12.34",
    "buyer_user_id": "2088102534368455",
    "gmt_payment": "2026-09-21 22:13:21",
}
SUCCESS = {**PAID, "trade_status": "TRADE_SUCCESS"}
NO_TRADE = {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST", "sub_msg": "交易不存在"}
CLOSED = {
    "code": "10000",
    "trade_no": "2026092122001468450512505578",
    "total_amount": "12.34",
    "trade_status": "TRADE_CLOSED",
}
CANCELLED = {"code": "10000", "retry_flag": "N", "action": "close"}


class AlipaySide:
    order_tp = "zfb.qrcode"
    scan_tp = "zfb.scan"
    asked_tp = "zfb.qrcode"
    secrets = (CODE.reveal(), "2088102534368455", side.private_pem("app").splitlines()[3])

    def gateway(self, url, transport):
        account = side.account(gateway_url=f"{url}/gateway.do")
        return AlipayGateway(account, transport, HandClock(NOW))

    def auth_code(self):
        return CODE.reveal()

    def send_ok(self):
        return self._said("precreate", {"code": "10000", "qr_code": "https://qr.alipay.com/b1"})

    def paid(self, verb, order_no, fee):
        node = {**SUCCESS, "total_amount": f"{fee // 100}.{fee % 100:02}"}
        return self._said("query" if verb == "check" else "pay", node, order_no)

    def failed(self, order_no):
        return self._said("query", CLOSED, order_no)

    def waiting(self, order_no):
        return self._said("query", {**PAID, "trade_status": "WAIT_BUYER_PAY"}, order_no)

    def error(self):
        words = f'"msg":"Invalid Arguments","sub_msg":"无效 {CODE.reveal()}"'
        node = f'{{"code":"40002",{words},"sub_code":"isv.invalid-parameter"}}'
        return Said(body=f'{{"error_response":{node}}}'.encode())

    def forged(self, said):
        return self._signed_by("stranger", said)

    def unsigned(self, said):
        return self._signed_by("", said)

    def callback(self, order_no, fee):
        amount = f"{fee // 100}.{fee % 100:02}"
        fields = side.notice_fields(out_trade_no=order_no, total_amount=amount)
        return side.posted(side.signed_form(fields))

    def _said(self, verb, node, order_no=ORDER_NO):
        return Said(body=side.reply(f"alipay.trade.{verb}", {"out_trade_no": order_no, **node}))

    def _signed_by(self, signer, said):
        name, node = next(iter(json.loads(said.body).items()))
        method = name.removesuffix("_response").replace("_", ".")
        return Said(body=side.reply(method, node, signer=signer))


class TestAlipay(GatewayContract):
    @pytest.fixture
    def side(self):
        return AlipaySide()


def request(**changes):
    settled = SendRequest(
        payment_id=ID,
        pay_tp="zfb.qrcode",
        brief="two cups",
        fee=1234,
        cur="CNY",
        notify_url="https://shop.example.com/pay/re/zfb.qrcode/demo/main",
        expires_at=NOW + 600_000,
    )
    return replace(settled, **changes)


def order(pay_tp="zfb.qrcode"):
    return OrderRef(ID, pay_tp, 1234, "CNY", NOW)


def test_a_qr_code_is_ordered_and_returned(alipay, gateway):
    alipay.says({"code": "10000", "qr_code": "https://qr.alipay.com/bax00001"})
    answer = gateway.send(request(), None)
    assert (answer.outcome, answer.re_tp) == (Outcome.WAITING, ReturnType.QRCODE)
    assert answer.re_obj == "https://qr.alipay.com/bax00001"
    form = alipay.forms[0]
    assert form["method"] == "alipay.trade.precreate"
    assert (form["app_id"], form["sign_type"], form["version"]) == (side.APP_ID, "RSA2", "1.0")
    assert (form["charset"], form["format"]) == ("utf-8", "JSON")
    assert form["timestamp"] == "2026-09-21 22:13:20"
    assert form["notify_url"] == "https://shop.example.com/pay/re/zfb.qrcode/demo/main"
    assert "app_cert_sn" not in form
    assert alipay.order == {
        "out_trade_no": ID,
        "total_amount": "12.34",
        "subject": "two cups",
        "product_code": "FACE_TO_FACE_PAYMENT",
        "time_expire": "2026-09-21 22:23:20",
    }


def test_the_same_request_sent_again_is_the_same_order(alipay, gateway):
    alipay.says({"code": "10000", "qr_code": "x"})
    gateway.send(request(), None)
    gateway.send(request(), None)
    assert alipay.forms[0] == alipay.forms[1]


def test_without_notify_url_none_is_sent(alipay, gateway):
    alipay.says({"code": "10000", "qr_code": "x"})
    gateway.send(request(notify_url=""), None)
    assert "notify_url" not in alipay.forms[0]


@pytest.mark.parametrize(
    ("brief", "subject"),
    [
        ("a/b=c&d", "a／b＝c＆d"),
        ("  tea\tand\ncake  ", "tea and cake"),
        ("两杯☕+1", "两杯☕+1"),
        ("长" * 300, "长" * 128),
        ("a" + "长" * 300, "a" + "长" * 127),
        ("x" * 300, "x" * 256),
        ("family 👨‍👩‍👧‍👦!", "family 👨‍👩‍👧‍👦!"),
        ("长" * 120 + "👨‍👩‍👧‍👦", "长" * 120),
        ("pay \u202eme", "pay me"),
    ],
)
def test_the_brief_becomes_a_subject_alipay_takes(alipay, gateway, brief, subject):
    alipay.says({"code": "10000", "qr_code": "x"})
    gateway.send(request(brief=brief), None)
    assert alipay.order["subject"] == subject


def test_a_scan_that_is_paid_at_once(alipay, gateway):
    alipay.says(PAID)
    answer = gateway.send(request(pay_tp="zfb.scan"), CODE)
    assert answer.outcome is Outcome.PAID
    assert answer.paid is not None
    assert (answer.paid.order_no, answer.paid.fee, answer.paid.cur) == (ID, 1234, "CNY")
    assert answer.paid.payer == "2088102534368455"
    assert alipay.methods == ["alipay.trade.pay"]
    assert alipay.order["scene"] == "bar_code"
    assert alipay.order["auth_code"] == CODE.reveal()


def test_a_scan_whose_payer_must_confirm_waits(alipay, gateway):
    alipay.says({"code": "10003", "msg": "order success pay inprocess"})
    assert gateway.send(request(pay_tp="zfb.scan"), CODE).outcome is Outcome.WAITING


def test_a_declined_scan_is_a_value_with_alipays_words(alipay, gateway):
    sub_code = "ACQ.BUYER_BALANCE_NOT_ENOUGH"
    alipay.says({"code": "40004", "sub_code": sub_code, "sub_msg": "买家余额不足"})
    answer = gateway.send(request(pay_tp="zfb.scan"), CODE)
    assert (answer.outcome, answer.code) == (Outcome.FAILED, sub_code)
    assert answer.message == "买家余额不足"


def test_an_auth_code_that_alipay_quotes_is_not_shown(alipay, gateway):
    words = f"授权码 {CODE.reveal()} 无效"
    alipay.says({"code": "40004", "sub_code": "ACQ.PAYMENT_AUTH_CODE_INVALID", "sub_msg": words})
    answer = gateway.send(request(pay_tp="zfb.scan"), CODE)
    assert answer.outcome is Outcome.FAILED
    assert CODE.reveal() not in repr(answer)


@pytest.mark.parametrize(
    ("node", "outcome"),
    [
        (SUCCESS, Outcome.PAID),
        ({**PAID, "trade_status": "WAIT_BUYER_PAY"}, Outcome.WAITING),
        (CLOSED, Outcome.FAILED),
        (NO_TRADE, Outcome.NOT_FOUND),
        ({"code": "20000", "sub_code": "isp.unknow-error"}, Outcome.UNKNOWN),
    ],
)
def test_a_check_asks_by_our_number(alipay, gateway, node, outcome):
    alipay.says(node)
    assert gateway.check(order()).outcome is outcome
    assert alipay.methods == ["alipay.trade.query"]
    assert alipay.order == {"out_trade_no": ID}


def test_a_qr_code_is_closed_without_touching_paid_money(alipay, gateway):
    alipay.says({"code": "10000"})
    assert gateway.close(order()).outcome is Outcome.CLOSED
    assert alipay.methods == ["alipay.trade.close"]


def test_closing_a_qr_code_nobody_scanned_finds_nothing(alipay, gateway):
    alipay.says(NO_TRADE)
    assert gateway.close(order()).outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize(
    ("node", "outcome"),
    [
        (SUCCESS, Outcome.PAID),
        (CLOSED, Outcome.CLOSED),
        ({**PAID, "trade_status": "WAIT_BUYER_PAY"}, Outcome.UNKNOWN),
        (NO_TRADE, Outcome.NOT_FOUND),
    ],
)
def test_a_close_that_is_refused_or_does_not_say_of_what_asks(alipay, gateway, node, outcome):
    for said in (
        {"code": "40004", "sub_code": "ACQ.TRADE_STATUS_ERROR"},
        {"code": "10000", "out_trade_no": None},
    ):
        alipay.forms.clear()
        alipay.says(said, node)
        assert gateway.close(order()).outcome is outcome
        assert alipay.methods == ["alipay.trade.close", "alipay.trade.query"]


@pytest.mark.parametrize("known", [{**PAID, "trade_status": "WAIT_BUYER_PAY"}, NO_TRADE])
def test_a_scan_not_known_to_be_paid_is_cancelled(alipay, gateway, known):
    alipay.says(known, CANCELLED)
    answer = gateway.close(order("zfb.scan"))
    assert answer.outcome is Outcome.CLOSED
    assert answer.extra == {"zfb_cancel_action": "close"}
    assert alipay.methods == ["alipay.trade.query", "alipay.trade.cancel"]


def test_a_cancel_without_an_action_found_no_trade(alipay, gateway):
    alipay.says(NO_TRADE, {"code": "10000", "retry_flag": "N"})
    assert gateway.close(order("zfb.scan")).outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize("pay_tp", ["zfb.qrcode", "zfb.scan"])
def test_a_trade_whose_money_went_back_is_not_closed_as_unpaid(alipay, gateway, pay_tp):
    refunded = {**CLOSED, "send_pay_date": "2026-09-21 22:13:21"}
    refused = {"code": "40004", "sub_code": "ACQ.REASON_TRADE_STATUS_INVALID"}
    alipay.says(*([refused] if pay_tp == "zfb.qrcode" else []), refunded)
    answer = gateway.close(order(pay_tp))
    assert answer.outcome is Outcome.PAID
    assert answer.paid is not None
    assert answer.paid.went_back
    assert "alipay.trade.cancel" not in alipay.methods


def test_a_scan_that_was_paid_meanwhile_is_not_cancelled(alipay, gateway):
    alipay.says(SUCCESS)
    answer = gateway.close(order("zfb.scan"))
    assert answer.outcome is Outcome.PAID
    assert alipay.methods == ["alipay.trade.query"]


def test_a_cancel_that_asks_to_be_repeated_has_not_happened(alipay, gateway):
    alipay.says(NO_TRADE, {**CANCELLED, "retry_flag": "Y"})
    assert gateway.close(order("zfb.scan")).outcome is Outcome.UNKNOWN


def test_a_cancel_that_found_the_money_says_that_it_went_back(alipay, gateway):
    alipay.says(NO_TRADE, {**CANCELLED, "action": "refund"})
    answer = gateway.close(order("zfb.scan"))
    assert (answer.outcome, answer.extra) == (Outcome.CLOSED, {"zfb_cancel_action": "refund"})


def everything(gateway):
    """Each of the five calls once: outcomes by name."""
    return {
        "qrcode": gateway.send(request(), None).outcome,
        "scan": gateway.send(request(pay_tp="zfb.scan"), CODE).outcome,
        "check": gateway.check(order()).outcome,
        "close": gateway.close(order()).outcome,
        "cancel": gateway.close(order("zfb.scan")).outcome,
    }


@pytest.mark.parametrize("signer", ["", "app", "stranger"])
def test_nothing_is_believed_that_alipay_did_not_sign(alipay, gateway, signer):
    alipay.says({**SUCCESS, **CANCELLED, "qr_code": "https://evil.example"}, signer=signer)
    assert set(everything(gateway).values()) == {Outcome.UNKNOWN}


def test_a_genuine_answer_about_another_order_is_not_ours(alipay, gateway):
    alipay.says({**SUCCESS, **CANCELLED, "qr_code": "x", "out_trade_no": "another"})
    assert set(everything(gateway).values()) == {Outcome.UNKNOWN}


@pytest.mark.parametrize(
    "said",
    [
        Said(502, b"<html>Bad Gateway</html>"),
        Said(200, b"<html>maintenance</html>"),
        Said(200, b""),
        Said(302, b"", {"Location": "http://127.0.0.1:1/"}),
        Said(200, b"x" * 100, how=How.CUT),
        Said(how=How.HANG_UP),
    ],
    ids=["502", "HTML", "empty", "redirect", "cut short", "hang up"],
)
def test_an_unreadable_answer_leaves_everything_unknown(alipay, gateway, said):
    alipay.answer = lambda _method, _order: said
    assert set(everything(gateway).values()) == {Outcome.UNKNOWN}


def test_what_was_never_received_created_nothing(open_gateway):
    with scripted_server() as gone:
        url = gone.url
    outcomes = everything(open_gateway(side.account(gateway_url=url)))
    assert outcomes == {
        "qrcode": Outcome.REFUSED,
        "scan": Outcome.REFUSED,
        "check": Outcome.UNKNOWN,
        "close": Outcome.UNKNOWN,
        "cancel": Outcome.UNKNOWN,
    }


def test_in_certificate_mode_requests_name_the_certificates(alipay, open_gateway, certified):
    keys = load_keys(certified)
    alipay.says(SUCCESS, alipay_cert_sn=keys.alipay_cert_sn)
    assert open_gateway(certified).check(order()).outcome is Outcome.PAID
    assert alipay.forms[0]["app_cert_sn"] == keys.app_cert_sn
    assert alipay.forms[0]["alipay_root_cert_sn"] == keys.root_cert_sn


def test_a_new_certificate_of_alipay_is_named_as_the_reason(alipay, open_gateway, certified):
    alipay.says(SUCCESS, alipay_cert_sn="0" * 32)
    answer = open_gateway(certified).check(order())
    assert answer.outcome is Outcome.UNKNOWN
    assert "download the new one" in answer.message


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cur": "USD"}, "CNY only"),
        ({"cur": "RMB"}, "CNY only"),
        ({"fee": 0}, r"0\.01"),
        ({"fee": -1}, r"0\.01"),
        ({"fee": 10_000_000_001}, "100000000"),
        ({"payment_id": "a-b"}, "order number"),
        ({"payment_id": "x" * 65}, "order number"),
        ({"brief": " \n "}, "brief"),
        ({"notify_url": "shop.example.com/re"}, "notify URL"),
        ({"notify_url": "https://x.example/" + "a" * 256}, "notify URL"),
    ],
)
def test_what_alipay_would_refuse_is_refused_before_anything_is_sent(gateway, change, why):
    for act in (gateway.validate, gateway.send):
        with pytest.raises(InvalidValueError, match=why):
            act(request(**change), None)


@pytest.mark.parametrize("code", ["25" + "0" * 14, "28" + "1" * 16, "30" + "9" * 22])
def test_auth_codes_of_alipays_form_are_fine(gateway, code):
    gateway.validate(request(pay_tp="zfb.scan"), Secret(code))
    with pytest.raises(InvalidValueError, match="auth code"):
        gateway.validate(request(pay_tp="zfb.scan"), Secret("1" + code[1:]))


@pytest.mark.parametrize(
    "code",
    ["", "24" + "0" * 16, "31" + "0" * 16, "28" + "0" * 13, "28" + "0" * 23, "28" + "０" * 16,
     "281234567890123456\n", "28 1234567890123456"],
)  # fmt: skip
def test_other_auth_codes_are_refused_and_not_shown(gateway, code):
    for act in (gateway.validate, gateway.send):
        with pytest.raises(InvalidValueError, match="auth code has 16 to 24 digits") as caught:
            act(request(pay_tp="zfb.scan"), Secret(code) if code else None)
        assert not code.strip() or code.strip() not in f"{caught.value}{caught.value.hint}"


def test_a_wrong_key_is_found_before_anything_is_sent(alipay, open_gateway):
    gateway = open_gateway(side.account(gateway_url=alipay.url, private_key=Secret("nonsense")))
    with pytest.raises(ConfigError, match="private_key"):
        gateway.validate(request(), None)
    with pytest.raises(ConfigError, match="private_key"):
        gateway.send(request(), None)
    assert alipay.forms == []


def test_a_callback_is_verified_with_the_keys_of_this_account(open_gateway):
    body = side.signed_form(side.notice_fields())
    notice = open_gateway(side.account()).complete(side.posted(body))
    assert (notice.order_no, notice.answer.outcome) == ("0198c0ffee", Outcome.PAID)
    foreign = side.account(alipay_public_key=side.public_pem("stranger"))
    with pytest.raises(UntrustedError):
        open_gateway(foreign).complete(side.posted(body))


def test_the_acknowledgement_is_seven_bytes(open_gateway):
    gateway = open_gateway(side.account())
    callback = side.posted(b"")
    assert gateway.acknowledge(callback) == Acknowledgement(200, "text/plain", b"success")
    assert gateway.acknowledge(callback, "not now") == Acknowledgement(200, "text/plain", b"fail")


def test_the_account_says_how_long_an_order_lives_and_where_callbacks_go(open_gateway):
    account = side.account(timeout_express=30, notify_url="https://cb.example.com/in")
    gateway = open_gateway(account)
    assert gateway.expire_minutes == 30
    assert gateway.notify_base == "https://cb.example.com/in"
    assert gateway.reverse_after_ms > 0
    assert gateway.account_id == (account.seller_id, account.app_id)


def test_no_secret_is_ever_shown(alipay, gateway, caplog):
    caplog.set_level(logging.DEBUG)
    alipay.says(PAID)
    answer = gateway.send(request(pay_tp="zfb.scan"), CODE)
    body = side.signed_form(side.notice_fields(app_id="other"))
    with pytest.raises(UntrustedError) as caught:
        gateway.complete(side.posted(body))
    key = "".join(side.private_pem("app").splitlines()[1:-1])
    shown = f"{caplog.text}{answer!r}{gateway!r}{gateway.__dict__!r}{caught.value!r}"
    assert "alipay.trade.pay" in caplog.text
    for secret in (CODE.reveal(), key, key[:64], side.sign("x")[:20]):
        assert secret not in shown
    signature = alipay.script.heard[0].body.rpartition(b"sign=")[2].decode()
    assert signature not in shown
