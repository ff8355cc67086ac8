import json

import pytest

from payment_cli.gateways.base import HttpRequest
from payment_cli.gateways.wechat.addressee import BODY_BYTES_MAX, opened, order_no_for
from tests.support import wechat as platform

ORDER_NO = "01990b5e6f7a7000a0b0c0d0e0f00102"


def callback(key=platform.API_V3_KEY, serial=platform.PUBLIC_KEY_ID, **changes):
    body = platform.callback_body(platform.transaction(ORDER_NO, **changes), key=key)
    return platform.posted(body, {"wechatpay-serial": serial})


def notice(**changes):
    body = platform.v2_xml(platform.v2_fields(out_trade_no=ORDER_NO, **changes))
    return platform.posted(body, {"content-type": "text/xml"})


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (callback(), ORDER_NO),
        (callback(appid=None), ORDER_NO),
        (callback(appid=""), ORDER_NO),
        (callback(mchid=None, appid=None, out_trade_no=None), ""),
        (callback(serial=platform.CERT_SERIAL_HEX), ORDER_NO),  # an account may have both
        (callback(serial=""), ORDER_NO),
        (callback(serial="PUB_KEY_ID_1"), ORDER_NO),  # a key that we lack is a fault of ours
        (callback(key="x" * 32), None),
        (callback(mchid="1900000000"), None),
        (callback(appid="wx0"), None),
        (callback(out_trade_no=7), ""),
        (platform.posted(b"{}", {}), None),
        (platform.posted(b"[]", {}), None),
        (platform.posted(b"\xff", {}), None),
        (notice(), ORDER_NO),
        (notice(mch_id="1900000000"), None),
        (notice(appid="wx0"), None),
        (platform.posted(b"<xml>", {}), None),
        (platform.posted(b"<xml><return_code>FAIL</return_code></xml>", {}), ""),
    ],
)
def test_a_message_is_for_an_account_if_nothing_it_says_is_anothers(request_, expected):
    assert order_no_for(platform.account(), request_) == expected


def test_no_key_of_another_length_or_account_opens_a_callback():
    body = callback().body
    assert opened(platform.account(), body)["out_trade_no"] == ORDER_NO
    assert opened(platform.account(api_v3_key=platform.Secret("short")), body) is None


def test_a_body_larger_than_any_callback_is_nobodys():
    message = json.loads(callback().body)
    body = json.dumps({**message, "more": "x" * BODY_BYTES_MAX}).encode()
    request = HttpRequest("POST", "/pay/re", "", {}, body)
    assert order_no_for(platform.account(), request) is None
