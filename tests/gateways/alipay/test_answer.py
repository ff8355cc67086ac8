import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.gateways.alipay.answer import (
    UnreadableAnswerError,
    cancel_answer,
    close_answer,
    cut,
    parse_reply,
    precreate_answer,
    query_answer,
    scan_answer,
)
from payment_cli.gateways.alipay.sign import AlipayKeys, load_keys
from payment_cli.gateways.base import Outcome
from payment_cli.gateways.http import HttpReply
from payment_cli.model.payments.pay_type import ReturnType
from tests.support import alipay as side
from tests.support.vectors import vectors

ORDER = "0198c0ffee"
PAY = "alipay.trade.pay"
QUERY = "alipay.trade.query"
PAID = {
    "code": "10000",
    "msg": "Success",
    "out_trade_no": ORDER,
    "trade_no": "2026092122001468450512505578",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "12.34",
    "buyer_user_id": "2088102534368455",
    "send_pay_date": "2026-09-21 22:13:20",
    "fund_bill_list": [{"amount": "12.34", "fund_channel": "PCREDIT"}],
}

CLOSED = {
    "code": "10000",
    "msg": "Success",
    "out_trade_no": ORDER,
    "trade_no": "2026092122001468450512505578",
    "trade_status": "TRADE_CLOSED",
    "total_amount": "12.34",
}


@pytest.fixture(scope="module")
def keys() -> AlipayKeys:
    return load_keys(side.account())


def parsed(keys, method, node, *, signer="alipay", status=200, order=ORDER):
    reply = HttpReply(status, {}, side.reply(method, node, signer=signer))
    return parse_reply(side.account(), keys, method, reply, order)


def heard(keys, body, **headers):
    return parse_reply(side.account(), keys, QUERY, HttpReply(200, headers, body), ORDER)


def read(keys, reader, node, *, signer="alipay"):
    return reader(parsed(keys, PAY, node, signer=signer))


def failure(sub_code, code="40004"):
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "不行"}


@pytest.mark.parametrize("vector", vectors("alipay", "alipay_response_substring"))
def test_published_substring(vector):
    assert cut(vector["inputs"]["raw_response"])[vector["inputs"]["node"]] == vector["expected"]


@pytest.mark.parametrize("vector", vectors("alipay", "alipay_response_verify"))
def test_published_answer(vector):
    inputs = vector["inputs"]
    found = load_keys(side.account(alipay_public_key=inputs["alipay_public_key_pem"]))
    raw = cut(inputs["raw_response"])[inputs["node"]]
    assert raw == inputs["signed_substring"]
    assert found.verify(raw.encode(), inputs["sign"]) is vector["expected"]
    assert not found.verify(raw.encode() + b" ", inputs["sign"])


def test_the_signed_characters_are_kept_as_they_came():
    text = '{ "x_response" : {"sign":"in\\u0073ide", "u":"http:\\/\\/a" ,"b":1.0} ,"sign":"s"}'
    assert cut(text)["x_response"] == '{"sign":"in\\u0073ide", "u":"http:\\/\\/a" ,"b":1.0}'


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "{", "{}", '{"a"}', '{"a":}', '{"a":1', '{"a":1}x', '{"a":1,}', "{1:2}",
     '{"a":1,"a":2}', '{"a":1 "b":2}'],
)  # fmt: skip
def test_what_is_no_object_is_not_cut(text):
    with pytest.raises(ValueError, match=r"."):
        cut(text)


def test_a_scan_that_is_paid(keys):
    answer = read(keys, scan_answer, PAID)
    assert (answer.outcome, answer.re_tp) == (Outcome.PAID, ReturnType.JSON)
    assert answer.paid is not None
    assert (answer.paid.order_no, answer.paid.fee, answer.paid.cur) == (ORDER, 1234, "CNY")
    assert (answer.paid.paid_by, answer.paid.paid_at) == ("PCREDIT", 1_790_000_000_000)


def test_a_scan_whose_payer_types_a_password_waits(keys):
    node = {"code": "10003", "msg": "order success pay inprocess", "out_trade_no": ORDER}
    answer = read(keys, scan_answer, node)
    assert (answer.outcome, answer.re_tp, answer.code) == (
        Outcome.WAITING, ReturnType.JSON, "10003",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("node", "outcome"),
    [
        (failure("ACQ.BUYER_BALANCE_NOT_ENOUGH"), Outcome.FAILED),
        (failure("ACQ.PAYMENT_AUTH_CODE_INVALID"), Outcome.FAILED),
        (failure("ACQ.INVALID_PARAMETER"), Outcome.REFUSED),
        (failure("isv.invalid-signature", "40002"), Outcome.REFUSED),
        (failure("isv.insufficient-isv-permissions", "40006"), Outcome.REFUSED),
        (failure("ACQ.SYSTEM_ERROR"), Outcome.UNKNOWN),
        (failure("ACQ.TRADE_HAS_SUCCESS"), Outcome.UNKNOWN),
        (failure("ACQ.CONTEXT_INCONSISTENT"), Outcome.UNKNOWN),
        (failure("ACQ.TRADE_BUYER_NOT_MATCH"), Outcome.UNKNOWN),
        (failure("ACQ.SOMETHING_NEW"), Outcome.UNKNOWN),
        (failure("isp.unknow-error", "20000"), Outcome.UNKNOWN),
        (failure("isp.something", "40005"), Outcome.UNKNOWN),
        (failure("", "20000"), Outcome.UNKNOWN),
        (failure("", "40002"), Outcome.UNKNOWN),
        (failure("", "40004"), Outcome.UNKNOWN),
        (failure("", "99999"), Outcome.UNKNOWN),
        (failure("ACQ.BUYER_BALANCE_NOT_ENOUGH", "10000"), Outcome.UNKNOWN),
        (failure("ACQ.BUYER_BALANCE_NOT_ENOUGH", "20000"), Outcome.UNKNOWN),
        ({**PAID, "sub_code": "ACQ.SYSTEM_ERROR"}, Outcome.UNKNOWN),
        ({"msg": "no code"}, Outcome.UNKNOWN),
    ],
)
def test_what_a_scan_may_hear(keys, node, outcome):
    answer = read(keys, scan_answer, node)
    assert (answer.outcome, answer.paid) == (outcome, None)


@pytest.mark.parametrize(
    "node", [PAID, failure("ACQ.BUYER_BALANCE_NOT_ENOUGH"), failure("isv.x", "40002")]
)
def test_unsigned_words_decide_nothing_about_a_scan(keys, node):
    answer = read(keys, scan_answer, node, signer="")
    assert (answer.outcome, answer.paid) == (Outcome.UNKNOWN, None)


def test_a_precreate_brings_the_qr_code(keys):
    node = {"code": "10000", "out_trade_no": ORDER, "qr_code": "https://qr.alipay.com/bax1"}
    answer = read(keys, precreate_answer, node)
    assert (answer.outcome, answer.re_tp) == (Outcome.WAITING, ReturnType.QRCODE)
    assert answer.re_obj == "https://qr.alipay.com/bax1"
    assert read(keys, precreate_answer, node, signer="").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("node", "outcome"),
    [
        (failure("ACQ.TOTAL_FEE_EXCEED"), Outcome.REFUSED),
        (failure("isv.invalid-app-id", "40002"), Outcome.REFUSED),
        (failure("aop.invalid-auth-token", "20001"), Outcome.REFUSED),
        (failure("", "20001"), Outcome.UNKNOWN),
        (failure("", "40004"), Outcome.UNKNOWN),
        (failure("ACQ.SYSTEM_ERROR"), Outcome.UNKNOWN),
        (failure("ACQ.SOMETHING_NEW"), Outcome.UNKNOWN),
        (failure("aop.unknow-error", "20000"), Outcome.UNKNOWN),
        (failure("", "12345"), Outcome.UNKNOWN),
        ({"code": "10000", "out_trade_no": ORDER}, Outcome.UNKNOWN),
        ({"code": "10000", "qr_code": "https://qr.alipay.com/bax1"}, Outcome.UNKNOWN),
    ],
)
def test_what_a_precreate_may_hear(keys, node, outcome):
    assert read(keys, precreate_answer, node).outcome is outcome


@pytest.mark.parametrize("reader", [precreate_answer, scan_answer])
@pytest.mark.parametrize(
    "word",
    ["TRADE_HAS_SUCCESS", "TRADE_HAS_CLOSE", "TRADE_HAS_FINISHED", "TRADE_STATUS_ERROR",
     "TRADE_BUYER_NOT_MATCH", "CONTEXT_INCONSISTENT"],
)  # fmt: skip
def test_words_about_a_trade_that_exists_refuse_nothing(keys, reader, word):
    assert read(keys, reader, failure(f"ACQ.{word}")).outcome is Outcome.UNKNOWN


def test_an_unsigned_business_failure_of_a_precreate_decides_nothing(keys):
    node = failure("ACQ.TOTAL_FEE_EXCEED")
    assert read(keys, precreate_answer, node, signer="").outcome is Outcome.UNKNOWN


def test_an_unsigned_refusal_of_a_precreate_is_believed_and_marked(keys):
    answer = read(keys, precreate_answer, failure("isv.invalid-signature", "40002"), signer="")
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "isv.invalid-signature")
    assert answer.message == "不行 (unsigned)"


@pytest.mark.parametrize(
    ("node", "outcome"),
    [
        (PAID, Outcome.PAID),
        ({**PAID, "trade_status": "TRADE_FINISHED"}, Outcome.PAID),
        ({**PAID, "trade_status": "WAIT_BUYER_PAY"}, Outcome.WAITING),
        (CLOSED, Outcome.FAILED),
        ({**PAID, "trade_status": "TRADE_CLOSED"}, Outcome.PAID),
        ({**PAID, "trade_status": "NEW_WORD"}, Outcome.UNKNOWN),
        ({**PAID, "sub_code": "ACQ.TRADE_NOT_EXIST"}, Outcome.UNKNOWN),
        ({**PAID, "total_amount": "much"}, Outcome.UNKNOWN),
        (failure("ACQ.TRADE_NOT_EXIST"), Outcome.NOT_FOUND),
        (failure("ACQ.SYSTEM_ERROR"), Outcome.UNKNOWN),
        (failure("isv.invalid-signature", "40002"), Outcome.UNKNOWN),
    ],
)
def test_what_a_query_may_hear(keys, node, outcome):
    assert read(keys, query_answer, node).outcome is outcome


@pytest.mark.parametrize("node", [PAID, CLOSED, failure("ACQ.TRADE_NOT_EXIST")])
def test_an_unsigned_query_is_never_final(keys, node):
    assert read(keys, query_answer, node, signer="").outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("node", "outcome"),
    [
        ({"code": "10000", "out_trade_no": ORDER}, Outcome.CLOSED),
        ({"code": "10000"}, Outcome.REFUSED),
        ({"code": "10000", "out_trade_no": ORDER, "sub_code": "ACQ.X"}, Outcome.UNKNOWN),
        ({"code": "10003", "out_trade_no": ORDER}, Outcome.UNKNOWN),
        ({"out_trade_no": ORDER}, Outcome.UNKNOWN),
        (failure("ACQ.TRADE_NOT_EXIST"), Outcome.NOT_FOUND),
        (failure("ACQ.TRADE_NOT_EXIST", "10000"), Outcome.UNKNOWN),
        (failure("ACQ.TRADE_STATUS_ERROR"), Outcome.REFUSED),
        (failure("ACQ.REASON_TRADE_STATUS_INVALID"), Outcome.REFUSED),
        (failure("ACQ.SYSTEM_ERROR"), Outcome.UNKNOWN),
        (failure("isv.x", "40002"), Outcome.UNKNOWN),
    ],
)
def test_what_a_close_may_hear(keys, node, outcome):
    assert read(keys, close_answer, node).outcome is outcome


@pytest.mark.parametrize(
    ("flag", "action", "outcome"),
    [
        ("N", "close", Outcome.CLOSED),
        ("N", "refund", Outcome.CLOSED),
        ("N", "", Outcome.NOT_FOUND),
        ("N", "freeze", Outcome.UNKNOWN),
        ("Y", "close", Outcome.UNKNOWN),
        ("Y", "", Outcome.UNKNOWN),
        ("", "close", Outcome.UNKNOWN),
    ],
)
def test_what_a_cancel_did_is_its_action_once_it_needs_no_retry(keys, flag, action, outcome):
    node = {"code": "10000", "out_trade_no": ORDER, "retry_flag": flag, "action": action}
    assert read(keys, cancel_answer, node).outcome is outcome


def test_a_cancel_that_does_not_say_of_what_is_asked_about(keys):
    node = {"code": "10000", "retry_flag": "N", "action": "close"}
    assert read(keys, cancel_answer, node).outcome is Outcome.REFUSED


def test_a_cancel_that_gave_money_back_says_so(keys):
    node = {"code": "10000", "out_trade_no": ORDER, "retry_flag": "N", "action": "refund"}
    answer = read(keys, cancel_answer, node)
    assert (answer.outcome, answer.extra) == (Outcome.CLOSED, {"zfb_cancel_action": "refund"})


def test_an_answer_about_another_order_is_not_ours(keys):
    with pytest.raises(UnreadableAnswerError, match="another order"):
        parsed(keys, QUERY, PAID, order="0198deadbeef")
    assert read(keys, query_answer, {**CLOSED, "out_trade_no": ""}).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("field", ["app_id", "seller_id"])
def test_an_answer_that_names_another_merchant_is_not_ours(keys, field):
    with pytest.raises(UnreadableAnswerError, match="another merchant"):
        parsed(keys, QUERY, {**PAID, field: "2088000000000000"})
    ours = {"app_id": side.APP_ID, "seller_id": side.SELLER_ID}
    assert read(keys, query_answer, {**PAID, field: ours[field]}).outcome is Outcome.PAID


@pytest.mark.parametrize("gone", ["buyer_user_id", "send_pay_date", "fund_bill_list", "msg"])
def test_what_alipay_may_leave_out_is_not_demanded(keys, gone):
    node = {name: value for name, value in PAID.items() if name != gone}
    for reader in (query_answer, scan_answer):
        assert read(keys, reader, node).outcome is Outcome.PAID


@pytest.mark.parametrize("kind", ["text/html;charset=GBK", "text/html; charset=gb2312", "", "x"])
def test_an_answer_in_gbk_is_verified_by_its_bytes_and_read(keys, kind):
    # 乗 ends in the octet of a backslash, 渰 and others in those of braces.
    words = "乗法 表 渰 {誠} 交易不存在"
    node = {**failure("ACQ.TRADE_NOT_EXIST"), "sub_msg": words}
    reply = heard(keys, side.reply(QUERY, node, encoding="gbk"), **{"content-type": kind})
    assert reply.verified
    assert reply.answer(Outcome.NOT_FOUND).message == words


def test_a_forged_answer_in_gbk_is_as_unreadable_as_any(keys):
    body = side.reply(QUERY, {**PAID, "msg": "成功"}, signer="stranger", encoding="gbk")
    with pytest.raises(UnreadableAnswerError, match="signature"):
        heard(keys, body)


def test_utf_8_that_calls_itself_gbk_is_read_as_far_as_its_bytes_go(keys):
    body = side.reply(QUERY, {**PAID, "msg": "成功"})
    answer = query_answer(heard(keys, body, **{"content-type": "text/html;charset=GBK"}))
    assert answer.outcome is Outcome.PAID


@pytest.mark.parametrize("signer", ["app", "stranger"])
def test_an_answer_signed_by_somebody_else_is_unreadable_whatever_it_says(keys, signer):
    for node in (PAID, failure("isv.x", "40002")):
        with pytest.raises(UnreadableAnswerError, match="signature"):
            parsed(keys, QUERY, node, signer=signer)


@pytest.mark.parametrize("status", [204, 302, 400, 404, 500, 502])
def test_any_other_status_is_unreadable(keys, status):
    with pytest.raises(UnreadableAnswerError, match=f"HTTP {status}"):
        parsed(keys, QUERY, PAID, status=status)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>502</html>", b"null", b"[]", b'{"sign":"x"}', b"\xff\xfe", b'{"a":"\xff"}',
        b'{"alipay_trade_query_response":5,"sign":"x"}',
        b'{"alipay_trade_query_response":{"code":"10000","code":"40004"}}',
        b'{"alipay_trade_pay_response":{"code":"10000"}}',
        b'{"alipay_trade_query_response":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    ],
)  # fmt: skip
def test_what_is_not_alipays_form_is_unreadable(keys, body):
    with pytest.raises(UnreadableAnswerError, match="form"):
        heard(keys, body)


def test_an_error_response_is_read_too(keys):
    raw = '{"code":"40002","msg":"Invalid Arguments","sub_code":"isv.invalid-app-id"}'
    body = f'{{"error_response":{raw}}}'.encode()
    reply = heard(keys, body)
    assert (reply.sub_code, reply.verified) == ("isv.invalid-app-id", False)


GENUINE = side.reply(QUERY, PAID)


@given(
    at=st.integers(0, len(GENUINE) - 1),
    what=st.one_of(st.integers(1, 255), st.binary(max_size=4)),
)
def test_no_mutation_of_an_answer_says_paid_unless_it_says_the_very_same(keys, at, what):
    if isinstance(what, int):
        body = GENUINE[:at] + bytes([GENUINE[at] ^ what]) + GENUINE[at + 1 :]
    else:
        body = GENUINE[:at] + what + GENUINE[at + len(what) + 1 :]
    genuine = query_answer(heard(keys, GENUINE))
    try:
        answer = query_answer(heard(keys, body))
    except UnreadableAnswerError:
        return
    assert answer.outcome is not Outcome.PAID or answer == genuine


@given(st.binary(max_size=200))
def test_no_noise_is_an_answer(keys, body):
    with pytest.raises(UnreadableAnswerError):
        heard(keys, body)
