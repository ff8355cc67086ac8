"""Every row of WeChat's misbehaviours, played over real HTTP and heard by independent clients."""

import json

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.misbehaviour import FOREIGN_MCHID
from payment_cli.sandbox.server import Running
from payment_cli.sandbox.wechat.kinds import KINDS
from tests.sandbox.test_misbehaviour import v3_holds
from tests.support.receiver import Receiver
from tests.support.sandbox_clients import RawV2, RawV3, Shop, sdk_wechat

PAYS, HESITATES, HESITATES_TOO = (f"1345678901234567{ending}" for ending in ("00", "01", "06"))
REFUSALS = [name for name, row in KINDS.items() if row.refusal and "v3" in row.apis]
V2_REFUSALS = [name for name, row in KINDS.items() if row.refusal and "v2" in row.apis]


@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("kind", REFUSALS)
def test_an_error_is_said_with_its_status_signed_or_not_and_nothing_is_done(
    v3: RawV3, shop: Shop, kind: str, unsigned: bool
) -> None:
    said = KINDS[kind].refusal
    assert said is not None
    client.misbehave(shop.state, kind, unsigned=unsigned)
    body = v3.body()
    answer = v3.order("native", body)
    assert (answer.status, answer.json) == (
        said.status, {"code": said.code, "message": said.message}
    )  # fmt: skip
    assert answer.headers["request-id"].endswith(f"-{said.number}")
    assert ("wechatpay-signature" in answer.headers) is not unsigned
    assert unsigned or v3_holds(v3, answer)
    assert v3.query(body["out_trade_no"]).status == 404


@pytest.mark.parametrize("kind", V2_REFUSALS)
def test_a_v2_error_is_signed_and_nothing_is_done(v2: RawV2, shop: Shop, kind: str) -> None:
    said = KINDS[kind].refusal
    assert said is not None
    client.misbehave(shop.state, kind)
    answer = v2.micropay(PAYS, out_trade_no="order001")
    assert (answer["result_code"], answer["err_code"]) == ("FAIL", said.code)
    assert answer["err_code_des"] == said.message
    assert answer["sign"] == v2.sign(answer)
    asked = v2.send("/pay/orderquery", out_trade_no="order001")
    assert asked["err_code"] == "ORDERNOTEXIST"


@pytest.mark.parametrize("code", [HESITATES, HESITATES_TOO])
@pytest.mark.parametrize(
    ("kind", "status", "keys"),
    [
        ("wx-paying-object", 202, {"appid", "mchid", "out_trade_no", "trade_state", "amount"}),
        ("wx-paying-bare", 202, {"trade_state"}),
        ("wx-paying-code", 202, {"code", "message"}),
        ("wx-paying-200", 200, {"appid", "mchid", "out_trade_no", "trade_state", "amount"}),
        ("wx-paying-400", 400, {"code", "message"}),
    ],
)
def test_who_hesitates_is_told_in_any_form(
    v3: RawV3, shop: Shop, code: str, kind: str, status: int, keys: set[str]
) -> None:
    client.misbehave(shop.state, kind)
    body = v3.scan_body(code)
    answer = v3.order("codepay", body)
    assert answer.status == status
    assert set(answer.json) >= keys
    assert v3_holds(v3, answer)
    assert v3.query(body["out_trade_no"]).json["trade_state"] == "USERPAYING"


def test_who_hesitates_is_a_202_by_default(v3: RawV3) -> None:
    told = v3.order("codepay", v3.scan_body(HESITATES))
    assert (told.status, told.json["trade_state"]) == (202, "USERPAYING")
    told = v3.order("codepay", v3.scan_body(HESITATES_TOO))
    assert (told.status, told.json["code"]) == (202, "USER_PAYING")


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [
        ("wx-no-appid", "appid"),
        ("wx-no-merchant", "mchid"),
        ("wx-no-transaction-id", "transaction_id"),
    ],
)
def test_what_is_truly_signed_may_lack_a_field(
    v3: RawV3, shop: Shop, kind: str, lacks: str
) -> None:
    body = v3.scan_body(PAYS)
    whole = v3.order("codepay", body)
    client.misbehave(shop.state, kind)
    told = v3.query(body["out_trade_no"])
    assert v3_holds(v3, told)
    assert set(whole.json) - set(told.json) == {lacks}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("foreign-merchant", FOREIGN_MCHID),
        ("wx-no-merchant", None),
        ("wx-no-appid", "1"),
    ],
)
def test_a_reversal_may_speak_of_another_merchant_or_of_none(
    v3: RawV3, shop: Shop, kind: str, said: str | None
) -> None:
    body = v3.scan_body(HESITATES)
    v3.order("codepay", body)
    client.misbehave(shop.state, kind, operation="reverse", sticky=True)
    told = v3.reverse(body["out_trade_no"])
    while told.status == 400:  # not so early
        told = v3.reverse(body["out_trade_no"])
    assert v3_holds(v3, told)
    mchid = v3.conf["pay_mch_id"]
    assert told.json.get("mchid") == (mchid if said == "1" else said)
    assert ("appid" in told.json) is (kind != "wx-no-appid")


def test_money_that_went_back_is_heard_of_first(v3: RawV3, v2: RawV2, shop: Shop) -> None:
    body = v3.scan_body(PAYS)
    v3.order("codepay", body)
    client.misbehave(shop.state, "wx-refunded")
    told = v3.query(body["out_trade_no"]).json
    assert (told["trade_state"], bool(told["transaction_id"])) == ("REFUND", True)
    v2.micropay(PAYS, out_trade_no="order002")
    client.misbehave(shop.state, "wx-refunded")
    said = v2.send("/pay/orderquery", out_trade_no="order002")
    assert (said["trade_state"], said["sign"]) == ("REFUND", v2.sign(said))


@pytest.mark.parametrize(("kind", "recall"), [("wx-v2-no-recall", None), ("wx-v2-recall", "Y")])
def test_a_v2_reversal_may_be_unclear(v2: RawV2, shop: Shop, kind: str, recall: str | None) -> None:
    v2.micropay(HESITATES, out_trade_no="order001")
    client.misbehave(shop.state, kind, sticky=True)
    said = v2.send("/secapi/pay/reverse", out_trade_no="order001")
    while said["result_code"] == "FAIL":  # not so early
        said = v2.send("/secapi/pay/reverse", out_trade_no="order001")
    assert (said["result_code"], said.get("recall")) == ("SUCCESS", recall)


@pytest.mark.parametrize("notice", ["", "v2"])
def test_a_true_notice_may_name_no_order(
    shop: Shop, running: Running, receiver: Receiver, v3: RawV3, notice: str
) -> None:
    body = v3.body(notify_url=f"{receiver.url}/pay/re/wx.qrcode/shop/sandbox")
    url = v3.order("native", body).json["code_url"]
    client.misbehave(shop.state, "wx-no-order-number")
    client.scan(shop.state, url, notice=notice)
    delivery = receiver.deliveries[0]
    if notice:
        assert b"<out_trade_no><![CDATA[]]></out_trade_no>" in delivery.body
        return
    sdk = sdk_wechat(shop.conf("wxpay"), running.url, receiver.url)
    read = sdk.callback(dict(delivery.headers), delivery.body)
    assert (read["resource"]["out_trade_no"], read["event_type"]) == ("", "TRANSACTION.SUCCESS")


def test_errors_alone_can_go_unsigned(v3: RawV3, shop: Shop) -> None:
    client.misbehave(shop.state, "wx-unsigned-errors", sticky=True)
    body = v3.body()
    assert "wechatpay-signature" not in v3.query(body["out_trade_no"]).headers
    assert v3_holds(v3, v3.order("native", body))


def test_an_independent_client_hears_the_202_of_a_close(
    shop: Shop, running: Running, receiver: Receiver
) -> None:
    sdk = sdk_wechat(shop.conf("wxpay"), running.url, receiver.url)
    sdk.pay(description="tea", out_trade_no="order001", amount={"total": 5})
    client.misbehave(shop.state, "wx-202-user-paying", operation="close")
    status, text = sdk.close(out_trade_no="order001")
    assert (status, json.loads(text)["code"]) == (202, "USER_PAYING")
    assert json.loads(sdk.query(out_trade_no="order001")[1])["trade_state"] == "NOTPAY"


def test_every_row_is_of_one_api_at_least_and_named_after_wechat() -> None:
    for name, row in KINDS.items():
        assert name.startswith("wx-")
        assert row.apis
        assert row.apis <= {"v3", "v2"}
