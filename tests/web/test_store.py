"""The pages of a store: the checkout of an order, and the till."""

import base64
import hashlib
import html
import json
import re
from dataclasses import replace

import pytest

from payment_cli.gateways.base import Answer, Outcome
from payment_cli.model.record import Json
from payment_cli.model.stores.session import Role
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.shop.records import orders
from payment_cli.web.store import make_checkout
from tests.support.gateway import paid
from tests.support.store_web import LINK, QR, UNKNOWN, WAITING, WECHAT_CODE
from tests.support.wsgi import call

IN_WECHAT = "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Mobile/15E148 MicroMessenger/8.0.50"
ON_PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
EVERY_PAGE = '{"wx":"main","zfb":"ali","wx.h5":"main","zfb.page":"ali","zfb.wap":"ali"}'


@pytest.fixture
def checkout(store):
    """The text of an order's page, for its buyer."""

    def checkout(order, token="", **environ):
        reply = store.get(f"/pay/checkout/{order.id}", token or store.token(), **environ)
        assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
        return reply.text

    return checkout


@pytest.fixture
def till(store):
    """The text of a payment's page at the till."""

    def till(payment_id, **environ):
        reply = store.get(f"/pay/scan/{payment_id}", store.cashier(), **environ)
        assert reply.status == 200
        return reply.text

    return till


@pytest.fixture
def charged(store):
    """A payment of 9.90 yuan at the till."""
    return store.ask("create", {"fee": 990, "brief": "Tea"}, store.cashier())["payment"]["id"]


def pay(store, order, pay_tp="wx.qrcode", token=""):
    return store.ask("send", {"or_id": order.id, "pay_tp": pay_tp}, token)["id"]


def scan(store, payment_id, *answers):
    store.gateway.sends = list(answers)
    wanted = {"id": payment_id, "args": {"auth_code": WECHAT_CODE}}
    return store.post("/pay/ajax/send", wanted, store.cashier())


def fact(page: str, name: str) -> Json:
    """Return what the page tells its script under this name."""
    found = re.search(rf'data-{name}="([^"]*)"', page)
    return None if found is None else html.unescape(found[1])


def heading(page: str) -> str:
    return html.unescape(re.search(r"<h1>(.*?)</h1>", page)[1])


def ways(page: str) -> list[str]:
    return re.findall(r'data-pay="([^"]+)"', page)


def test_an_order_is_shown_with_its_lines_sums_and_ways_to_pay(store, checkout):
    coupon = store.demo.shop.coupons.add({"title": "Welcome", "type": 1, "value": 5})
    page = checkout(store.order((store.tea, 2), (store.cup, 1), coupons=[{"id": coupon.id}]))
    lines = re.findall(r'name">(.*?)</span><span class="count">(.*?)</span>.*?sum">(.*?)<', page)
    assert lines == [("Tea", "× 2", "¥59.80"), ("Cup", "× 1", "¥20.00")]
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page) == [
        ("Goods", "¥79.80"), ("Welcome", "−¥5.00"),
    ]  # fmt: skip
    assert "<span>To pay</span><b>¥74.80</b>" in page
    assert "Demo shop" in page
    assert heading(page) == "How would you like to pay?"
    assert ways(page) == ["wx.qrcode", "zfb.qrcode"]
    assert fact(page, "poll") == "0"


def test_an_order_without_discounts_has_no_sums(store, checkout):
    assert "<dl" not in checkout(store.order())


def test_freight_is_a_line_of_the_sums(store, checkout):
    box = store.demo.shop.goods.add({"w_nm": "Box", "w_price": 30, "freight": 8}).id
    page = checkout(store.order((box, 1)))
    assert re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page) == [
        ("Goods", "¥30.00"), ("Delivery", "¥8.00"),
    ]  # fmt: skip
    assert "<b>¥38.00</b>" in page


def test_looking_at_an_order_opens_no_payment(store, checkout):
    order = store.order()
    checkout(order)
    assert store.stored_order(order.id).pay_ids == ()


def test_a_chosen_way_shows_its_code_and_the_other_ways(store, checkout):
    order = store.order()
    payment_id = pay(store, order)
    page = checkout(order)
    assert heading(page) == "Scan with WeChat"
    assert 'class="qr"' in page
    assert ways(page) == ["zfb.qrcode"]
    assert "Pay another way" in page
    assert (fact(page, "poll"), fact(page, "payment")) == ("5000", payment_id)


def test_the_page_remembers_exactly_what_the_question_answers(store, checkout):
    store.gateway.sends = [Answer(Outcome.WAITING, QR.re_tp, "weixin://\"<&'茶")]
    order = store.order()
    payment_id = pay(store, order)
    shown = json.loads(str(fact(checkout(order), "view")))
    assert shown == store.ask("check", {"id": payment_id})


@pytest.mark.parametrize(
    ("status", "says", "mood"),
    [
        ("paid", "Paid", "good"),
        ("cancelled", "Order cancelled", "bad"),
        ("expired", "Time is up", "bad"),
    ],
)
def test_an_order_that_is_over_says_so_and_asks_no_more(store, checkout, status, says, mood):
    order = store.order()
    if status == "paid":
        payment_id = pay(store, order)
        store.gateway.checks = [paid(payment_id, 2000)]
        store.demo.checker.check(payment_id)
    elif status == "cancelled":
        store.demo.shop.order_payments.cancel(order.id, "no")
    else:
        store.clock.advance(minutes=16)
    page = checkout(order)
    assert (heading(page), ways(page), fact(page, "poll")) == (says, [], "0")
    assert f'class="wide {mood}"' in page
    assert "Time left" not in page


def test_a_payment_that_failed_leaves_the_choice_with_a_word(store, checkout):
    order = store.order()
    payment_id = pay(store, order)
    store.gateway.checks = [Answer(Outcome.FAILED, code="PAYERROR")]
    store.demo.checker.check(payment_id)
    page = checkout(order)
    assert heading(page) == "How would you like to pay?"
    assert "The last try was not completed." in page
    assert "PAYERROR" not in page
    assert ways(page) == ["wx.qrcode", "zfb.qrcode"]


def test_a_code_whose_time_is_over_is_not_shown_any_more(store, checkout):
    order = store.order()
    pay(store, order)
    store.clock.advance(minutes=11)
    page = checkout(order)
    assert 'class="qr"' not in page
    assert ways(page) == ["wx.qrcode", "zfb.qrcode"]


def test_a_send_without_an_answer_waits_for_it(store, checkout):
    order = store.order()
    store.gateway.sends = [UNKNOWN]
    store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"}, status=202)
    page = checkout(order)
    assert heading(page) == "One moment"
    assert fact(page, "poll") == "5000"


def test_the_time_that_is_left_is_counted_from_the_servers_clock(store, checkout):
    order = store.order()
    store.clock.advance(s=61)
    assert f'data-left="{14 * 60_000 - 1000}" data-then="load">13:59<' in checkout(order)


def test_a_store_without_ways_to_pay_says_so(store, checkout):
    order = store.order()
    store.app.merchants.set("demo", "sellers", "{}")
    assert heading(checkout(order)) == "Nothing to pay with"


def test_an_order_that_costs_nothing_is_to_be_confirmed(store, checkout):
    gift = store.demo.shop.goods.add({"w_nm": "Gift", "w_price": 0}).id
    order = store.order((gift, 1))
    assert ways(checkout(order)) == ["free"]
    pay(store, order, "free")
    assert heading(checkout(order)) == "Paid"


def test_inside_wechat_its_own_window_takes_the_payment(store, checkout):
    order, token = store.order(), store.token(openid="o-1")
    assert ways(checkout(order, token)) == ["wx.qrcode", "zfb.qrcode"]
    inside = {"HTTP_USER_AGENT": IN_WECHAT}
    assert ways(checkout(order, store.token(), **inside)) == ["wx.qrcode", "zfb.qrcode"]
    assert ways(checkout(order, token, **inside)) == ["wx.jsapi", "zfb.qrcode"]
    parameters = {"appId": "wx1", "paySign": '"<x>'}
    store.gateway.sends = [Answer(Outcome.WAITING, QR.re_tp.JSON, parameters)]
    pay(store, order, "wx.jsapi", token)
    assert json.loads(str(fact(checkout(order, token, **inside), "jsapi"))) == parameters
    assert fact(checkout(order, token), "jsapi") is None


def test_inside_wechat_a_store_without_that_window_still_has_its_code(store, checkout):
    store.app.merchants.set("demo", "sellers", '{"wx.qrcode":"main"}')
    inside = {"HTTP_USER_AGENT": IN_WECHAT}
    assert ways(checkout(store.order(), store.token(openid="o-1"), **inside)) == ["wx.qrcode"]


def test_a_page_of_a_provider_is_a_button_to_a_new_window_and_ours_goes_on_asking(store, checkout):
    store.app.merchants.set("demo", "sellers", EVERY_PAGE)
    store.gateway.sends = [LINK]
    order = store.order()
    pay(store, order, "zfb.page")
    page = checkout(order)
    assert heading(page) == "Ready to pay"
    assert 'href="https://pay.example/page?a=1&amp;b=2" target="_blank" rel="noopener"' in page
    assert fact(page, "poll") == "3000"
    assert json.loads(str(fact(page, "view")))["data"] == LINK.re_obj
    assert ways(page) == ["wx.qrcode", "zfb.qrcode"]


@pytest.mark.parametrize(
    ("sellers", "browser", "shown"),
    [
        (EVERY_PAGE, "", ["wx.qrcode", "zfb.qrcode", "zfb.page"]),
        (EVERY_PAGE, ON_PHONE, ["wx.h5", "zfb.wap"]),
        (EVERY_PAGE, IN_WECHAT, ["wx.qrcode", "zfb.qrcode", "zfb.page"]),
        ('{"wx":"main","zfb":"ali"}', ON_PHONE, ["wx.qrcode", "zfb.qrcode"]),
        ('{"wx":"main","zfb":"ali","wx.h5":"main"}', ON_PHONE, ["wx.h5", "zfb.qrcode"]),
        ('{"wx.h5":"main","zfb.page":"ali"}', ON_PHONE, ["wx.h5", "zfb.page"]),
        ('{"wx.h5":"main","zfb.wap":"ali"}', "", ["wx.h5", "zfb.wap"]),
    ],
)
def test_the_ways_are_those_the_store_named_that_suit_the_device(
    store, checkout, sellers, browser, shown
):
    store.app.merchants.set("demo", "sellers", sellers)
    page = checkout(store.order(), HTTP_USER_AGENT=browser)
    assert ways(page) == shown


def test_inside_wechat_its_own_window_stands_in_for_its_page_too(store, checkout):
    store.app.merchants.set("demo", "sellers", '{"wx.jsapi":"main","wx.h5":"main"}')
    token = store.token(openid="o-1")
    assert ways(checkout(store.order(), token, HTTP_USER_AGENT=IN_WECHAT)) == ["wx.jsapi"]


def test_a_discount_whose_rows_do_not_say_what_they_took_is_one_sum(store, checkout):
    coupon = store.demo.shop.coupons.add({"title": "Welcome", "type": 1, "value": 5})
    order = store.order(coupons=[{"id": coupon.id}])
    with store.app.storage.transaction("test") as tx:
        record = tx.get(orders("demo"), order.id)
        tx.put(orders("demo"), {**record, "coupons": [], "ord_ds": [{"dis_nm": "x"}]})
    assert "<dt>Discount</dt><dd>−¥5.00</dd>" in checkout(order)


def test_names_in_language_files_are_read_in_the_payers_language(store, checkout):
    folder = store.root / "home/demo/.store/i18n"
    folder.mkdir(mode=0o700)
    for lang, name in (("zh-cn", "茶杯"), ("en", "Tea cup")):
        (folder / f"{lang}.json").write_text(json.dumps({"goods": {"cup": name}}))
    cup = store.demo.shop.goods.add({"w_nm": "i18n:goods.cup", "w_price": 7}).id
    order = store.order((cup, 1))
    assert 'name">Tea cup<' in checkout(order)
    assert 'name">茶杯<' in checkout(order, HTTP_ACCEPT_LANGUAGE="zh-CN")
    (folder / "en.json").unlink()
    assert 'name">茶杯<' in checkout(order)
    (folder / "zh-cn.json").unlink()
    assert 'name">goods.cup<' in checkout(order)


def test_the_title_of_an_order_is_what_its_buyer_typed(store, checkout):
    folder = store.root / "home/demo/.store/i18n"
    folder.mkdir(mode=0o700)
    (folder / "en.json").write_text('{"paid": "Paid in full", "off": "Spring sale"}')
    coupon = store.demo.shop.coupons.add({"title": "i18n:off", "type": 1, "value": 5})
    page = checkout(store.order(title="i18n:paid", coupons=[{"id": coupon.id}]))
    assert "Paid in full" not in page
    assert '<p class="subject">i18n:paid</p>' in page
    assert "<dt>Spring sale</dt>" in page


def test_the_pages_speak_chinese_to_who_asks_for_it(store, checkout, till, charged):
    chinese = {"HTTP_ACCEPT_LANGUAGE": "zh-CN,zh;q=0.9"}
    assert heading(checkout(store.order(), **chinese)) == "请选择支付方式"
    assert heading(till(charged, **chinese)) == "请扫顾客的付款码"
    assert heading(store.get("/pay/scan", **chinese).text) == "请重新打开链接"
    assert '<html lang="zh">' in store.get("/pay/enter", **chinese).text


HOSTILE = "<script>alert(1)</script>\"'&<b>$style ${script}"


def test_text_is_never_markup(store, checkout, till):
    store.app.merchants.set("demo", "title", f"store{HOSTILE}")
    bad = store.demo.shop.goods.add({"w_nm": f"goods{HOSTILE}", "w_price": 50}).id
    coupon = store.demo.shop.coupons.add({"title": f"coupon{HOSTILE}", "type": 1, "value": 5})
    order = store.order((bad, 1), title=f"order{HOSTILE}", coupons=[{"id": coupon.id}])
    page = checkout(order)
    for what in ("store", "goods", "coupon", "order"):
        assert what + html.escape(HOSTILE) in page, what
    token = store.cashier()
    payment = store.ask("create", {"fee": 990, "brief": f"brief{HOSTILE}"}, token)["payment"]
    scan(store, payment["id"], Answer(Outcome.FAILED, message=f"reason{HOSTILE}"))
    failed = till(payment["id"])
    for what in ("brief", "reason"):
        assert what + html.escape(HOSTILE) in failed, what
    start = store.get("/pay/scan", token).text
    assert html.escape(HOSTILE) in start
    for text in (page, failed, start):
        assert text.count("<script>") == 1
        assert "<b>$" not in text


def test_the_till_asks_what_is_due(store):
    page = store.get("/pay/scan", store.cashier()).text
    assert heading(page) == "Take a payment"
    assert re.findall(r'<input name="(\w+)"', page) == ["amount", "brief", "order"]
    assert "Demo shop" in page


def test_the_till_is_for_cashiers_alone(store, charged):
    for path in ("/pay/scan", f"/pay/scan/{charged}"):
        reply = store.get(path, store.token())
        assert (reply.status, heading(reply.text)) == (403, "Not for you")


def test_the_till_shows_what_is_due_and_wants_a_code(till, charged):
    page = till(charged)
    assert '<p class="amount">¥9.90</p>' in page
    assert heading(page) == "Scan the customer's code"
    field = re.search(r'<input name="code"[^>]*>', page)[0]
    assert 'autocomplete="off"' in field
    assert "autofocus" in field
    assert fact(page, "poll") == "0"


def test_the_till_tells_of_a_payment_that_arrived(store, till, charged):
    scan(store, charged, paid(charged, 990))
    page = till(charged)
    assert heading(page) == "Paid"
    assert "Next customer" in page
    assert "<form" not in page


def test_the_till_tells_of_a_decline_and_offers_another_try(store, till, charged):
    scan(store, charged, Answer(Outcome.FAILED, code="NOTENOUGH", message="余额不足"))
    page = till(charged)
    assert heading(page) == "Not paid"
    assert "NOTENOUGH 余额不足" in page
    assert json.loads(str(fact(page, "create"))) == {"fee": 990, "brief": "Tea"}


def test_another_try_for_an_order_is_for_that_order(store, till):
    order, token = store.order(), store.cashier()
    payment = store.ask("create", {"or_id": order.id}, token)["payment"]
    scan(store, payment["id"], Answer(Outcome.FAILED, code="NOTENOUGH"))
    assert json.loads(str(fact(till(payment["id"]), "create"))) == {"or_id": order.id}


def test_the_till_waits_for_a_customer_who_hesitates_and_says_how_long(store, till, charged):
    scan(store, charged, WAITING)
    store.clock.advance(s=7)
    page = till(charged)
    assert heading(page) == "The customer has to confirm"
    assert (fact(page, "poll"), fact(page, "left")) == ("5000", "38000")
    assert "scan-canary" not in page
    store.clock.advance(s=60)
    assert fact(till(charged), "left") == "0"


@pytest.mark.parametrize("went_back", [False, True])
def test_the_till_never_says_paid_for_another_amount_or_money_that_went_back(
    store, till, charged, went_back
):
    answer = paid(charged, 990 if went_back else 991)
    scan(store, charged, replace(answer, paid=replace(answer.paid, went_back=went_back)))
    page = till(charged)
    assert heading(page) == ("The money went back" if went_back else "Another amount arrived")
    assert (fact(page, "poll"), fact(page, "left")) == ("0", None)
    again = fact(page, "create")
    assert (again is not None) == went_back


def test_a_code_payment_can_be_watched_at_the_till_too(store, till):
    order, token = store.order(), store.cashier()
    page = till(pay(store, order, token=token))
    assert heading(page) == "Scan with WeChat"
    assert 'class="qr"' in page


def test_what_is_somebody_elses_is_not_found(store, charged):
    order = store.order()
    for token in (store.token(buyer="xiaohei"), store.token(store="other")):
        assert store.get(f"/pay/checkout/{order.id}", token).status == 404
    other = store.token(Role.CASHIER, "", "other")
    for path in (f"/pay/checkout/{order.id}", f"/pay/scan/{charged}", f"/pay/scan/{order.id}"):
        reply = store.get(path, other)
        assert (reply.status, heading(reply.text)) == (404, "Nothing here")
        assert "Cup" not in reply.text
        assert "9.90" not in reply.text


def test_a_cashier_sees_every_order_of_the_store(store, checkout):
    assert "<b>¥20.00</b>" in checkout(store.order(), store.cashier())
    assert ways(checkout(store.order(), store.cashier())) == ["wx.qrcode", "zfb.qrcode"]


@pytest.mark.parametrize(
    "path",
    ["/pay/checkout", "/pay/checkout/", "/pay/checkout/x", "/pay/checkout/a/b", "/pay/scan/x",
     "/pay/checkout/../x", "/pay/checkout/" + "x" * 65, "/pay/scan/x/y", "/pay/checkout/é"],
)  # fmt: skip
def test_a_page_of_nothing_is_not_found(store, path):
    assert store.get(path, store.cashier()).status == 404


def test_the_policy_of_each_page_allows_exactly_its_own_style_and_script(store, charged):
    order = store.order()
    pages = ["/pay/enter", "/pay/scan", f"/pay/scan/{charged}", f"/pay/checkout/{order.id}"]
    scripts = set()
    for path in pages:
        reply = store.get(path, store.cashier())
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
        scripts.add(directives["script-src"])
        assert " style=" not in reply.text
        assert not re.search(r"<[^>]*\son\w+=", reply.text)
        assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["referrer-policy"] == "no-referrer"
        assert reply.headers["x-frame-options"] == "DENY"
        assert reply.headers["x-content-type-options"] == "nosniff"
    assert len(scripts) == 3


def digest(page: str, element: str) -> str:
    [text] = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_a_page_tells_no_more_than_it_shows(store, checkout):
    new = NewPayment(fee=1, brief="x", meta={"note": "meta-canary"})
    store.demo.creator.create(new)
    order = store.order()
    payment_id = pay(store, order, token=store.token(openid="openid-canary"))
    page = checkout(order)
    stored = store.stored(payment_id)
    assert stored.view_key not in page
    for hidden in ("canary", stored.pay_target + '"', store.token()[:40], stored.seller_id):
        assert hidden not in page


def test_a_head_is_a_get_without_the_body(store):
    order, token = store.order(), store.token()
    path = f"/pay/checkout/{order.id}"
    cookie = {"HTTP_COOKIE": f"payment_session={token}", "HTTP_HOST": "shop.example"}
    whole = call(store.application, "GET", path, **cookie)
    head = call(store.application, "HEAD", path, **cookie)
    assert (head.status, head.body, head.headers) == (200, b"", whole.headers)


def test_served_alone_it_answers_nothing_else(store):
    alone = make_checkout(lambda: store.app)
    for path in ("/", "/pay/re", "/pay/" + "0" * 64, "/pay/ajax/get?key=x", "/pay/ajax/x"):
        assert call(alone, "GET", path).status == 404
