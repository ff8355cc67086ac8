from dataclasses import replace

import pytest

from payment_cli.errors import InvalidValueError, UnfitError, UntrustedError
from payment_cli.gateways.base import OrderRef, Outcome
from payment_cli.gateways.http import HttpReply
from payment_cli.gateways.http_transport import HttpTransport
from payment_cli.gateways.wechat.gateway import WechatGateway
from payment_cli.gateways.wechat.v2 import REVERSES_MAX
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.secret import Secret
from tests.gateways.gateway_contract import FEE, ORDER_NO, OTHER_NO, GatewayContract, a_request
from tests.gateways.wechat.test_gateway import V3Side
from tests.support import wechat as platform
from tests.support.certificates import certificate_pem
from tests.support.clock import CountedTokens, HandClock
from tests.support.http_server import Said
from tests.support.memory_cache import MemoryCache

CLIENT_CERT = certificate_pem(platform.private_key("merchant"), serial=7)


def v2_account(**changes):
    return platform.account(
        **{
            "scan_api": "v2",
            "client_cert": CLIENT_CERT,
            "client_key": Secret(platform.private_pem("merchant")),
            **changes,
        }
    )


def gateway(account, transport):
    return WechatGateway(
        account,
        transport=transport,
        clock=HandClock(platform.NOW),
        certificates_cache=MemoryCache(),
        new_nonce=CountedTokens(),
    )


class V2Side(V3Side):
    """Scans go over v2; orders still over v3."""

    asked_tp = "wx.scan"

    def gateway(self, url, transport):
        return gateway(v2_account(api_base=url), transport)

    def paid(self, verb, order_no, fee):
        fields = platform.v2_paid(order_no, total_fee=str(fee))
        state = {} if verb == "send" else {"trade_state": "SUCCESS"}
        return platform.v2_signed({**fields, **state})

    def failed(self, order_no):
        return platform.v2_signed(platform.v2_fields(out_trade_no=order_no, trade_state="REVOKED"))

    def waiting(self, order_no):
        fields = platform.v2_fields(out_trade_no=order_no, trade_state="USERPAYING")
        return platform.v2_signed(fields)

    def error(self):
        words = f"签名错误 {platform.AUTH_CODE}"
        return Said(200, platform.v2_xml({"return_code": "FAIL", "return_msg": words}))

    def forged(self, said):
        if not said.body.startswith(b"<"):
            return super().forged(said)
        return Said(200, said.body.replace(b"<sign><![CDATA[", b"<sign><![CDATA[0"))

    def unsigned(self, said):
        return Said(200, said.body.replace(b"sign>", b"nosign>"))

    def callback(self, order_no, fee):
        body = platform.v2_signed(platform.v2_paid(order_no, total_fee=str(fee))).body
        return platform.posted(body, {"content-type": "text/xml"})


class TestWechatV2(GatewayContract):
    @pytest.fixture
    def side(self):
        return V2Side()


@pytest.fixture
def opened(server):
    transport = HttpTransport(pause=lambda _seconds: None)
    yield lambda **changes: gateway(v2_account(api_base=server.url, **changes), transport)
    transport.close()


def scan(made, **changes):
    return made.send(a_request("wx.scan", **changes), Secret(platform.AUTH_CODE))


ORDER = OrderRef(ORDER_NO, "wx.scan", FEE, "CNY", send_at=0)


# ---- paying


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
def test_a_scan_is_signed_and_complete(server, opened, sign_type):
    server.says(platform.v2_signed(platform.v2_paid(ORDER_NO), sign_type))
    answer = scan(opened(sign_type=sign_type), client_ip="10.0.0.7")
    assert (answer.outcome, answer.re_tp) == (Outcome.PAID, ReturnType.JSON)
    assert server.heard[0].target == "/pay/micropay"
    fields = platform.v2_heard(server.heard[0], sign_type)
    assert fields.pop("nonce_str")
    assert fields.pop("sign")
    assert fields == {
        "appid": platform.APPID,
        "mch_id": platform.MCHID,
        "sign_type": sign_type,
        "body": "两杯 coffee",
        "out_trade_no": ORDER_NO,
        "total_fee": str(FEE),
        "fee_type": "CNY",
        "spbill_create_ip": "10.0.0.7",
        "auth_code": platform.AUTH_CODE,
    }


def test_a_till_whose_address_nobody_knows_is_this_machine(server, opened):
    server.says(platform.v2_signed(platform.v2_paid(ORDER_NO)))
    scan(opened())
    assert platform.v2_heard(server.heard[0])["spbill_create_ip"] == "127.0.0.1"


def test_the_money_of_a_scan_is_read_whole(server, opened):
    server.says(platform.v2_signed(platform.v2_paid(ORDER_NO)))
    answer = scan(opened())
    paid = answer.paid
    assert (paid.order_no, paid.fee, paid.cur) == (ORDER_NO, FEE, "CNY")
    assert (paid.trade_no, paid.payer) == ("4200001234202609210123456789", platform.OPENID)
    assert (paid.paid_at, paid.paid_by) == (platform.NOW + 5000, "CMB_DEBIT")
    assert answer.re_obj["trade_state"] == ""
    assert answer.re_obj["transaction_id"] == paid.trade_no


def test_a_brief_is_cut_to_bytes_and_escaped(server, opened):
    scan(opened(), brief="一" * 100)
    scan(opened(), brief="a<b>&]]>")
    body = platform.v2_heard(server.heard[0])["body"]
    assert body == "一" * 42
    assert b"<body>a&lt;b&gt;&amp;]]&gt;</body>" in server.heard[1].body


def test_profit_sharing_is_said_when_asked_for(server, opened):
    scan(opened(), profit_sharing=True)
    assert platform.v2_heard(server.heard[0])["profit_sharing"] == "Y"


def failed(code, **more):
    return platform.v2_fields(
        result_code="FAIL", err_code=code, err_code_des="原因", out_trade_no=ORDER_NO, **more
    )


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("USERPAYING", Outcome.WAITING),
        ("SYSTEMERROR", Outcome.UNKNOWN),
        ("BANKERROR", Outcome.UNKNOWN),
        ("ORDERPAID", Outcome.UNKNOWN),
        ("OUT_TRADE_NO_USED", Outcome.UNKNOWN),
        ("ORDERNOTEXIST", Outcome.UNKNOWN),
        ("NEWWORD", Outcome.UNKNOWN),
        ("NOTENOUGH", Outcome.FAILED),
        ("AUTHCODEEXPIRE", Outcome.FAILED),
        ("AUTH_CODE_ERROR", Outcome.FAILED),
        ("AUTH_CODE_INVALID", Outcome.FAILED),
        ("NOTSUPORTCARD", Outcome.FAILED),
        ("ORDERCLOSED", Outcome.FAILED),
        ("TRADE_ERROR", Outcome.FAILED),
        ("APPID_MCHID_NOT_MATCH", Outcome.REFUSED),
        ("PARAM_ERROR", Outcome.REFUSED),
        ("NOAUTH", Outcome.REFUSED),
        ("APPID_NOT_EXIST", Outcome.REFUSED),
        ("LACK_PARAMS", Outcome.REFUSED),
    ],
)
def test_each_error_of_a_scan_has_one_meaning_if_signed(server, opened, code, outcome):
    signed, unsigned = platform.v2_signed(failed(code)), Said(200, platform.v2_xml(failed(code)))
    server.says(signed, unsigned)
    made = opened()
    first, second = scan(made), scan(made)
    assert (first.outcome, first.code, first.message) == (outcome, code, "原因")
    assert (second.outcome, second.message) == (Outcome.UNKNOWN, "the message carries no sign")


@pytest.mark.parametrize(
    "changes",
    [
        {"total_fee": "(absent)"},
        {"total_fee": "23.00"},
        {"total_fee": "-2300"},
        {"total_fee": "２３００"},
        {"total_fee": "1" * 16},
        {"transaction_id": "(absent)"},
        {"transaction_id": ""},
        {"mch_id": "1900000001"},
        {"appid": "wx0"},
        {"appid": "(absent)"},
    ],
)
def test_money_without_amount_or_of_another_merchant_is_not_ours(server, opened, changes):
    server.says(platform.v2_signed(platform.v2_paid(ORDER_NO, **changes)))
    answer = scan(opened())
    assert (answer.outcome, answer.paid) == (Outcome.UNKNOWN, None)


def test_a_signature_of_another_kind_or_key_is_not_believed(server, opened):
    paid = platform.v2_paid(ORDER_NO)
    server.says(
        platform.v2_signed(paid, "HMAC-SHA256"),
        platform.v2_signed({**paid, "sign_type": "HMAC-SHA256"}, "HMAC-SHA256"),
        platform.v2_signed(paid, key="b" * 32),
        platform.v2_signed(paid, key=""),
    )
    made = opened()
    assert [scan(made).outcome for _ in range(4)] == [Outcome.UNKNOWN] * 4


# ---- asking and reversing


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("SUCCESS", Outcome.PAID),
        ("REFUND", Outcome.PAID),
        ("NOTPAY", Outcome.WAITING),
        ("USERPAYING", Outcome.WAITING),
        ("ACCEPT", Outcome.WAITING),
        ("CLOSED", Outcome.FAILED),
        ("REVOKED", Outcome.FAILED),
        ("PAYERROR", Outcome.FAILED),
        ("NEWWORD", Outcome.UNKNOWN),
    ],
)
def test_each_state_of_an_order_has_one_meaning(server, opened, state, outcome):
    server.says(platform.v2_signed(platform.v2_paid(ORDER_NO, trade_state=state)))
    assert opened().check(ORDER).outcome is outcome
    assert server.heard[0].target == "/pay/orderquery"
    assert platform.v2_heard(server.heard[0])["out_trade_no"] == ORDER_NO


def test_an_order_that_does_not_exist_is_not_found(server, opened):
    server.says(platform.v2_signed(failed("ORDERNOTEXIST")))
    assert opened().check(ORDER).outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize("code", ["NOTENOUGH", "PARAM_ERROR", "SYSTEMERROR"])
def test_no_other_error_of_a_query_is_a_decision(server, opened, code):
    server.says(platform.v2_signed(failed(code)))
    assert opened().check(ORDER).outcome is Outcome.UNKNOWN


def test_a_reverse_is_signed_and_shows_the_merchant_certificate():
    calls = []

    class Wire:
        def send(self, call):
            calls.append(call)
            return HttpReply(200, {}, platform.v2_signed(platform.v2_fields(recall="N")).body)

    account = v2_account()
    assert gateway(account, Wire()).close(ORDER).outcome is Outcome.CLOSED
    assert calls[0].url.endswith("/secapi/pay/reverse")
    assert calls[0].client_cert.cert == CLIENT_CERT
    assert calls[0].client_cert.key.reveal() == platform.private_pem("merchant")


def test_a_reverse_is_repeated_while_the_provider_asks_for_it(server, opened):
    again = platform.v2_signed(failed("SYSTEMERROR", recall="Y"))
    server.says(again, platform.v2_signed(platform.v2_fields(recall="N")))
    assert opened().close(ORDER).outcome is Outcome.CLOSED
    assert [heard.target for heard in server.heard] == ["/secapi/pay/reverse"] * 2


def test_a_reverse_is_not_repeated_for_ever_and_then_decided_by_asking(server, opened):
    again = platform.v2_signed(failed("SYSTEMERROR", recall="Y"))
    waiting = platform.v2_signed(platform.v2_paid(ORDER_NO, trade_state="USERPAYING"))
    server.says(*[again] * REVERSES_MAX, waiting)
    answer = opened().close(ORDER)
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "SYSTEMERROR")
    targets = [heard.target for heard in server.heard]
    assert targets == ["/secapi/pay/reverse"] * REVERSES_MAX + ["/pay/orderquery"]


@pytest.mark.parametrize("changes", [{}, {"recall": ""}, {"recall": "n"}, {"recall": "Y"}])
def test_a_reverse_that_does_not_plainly_say_done_is_asked_about(server, opened, changes):
    waiting = platform.v2_signed(platform.v2_paid(ORDER_NO, trade_state="USERPAYING"))
    said = platform.v2_signed(platform.v2_fields(**changes))
    server.answer = lambda heard: said if heard.target.endswith("reverse") else waiting
    assert opened().close(ORDER).outcome is Outcome.UNKNOWN
    assert server.heard[-1].target == "/pay/orderquery"


def test_a_reverse_of_another_merchant_is_not_ours(server, opened):
    foreign = platform.v2_signed(platform.v2_fields(mch_id="1900000001", recall="N"))
    paid = platform.v2_signed(platform.v2_paid(ORDER_NO, trade_state="SUCCESS"))
    server.answer = lambda heard: foreign if heard.target.endswith("reverse") else paid
    assert opened().close(ORDER).outcome is Outcome.PAID


def test_a_reverse_while_the_payer_is_paying_reverses_nothing(server, opened):
    paying = platform.v2_signed(failed("USERPAYING", recall="N"))
    waiting = platform.v2_signed(platform.v2_paid(ORDER_NO, trade_state="USERPAYING"))
    server.answer = lambda heard: paying if heard.target.endswith("reverse") else waiting
    answer = opened().close(ORDER)
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "USERPAYING")


@pytest.mark.parametrize("status", [201, 202, 204, 400, 404, 500])
def test_nothing_but_http_200_is_believed(server, opened, status):
    paid = platform.v2_signed(platform.v2_paid(ORDER_NO, trade_state="SUCCESS", recall="N"))
    server.says(Said(status, paid.body))
    made = opened()
    outcomes = [scan(made).outcome, made.check(ORDER).outcome, made.close(ORDER).outcome]
    assert outcomes == [Outcome.UNKNOWN] * 3


def test_money_that_went_back_before_we_heard_of_it_is_told_so(server, opened):
    made = opened()
    server.says(platform.v2_signed(platform.v2_paid(ORDER_NO, trade_state="REFUND")))
    assert made.check(ORDER).paid.went_back is True
    server.says(platform.v2_signed(platform.v2_paid(ORDER_NO, trade_state="SUCCESS")))
    assert made.check(ORDER).paid.went_back is False


@pytest.mark.parametrize("state", ["SUCCESS", "REFUND"])
def test_money_without_the_providers_number_is_not_believed(server, opened, state):
    fields = platform.v2_paid(ORDER_NO, trade_state=state, transaction_id="(absent)")
    server.says(platform.v2_signed(fields))
    answer = opened().check(ORDER)
    assert (answer.outcome, answer.paid) == (Outcome.UNKNOWN, None)
    assert "transaction_id" in answer.message


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("INVALID_REQUEST", "201 商户订单号重复"),
        ("INVALID_REQUEST", "该订单已支付"),
        ("ORDERPAID", "订单已支付"),
        ("OUT_TRADE_NO_USED", "商户订单号重复"),
        ("PARAM_ERROR", "商户订单号重复"),
    ],
)
def test_an_order_that_exists_is_neither_refused_nor_missing(server, opened, code, words):
    fields = platform.v2_fields(result_code="FAIL", err_code=code, err_code_des=words)
    server.says(platform.v2_signed(fields))
    made = opened()
    assert scan(made).outcome is Outcome.UNKNOWN
    assert made.check(ORDER).outcome is Outcome.UNKNOWN


def test_an_unsigned_wish_to_repeat_is_not_followed(server, opened):
    server.says(Said(200, platform.v2_xml(platform.v2_fields(recall="Y"))))
    assert opened().close(ORDER).outcome is Outcome.UNKNOWN
    assert [heard.target for heard in server.heard] == ["/secapi/pay/reverse", "/pay/orderquery"]


def test_only_scans_of_a_v2_account_go_over_v2(server, opened):
    server.says(platform.said({"code_url": "weixin://x"}))
    made = opened()
    assert made.send(a_request("wx.qrcode"), None).outcome is Outcome.WAITING
    made.check(replace(ORDER, pay_tp="wx.qrcode"))
    assert [heard.target[:4] for heard in server.heard] == ["/v3/", "/v3/"]


# ---- callbacks


def complete(fields):
    body = platform.v2_signed(fields).body
    return gateway(v2_account(), None).complete(platform.posted(body, {}))


def test_a_signed_notice_says_paid():
    notice = complete(platform.v2_paid(ORDER_NO))
    assert (notice.order_no, notice.answer.outcome) == (ORDER_NO, Outcome.PAID)
    assert notice.answer.paid.fee == FEE


def test_a_notice_signed_in_a_weaker_way_than_agreed_is_refused():
    fields = platform.v2_paid(ORDER_NO)
    with pytest.raises(UntrustedError, match="sign"):
        gateway(v2_account(sign_type="HMAC-SHA256"), None).complete(
            platform.posted(platform.v2_signed(fields, "MD5").body, {})
        )


@pytest.mark.parametrize("changes", [{"mch_id": "1900000001"}, {"appid": "wx0"}])
def test_a_notice_about_another_merchant_or_app_is_refused(changes):
    with pytest.raises(UntrustedError, match="another merchant or app"):
        complete(platform.v2_paid(ORDER_NO, **changes))


def test_a_notice_without_sign_is_refused():
    body = platform.v2_xml(platform.v2_paid(ORDER_NO))
    with pytest.raises(UntrustedError, match="no sign"):
        gateway(v2_account(), None).complete(platform.posted(body, {}))


def test_an_account_without_pay_key_takes_no_notice():
    body = platform.v2_signed(platform.v2_paid(ORDER_NO), key="").body
    with pytest.raises(UntrustedError, match="pay_key"):
        gateway(v2_account(pay_key=Secret("")), None).complete(platform.posted(body, {}))


@pytest.mark.parametrize(
    "changes", [{"result_code": "FAIL"}, {"return_code": "FAIL"}, {"result_code": "(absent)"}]
)
def test_a_signed_notice_that_does_not_say_success_names_no_order(changes):
    notice = complete(platform.v2_paid(ORDER_NO, **changes))
    assert (notice.order_no, notice.answer.paid) == ("", None)


@pytest.mark.parametrize("number", ["", "(absent)"])
def test_a_true_notice_of_money_that_names_no_order_is_refused(number):
    with pytest.raises(UnfitError, match="names no order"):
        complete(platform.v2_paid(ORDER_NO, out_trade_no=number))


def test_a_notice_of_money_without_the_providers_number_does_not_pay():
    notice = complete(platform.v2_paid(ORDER_NO, transaction_id="(absent)"))
    assert (notice.order_no, notice.answer.outcome) == (ORDER_NO, Outcome.UNKNOWN)


def test_a_notice_with_a_field_twice_is_refused():
    body = platform.v2_signed(platform.v2_paid(ORDER_NO)).body
    twice = body.replace(b"</xml>", b"<total_fee>1</total_fee></xml>")
    with pytest.raises(InvalidValueError, match="twice"):
        gateway(v2_account(), None).complete(platform.posted(twice, {}))


def test_the_acknowledgements_are_xml():
    request = platform.posted(platform.v2_signed(platform.v2_paid(OTHER_NO)).body, {})
    made = gateway(v2_account(), None)
    taken, refused = made.acknowledge(request), made.acknowledge(request, "a<b")
    assert (taken.status, taken.content_type) == (200, "text/xml; charset=utf-8")
    assert taken.body == (
        b"<xml><return_code>SUCCESS</return_code><return_msg>OK</return_msg></xml>"
    )
    assert refused.body == (
        b"<xml><return_code>FAIL</return_code><return_msg>a&lt;b</return_msg></xml>"
    )
