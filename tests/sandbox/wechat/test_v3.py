import json
import secrets
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.exchange import SandboxError
from payment_cli.sandbox.server import Running, running_sandbox
from tests.support.receiver import Receiver
from tests.support.sandbox_clients import BEIJING, Http, RawV3, Shop, sdk_wechat

AT_ONCE = "134567890123456700"


def sdk_for(shop: Shop, running: Running, receiver: Receiver, target: str = "sandbox") -> Any:
    return sdk_wechat(shop.conf("wxpay", target), running.url, receiver.url)


def refused(answer: Http) -> tuple[int, str]:
    return answer.status, answer.json["code"]


@pytest.mark.parametrize("target", ["sandbox", "sandbox-cert"])
def test_wechatpayv3_takes_a_native_order_to_paid(
    shop: Shop, running: Running, receiver: Receiver, target: str
) -> None:
    sdk = sdk_for(shop, running, receiver, target)
    status, text = sdk.pay(
        description="一杯茶 / tea", out_trade_no="order001", amount={"total": 5}, attach="a;b"
    )
    assert status == 200
    client.scan(shop.state, json.loads(text)["code_url"])
    status, text = sdk.query(out_trade_no="order001")
    paid = json.loads(text)
    assert status == 200
    assert paid["trade_state"] == "SUCCESS"
    assert paid["amount"] == {
        "total": 5,
        "payer_total": 5,
        "currency": "CNY",
        "payer_currency": "CNY",
    }
    assert paid["attach"] == "a;b"
    status, text = sdk.query(transaction_id=paid["transaction_id"])
    assert json.loads(text)["out_trade_no"] == "order001"


def test_wechatpayv3_closes_and_cannot_close_twice(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    sdk = sdk_for(shop, running, receiver)
    sdk.pay(description="tea", out_trade_no="order001", amount={"total": 5})
    assert sdk.close(out_trade_no="order001") == (204, b"")
    assert json.loads(sdk.query(out_trade_no="order001")[1])["trade_state"] == "CLOSED"
    status, text = sdk.close(out_trade_no="order001")
    assert (status, json.loads(text)["code"]) == (400, "ORDER_CLOSED")


def test_wechatpayv3_fetches_and_opens_the_platform_certificates(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    sdk = sdk_for(shop, running, receiver, "sandbox-cert")
    sdk._core._certificates.clear()
    assert sdk.pay(description="tea", out_trade_no="order001", amount={"total": 5})[0] == 200
    assert len(sdk._core._certificates) == 1


def test_wechatpayv3_follows_a_rotation(shop: Shop, running: Running, receiver: Receiver) -> None:
    sdk = sdk_for(shop, running, receiver, "sandbox-cert")
    sdk.pay(description="tea", out_trade_no="order001", amount={"total": 5})
    serial = client.rotate(shop.state)["serial_no"]
    assert sdk.query(out_trade_no="order001")[0] == 200
    assert int(serial, 16) in {c.serial_number for c in sdk._core._certificates}


def test_an_older_certificate_answers_who_asks_for_it(shop: Shop, running: Running) -> None:
    v3 = RawV3(running.url, shop.conf("wxpay", "sandbox-cert"))
    old = v3.order("native", v3.body()).headers["wechatpay-serial"]
    new = client.rotate(shop.state)["serial_no"]
    path = "/v3/certificates"
    assert v3.send("GET", path).headers["wechatpay-serial"] == new
    asked = v3.send("GET", path, headers={"Wechatpay-Serial": old})
    assert asked.headers["wechatpay-serial"] == old


def test_a_merchant_in_public_key_mode_has_no_certificates(v3: RawV3) -> None:
    answer = v3.send("GET", "/v3/certificates")
    assert answer.status == 404
    assert "无可用的平台证书" in answer.json["message"]


def test_scans_by_wechatpayv3_are_paid_at_once(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    sdk = sdk_wechat(shop.conf("wxpay"), running.url, receiver.url, "CODEPAY")
    from wechatpayv3 import WeChatPayType

    status, text = sdk.pay(
        description="tea",
        out_trade_no="order001",
        amount={"total": 5, "currency": "CNY"},
        payer={"auth_code": AT_ONCE},
        scene_info={"store_info": {"id": "1"}},
        pay_type=WeChatPayType.CODEPAY,
    )
    assert status == 200
    assert json.loads(text)["trade_state"] == "SUCCESS"
    assert receiver.deliveries == [], "scans have no callback"


def test_a_page_pays_with_browser_parameters_that_hold(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    sdk = sdk_wechat(shop.conf("wxpay"), running.url, receiver.url, "JSAPI")
    payer = {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
    _, text = sdk.pay(description="tea", out_trade_no="order001", amount={"total": 5}, payer=payer)
    package = f"prepay_id={json.loads(text)['prepay_id']}"
    timestamp = str(int(time.time()))
    appid = shop.conf("wxpay")["appid"]
    page = {
        "appId": appid,
        "timeStamp": timestamp,
        "nonceStr": "n",
        "package": package,
        "signType": "RSA",
        "paySign": sdk.sign([appid, timestamp, "n", package]),
    }
    wrong = [
        {"timeStamp": str(int(timestamp) + 1)},
        {"appId": "wx1"},
        {"signType": "MD5"},
        {"timeStamp": int(timestamp)},
    ]
    for change in wrong:
        with pytest.raises(SandboxError) as caught:
            client.scan(shop.state, json.dumps(page | change))
        assert caught.value.kind == "invalid"
    order = client.scan(shop.state, json.dumps(page))["order"]
    assert (order["state"], order["payer"]) == ("paid", payer["openid"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"appid": None}, "PARAM_ERROR"),
        ({"appid": "wx0000000000000000"}, "APPID_MCHID_NOT_MATCH"),
        ({"mchid": None}, "PARAM_ERROR"),
        ({"mchid": "1900000000"}, "PARAM_ERROR"),
        ({"description": None}, "PARAM_ERROR"),
        ({"description": ""}, "PARAM_ERROR"),
        ({"description": "茶" * 128}, "PARAM_ERROR"),
        ({"attach": "a" * 129}, "PARAM_ERROR"),
        ({"attach": "half of \ud83c"}, "PARAM_ERROR"),
        ({"out_trade_no": None}, "PARAM_ERROR"),
        ({"out_trade_no": "short"}, "PARAM_ERROR"),
        ({"out_trade_no": "x" * 33}, "PARAM_ERROR"),
        ({"out_trade_no": "with space"}, "PARAM_ERROR"),
        ({"out_trade_no": 123456}, "PARAM_ERROR"),
        ({"notify_url": None}, "PARAM_ERROR"),
        ({"notify_url": "http://127.0.0.1/pay?x=1"}, "PARAM_ERROR"),
        ({"notify_url": "http://127.0.0.1"}, "PARAM_ERROR"),
        ({"notify_url": "/pay/re"}, "PARAM_ERROR"),
        ({"notify_url": "http://127.0.0.1/" + "x" * 250}, "PARAM_ERROR"),
        ({"amount": None}, "PARAM_ERROR"),
        ({"amount": {"total": 0}}, "PARAM_ERROR"),
        ({"amount": {"total": -1}}, "PARAM_ERROR"),
        ({"amount": {"total": 1.0}}, "PARAM_ERROR"),
        ({"amount": {"total": "1"}}, "PARAM_ERROR"),
        ({"amount": {"total": True}}, "PARAM_ERROR"),
        ({"amount": {"total": 1, "currency": "RMB"}}, "PARAM_ERROR"),
        ({"amount": {"total": 1, "currency": "USD"}}, "PARAM_ERROR"),
        ({"time_expire": "2020-01-01T00:00:00+08:00"}, "PARAM_ERROR"),
        ({"time_expire": "2036-13-01T00:00:00+08:00"}, "PARAM_ERROR"),
        ({"time_expire": "2036-01-01 00:00:00"}, "PARAM_ERROR"),
        ({"time_expire": 1893456000}, "PARAM_ERROR"),
        ({"payer": {"openid": "o"}}, "PARAM_ERROR"),
        ({"fee": 1}, "PARAM_ERROR"),
        ({"half of \ud83c": 1}, "PARAM_ERROR"),
        ({"settle_info": {"profit_sharing": "Y"}}, "PARAM_ERROR"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused(
    v3: RawV3, changes: dict[str, Any], code: str
) -> None:
    body = v3.body(**changes)
    answer = v3.order("native", body)
    assert refused(answer) == (400, code)
    assert answer.headers["request-id"].rpartition("-")[2].isdigit()
    assert "wechatpay-signature" in answer.headers, "a known merchant's refusal is signed"
    number = str(body.get("out_trade_no", "no-number"))
    assert v3.query(number.replace(" ", "%20")).status == 404


def test_the_longest_that_is_allowed_is_allowed(v3: RawV3) -> None:
    body = v3.body(
        description="茶" * 42 + "a",
        attach="a" * 128,
        out_trade_no="Aa0_-|*" + "x" * 25,
        time_expire=(datetime.now(BEIJING) + timedelta(minutes=5)).isoformat(timespec="seconds"),
        settle_info={"profit_sharing": True},
        amount={"total": 1},
    )
    assert v3.order("native", body).status == 200
    assert v3.query("Aa0_-%7C*" + "x" * 25).json["out_trade_no"] == body["out_trade_no"]


def test_a_jsapi_order_needs_an_openid(v3: RawV3) -> None:
    for payer in (None, {}, {"openid": ""}):
        assert refused(v3.order("jsapi", v3.body(payer=payer))) == (400, "PARAM_ERROR")
    missing = v3.order("jsapi", v3.body())
    assert missing.headers["request-id"].endswith("-268501013")
    assert v3.order("jsapi", v3.body(payer={"openid": "o1"})).json["prepay_id"].startswith("wx")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"notify_url": "http://127.0.0.1/pay/re"}, 400, "PARAM_ERROR"),
        ({"time_expire": "2036-01-01T00:00:00+08:00"}, 400, "PARAM_ERROR"),
        ({"scene_info": None}, 400, "PARAM_ERROR"),
        ({"scene_info": {"store_info": {}}}, 400, "PARAM_ERROR"),
        ({"payer": None}, 400, "PARAM_ERROR"),
        ({"payer": {"auth_code": "2" + AT_ONCE[1:]}}, 400, "PARAM_ERROR"),
        ({"payer": {"auth_code": AT_ONCE[:-1]}}, 400, "PARAM_ERROR"),
        ({"payer": {"auth_code": AT_ONCE[:-2] + "03"}}, 400, "AUTH_CODE_INVALID"),
    ],
)
def test_a_scan_that_breaks_a_rule_creates_nothing(
    v3: RawV3, changes: dict[str, Any], status: int, code: str
) -> None:
    body = v3.scan_body(AT_ONCE) | changes
    body = {k: v for k, v in body.items() if v is not None}
    assert refused(v3.order("codepay", body)) == (status, code)
    assert refused(v3.query(body["out_trade_no"])) == (404, "ORDER_NOT_EXIST")


@pytest.mark.parametrize(
    ("kwargs", "code"),
    [
        ({"skew": -301}, "SIGN_ERROR"),
        ({"skew": 360}, "SIGN_ERROR"),
        ({"skew": 1e12}, "SIGN_ERROR"),
        ({"signed_path": "/v3/pay/transactions/jsapi"}, "SIGN_ERROR"),
        ({"signed_body": b"{}"}, "SIGN_ERROR"),
        ({"authorization": {"serial_no": "ABC"}}, "SIGN_ERROR"),
        ({"authorization": {"mchid": "1900000000"}}, "SIGN_ERROR"),
        ({"authorization": {"signature": "WECHATPAY/SIGNTEST/x"}}, "SIGN_ERROR"),
        ({"authorization": {"extra": "1"}}, "SIGN_ERROR"),
        ({"headers": {"Authorization": None}}, "SIGN_ERROR"),
        ({"headers": {"Authorization": "Bearer x"}}, "SIGN_ERROR"),
    ],
)
def test_a_request_that_is_not_signed_right_is_refused_unsigned(
    v3: RawV3, kwargs: dict[str, Any], code: str
) -> None:
    at = time.time() + kwargs.pop("skew", 0)
    answer = v3.send("POST", "/v3/pay/transactions/native", v3.body(), at=at, **kwargs)
    assert refused(answer) == (401, code)
    assert "wechatpay-signature" not in answer.headers
    assert answer.headers["request-id"].endswith("-268443699")


def test_the_window_is_five_minutes(v3: RawV3) -> None:
    for seconds in (-290, 290):
        at = time.time() + seconds
        assert v3.send("POST", "/v3/pay/transactions/native", v3.body(), at=at).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": None}, 400),
        ({"Accept": "text/html"}, 400),
        ({"User-Agent": None}, 400),
        ({"Content-Type": "text/plain"}, 415),
        ({"Wechatpay-Serial": "PUB_KEY_ID_OF_SOMEBODY"}, 400),
        ({"Accept": "*/*"}, 200),
    ],
)
def test_headers_matter(v3: RawV3, headers: dict[str, str | None], status: int) -> None:
    answer = v3.send("POST", "/v3/pay/transactions/native", v3.body(), headers=headers)
    assert answer.status == status


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_a_body_that_is_no_object_is_refused(v3: RawV3, raw: bytes) -> None:
    answer = v3.send("POST", "/v3/pay/transactions/native", raw=raw)
    assert refused(answer) == (400, "PARAM_ERROR")


def test_a_query_needs_its_own_mchid(v3: RawV3) -> None:
    v3.order("native", v3.body(out_trade_no="order001"))
    path = "/v3/pay/transactions/out-trade-no/order001"
    assert refused(v3.send("GET", path)) == (400, "PARAM_ERROR")
    assert refused(v3.send("GET", f"{path}?mchid=1900000000")) == (400, "INVALID_REQUEST")


def test_the_same_order_again_gets_a_new_code_and_voids_the_old(v3: RawV3, shop: Shop) -> None:
    body = v3.body()
    first = v3.order("native", body).json["code_url"]
    second = v3.order("native", body).json["code_url"]
    assert first != second
    with pytest.raises(SandboxError, match="void"):
        client.scan(shop.state, first)
    assert client.scan(shop.state, second)["order"]["state"] == "paid"


@pytest.mark.parametrize(
    "change",
    [
        {"amount": {"total": 101, "currency": "CNY"}},
        {"description": "coffee"},
        {"notify_url": "http://127.0.0.1:9/other"},
    ],
)
def test_the_same_number_with_other_parameters_is_refused(
    v3: RawV3, change: dict[str, Any]
) -> None:
    body = v3.body()
    v3.order("native", body)
    answer = v3.order("native", body | change)
    assert refused(answer) == (400, "INVALID_REQUEST")
    assert answer.headers["request-id"].endswith("-268498688")
    assert v3.query(body["out_trade_no"]).json["amount"]["total"] == 100


def test_the_same_number_for_another_kind_of_order_is_refused(v3: RawV3) -> None:
    body = v3.body()
    v3.order("native", body)
    other = v3.order("jsapi", body | {"payer": {"openid": "o1"}})
    assert refused(other) == (400, "INVALID_REQUEST")


def test_a_paid_order_can_be_neither_placed_again_nor_closed(v3: RawV3, shop: Shop) -> None:
    body = v3.body()
    v3.order("native", body)
    client.scan(shop.state, body["out_trade_no"])
    assert refused(v3.order("native", body)) == (400, "ORDERPAID")
    assert refused(v3.act(body["out_trade_no"], "close")) == (400, "ORDERPAID")


def test_a_scan_is_reversed_and_never_closed(v3: RawV3) -> None:
    body = v3.scan_body(AT_ONCE[:-2] + "01")
    number = body["out_trade_no"]
    assert v3.order("codepay", body).json["trade_state"] == "USERPAYING"
    answer = v3.act(number, "close")
    assert refused(answer) == (400, "INVALID_REQUEST")
    assert answer.headers["request-id"].endswith("-268449641")
    while (answer := v3.reverse(number)).status != 200:  # 15 s are 15 ms at this speed
        assert "15秒" in answer.json["message"]
    assert answer.json["out_trade_no"] == number
    assert v3.query(number).json["trade_state"] == "REVOKED"


def test_a_scan_is_not_reversed_within_fifteen_seconds(shop: Shop) -> None:
    moment = time.time()
    with running_sandbox(shop.state, clock=lambda: int(moment * 1000)) as running:
        v3 = RawV3(running.url, shop.conf("wxpay"))
        body = v3.scan_body(AT_ONCE)
        v3.order("codepay", body)
        moment += 14.9
        assert refused(v3.reverse(body["out_trade_no"])) == (400, "INVALID_REQUEST")
        assert v3.query(body["out_trade_no"]).json["trade_state"] == "SUCCESS"
        moment += 0.2
        assert v3.reverse(body["out_trade_no"]).status == 200
        payments = client.ledger(shop.state)["payments"]
        assert [p["outcome"] for p in payments] == ["paid", "returned"]


def test_only_scans_are_reversed(v3: RawV3) -> None:
    body = v3.body()
    v3.order("native", body)
    assert refused(v3.reverse(body["out_trade_no"])) == (400, "INVALID_REQUEST")


def test_an_order_closes_when_its_time_is_over(shop: Shop) -> None:
    moment = time.time()
    with running_sandbox(shop.state, clock=lambda: int(moment * 1000)) as running:
        v3 = RawV3(running.url, shop.conf("wxpay"))
        expires = datetime.fromtimestamp(moment + 120, BEIJING).isoformat(timespec="seconds")
        body = v3.body(time_expire=expires)
        v3.order("native", body)
        assert v3.query(body["out_trade_no"]).json["trade_state"] == "NOTPAY"
        moment += 121
        assert v3.query(body["out_trade_no"]).json["trade_state"] == "CLOSED"
        with pytest.raises(SandboxError, match="closed"):
            client.scan(shop.state, body["out_trade_no"])
        late = client.scan(shop.state, body["out_trade_no"], late=True, wait_s=0)
        assert late["order"]["state"] == "paid"


def test_a_code_url_lives_two_hours(shop: Shop) -> None:
    moment = time.time()
    with running_sandbox(shop.state, clock=lambda: int(moment * 1000)) as running:
        v3 = RawV3(running.url, shop.conf("wxpay"))
        body = v3.body()
        code_url = v3.order("native", body).json["code_url"]
        moment += 7201
        with pytest.raises(SandboxError, match="expired"):
            client.scan(shop.state, code_url)
        again = v3.send("POST", "/v3/pay/transactions/native", body, at=moment).json["code_url"]
        assert client.scan(shop.state, again, wait_s=0)["order"]["state"] == "paid"


def test_merchants_do_not_see_each_other(shop: Shop, running: Running) -> None:
    ours = RawV3(running.url, shop.conf("wxpay"))
    theirs = RawV3(running.url, shop.conf("wxpay", "sandbox-cert"))
    number = secrets.token_hex(8)
    assert ours.order("native", ours.body(out_trade_no=number)).status == 200
    assert refused(theirs.query(number)) == (404, "ORDER_NOT_EXIST")
    assert theirs.order("native", theirs.body(out_trade_no=number)).status == 200


def test_no_payment_code_is_kept(v3: RawV3, shop: Shop) -> None:
    v3.order("codepay", v3.scan_body(AT_ONCE))
    kept = b"".join(p.read_bytes() for p in shop.state.rglob("*") if p.is_file())
    assert AT_ONCE.encode() not in kept
    assert AT_ONCE not in json.dumps(client.ledger(shop.state))


def test_an_unknown_service_is_not_found(v3: RawV3) -> None:
    assert v3.send("GET", "/v3/refund/domestic/refunds/x").status == 404
    assert v3.send("GET", "/nothing").status == 404
