import json

import pytest
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import rsa_verify

from payment_cli.gateways.base import OrderRef, Outcome
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.secret import Secret
from tests.gateways.gateway_contract import FEE, ORDER_NO, OTHER_NO, a_request
from tests.support import wechat as platform
from tests.support.http_server import How, Said

CODE_URL = "weixin://wxpay/bizpayurl?pr=JyC91EIz1"


def order(pay_tp="wx.qrcode"):
    return OrderRef(ORDER_NO, pay_tp, FEE, "CNY", send_at=0)


def body_of(heard):
    platform.check_authorization(heard)
    assert heard.headers["content-type"] == "application/json"
    return json.loads(heard.body)


def place(gateway, pay_tp="wx.qrcode", **changes):
    code = Secret(platform.AUTH_CODE) if pay_tp == "wx.scan" else None
    return gateway.send(a_request(pay_tp, **changes), code)


# ---- placing orders


def test_a_native_order_is_signed_and_shows_its_code(server, opened):
    server.says(platform.said({"code_url": CODE_URL}))
    answer = place(opened())
    assert (answer.outcome, answer.re_tp, answer.re_obj) == (
        Outcome.WAITING, ReturnType.QRCODE, CODE_URL
    )  # fmt: skip
    heard = server.heard[0]
    assert (heard.method, heard.target) == ("POST", "/v3/pay/transactions/native")
    assert body_of(heard) == {
        "appid": platform.APPID,
        "mchid": platform.MCHID,
        "description": "两杯 coffee",
        "out_trade_no": ORDER_NO,
        "notify_url": "https://shop.example/pay/re/wx.qrcode/demo/main",
        "time_expire": "2026-09-21T22:23:20+08:00",
        "amount": {"total": FEE, "currency": "CNY"},
    }


def test_the_header_names_merchant_certificate_and_our_key_of_the_platform(server, opened):
    server.says(platform.said({"code_url": CODE_URL}))
    place(opened())
    pairs = platform.check_authorization(server.heard[0])
    assert pairs["mchid"] == platform.MCHID
    assert pairs["serial_no"] == platform.SERIAL
    assert pairs["timestamp"] == str(platform.NOW // 1000)
    assert server.heard[0].headers["wechatpay-serial"] == platform.PUBLIC_KEY_ID


def test_no_two_requests_share_a_nonce(server, opened):
    server.says(platform.said({"code_url": CODE_URL}))
    gateway = opened()
    for _ in range(3):
        place(gateway)
    nonces = {platform.check_authorization(heard)["nonce_str"] for heard in server.heard}
    assert len(nonces) == 3


def test_a_jsapi_order_returns_parameters_that_the_browser_can_verify(server, opened):
    server.says(platform.said({"prepay_id": "wx201410272009395522657a690389285100"}))
    answer = place(opened(), "wx.jsapi", openid=platform.OPENID)
    assert (answer.outcome, answer.re_tp) == (Outcome.WAITING, ReturnType.JSON)
    assert server.heard[0].target == "/v3/pay/transactions/jsapi"
    assert body_of(server.heard[0])["payer"] == {"openid": platform.OPENID}
    page = answer.re_obj
    assert set(page) == {"appId", "timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert page["package"] == "prepay_id=wx201410272009395522657a690389285100"
    assert page["signType"] == "RSA"
    assert isinstance(page["timeStamp"], str)
    # wechatpayv3 verifies three lines; the page's first two of four go into the first.
    head = f"{page['appId']}\n{page['timeStamp']}"
    key = platform.private_key("merchant").public_key()
    assert rsa_verify(head, page["nonceStr"], page["package"], page["paySign"], key)
    assert answer.extra == {"wx_prepay_id": "wx201410272009395522657a690389285100"}


H5_URL = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx2016&package=140"


def sdk_document(server, **order):
    """What wechatpayv3 sends for the same H5 order."""
    sdk = WeChatPay(
        wechatpay_type=WeChatPayType.H5,
        mchid=platform.MCHID,
        private_key=platform.private_pem("merchant"),
        cert_serial_no=platform.SERIAL,
        apiv3_key=platform.API_V3_KEY,
        appid=platform.APPID,
        public_key=platform.public_pem("platform"),
        public_key_id=platform.PUBLIC_KEY_ID,
    )
    sdk._core._gate_way = server.url
    sdk.pay(**order)
    return server.heard[-1]


def test_an_h5_order_is_the_one_that_an_independent_client_places(server, opened):
    server.says(platform.said({"h5_url": H5_URL}))
    answer = place(opened(), "wx.h5", client_ip="14.23.150.211")
    assert (answer.outcome, answer.re_tp, answer.re_obj) == (
        Outcome.WAITING, ReturnType.LINK, H5_URL
    )  # fmt: skip
    ours = server.heard[0]
    theirs = sdk_document(
        server,
        description="两杯 coffee",
        out_trade_no=ORDER_NO,
        amount={"total": FEE, "currency": "CNY"},
        time_expire="2026-09-21T22:23:20+08:00",
        notify_url="https://shop.example/pay/re/wx.h5/demo/main",
        scene_info={"payer_client_ip": "14.23.150.211", "h5_info": {"type": "Wap"}},
    )
    assert (ours.method, ours.target) == ("POST", "/v3/pay/transactions/h5")
    assert (ours.method, ours.target) == (theirs.method, theirs.target)
    assert body_of(ours) == json.loads(theirs.body)


def test_an_h5_order_is_closed_as_any_other(server, opened):
    server.says(platform.said(None, 204))
    assert opened().close(order("wx.h5")).outcome is Outcome.CLOSED
    assert server.heard[0].target.endswith(f"/{ORDER_NO}/close")


@pytest.mark.parametrize("answer", [{"code_url": H5_URL}, {"h5_url": ""}, {"h5_url": 7}, {}])
def test_an_h5_order_without_its_link_shows_nothing(server, opened, answer):
    server.says(platform.said(answer))
    answer = place(opened(), "wx.h5", client_ip="14.23.150.211")
    assert (answer.outcome, answer.re_obj) == (Outcome.UNKNOWN, None)


def test_a_scan_sends_the_code_and_no_notify_url(server, opened):
    server.says(platform.said(platform.transaction(ORDER_NO, trade_type="MICROPAY")))
    answer = place(opened(), "wx.scan")
    assert server.heard[0].target == "/v3/pay/transactions/codepay"
    document = body_of(server.heard[0])
    assert document["payer"] == {"auth_code": platform.AUTH_CODE}
    assert document["scene_info"]["store_info"]["out_id"]
    assert "notify_url" not in document
    assert (answer.outcome, answer.re_tp) == (Outcome.PAID, ReturnType.JSON)
    assert answer.re_obj["trade_state"] == "SUCCESS"
    assert platform.AUTH_CODE not in repr(answer)
    assert platform.OPENID not in json.dumps(answer.re_obj)


@pytest.mark.parametrize(
    ("pay_tp", "name"),
    [("wx.qrcode", "payer_client_ip"), ("wx.jsapi", "payer_client_ip"), ("wx.scan", "device_ip")],
)
def test_the_payers_address_is_said_where_it_is_known(server, opened, pay_tp, name):
    place(opened(), pay_tp, client_ip="14.23.150.211")
    assert body_of(server.heard[0])["scene_info"][name] == "14.23.150.211"


@pytest.mark.parametrize("pay_tp", ["wx.qrcode", "wx.jsapi", "wx.scan"])
@pytest.mark.parametrize("unknown", ["", "127.0.0.1"])
def test_an_address_that_nobody_knows_is_not_made_up(server, opened, pay_tp, unknown):
    place(opened(), pay_tp, client_ip=unknown)
    scene = body_of(server.heard[0]).get("scene_info", {})
    assert not {"payer_client_ip", "device_ip"} & set(scene)


@pytest.mark.parametrize("pay_tp", ["wx.qrcode", "wx.jsapi", "wx.scan"])
def test_profit_sharing_is_said_when_asked_for(server, opened, pay_tp):
    place(opened(), pay_tp, profit_sharing=True)
    assert body_of(server.heard[0])["settle_info"] == {"profit_sharing": True}


def test_a_long_brief_is_cut_and_cleaned(server, opened):
    place(opened(), brief="一" * 200)
    place(opened(), brief="a\nb\x00c\u202e\ud800d")
    assert body_of(server.heard[0])["description"] == "一" * 42
    assert body_of(server.heard[1])["description"] == "a b c d"


def test_what_is_signed_is_what_is_behind_a_path_prefix(server, opened):
    server.url += "/behind"
    place(opened())
    assert server.heard[0].target == "/behind/v3/pay/transactions/native"
    platform.check_authorization(server.heard[0])


# ---- what an answer to an order means


@pytest.mark.parametrize(
    "code",
    ["PARAM_ERROR", "SIGN_ERROR", "NO_AUTH", "MCH_NOT_EXISTS", "APPID_MCHID_NOT_MATCH",
     "INVALID_REQUEST", "FREQUENCY_LIMITED", "RULE_LIMIT"],
)  # fmt: skip
@pytest.mark.parametrize("is_signed", [True, False])
def test_a_refusal_of_an_order_created_nothing(server, opened, code, is_signed):
    document = platform.error(code, "参数错误")
    said = platform.said(document, 400) if is_signed else platform.unsigned(document, 400)
    server.says(said)
    answer = place(opened())
    assert (answer.outcome, answer.code, answer.message) == (Outcome.REFUSED, code, "参数错误")


def test_a_refusal_with_a_false_signature_decides_nothing(server, opened):
    server.says(platform.said(platform.error("PARAM_ERROR"), 400, signer="stranger"))
    answer = place(opened())
    assert answer.outcome is Outcome.UNKNOWN
    assert "signature" in answer.message


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("OUT_TRADE_NO_USED", 403),
        ("ORDER_CLOSED", 400),
        ("ORDERPAID", 400),
        ("ORDER_NOT_EXIST", 404),
        ("USERPAYING", 400),
        ("NOT_ENOUGH", 403),
        ("SYSTEM_ERROR", 500),
        ("PARAM_ERROR", 500),
        ("NEW_WORD", 400),
    ],
)
def test_an_error_after_which_an_order_may_exist_decides_nothing(server, opened, code, status):
    server.says(platform.said(platform.error(code), status))
    answer = place(opened())
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, code)


@pytest.mark.parametrize("number", ["268498688", "268449538"])
def test_a_number_that_is_taken_is_no_refusal(server, opened, number):
    """The provider says INVALID_REQUEST both for nonsense and for an order it has."""
    server.says(platform.unsigned(platform.error("INVALID_REQUEST"), 400, number=number))
    assert place(opened()).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("document", [{}, {"code_url": ""}, {"code_url": 7}, {"prepay_id": "x"}])
def test_a_signed_answer_without_a_code_decides_nothing(server, opened, document):
    server.says(platform.said(document))
    assert place(opened()).outcome is Outcome.UNKNOWN


# ---- scans


@pytest.mark.parametrize(
    "code",
    ["AUTH_CODE_INVALID", "AUTH_CODE_EXPIRE", "NOT_ENOUGH", "NOTENOUGH", "TRADE_ERROR",
     "ORDER_CLOSED", "ORDERREVERSED"],
)  # fmt: skip
def test_a_signed_decline_of_a_scan_is_final_and_an_unsigned_one_is_not(server, opened, code):
    declined = platform.error(code, "余额不足")
    server.says(platform.said(declined, 403), platform.unsigned(declined, 403))
    gateway = opened()
    first, second = place(gateway, "wx.scan"), place(gateway, "wx.scan")
    assert (first.outcome, first.code, first.message) == (Outcome.FAILED, code, "余额不足")
    assert (second.outcome, second.code) == (Outcome.UNKNOWN, code)
    assert first.re_obj is None


@pytest.mark.parametrize(
    "said",
    [
        platform.said(platform.error("USERPAYING", "需要用户输入支付密码"), 400),
        platform.said(platform.transaction(ORDER_NO, trade_state="USERPAYING", amount=None)),
    ],
)
def test_a_scan_whose_payer_is_paying_waits(server, opened, said):
    server.says(said)
    answer = place(opened(), "wx.scan")
    assert (answer.outcome, answer.re_tp) == (Outcome.WAITING, ReturnType.JSON)
    assert answer.re_obj["trade_state"] == "USERPAYING"


@pytest.mark.parametrize("code", ["SYSTEM_ERROR", "BANK_ERROR", "ORDER_NOT_EXIST", "NEW_WORD"])
@pytest.mark.parametrize("status", [400, 500])
def test_a_scan_with_an_uncertain_error_is_asked_about(server, opened, code, status):
    server.says(platform.said(platform.error(code), status))
    assert place(opened(), "wx.scan").outcome is Outcome.UNKNOWN


def test_a_signed_refusal_of_a_scan_created_nothing(server, opened):
    server.says(platform.said(platform.error("PARAM_ERROR"), 400))
    assert place(opened(), "wx.scan").outcome is Outcome.REFUSED


def test_an_error_that_quotes_the_auth_code_is_not_repeated(server, opened):
    document = platform.error("PARAM_ERROR", f"{platform.AUTH_CODE} 无效, {platform.OPENID}")
    server.says(platform.said(document, 400))
    answer = place(opened(), "wx.scan")
    assert answer.message == "*** 无效, ***"


# ---- asking


def test_a_query_names_order_and_merchant(server, opened):
    server.says(platform.said(platform.transaction(ORDER_NO)))
    assert opened().check(order()).outcome is Outcome.PAID
    heard = server.heard[0]
    expected = f"/v3/pay/transactions/out-trade-no/{ORDER_NO}?mchid={platform.MCHID}"
    assert (heard.method, heard.target, heard.body) == ("GET", expected, b"")
    platform.check_authorization(heard)


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
        ("success", Outcome.UNKNOWN),
        ("SOMETHING_NEW", Outcome.UNKNOWN),
        ("", Outcome.UNKNOWN),
    ],
)
def test_each_state_of_an_order_has_one_meaning(server, opened, state, outcome):
    server.says(platform.said(platform.transaction(ORDER_NO, trade_state=state)))
    answer = opened().check(order())
    assert answer.outcome is outcome
    assert (answer.paid is not None) == (outcome is Outcome.PAID)
    assert answer.re_tp is None


@pytest.mark.parametrize(
    "changes", [{"mchid": "1900000001"}, {"appid": "wx0"}, {"mchid": None}, {"amount": None}]
)
def test_money_of_another_merchant_or_without_amount_is_not_ours(server, opened, changes):
    server.says(platform.said(platform.transaction(ORDER_NO, **changes)))
    answer = opened().check(order())
    assert (answer.outcome, answer.paid) == (Outcome.UNKNOWN, None)


def test_money_for_another_order_is_reported_with_its_number(server, opened):
    server.says(platform.said(platform.transaction(OTHER_NO)))
    assert opened().check(order()).paid.order_no == OTHER_NO


def test_an_order_that_does_not_exist_is_not_found(server, opened):
    server.says(platform.said(platform.error("ORDER_NOT_EXIST", "订单不存在"), 404))
    assert opened().check(order()).outcome is Outcome.NOT_FOUND


def test_a_false_signature_makes_no_order_disappear(server, opened):
    server.says(platform.said(platform.error("ORDER_NOT_EXIST"), 404, signer="stranger"))
    assert opened().check(order()).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("code", ["CLOSED", "TRADE_ERROR", "PARAM_ERROR", "NOT_ENOUGH"])
def test_no_error_of_a_query_is_a_decision(server, opened, code):
    server.says(platform.said(platform.error(code), 400))
    assert opened().check(order()).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("away_s", [-300, 300])
def test_an_old_answer_is_not_believed(server, opened, away_s):
    at_s = platform.NOW // 1000 + away_s
    server.says(platform.said(platform.transaction(ORDER_NO), at_s=at_s))
    answer = opened().check(order())
    assert answer.outcome is Outcome.UNKNOWN
    assert "300 s away" in answer.message


def test_a_probing_answer_is_not_believed(server, opened):
    said = platform.said(platform.transaction(ORDER_NO))
    probe = {**said.headers, "wechatpay-signature": "WECHATPAY/SIGNTEST/" + "A" * 300}
    server.says(Said(200, said.body, probe))
    answer = opened().check(order())
    assert (answer.outcome, answer.paid) == (Outcome.UNKNOWN, None)
    assert "SIGNTEST" in answer.message


# ---- closing


def test_a_signed_204_closes_an_order(server, opened):
    server.says(platform.said(None, 204))
    assert opened().close(order()).outcome is Outcome.CLOSED
    heard = server.heard[0]
    assert heard.target == f"/v3/pay/transactions/out-trade-no/{ORDER_NO}/close"
    assert body_of(heard) == {"mchid": platform.MCHID}


def test_a_scan_is_reversed(server, opened):
    reversed_ = {"appid": platform.APPID, "mchid": platform.MCHID, "out_trade_no": ORDER_NO}
    server.says(platform.said(reversed_))
    assert opened().close(order("wx.scan")).outcome is Outcome.CLOSED
    heard = server.heard[0]
    assert heard.target == f"/v3/pay/transactions/out-trade-no/{ORDER_NO}/reverse"
    assert body_of(heard) == {"appid": platform.APPID, "mchid": platform.MCHID}


def test_the_reversal_of_another_order_is_not_ours(server, opened):
    server.says(platform.said({"out_trade_no": OTHER_NO}))
    assert opened().close(order("wx.scan")).outcome is Outcome.UNKNOWN


NOT_CLOSED = platform.said(platform.error("ORDERPAID", "该订单已支付"), 400)


@pytest.mark.parametrize(
    ("then", "outcome"),
    [
        (platform.said(platform.transaction(ORDER_NO)), Outcome.PAID),
        (platform.said(platform.transaction(ORDER_NO, trade_state="CLOSED")), Outcome.CLOSED),
        (platform.said(platform.transaction(ORDER_NO, trade_state="NOTPAY")), Outcome.UNKNOWN),
        (platform.said(platform.error("ORDER_NOT_EXIST"), 404), Outcome.NOT_FOUND),
        (platform.unsigned(platform.error("ORDER_NOT_EXIST"), 404), Outcome.NOT_FOUND),
        (Said(how=How.HANG_UP), Outcome.UNKNOWN),
    ],
)
@pytest.mark.parametrize("first", [NOT_CLOSED, Said(204)])
def test_a_close_that_did_not_work_is_decided_by_asking(server, opened, first, then, outcome):
    server.says(first, then)
    assert opened().close(order()).outcome is outcome
    assert len(server.heard) == 2
