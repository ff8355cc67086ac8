import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpayv3 import WeChatPay, WeChatPayType

from payment_cli.errors import ConfigError, InvalidValueError, UntrustedError
from payment_cli.gateways.base import Gateway, HttpRequest, Notice, Outcome
from payment_cli.gateways.wechat.gateway import WechatGateway
from payment_cli.model.secret import Secret
from tests.gateways.gateway_contract import (
    FEE,
    ORDER_NO,
    GatewayContract,
    a_request,
    completed,
    mutations,
)
from tests.support import wechat as platform
from tests.support.clock import CountedTokens, HandClock
from tests.support.http_server import Said
from tests.support.memory_cache import MemoryCache


class NoNetwork:
    def send(self, call):
        raise AssertionError("nothing may be sent here")


def gateway(account=None, *, transport=None, clock=None, cache=None) -> WechatGateway:
    return WechatGateway(
        account or platform.account(),
        transport=transport or NoNetwork(),
        clock=clock or HandClock(platform.NOW),
        certificates_cache=cache or MemoryCache(),
        new_nonce=CountedTokens(),
    )


class V3Side:
    order_tp = "wx.qrcode"
    scan_tp = "wx.scan"
    asked_tp = "wx.qrcode"
    secrets = (
        platform.API_V3_KEY,
        platform.PAY_KEY,
        platform.AUTH_CODE,
        platform.OPENID,
        platform.private_pem("merchant").splitlines()[3],
    )

    def gateway(self, url, transport) -> Gateway:
        return gateway(platform.account(api_base=url), transport=transport)

    def auth_code(self):
        return platform.AUTH_CODE

    def send_ok(self):
        return platform.said({"code_url": "weixin://wxpay/bizpayurl?pr=JyC91EIz1"})

    def paid(self, verb, order_no, fee):
        amount = {"total": fee, "currency": "CNY"}
        return platform.said(platform.transaction(order_no, amount=amount))

    def failed(self, order_no):
        return self._state(order_no, "CLOSED")

    def waiting(self, order_no):
        return self._state(order_no, "NOTPAY")

    def error(self):
        message = f"参数错误 {platform.AUTH_CODE}"
        return platform.unsigned(platform.error("PARAM_ERROR", message), 400)

    def forged(self, said):
        return Said(said.status, said.body, platform.v3_headers(said.body, signer="stranger"))

    def unsigned(self, said):
        return Said(said.status, said.body)

    def callback(self, order_no, fee):
        amount = {"total": fee, "currency": "CNY"}
        return platform.callback(platform.transaction(order_no, amount=amount))

    def _state(self, order_no, state):
        return platform.said(platform.transaction(order_no, trade_state=state, amount=None))


class TestWechatV3(GatewayContract):
    @pytest.fixture
    def side(self):
        return V3Side()


CALLBACK = platform.callback(platform.transaction(ORDER_NO))


def test_the_callback_of_these_tests_is_genuine_by_an_independent_reader():
    reader = WeChatPay(
        wechatpay_type=WeChatPayType.NATIVE,
        mchid=platform.MCHID,
        private_key=platform.private_pem("merchant"),
        cert_serial_no=platform.SERIAL,
        apiv3_key=platform.API_V3_KEY,
        appid=platform.APPID,
        notify_url="https://shop.example/",
        public_key=platform.public_pem("platform"),
        public_key_id=platform.PUBLIC_KEY_ID,
    )
    read = reader.callback(dict(CALLBACK.headers), CALLBACK.body)
    assert read["resource"] == platform.transaction(ORDER_NO)


def test_a_callback_says_who_paid_what_and_when():
    notice = gateway().complete(CALLBACK)
    paid = notice.answer.paid
    assert (paid.order_no, paid.trade_no) == (ORDER_NO, "4200001234202609210123456789")
    assert (paid.fee, paid.cur, paid.payer) == (FEE, "CNY", platform.OPENID)
    assert (paid.paid_at, paid.paid_by) == (platform.NOW + 5000, "CMB_DEBIT")
    assert notice.answer.extra == {"wx_trade_state": "SUCCESS", "wx_trade_type": "NATIVE"}


@settings(max_examples=300, deadline=None)
@given(mutations(CALLBACK))
def test_not_one_byte_of_a_callback_may_change(mutant):
    if mutant.body != CALLBACK.body:
        assert completed(gateway().complete, mutant) is None


@pytest.mark.parametrize("away_s", [-299, 0, 299])
def test_a_callback_within_five_minutes_is_taken(away_s):
    at_s = platform.NOW // 1000 + away_s
    request = platform.callback(platform.transaction(ORDER_NO), at_s=at_s)
    assert gateway().complete(request).answer.outcome is Outcome.PAID


@pytest.mark.parametrize("away_s", [-86400, -301, -300, 300, 301, 86400])
def test_a_callback_five_minutes_away_is_a_replay(away_s):
    at_s = platform.NOW // 1000 + away_s
    request = platform.callback(platform.transaction(ORDER_NO), at_s=at_s)
    with pytest.raises(UntrustedError, match="away from ours") as refused:
        gateway().complete(request)
    assert "clock" in refused.value.hint


@pytest.mark.parametrize("at", ["", "now", "-1", "1e9", "1790000000.0", "٣" * 10, "9" * 40])
def test_a_callback_without_a_readable_time_is_refused(at):
    request = replace(CALLBACK, headers={**CALLBACK.headers, "wechatpay-timestamp": at})
    with pytest.raises(UntrustedError):
        gateway().complete(request)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wechatpay-signature", ""),
        ("wechatpay-signature", "WECHATPAY/SIGNTEST/abc"),
        ("wechatpay-signature", "not base64!"),
        ("wechatpay-signature", "AAAA"),
        ("wechatpay-signature-type", "WECHATPAY2-SM2-WITH-SM3"),
        ("wechatpay-signature-type", "none"),
        ("wechatpay-serial", ""),
        ("wechatpay-serial", "PUB_KEY_ID_1"),
        ("wechatpay-nonce", "\udcff"),
    ],
)
def test_a_callback_with_another_header_is_refused(name, value):
    request = replace(CALLBACK, headers={**CALLBACK.headers, name: value})
    with pytest.raises(UntrustedError):
        gateway().complete(request)


def test_a_callback_signed_by_a_stranger_is_refused():
    request = platform.callback(platform.transaction(ORDER_NO), signer="stranger")
    with pytest.raises(UntrustedError, match="signature"):
        gateway().complete(request)


@pytest.mark.parametrize("changes", [{"mchid": "1900000001"}, {"appid": "wx0"}, {"mchid": None}])
def test_a_true_callback_about_another_merchant_or_app_is_refused(changes):
    """Signed by the platform: its key is the same for all merchants."""
    with pytest.raises(UntrustedError, match="another merchant or app"):
        gateway().complete(platform.callback(platform.transaction(ORDER_NO, **changes)))


def test_a_callback_under_another_api_v3_key_is_refused():
    body = platform.callback_body(platform.transaction(ORDER_NO), key="b" * 32)
    with pytest.raises(UntrustedError, match="APIv3 key"):
        gateway().complete(platform.posted(body, platform.v3_headers(body)))


SEALED = platform.sealed(json.dumps(platform.transaction(ORDER_NO)).encode())


@pytest.mark.parametrize(
    "resource",
    [
        None,
        {},
        "text",
        {**SEALED, "algorithm": "AES-ECB"},
        {**SEALED, "nonce": ""},
        {**SEALED, "ciphertext": "AAAA"},
        {**SEALED, "ciphertext": 7},
        {**SEALED, "associated_data": "else"},
    ],
)
def test_a_signed_message_that_does_not_decrypt_is_refused(resource):
    body = json.dumps({"event_type": "TRANSACTION.SUCCESS", "resource": resource}).encode()
    with pytest.raises(UntrustedError):
        gateway().complete(platform.posted(body, platform.v3_headers(body)))


@pytest.mark.parametrize("event", ["REFUND.SUCCESS", "MCHTRANSFER.BILL.FINISHED", "NEW.EVENT", ""])
def test_a_true_message_that_is_not_about_a_payment_names_no_order(event):
    notice = gateway().complete(platform.callback({"any": "thing"}, event=event))
    assert (notice.order_no, notice.answer.outcome) == ("", Outcome.UNKNOWN)


@pytest.mark.parametrize(
    "changes",
    [
        {"trade_state": "NOTPAY"},
        {"trade_state": "SOMETHING_NEW"},
        {"trade_state": None},
        {"amount": None},
        {"amount": {"currency": "CNY"}},
        {"amount": {"total": "2300"}},
        {"amount": {"total": 23.0}},
        {"amount": {"total": True}},
    ],
)
def test_a_true_callback_that_does_not_plainly_say_paid_does_not_pay(changes):
    notice = gateway().complete(platform.callback(platform.transaction(ORDER_NO, **changes)))
    assert notice.answer.outcome is not Outcome.PAID
    assert notice.answer.paid is None


def test_the_acknowledgements_are_what_the_provider_asks_for():
    assert gateway().acknowledge(CALLBACK).status == 200
    assert gateway().acknowledge(CALLBACK).body == '{"code":"SUCCESS","message":"成功"}'.encode()
    refused = gateway().acknowledge(CALLBACK, "refused\n" + "x" * 99)
    assert refused.status == 400
    document = json.loads(refused.body)
    assert document["code"] == "FAIL"
    assert len(document["message"]) == 64
    for answer in (refused, gateway().acknowledge(CALLBACK)):
        assert answer.content_type == "application/json; charset=utf-8"


# ---- validate


def scan(**changes):
    return a_request("wx.scan", notify_url="", **changes)


@pytest.mark.parametrize("pay_tp", ["wx.qrcode", "wx.jsapi"])
@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example/pay",
        "ftp://shop.example/pay",
        "https://",
        "https://shop.example/pay?x=1",
        "https://shop.example/pay#x",
        "https://shop.example/pay\n",
        "https://shop.example/p y",
        "https://商店.example/",
        "https://[::1/",
        "https://shop.example/" + "a" * 250,
    ],
)
def test_a_notify_url_the_provider_would_refuse_is_refused_first(pay_tp, url):
    with pytest.raises(InvalidValueError, match=r"notify URL"):
        gateway().validate(a_request(pay_tp, notify_url=url, openid=platform.OPENID), None)


@pytest.mark.parametrize("code", ["100000000000000000", "159999999999999999", platform.AUTH_CODE])
def test_a_wechat_auth_code_is_taken(code):
    gateway().validate(scan(), Secret(code))
    with pytest.raises(InvalidValueError, match="auth code"):
        gateway().validate(scan(), Secret(code[:-1]))


@pytest.mark.parametrize(
    "code",
    ["", "1", "13456789012345678", "1345678901234567890", "160000000000000000",
     "090000000000000000", "281234567890123456", "13456789012345678x", "134567890123456789\n",
     "１３４５６７８９０１２３４５６７８９"],
)  # fmt: skip
def test_what_is_no_wechat_auth_code_is_refused_and_not_repeated(code):
    with pytest.raises(InvalidValueError, match="not a WeChat auth code") as refused:
        gateway().validate(scan(), Secret(code))
    if len(code) > 1:
        assert code.strip() not in str(refused.value) + refused.value.hint


def test_a_scan_without_an_auth_code_is_refused():
    with pytest.raises(InvalidValueError, match="auth code"):
        gateway().validate(scan(), None)


@pytest.mark.parametrize("openid", ["", "o b", "o\n", "o" * 129, "<script>", "微"])
def test_an_openid_that_is_none_is_refused(openid):
    with pytest.raises(InvalidValueError, match="openid"):
        gateway().validate(a_request("wx.jsapi", openid=openid), None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cur": "USD"}, "CNY"),
        ({"cur": "cny"}, "CNY"),
        ({"fee": 0}, "1 fen"),
        ({"fee": -1}, "1 fen"),
        ({"fee": 1_000_000_001}, "10000000 yuan at most"),
        ({"brief": " \n\x00"}, "brief"),
        ({"brief": "\u200d \u200c\u200d"}, "brief"),
        ({"payment_id": "a/b/c/d/e"}, "order number"),
        ({"payment_id": "x" * 33}, "order number"),
        ({"payment_id": "x" * 5}, "order number"),
    ],
)
def test_an_order_the_provider_would_refuse_is_refused_first(changes, words):
    with pytest.raises(InvalidValueError, match=words):
        gateway().validate(a_request("wx.qrcode", **changes), None)


@pytest.mark.parametrize("pay_tp", ["wx.qrcode", "wx.jsapi", "wx.h5", "wx.scan"])
@pytest.mark.parametrize("scan_api", ["v3", "v2"])
def test_the_most_that_an_order_may_cost_is_the_same_everywhere(pay_tp, scan_api):
    own = {
        "client_cert": platform.platform_cert(),
        "client_key": Secret(platform.private_pem("certificate")),
    }
    made = gateway(platform.account(scan_api=scan_api, **(own if scan_api == "v2" else {})))
    more = {"openid": platform.OPENID, "client_ip": "14.23.150.211"}
    code = Secret(platform.AUTH_CODE) if pay_tp == "wx.scan" else None
    made.validate(a_request(pay_tp, fee=1_000_000_000, **more), code)
    with pytest.raises(InvalidValueError, match="at most"):
        made.validate(a_request(pay_tp, fee=1_000_000_001, **more), code)


def test_rmb_is_cny():
    gateway().validate(a_request("wx.qrcode", cur="RMB"), None)
    with pytest.raises(InvalidValueError, match="USD"):
        gateway().validate(a_request("wx.qrcode", cur="USD"), None)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"private_key": Secret("nonsense")}, "private_key"),
        ({"private_key": Secret(platform.public_pem("merchant"))}, "private_key"),
        ({"public_key": "nonsense"}, "public_key"),
        ({"public_key": platform.private_pem("platform")}, "public_key"),
        ({"platform_certs": ("nonsense",)}, "platform_certs"),
        ({"api_v3_key": Secret("short")}, "api_v3_key"),
        ({"scan_api": "v2", "pay_key": Secret("")}, "pay_key"),
        ({"scan_api": "v2"}, "client_cert"),
        ({"scan_api": "v2", "client_cert": "x"}, "client_key"),
        ({"scan_api": "v2", "client_cert": "x", "client_key": "x"}, "client_cert"),
    ],
)
def test_a_key_that_is_none_is_named_before_anything_is_sent(changes, key):
    with pytest.raises(ConfigError, match=rf"wxpay\.conf: .*{key}") as refused:
        gateway(platform.account(**changes)).validate(scan(), Secret(platform.AUTH_CODE))
    assert "nonsense" not in str(refused.value)


def h5(**changes):
    return a_request("wx.h5", **{"client_ip": "14.23.150.211", **changes})


def test_the_payer_of_an_h5_order_has_an_address():
    gateway().validate(h5(), None)
    with pytest.raises(InvalidValueError, match="address"):
        gateway().validate(h5(client_ip=""), None)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_proxy_that_hides_the_payers_of_h5_orders_is_noticed_before_they_fail(address):
    with pytest.raises(InvalidValueError, match="not the payer"):
        gateway().validate(h5(client_ip=address), None)
    at_home = platform.account(api_base="http://127.0.0.1:8499")
    gateway(at_home).validate(h5(client_ip=address), None)


def test_the_account_says_when_orders_expire_and_where_callbacks_go():
    made: Gateway = gateway(
        platform.account(pay_time_expire=30, pay_notify_url="https://shop.example/re")
    )
    assert (made.expire_minutes, made.notify_base) == (30, "https://shop.example/re")
    assert made.reverse_after_ms == 15_000
    assert made.account_id == (platform.MCHID, platform.APPID)


def test_a_notice_of_an_xml_body_is_read_as_v2():
    fields = platform.v2_paid(ORDER_NO)
    body = platform.v2_signed(fields).body
    notice: Notice = gateway().complete(HttpRequest("POST", "/", "", {}, body))
    assert notice.order_no == ORDER_NO


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.dictionaries(st.sampled_from(list(CALLBACK.headers)), st.text()))
def test_no_garbage_at_all_makes_a_notice(body, headers):
    assert completed(gateway().complete, HttpRequest("POST", "/", "", headers, body)) is None
