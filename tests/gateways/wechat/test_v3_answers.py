"""Which status and body mean what, conversation by conversation; all else decides nothing."""

import pytest

from payment_cli.errors import UnfitError
from payment_cli.gateways.base import OrderRef, Outcome
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.secret import Secret
from tests.gateways.gateway_contract import FEE, ORDER_NO, OTHER_NO, a_request
from tests.support import wechat as platform
from tests.support.http_server import Said

CODE_URL = "weixin://wxpay/bizpayurl?pr=JyC91EIz1"


def order(pay_tp="wx.qrcode"):
    return OrderRef(ORDER_NO, pay_tp, FEE, "CNY", send_at=0)


def place(gateway, pay_tp="wx.qrcode", **changes):
    code = Secret(platform.AUTH_CODE) if pay_tp == "wx.scan" else None
    return gateway.send(a_request(pay_tp, **changes), code)


def by_path(server, **said):
    """Answer by the last word of the path: "close", "reverse", the order number ("query")."""

    def answer(heard):
        last = heard.target.partition("?")[0].rpartition("/")[2]
        return said.get(last, said["query"])

    server.answer = answer


def state(word, **changes):
    return platform.said(platform.transaction(ORDER_NO, trade_state=word, **changes))


REVERSED = {"appid": platform.APPID, "mchid": platform.MCHID, "out_trade_no": ORDER_NO}

# ---- a status class is no answer


@pytest.mark.parametrize(
    "said",
    [
        platform.said(platform.error("USER_PAYING", "用户支付中"), 202),
        platform.said(platform.error("USERPAYING"), 202),
        platform.said(platform.error("SYSTEM_ERROR"), 200),
        platform.said({}, 200),
        platform.said(None, 200),
        platform.said(None, 202),
        platform.said(None, 201),
        platform.said(platform.transaction(ORDER_NO), 200),
        Said(204),
    ],
)
def test_only_a_signed_204_closes_an_order(server, opened, said):
    by_path(server, close=said, query=state("NOTPAY"))
    answer = opened().close(order())
    assert answer.outcome is Outcome.UNKNOWN
    assert answer.message or answer.code
    assert len(server.heard) == 2, "it must be asked about"


def test_an_order_that_is_being_paid_is_closed_by_nothing_and_says_why(server, opened):
    by_path(
        server,
        close=platform.said(platform.error("USER_PAYING", "用户支付中"), 202),
        query=state("USERPAYING"),
    )
    answer = opened().close(order())
    assert (answer.outcome, answer.code, answer.message) == (
        Outcome.UNKNOWN, "USER_PAYING", "用户支付中"
    )  # fmt: skip


@pytest.mark.parametrize("status", [201, 202, 203, 206, 299])
def test_no_other_success_than_200_shows_a_code_asks_or_reverses(server, opened, status):
    gateway = opened()
    server.says(platform.said({"code_url": CODE_URL}, status))
    assert (place(gateway).outcome, place(gateway).re_obj) == (Outcome.UNKNOWN, None)
    server.says(platform.said(platform.transaction(ORDER_NO), status))
    assert gateway.check(order()).outcome is Outcome.UNKNOWN
    assert place(gateway, "wx.scan").outcome is Outcome.UNKNOWN
    by_path(server, reverse=platform.said(REVERSED, status), query=state("NOTPAY"))
    assert gateway.close(order("wx.scan")).outcome is Outcome.UNKNOWN


def test_an_error_beside_an_answer_makes_it_none(server, opened):
    said = {**REVERSED, **platform.transaction(ORDER_NO), "code_url": CODE_URL}
    by_path(server, query=platform.said({**said, "code": "SYSTEM_ERROR"}))
    gateway = opened()
    assert place(gateway).outcome is Outcome.UNKNOWN
    assert place(gateway, "wx.scan").outcome is Outcome.UNKNOWN
    assert gateway.check(order()).outcome is Outcome.UNKNOWN
    assert gateway.close(order("wx.scan")).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "changes",
    [{"mchid": "1900000001"}, {"mchid": None}, {"appid": "wx0"}, {"out_trade_no": OTHER_NO},
     {"out_trade_no": None}],
)  # fmt: skip
def test_the_reversal_of_another_merchants_order_is_not_ours(server, opened, changes):
    said = {k: v for k, v in {**REVERSED, **changes}.items() if v is not None}
    by_path(server, reverse=platform.said(said), query=state("SUCCESS"))
    assert opened().close(order("wx.scan")).outcome is Outcome.PAID
    server.says(platform.said(said))
    assert opened().close(order("wx.scan")).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("appid", [None, platform.APPID])
def test_a_reversal_need_not_name_the_app(server, opened, appid):
    said = {**REVERSED, "appid": appid}
    server.says(platform.said({k: v for k, v in said.items() if v is not None}))
    assert opened().close(order("wx.scan")).outcome is Outcome.CLOSED
    assert len(server.heard) == 1


# ---- what is optional, and what is not


@pytest.mark.parametrize("verb", ["check", "scan", "notice"])
@pytest.mark.parametrize("left_out", [{"appid": None}, {"appid": ""}, {"amount": {"total": FEE}}])
def test_what_the_documents_call_optional_may_be_missing(server, opened, verb, left_out):
    assert told(server, opened(), verb, **left_out).outcome is Outcome.PAID


@pytest.mark.parametrize(
    "changes", [{"mchid": "1900000001"}, {"mchid": None}, {"mchid": 1900007291}, {"appid": "wx0"}]
)
@pytest.mark.parametrize("verb", ["check", "scan"])
def test_money_is_ours_by_merchant_and_by_app_where_it_is_named(server, opened, verb, changes):
    answer = told(server, opened(), verb, **changes)
    assert (answer.outcome, answer.paid) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize("number", [None, "", 42])
@pytest.mark.parametrize("state_word", ["SUCCESS", "REFUND"])
@pytest.mark.parametrize("verb", ["check", "scan", "notice"])
def test_money_without_the_providers_number_is_not_believed(
    server, opened, verb, state_word, number
):
    answer = told(server, opened(), verb, trade_state=state_word, transaction_id=number)
    assert (answer.outcome, answer.paid) == (Outcome.UNKNOWN, None)
    assert "transaction_id" in answer.message


def told(server, gateway, verb, **changes):
    """What a gateway makes of a transaction with these changes."""
    document = platform.transaction(ORDER_NO, **changes)
    if verb == "notice":
        return gateway.complete(platform.callback(document)).answer
    server.says(platform.said(document))
    return gateway.check(order()) if verb == "check" else place(gateway, "wx.scan")


def test_money_that_went_back_before_we_heard_of_it_is_told_so(server, opened):
    gateway = opened()
    assert told(server, gateway, "check", trade_state="REFUND").paid.went_back is True
    assert told(server, gateway, "check", trade_state="SUCCESS").paid.went_back is False


@pytest.mark.parametrize("number", ["", None, 7])
def test_a_true_notice_of_money_that_names_no_order_is_refused(opened, number):
    request = platform.callback(platform.transaction(ORDER_NO, out_trade_no=number))
    with pytest.raises(UnfitError, match="names no order"):
        opened().complete(request)


# ---- a scan whose payer types the password


@pytest.mark.parametrize("status", [202, 400])
@pytest.mark.parametrize("word", ["USERPAYING", "USER_PAYING"])
@pytest.mark.parametrize("is_signed", [True, False])
def test_a_payer_who_is_paying_is_waited_for(server, opened, status, word, is_signed):
    document = platform.error(word, "需要用户输入支付密码")
    said = platform.said(document, status) if is_signed else platform.unsigned(document, status)
    server.says(said)
    answer = place(opened(), "wx.scan")
    assert (answer.outcome, answer.re_tp, answer.code) == (Outcome.WAITING, ReturnType.JSON, word)
    assert answer.message == "需要用户输入支付密码"


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    "document",
    [
        platform.transaction(ORDER_NO, trade_state="USERPAYING", amount=None, transaction_id=None),
        {"trade_state": "USERPAYING"},  # all that comes in practice
        {"trade_state": "USERPAYING", "mchid": platform.MCHID},
    ],
)
def test_a_transaction_that_is_being_paid_is_waited_for(server, opened, status, document):
    server.says(platform.said(document, status))
    answer = place(opened(), "wx.scan")
    assert (answer.outcome, answer.re_tp) == (Outcome.WAITING, ReturnType.JSON)
    assert answer.re_obj["trade_state"] == "USERPAYING"


@pytest.mark.parametrize(
    "changes", [{"mchid": "1900000001"}, {"appid": "wx0"}, {"out_trade_no": OTHER_NO}]
)
def test_another_merchants_payer_is_not_waited_for(server, opened, changes):
    server.says(platform.said({"trade_state": "USERPAYING", **changes}, 202))
    assert place(opened(), "wx.scan").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("word", ["SUCCESS", "NOTPAY", "PAYERROR", "REVOKED", ""])
def test_a_202_says_nothing_but_that_somebody_pays(server, opened, word):
    server.says(platform.said(platform.transaction(ORDER_NO, trade_state=word), 202))
    assert place(opened(), "wx.scan").outcome is Outcome.UNKNOWN


def test_a_false_signature_makes_nobody_wait(server, opened):
    server.says(platform.said(platform.error("USERPAYING"), 202, signer="stranger"))
    assert place(opened(), "wx.scan").outcome is Outcome.UNKNOWN


# ---- errors: the word by the status it is documented with


@pytest.mark.parametrize(
    ("status", "code", "of_order", "of_scan"),
    [
        (400, "PARAM_ERROR", Outcome.REFUSED, Outcome.REFUSED),
        (400, "INVALID_REQUEST", Outcome.REFUSED, Outcome.REFUSED),
        (400, "APPID_MCHID_NOT_MATCH", Outcome.REFUSED, Outcome.REFUSED),
        (400, "MCH_NOT_EXISTS", Outcome.REFUSED, Outcome.REFUSED),
        (400, "ORDER_CLOSED", Outcome.UNKNOWN, Outcome.FAILED),
        (400, "ORDERPAID", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (401, "SIGN_ERROR", Outcome.REFUSED, Outcome.REFUSED),
        (403, "ACCOUNT_ERROR", Outcome.REFUSED, Outcome.REFUSED),
        (403, "NO_AUTH", Outcome.REFUSED, Outcome.REFUSED),
        (403, "NOAUTH", Outcome.REFUSED, Outcome.REFUSED),
        (403, "NOT_ENOUGH", Outcome.UNKNOWN, Outcome.FAILED),
        (403, "OUT_TRADE_NO_USED", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (403, "RULE_LIMIT", Outcome.REFUSED, Outcome.REFUSED),
        (403, "TRADE_ERROR", Outcome.UNKNOWN, Outcome.FAILED),
        (404, "ORDER_NOT_EXIST", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (404, "RESOURCE_NOT_EXISTS", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (429, "FREQUENCY_LIMITED", Outcome.REFUSED, Outcome.REFUSED),
        (429, "RATELIMIT_EXCEEDED", Outcome.REFUSED, Outcome.REFUSED),
        (500, "SYSTEM_ERROR", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (500, "BANK_ERROR", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (500, "PARAM_ERROR", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (500, "NOT_ENOUGH", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (500, "USERPAYING", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (500, "ORDER_NOT_EXIST", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (500, "OPENID_MISMATCH", Outcome.REFUSED, Outcome.REFUSED),
        (400, "OPENID_MISMATCH", Outcome.REFUSED, Outcome.REFUSED),
        (502, "SERVICE_UNAVAILABLE", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (200, "PARAM_ERROR", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (202, "PARAM_ERROR", Outcome.UNKNOWN, Outcome.UNKNOWN),
        (302, "PARAM_ERROR", Outcome.UNKNOWN, Outcome.UNKNOWN),
    ],
)
def test_each_error_word_has_one_meaning(server, opened, status, code, of_order, of_scan):
    server.says(platform.said(platform.error(code), status))
    gateway = opened()
    assert place(gateway).outcome is of_order
    assert place(gateway, "wx.scan").outcome is of_scan
    assert gateway.check(order()).outcome is (
        Outcome.NOT_FOUND if (status, code) == (404, "ORDER_NOT_EXIST") else Outcome.UNKNOWN
    )


def test_an_openid_of_another_app_is_refused_also_without_a_signature(server, opened):
    server.says(platform.unsigned(platform.error("OPENID_MISMATCH", "openid和appid不匹配"), 500))
    answer = place(opened(), "wx.jsapi", openid=platform.OPENID)
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "OPENID_MISMATCH")


@pytest.mark.parametrize("pay_tp", ["wx.qrcode", "wx.scan"])
@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize(
    ("code", "message", "number"),
    [
        ("INVALID_REQUEST", "该订单已支付", "268449538"),
        ("INVALID_REQUEST", "The order is paid", "268449538"),
        ("INVALID_REQUEST", "该订单已支付", "268498689"),
        ("INVALID_REQUEST", "The order is paid", "268498689"),
        ("PARAM_ERROR", "…", "268498689"),
        ("INVALID_REQUEST", "请求重入时，参数与首次请求时不一致", "268498688"),
        ("INVALID_REQUEST", "…", "268447914"),
        ("ORDER_CLOSED", "该订单已失效", "268447914"),
        ("INVALID_REQUEST", "201 商户订单号重复", "0"),
        ("INVALID_REQUEST", "商户订单号重复", ""),
        ("INVALID_REQUEST", "订单已关闭", "0"),
        ("PARAM_ERROR", "该订单已支付", "0"),
        ("ORDER_NOT_EXIST", "订单不存在", "268449538"),
    ],
)
def test_an_order_that_exists_is_neither_refused_nor_missing(
    server, opened, pay_tp, is_signed, code, message, number
):
    said = platform.unsigned(platform.error(code, message), 400, number=number)
    if is_signed:
        said = platform.said(platform.error(code, message), 400)
        said = Said(400, said.body, {**said.headers, "request-id": f"08F7-{number}"})
    server.says(said)
    gateway = opened()
    assert place(gateway, pay_tp).outcome is Outcome.UNKNOWN
    assert gateway.check(order(pay_tp)).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("number", ["268512771", "268447843"])
def test_a_number_alone_makes_no_order_disappear(server, opened, number):
    server.says(platform.unsigned(platform.error("INVALID_REQUEST", "…"), 404, number=number))
    assert opened().check(order()).outcome is Outcome.UNKNOWN


# ---- an order the provider does not know


@pytest.mark.parametrize("code", ["ORDER_NOT_EXIST", "ORDERNOTEXIST"])
@pytest.mark.parametrize("is_signed", [True, False])
def test_an_order_nobody_knows_is_not_found_and_the_answer_says_if_it_was_signed(
    server, opened, code, is_signed
):
    document = platform.error(code, "订单不存在")
    server.says(platform.said(document, 404) if is_signed else platform.unsigned(document, 404))
    answer = opened().check(order())
    assert (answer.outcome, answer.code) == (Outcome.NOT_FOUND, code)
    assert ("unsigned" in answer.message) is not is_signed


@pytest.mark.parametrize("status", [200, 202, 400, 403, 500])
def test_only_a_404_says_that_an_order_does_not_exist(server, opened, status):
    server.says(platform.said(platform.error("ORDER_NOT_EXIST", "订单不存在"), status))
    assert opened().check(order()).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("pay_tp", ["wx.qrcode", "wx.scan"])
@pytest.mark.parametrize("is_signed", [True, False])
def test_closing_what_nobody_knows_finds_nothing_and_closes_nothing(
    server, opened, pay_tp, is_signed
):
    document = platform.error("ORDER_NOT_EXIST", "订单不存在")
    server.says(platform.said(document, 404) if is_signed else platform.unsigned(document, 404))
    assert opened().close(order(pay_tp)).outcome is Outcome.NOT_FOUND


# ---- certificates


@pytest.mark.parametrize("status", [201, 202, 206, 400, 500])
def test_certificates_come_with_200_only(server, opened, status):
    """An account that knows no key but fetched ones: its first answer makes it ask for the list."""
    made = opened(public_key_id="", public_key="")

    def answer(heard):
        if heard.target == "/v3/certificates":
            document = platform.certificates(platform.platform_cert())
            return platform.said(
                document, status, signer="certificate", serial=platform.CERT_SERIAL_HEX
            )
        return platform.said(
            platform.transaction(ORDER_NO), signer="certificate", serial=platform.CERT_SERIAL_HEX
        )

    server.answer = answer
    assert made.check(order()).outcome is Outcome.UNKNOWN
