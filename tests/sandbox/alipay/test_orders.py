import time
from datetime import UTC, datetime
from typing import Any

import pytest
from alipay.exceptions import AliPayException

from payment_cli.sandbox import client
from payment_cli.sandbox.exchange import SandboxError
from payment_cli.sandbox.server import Running, running_sandbox
from tests.support.receiver import Receiver
from tests.support.sandbox_clients import BEIJING, RawAlipay, Shop, sdk_alipay

# python-alipay-sdk reads certificates by what pyOpenSSL calls outdated.
pytestmark = pytest.mark.filterwarnings("ignore:X509:DeprecationWarning")

CODE = "28763443825664"


@pytest.fixture(autouse=True)
def _beijing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """python-alipay-sdk writes the machine's local time, Alipay wants Beijing's."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("target", ["sandbox", "sandbox-cert"])
def test_python_alipay_sdk_takes_an_order_to_paid(
    shop: Shop, running: Running, receiver: Receiver, target: str
) -> None:
    sdk = sdk_alipay(shop.conf("alipay", target), running.url, receiver.url)
    placed = sdk.api_alipay_trade_precreate("一杯茶", "order001", "12.30")
    assert placed["qr_code"].startswith("https://qr.alipay.com/")
    client.scan(shop.state, placed["qr_code"])
    paid = sdk.api_alipay_trade_query(out_trade_no="order001")
    assert (paid["trade_status"], paid["total_amount"]) == ("TRADE_SUCCESS", "12.30")
    assert sdk.api_alipay_trade_query(trade_no=paid["trade_no"])["out_trade_no"] == "order001"


def test_python_alipay_sdk_scans_cancels_and_closes(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    sdk = sdk_alipay(shop.conf("alipay"), running.url, receiver.url)
    paid = sdk.api_alipay_trade_pay("order001", "bar_code", f"{CODE}00", "tea", total_amount=12)
    assert (paid["code"], paid["receipt_amount"]) == ("10000", "12.00")
    assert "gmt_payment" in paid
    waiting = sdk.api_alipay_trade_pay("order002", "bar_code", f"{CODE}01", "tea", total_amount=12)
    assert waiting["code"] == "10003"
    cancelled = sdk.api_alipay_trade_cancel(out_trade_no="order002")
    assert (cancelled["action"], cancelled["retry_flag"]) == ("close", "N")
    assert sdk.api_alipay_trade_cancel(out_trade_no="order001")["action"] == "refund"
    sdk.api_alipay_trade_pay("order003", "bar_code", f"{CODE}01", "tea", total_amount=12)
    assert sdk.api_alipay_trade_close(out_trade_no="order003")["code"] == "10000"
    assert sdk.api_alipay_trade_query("order003")["trade_status"] == "TRADE_CLOSED"


def test_python_alipay_sdk_hears_of_an_unknown_application(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    sdk = sdk_alipay(shop.conf("alipay"), running.url, receiver.url)
    sdk._appid = "2021000000000000"
    with pytest.raises(AliPayException, match=r"isv\.invalid-app-id"):
        sdk.api_alipay_trade_precreate("tea", "order001", "1.00")


def test_an_order_does_not_exist_before_somebody_scans_it(alipay: RawAlipay, shop: Shop) -> None:
    content = alipay.content()
    number = {"out_trade_no": content["out_trade_no"]}
    alipay.node("precreate", content)
    assert alipay.node("query", number)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert alipay.node("close", number)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    client.scan(shop.state, number["out_trade_no"], userpaying=True)
    assert alipay.node("query", number)["trade_status"] == "WAIT_BUYER_PAY"
    assert alipay.node("close", number)["code"] == "10000"


def test_cancelling_what_nobody_scanned_voids_its_code(alipay: RawAlipay, shop: Shop) -> None:
    content = alipay.content()
    qr_code = alipay.node("precreate", content)["qr_code"]
    cancelled = alipay.node("cancel", {"out_trade_no": content["out_trade_no"]})
    assert (cancelled["code"], cancelled["retry_flag"]) == ("10000", "N")
    assert "action" not in cancelled
    with pytest.raises(SandboxError, match="revoked"):
        client.scan(shop.state, qr_code)


def test_cancelling_what_never_was_is_a_success_without_action(alipay: RawAlipay) -> None:
    cancelled = alipay.node("cancel", {"out_trade_no": "never"})
    assert cancelled["code"] == "10000"
    assert "action" not in cancelled


@pytest.mark.parametrize(
    ("changes", "sub_code"),
    [
        ({"app_id": None}, "isv.missing-app-id"),
        ({"app_id": "2021000000000000"}, "isv.invalid-app-id"),
        ({"method": None}, "isv.missing-method"),
        ({"method": "alipay.trade.dance"}, "isv.invalid-method"),
        ({"method": "precreate"}, "isv.invalid-method"),
        ({"format": "XML"}, "isv.invalid-format"),
        ({"charset": "GBK"}, "isv.invalid-charset"),
        ({"charset": None}, "isv.missing-charset"),
        ({"sign_type": "RSA"}, "isv.invalid-signature-type"),
        ({"sign_type": None}, "isv.missing-signature-type"),
        ({"sign": None}, "isv.missing-signature"),
        ({"sign": "AAAA"}, "isv.invalid-signature"),
        ({"timestamp": None}, "isv.missing-timestamp"),
        ({"timestamp": "20260101000000"}, "isv.invalid-timestamp"),
        ({"timestamp": "2020-01-01 00:00:00"}, "isv.invalid-timestamp"),
        ({"version": "2.0"}, "isv.invalid-version"),
        ({"notify_url": "pay/re"}, "isv.invalid-notify-url"),
    ],
)
def test_a_request_that_breaks_a_common_rule_is_refused(
    alipay: RawAlipay, changes: dict[str, Any], sub_code: str
) -> None:
    parameters = {"method": "alipay.trade.precreate", **changes}
    answer = alipay.send(content=alipay.content(), **parameters)
    node = next(v for k, v in answer.json.items() if k.endswith("_response"))
    assert node["sub_code"] == sub_code
    assert node["code"] == ("40001" if "missing" in sub_code else "40002")
    is_known = "app-id" not in sub_code and "missing" not in sub_code
    assert ("sign" in answer.json) == is_known


def test_the_time_of_another_zone_is_refused(alipay: RawAlipay) -> None:
    utc = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    node = alipay.node("precreate", alipay.content(), timestamp=utc)
    assert node["sub_code"] == "isv.invalid-timestamp"


def test_sign_type_is_part_of_what_is_signed(alipay: RawAlipay) -> None:
    def signed_without(name: str) -> dict[str, Any]:
        parameters = {
            "app_id": alipay.conf["app_id"],
            "method": "alipay.trade.query",
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "biz_content": '{"out_trade_no":"x"}',
        }
        signed = {k: v for k, v in parameters.items() if k != name}
        return alipay.node(
            "query",
            parameters["biz_content"],
            sign_over=signed,
            timestamp=parameters["timestamp"],
        )

    assert signed_without("sign_type")["sub_code"] == "isv.invalid-signature"
    assert signed_without("nothing")["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_certificate_mode_wants_both_serials(shop: Shop, running: Running) -> None:
    alipay = RawAlipay(running.url, shop.conf("alipay", "sandbox-cert"))
    content = alipay.content()
    assert alipay.node("precreate", content)["sub_code"] == "isv.missing-app-cert-sn"
    wrong = alipay.node("precreate", content, app_cert_sn="x", alipay_root_cert_sn="y")
    assert wrong["sub_code"] == "isv.invalid-app-cert-sn"


@pytest.mark.parametrize(
    "change",
    [
        {"out_trade_no": None},
        {"out_trade_no": "with-dash"},
        {"out_trade_no": "x" * 65},
        {"total_amount": None},
        {"total_amount": "0"},
        {"total_amount": "0.001"},
        {"total_amount": "-1.00"},
        {"total_amount": "1e2"},
        {"total_amount": "100000000.01"},
        {"total_amount": True},
        {"subject": None},
        {"subject": "tea/coffee"},
        {"subject": "a=b&c"},
        {"subject": "x" * 257},
        {"timeout_express": "1.5h"},
        {"timeout_express": "10"},
        {"time_expire": "2020-01-01 00:00:00"},
        {"time_expire": "2036-13-01 00:00:00"},
        {"time_expire": "2036-01-01T00:00:00"},
        {"product_code": "FAST"},
        {"seller_id": "2088000000000000"},
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(alipay: RawAlipay, change: dict[str, Any]) -> None:
    node = alipay.node("precreate", alipay.content(**change))
    assert (node["code"], node["sub_code"]) == ("40004", "ACQ.INVALID_PARAMETER")


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_biz_content_is_a_json_object(alipay: RawAlipay, text: str) -> None:
    assert alipay.node("precreate", text)["code"] == "40002"


@pytest.mark.parametrize("amount", ["12", "12.3", "12.30", 12, 12.3])
def test_amounts_may_be_written_in_all_these_ways(
    alipay: RawAlipay, shop: Shop, amount: Any
) -> None:
    content = alipay.content(total_amount=amount)
    assert alipay.node("precreate", content)["code"] == "10000"
    fen = client.ledger(shop.state)["orders"][0]["amount"]
    assert fen == (1200 if str(amount) == "12" else 1230)


@pytest.mark.parametrize(
    ("ending", "code", "sub_code", "status"),
    [
        ("00", "10000", "", "TRADE_SUCCESS"),
        ("01", "10003", "", "WAIT_BUYER_PAY"),
        ("02", "40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH", "WAIT_BUYER_PAY"),
        ("03", "40004", "ACQ.PAYMENT_AUTH_CODE_INVALID", ""),
        ("04", "40004", "ACQ.SYSTEM_ERROR", "TRADE_SUCCESS"),
        ("05", "20000", "isp.unknow-error", "WAIT_BUYER_PAY"),
        ("06", "10003", "", "WAIT_BUYER_PAY"),
    ],
)
def test_the_ending_of_a_code_decides(
    alipay: RawAlipay, ending: str, code: str, sub_code: str, status: str
) -> None:
    content = alipay.pay_content(CODE + ending)
    node = alipay.node("pay", content)
    assert (node["code"], node.get("sub_code", "")) == (code, sub_code)
    found = alipay.node("query", {"out_trade_no": content["out_trade_no"]})
    assert found.get("trade_status", "") == status


@pytest.mark.parametrize(
    "change", [{"auth_code": "13" + CODE}, {"auth_code": "28"}, {"scene": "wave_code"}]
)
def test_a_scan_that_breaks_a_rule_is_refused(alipay: RawAlipay, change: dict[str, Any]) -> None:
    node = alipay.node("pay", alipay.pay_content(f"{CODE}00") | change)
    assert node["sub_code"] == "ACQ.INVALID_PARAMETER"


def test_the_same_number_again(alipay: RawAlipay, shop: Shop) -> None:
    content = alipay.content()
    first = alipay.node("precreate", content)["qr_code"]
    assert alipay.node("precreate", content)["qr_code"] != first
    other = alipay.node("precreate", content | {"total_amount": "2.00"})
    assert other["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    client.scan(shop.state, content["out_trade_no"])
    assert alipay.node("precreate", content)["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"
    alipay.node("cancel", {"out_trade_no": content["out_trade_no"]})
    assert alipay.node("precreate", content)["sub_code"] == "ACQ.TRADE_HAS_CLOSE"


def test_a_paid_or_closed_trade_is_not_closed(alipay: RawAlipay) -> None:
    content = alipay.pay_content(f"{CODE}00")
    alipay.node("pay", content)
    closed = alipay.node("close", {"out_trade_no": content["out_trade_no"]})
    assert closed["sub_code"] == "ACQ.REASON_TRADE_STATUS_INVALID"


def test_a_number_is_needed(alipay: RawAlipay) -> None:
    for operation in ("query", "cancel", "close"):
        assert alipay.node(operation, {})["sub_code"] == "ACQ.INVALID_PARAMETER"


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ({"timeout_express": "10m"}, 600),
        ({"timeout_express": "2h"}, 7200),
        ({"timeout_express": "1d"}, 86400),
        ({"timeout_express": "1c"}, 86400),
    ],
)
def test_a_trade_closes_when_its_time_is_over(
    shop: Shop, spans: dict[str, str], seconds: int
) -> None:
    moment = time.time()
    with running_sandbox(shop.state, clock=lambda: int(moment * 1000)) as running:
        alipay = RawAlipay(running.url, shop.conf("alipay"))
        content = alipay.pay_content(f"{CODE}01", **spans)
        alipay.node("pay", content)
        moment += seconds
        now = datetime.fromtimestamp(moment, BEIJING).strftime("%Y-%m-%d %H:%M:%S")
        found = alipay.node("query", {"out_trade_no": content["out_trade_no"]}, timestamp=now)
        assert found["trade_status"] == "TRADE_CLOSED"


def test_slashes_are_escaped_as_alipay_escapes_them(alipay: RawAlipay) -> None:
    answer = alipay.send("alipay.trade.precreate", alipay.content())
    assert rb'"qr_code":"https:\/\/qr.alipay.com\/' in answer.body
    assert answer.headers["content-type"].startswith("text/html")


def test_a_parameter_that_comes_twice_is_refused(alipay: RawAlipay) -> None:
    from tests.support.sandbox_clients import send

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = send(alipay.url, "POST", "/gateway.do?app_id=1", b"app_id=2", headers)
    assert answer.json["error_response"]["sub_code"] == "isv.invalid-parameter"
