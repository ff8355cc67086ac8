import base64
import hashlib
import html
import json
import re

import pytest
import zxingcpp

from payment_cli.errors import StorageError
from payment_cli.model.payments.payment import Status
from payment_cli.services.payments.view import View
from payment_cli.web.cashier import make_cashier
from payment_cli.web.html import format_amount
from tests.support.wsgi import call

CANARIES = ["seller-canary", "cake", "target-canary", "buyer-canary", "payer-canary",
            "trade-canary", "reason-canary", "meta-canary"]  # fmt: skip


@pytest.fixture
def cashier(app):
    return make_cashier(lambda: app)


@pytest.fixture
def page(cashier):
    def page(payment, **environ):
        return call(cashier, "GET", f"/pay/{payment.view_key}", **environ)

    return page


@pytest.fixture
def ask(cashier):
    def ask(key):
        reply = call(cashier, "GET", f"/pay/ajax/get?key={key}")
        assert reply.headers["content-type"] == "application/json"
        return reply.status, json.loads(reply.body)

    return ask


def read_qr(page_html: str) -> str:
    """Read the page's QR code as a phone would: from dark squares, not from our own encoder."""
    size = int(re.search(r'viewBox="0 0 (\d+) \d+"', page_html)[1])
    squares = re.findall(r"M(\d+),(\d+)H\d+V\d+H\d+z", page_html)
    dark = {(int(x), int(y)) for x, y in squares}
    scale = 4
    side = range(size * scale)
    pixels = bytes(0 if (x // scale, y // scale) in dark else 255 for y in side for x in side)
    image = memoryview(pixels).cast("B", (size * scale, size * scale))
    [code] = zxingcpp.read_barcodes(image)
    return code.text


def test_a_payment_waiting_to_be_scanned_shows_amount_brief_and_a_readable_code(page, put):
    reply = page(put(brief="生日蛋糕", re_obj="weixin://wxpay/bizpayurl?pr=a&b=茶"))
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert '<p class="amount">¥23.00</p>' in reply.text
    assert '<p class="brief">生日蛋糕</p>' in reply.text
    assert "<h1>Scan with WeChat</h1>" in reply.text
    assert read_qr(reply.text) == "weixin://wxpay/bizpayurl?pr=a&b=茶"


@pytest.mark.parametrize(
    ("st", "flag", "heading"),
    [
        (Status.WAIT, "amount", "Another amount arrived"),
        (Status.OK, "refunded", "The money went back"),
        (Status.FAIL, "refunded", "The money went back"),
        (Status.OK, "double", "Paid"),
    ],
)
def test_a_page_says_what_the_payer_has_to_know_of_the_money_and_shows_no_code(
    page, put, ask, st, flag, heading
):
    payment = put(st=st, flag=flag)
    reply = page(payment)
    assert f"<h1>{heading}</h1>" in reply.text
    assert "weixin://" not in reply.text
    _, told = ask(payment.view_key)
    assert told["data"].get("flag") == (flag if flag != "double" else None)
    assert told["data"]["data"] is None


def test_the_page_speaks_the_payers_language(page, put):
    reply = page(put(), HTTP_ACCEPT_LANGUAGE="zh-CN,zh;q=0.9,en;q=0.8")
    assert '<html lang="zh">' in reply.text
    assert "<h1>请用微信扫码支付</h1>" in reply.text


def test_an_alipay_code_can_also_be_opened_on_the_phone_that_shows_it(page, put):
    reply = page(put(pay_tp="zfb.qrcode", re_obj="https://qr.alipay.com/bax0"))
    assert "<h1>Scan with Alipay</h1>" in reply.text
    assert '<a class="button on-phone" href="https://qr.alipay.com/bax0"' in reply.text
    assert read_qr(reply.text) == "https://qr.alipay.com/bax0"


def test_a_link_is_a_button_that_opens_a_new_window(page, put):
    reply = page(put(re_tp="LINK", re_obj='https://pay.example/?a=1&b="2"'))
    assert 'href="https://pay.example/?a=1&amp;b=&quot;2&quot;" target="_blank"' in reply.text
    # WeChat's H5 page wants to know our host; no page may know the view key in our address.
    assert 'rel="noopener" referrerpolicy="strict-origin"' in reply.text
    assert "<svg" in reply.text


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", " https://x", "", 7])
def test_what_is_no_web_address_is_never_a_link(page, put, link):
    reply = page(put(re_tp="LINK", re_obj=link))
    assert reply.status == 200
    assert "<a " not in reply.text


@pytest.mark.parametrize("data", [None, 7, {"a": 1}, "", "x" * 1025, "茶" * 342])
def test_what_can_not_be_drawn_as_a_code_is_not(page, put, data):
    reply = page(put(re_obj=data))
    assert reply.status == 200
    assert "<h1>Confirm on your phone</h1>" in reply.text


@pytest.mark.parametrize(
    ("st", "re_tp", "heading", "mood"),
    [
        (Status.NEW, "", "One moment", "waiting"),
        (Status.WAIT, "", "One moment", "waiting"),
        (Status.WAIT, "JSON", "Confirm on your phone", "waiting"),
        (Status.OK, "QRCODE", "Paid", "good"),
        (Status.FAIL, "QRCODE", "Not paid", "bad"),
    ],
)
def test_each_state_has_its_words(page, put, st, re_tp, heading, mood):
    reply = page(put(st=st, re_tp=re_tp))
    assert f"<h1>{heading}</h1>" in reply.text
    assert f'<main id="payment" class="{mood}"' in reply.text
    assert f"<title>{heading} – Payment</title>" in reply.text


@pytest.mark.parametrize("st", [Status.OK, Status.FAIL])
def test_a_final_page_shows_no_code_and_asks_no_more(page, put, st):
    reply = page(put(st=st))
    assert 'data-poll="0"' in reply.text
    assert 'class="qr"' not in reply.text
    assert "weixin://" not in reply.text
    assert "http-equiv" not in reply.text


@pytest.mark.parametrize(("pay_tp", "pace"), [("wx.qrcode", 5), ("zfb.qrcode", 3), ("", 3)])
def test_a_waiting_page_asks_at_the_providers_pace_even_without_script(page, put, pay_tp, pace):
    reply = page(put(pay_tp=pay_tp))
    assert f'data-poll="{pace}000"' in reply.text
    assert f'<noscript><meta http-equiv="refresh" content="{pace}"></noscript>' in reply.text


def test_the_page_remembers_exactly_what_the_question_answers(page, put, ask):
    payment = put(brief="x", re_obj="a\"<&'\\ 茶")
    shown = html.unescape(re.search(r'data-view="([^"]*)"', page(payment).text)[1])
    assert json.loads(shown) == ask(payment.view_key)[1]["data"]


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "\"'&<b>", "$style ${script}"])
def test_text_is_never_markup(page, put, hostile):
    reply = page(put(brief=hostile, re_tp="LINK", re_obj=f"https://x/{hostile}"))
    assert f'<p class="brief">{html.escape(hostile)}</p>' in reply.text
    assert reply.text.count("<script>") == 1
    assert "<b>" not in reply.text


def test_the_answer_is_status_type_and_data(put, ask):
    payment = put()
    assert ask(payment.view_key) == (
        200,
        {
            "ok": True,
            "data": {
                "status": "WAIT",
                "type": "QRCODE",
                "data": "weixin://wxpay/bizpayurl?pr=abc",
            },
        },
    )


@pytest.mark.parametrize("st", [Status.NEW, Status.OK, Status.FAIL])
def test_data_is_only_given_while_the_payment_waits(put, ask, st):
    assert ask(put(st=st).view_key)[1]["data"] == {"status": st, "type": "QRCODE", "data": None}


def test_the_providers_record_of_a_scan_is_not_given(put, page, ask):
    payment = put(pay_tp="wx.scan", re_tp="JSON", re_obj={"openid": "openid-canary"})
    assert ask(payment.view_key)[1]["data"]["data"] is None
    assert "openid-canary" not in page(payment).text


def test_browser_parameters_are_given_to_the_page_that_needs_them(put, ask):
    parameters = {"appId": "wx1", "paySign": "x"}
    payment = put(pay_tp="wx.jsapi", re_tp="JSON", re_obj=parameters)
    assert ask(payment.view_key)[1]["data"]["data"] == parameters


@pytest.mark.parametrize("st", list(Status))
def test_nothing_else_of_the_payment_is_shown(page, put, cashier, st):
    payment = put(st=st, brief="A gift")
    reply = page(payment)
    answer = call(cashier, "GET", f"/pay/ajax/get?key={payment.view_key}")
    for canary in [*CANARIES, payment.id]:
        assert canary not in reply.text
        assert canary not in answer.text


def strangers_keys(payment):
    key = payment.view_key
    return [
        payment.id,
        payment.id + "0" * 32,
        key[:-1] + "4",
        key.upper() + "x",
        key[:-1],
        key + "5",
        key + "é",
        "0" * 64,
        "x" * 300,
        "é" * 64,
        "..%2f..",
    ]


def test_without_the_whole_key_there_is_no_payment(cashier, put, ask):
    for key in strangers_keys(put()):
        reply = call(cashier, "GET", f"/pay/{key}")
        assert reply.status == 404, key
        assert "No such payment" in reply.text
        assert "¥" not in reply.text


def test_without_the_whole_key_there_is_no_answer(put, ask):
    refusal = {"ok": False, "errCode": "e.pay.noexists", "msg": "no payment with this key"}
    for key in strangers_keys(put()):
        assert ask(key) == (404, refusal)


@pytest.mark.parametrize(
    "query", ["", "?", "?key", "?id={}", "?key={}&key={}", "?key={}" + "&a" * 99]
)
def test_a_question_that_is_not_ours_has_no_answer(cashier, put, query):
    key = put().view_key
    assert call(cashier, "GET", "/pay/ajax/get" + query.format(key, key)).status == 404


@pytest.mark.parametrize("path", ["/", "/pay", "/pay/", "/pay/a/b", "/pay/ajax/create", "/x"])
def test_any_other_path_is_not_found(cashier, path):
    assert call(cashier, "GET", path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/pay/{}", "/pay/ajax/get?key={}"])
def test_pages_are_only_for_reading(cashier, put, method, path):
    reply = call(cashier, method, path.format(put().view_key))
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


def test_head_is_get_without_the_body(cashier, put):
    path = f"/pay/{put().view_key}"
    whole, head = call(cashier, "GET", path), call(cashier, "HEAD", path)
    assert (head.status, head.body, head.headers) == (200, b"", whole.headers)


def test_the_policy_allows_exactly_the_pages_own_style_and_script(page, put):
    reply = page(put())
    policy = reply.headers["content-security-policy"]
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives == {
        "default-src": "'none'",
        "style-src": digest(reply.text, "style"),
        "script-src": digest(reply.text, "script"),
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert " style=" not in reply.text
    assert not re.search(r"\son\w+=", reply.text)


def digest(page_html: str, element: str) -> str:
    [text] = re.findall(rf"<{element}>(.*?)</{element}>", page_html, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("path", ["/pay/{}", "/pay/ajax/get?key={}", "/pay/unknown"])
def test_every_answer_is_kept_out_of_caches_referrers_and_frames(cashier, put, path):
    headers = call(cashier, "GET", path.format(put().view_key)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("error", "status"), [(StorageError("/srv/canary is full"), 503), (RuntimeError("canary"), 500)]
)
def test_trouble_inside_is_told_without_details(error, status, caplog):
    def open_app():
        raise error

    cashier = make_cashier(open_app)
    page = call(cashier, "GET", "/pay/" + "0" * 64)
    answer = call(cashier, "GET", "/pay/ajax/get?key=" + "0" * 64)
    assert (page.status, answer.status) == (status, status)
    assert "Please try again" in page.text
    assert json.loads(answer.body)["msg"] == "try again later"
    assert "canary" not in page.text + answer.text
    assert ("canary" in caplog.text) is isinstance(error, StorageError)
    assert "in open_app" in caplog.text or isinstance(error, StorageError)


@pytest.mark.parametrize(
    ("fee", "cur", "text"),
    [
        (0, "RMB", "¥0.00"),
        (1, "RMB", "¥0.01"),
        (2300, "CNY", "¥23.00"),
        (123456789, "RMB", "¥1,234,567.89"),
        (105, "USD", "1.05 USD"),
    ],
)
def test_amounts_are_written_as_people_read_them(fee, cur, text):
    assert format_amount(fee, cur) == text


def test_a_view_key_that_the_query_escapes_is_the_same_key(cashier, put):
    key = put().view_key
    escaped = "".join(f"%{ord(c):02x}" for c in key[:4]) + key[4:]
    assert call(cashier, "GET", f"/pay/ajax/get?key={escaped}").status == 200


def test_a_view_holds_no_more_than_a_screen_needs():
    assert set(View.__slots__) == {
        "fee", "cur", "brief", "st", "re_tp", "data", "pay_type", "seller", "flag",
    }  # fmt: skip
