import time

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.server import running_sandbox
from tests.support.sandbox_clients import RawV2, RawV3, Shop

CODE = "1345678901234567"


def check_signature(v2: RawV2, answer: dict[str, str], sign_type: str = "MD5") -> None:
    assert answer["sign"] == v2.sign(answer, sign_type)


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
def test_a_code_is_paid_at_once_and_found_again(v2: RawV2, sign_type: str) -> None:
    paid = v2.micropay(f"{CODE}00", sign_type=sign_type, out_trade_no="order001", attach="a]]>b")
    assert (paid["return_code"], paid["result_code"]) == ("SUCCESS", "SUCCESS")
    assert (paid["total_fee"], paid["cash_fee"], paid["fee_type"]) == ("100", "100", "CNY")
    assert paid["attach"] == "a]]>b"
    check_signature(v2, paid, sign_type)
    found = v2.send("/pay/orderquery", out_trade_no="order001")
    assert found["trade_state"] == "SUCCESS"
    check_signature(v2, found)
    by_id = v2.send("/pay/orderquery", transaction_id=paid["transaction_id"])
    assert by_id["out_trade_no"] == "order001"


def test_a_payer_who_types_a_password_is_asked_about(v2: RawV2, shop: Shop) -> None:
    answer = v2.micropay(f"{CODE}01", out_trade_no="order001")
    assert (answer["result_code"], answer["err_code"]) == ("FAIL", "USERPAYING")
    check_signature(v2, answer)
    assert v2.send("/pay/orderquery", out_trade_no="order001")["trade_state"] == "USERPAYING"
    client.scan(shop.state, "order001", pay_tp="wx.scan")
    assert v2.send("/pay/orderquery", out_trade_no="order001")["trade_state"] == "SUCCESS"


@pytest.mark.parametrize(
    ("ending", "err_code", "trade_state"),
    [
        ("02", "NOTENOUGH", "PAYERROR"),
        ("04", "SYSTEMERROR", "SUCCESS"),
        ("05", "BANKERROR", "PAYERROR"),
        ("06", "USERPAYING", "USERPAYING"),
    ],
)
def test_the_ending_of_a_code_decides(
    v2: RawV2, ending: str, err_code: str, trade_state: str
) -> None:
    assert v2.micropay(CODE + ending, out_trade_no="order001")["err_code"] == err_code
    found = v2.send("/pay/orderquery", out_trade_no="order001")
    assert found["trade_state"] == trade_state


def test_a_code_that_is_none_creates_no_order(v2: RawV2) -> None:
    assert v2.micropay(f"{CODE}03", out_trade_no="order001")["err_code"] == "AUTH_CODE_INVALID"
    assert v2.send("/pay/orderquery", out_trade_no="order001")["err_code"] == "ORDERNOTEXIST"


def test_a_number_is_used_once(v2: RawV2) -> None:
    v2.micropay(f"{CODE}00", out_trade_no="order001")
    assert v2.micropay(f"{CODE}00", out_trade_no="order001")["err_code"] == "ORDERPAID"
    v2.micropay(f"{CODE}01", out_trade_no="order002")
    assert v2.micropay(f"{CODE}00", out_trade_no="order002")["err_code"] == "OUT_TRADE_NO_USED"


@pytest.mark.parametrize(
    "fields",
    [
        {"body": None},
        {"body": "x" * 129},
        {"out_trade_no": None},
        {"out_trade_no": "x" * 33},
        {"total_fee": "0"},
        {"total_fee": "1.00"},
        {"fee_type": "RMB"},
        {"spbill_create_ip": None},
        {"auth_code": "999"},
        {"nonce_str": "x" * 33},
        {"nonce_str": ""},
        {"sign_type": "SHA256"},
        {"mch_id": "1"},
        {"appid": "wx1"},
        {"sign": "0" * 32},
    ],
)
def test_a_request_that_breaks_a_rule_fails_unsigned(
    v2: RawV2, fields: dict[str, str | None]
) -> None:
    answer = v2.micropay(**{"auth_code": f"{CODE}00", **fields})
    assert answer["return_code"] == "FAIL"
    assert answer["return_msg"]
    assert "sign" not in answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<xml>",
        b"<json/>",
        b'<!DOCTYPE xml [<!ENTITY x "y">]><xml><a>&x;</a></xml>',
        b"<xml><a>1</a><a>2</a></xml>",
        b"<xml><a><b>1</b></a></xml>",
    ],
)
def test_xml_that_is_not_flat_is_refused(v2: RawV2, body: bytes) -> None:
    assert v2.post("/pay/micropay", body)["return_code"] == "FAIL"


def test_a_document_type_is_refused_even_around_a_true_request(v2: RawV2) -> None:
    fields = {
        "appid": v2.conf["appid"],
        "mch_id": v2.conf["pay_mch_id"],
        "nonce_str": "n",
        "out_trade_no": "order001",
    }
    fields["sign"] = v2.sign(fields)
    body = "<xml>" + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items()) + "</xml>"
    assert v2.post("/pay/orderquery", body.encode())["return_code"] == "SUCCESS"
    answer = v2.post("/pay/orderquery", b"<!DOCTYPE xml>" + body.encode())
    assert "document type" in answer["return_msg"]


def test_a_reversal_comes_too_early_and_then_in_time(shop: Shop) -> None:
    moment = time.time()
    with running_sandbox(shop.state, clock=lambda: int(moment * 1000)) as running:
        v2 = RawV2(running.url, shop.conf("wxpay", "sandbox-v2"))
        v2.micropay(f"{CODE}00", out_trade_no="order001")
        early = v2.send("/secapi/pay/reverse", out_trade_no="order001")
        assert (early["result_code"], early["recall"]) == ("FAIL", "Y")
        moment += 15
        done = v2.send("/secapi/pay/reverse", out_trade_no="order001")
        assert (done["result_code"], done["recall"]) == ("SUCCESS", "N")
        assert v2.send("/pay/orderquery", out_trade_no="order001")["trade_state"] == "REVOKED"


def test_closing_is_for_orders_the_payer_scans(v2: RawV2, v3: RawV3) -> None:
    v2.micropay(f"{CODE}01", out_trade_no="order001")
    assert v2.send("/pay/closeorder", out_trade_no="order001")["err_code"] == "INVALID_REQUEST"
    v3.order("native", v3.body(out_trade_no="order002"))
    assert v2.send("/pay/closeorder", out_trade_no="order002")["result_code"] == "SUCCESS"
    assert v2.send("/pay/closeorder", out_trade_no="order002")["err_code"] == "ORDERCLOSED"
    assert v2.send("/pay/closeorder", out_trade_no="order003")["err_code"] == "ORDERNOTEXIST"


def test_a_query_without_a_number_lacks_something(v2: RawV2) -> None:
    assert v2.send("/pay/orderquery")["err_code"] == "LACK_PARAMS"
