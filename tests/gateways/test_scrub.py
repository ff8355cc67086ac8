import json

import pytest

from payment_cli.gateways.scrub import HIDDEN, scrub_body, scrub_headers, scrub_text, scrub_url

OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
AUTH_CODE = "134567890123456789"
PHONE = "13800138000"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvA\n-----END PRIVATE KEY-----"
CANARIES = (OPENID, AUTH_CODE, PHONE, "MIIEvA", "canary")

TRANSCRIPT = {
    "v3 order": json.dumps(
        {"description": f"call {PHONE}", "payer": {"auth_code": AUTH_CODE, "openid": "canary"}}
    ),
    "v3 callback": json.dumps({"resource": {"ciphertext": "canary", "nonce": "canary"}}),
    "v3 certificates": json.dumps({"data": [{"encrypt_certificate": {"ciphertext": "canary"}}]}),
    "browser parameters": json.dumps({"paySign": "canary", "appId": "wx1"}),
    "v2 order": f"<xml><auth_code>{AUTH_CODE}</auth_code><sign>canary</sign><body>tea</body></xml>",
    "v2 answer": f"<xml><openid><![CDATA[canary]]></openid><attach>{PHONE}</attach></xml>",
    "v2 broken": f"<xml><auth_code>{AUTH_CODE}<sign>canary</sign>",
    "alipay order": (
        "method=alipay.trade.pay&sign=canary&biz_content="
        "%7B%22auth_code%22%3A%22281234567890123456%22%2C%22subject%22%3A%22tea%22%7D"
    ),
    "alipay answer": json.dumps(
        {"alipay_trade_query_response": {"buyer_logon_id": "canary"}, "sign": "canary"}
    ),
    "nested text": json.dumps({"detail": json.dumps({"openid": "canary"})}),
    "number": json.dumps({"extra": int(PHONE)}),
    "list": json.dumps([{"mobile": "canary"}]),
    "broken json": '{"sign":"canary"',
    "html": "<html><body>canary=1</body></html>",
    "words": "canary and more words",
    "base64": "canaryYm9keQ==",
    "padded once": "canaryYm9keQ=",
    "key": json.dumps({"text": PEM}),
}


@pytest.mark.parametrize("name", TRANSCRIPT)
def test_no_secret_of_a_transcript_is_shown(name):
    shown = scrub_body(TRANSCRIPT[name].encode())
    assert [canary for canary in CANARIES if canary in shown] == []
    assert "281234567890123456" not in shown


def test_what_is_no_secret_stays_readable():
    body = {"out_trade_no": "0199" * 8, "amount": {"total": 2300}, "time": 1790000000000}
    assert json.loads(scrub_body(json.dumps(body).encode())) == body
    assert scrub_body(b"<xml><trade_state>SUCCESS</trade_state></xml>").count("SUCCESS") == 1
    assert "method=alipay.trade.pay" in scrub_body(TRANSCRIPT["alipay order"].encode())
    assert "4200001234202609210123456789" in scrub_text("trade 4200001234202609210123456789")


def test_what_can_not_be_read_is_shown_by_its_size():
    assert scrub_body(b"\xff\xfe") == "(2 bytes)"
    assert scrub_body(b"plain words") == "(11 bytes)"
    assert scrub_body(b"  ") == ""


def test_the_query_of_a_url_is_scrubbed():
    shown = scrub_url("https://openapi.alipay.com/gateway.do?sign=canary%3D&method=a.b#x")
    assert shown == "https://openapi.alipay.com/gateway.do?sign=***&method=a.b#x"


def test_headers_are_shown_by_allow_list():
    shown = scrub_headers({"Authorization": "canary", "Wechatpay-Signature": "canary", "Date": "D"})
    assert shown == {"Authorization": HIDDEN, "Wechatpay-Signature": HIDDEN, "Date": "D"}
