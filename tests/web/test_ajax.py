"""Ordering and paying over /pay/ajax, as pages and programs of a store do."""

import json

import pytest

from payment_cli.errors import ConfigError
from payment_cli.gateways.base import Answer, Outcome, SendRequest
from payment_cli.model.stores.session import Role
from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.services.shop.records import orders
from payment_cli.web.ajax import BODY_MAX
from tests.support.gateway import paid
from tests.support.store_web import (
    ALIPAY_CODE,
    LINK,
    QR,
    UNKNOWN,
    WAITING,
    WECHAT_CODE,
)


def products(store, *lines):
    return {"products": [{"id": id, "amount": n} for id, n in lines or ((store.cup, 1),)]}


def sent(store) -> list[SendRequest]:
    return store.gateway.calls("send")


def test_an_order_of_goods_is_priced_by_the_store_and_its_payment_opened(store):
    data = store.ask("create", products(store, (store.tea, 2), (store.cup, 1)))
    payment = data["payment"]
    assert (payment["fee"], payment["cur"], payment["st"]) == (7980, "RMB", "NEW")
    order = store.stored_order(payment["or_id"])
    assert (order.buyer_id, order.fee, order.pay_ids) == ("xiaobai", 7980, (payment["id"],))
    assert payment["brief"] == order.title == "Demo shop"
    stored = store.stored(payment["id"])
    assert (stored.buyer_tp, stored.buyer_id, stored.pay_tp) == (2, "xiaobai", "")
    assert store.get(f"/pay/{payment['view_key']}").status == 200


def test_the_price_a_client_says_is_not_the_price(store):
    order = {
        "products": [{"id": store.cup, "amount": 1, "price": 0.01, "title": "free!"}],
        "price": 0.01, "fee": 0.01, "discount": 19.99,
    }  # fmt: skip
    assert store.ask("create", order)["payment"]["fee"] == 2000


@pytest.mark.parametrize(
    "field", ["buyer_id", "st", "pay_id", "ord_status", "sto_id", "or_price", "id", "pay_ids"]
)
def test_what_the_store_decides_is_no_clients_to_say(store, field):
    refused = store.ask("create", {**products(store), field: "x"}, status=400)
    assert refused["errCode"] == "e.pay.invalid"
    assert field in refused["msg"]
    assert store.count(orders("demo")) == 0


def test_the_ways_to_pay_are_those_of_the_store_that_fit_the_role(store):
    assert store.ask("create", products(store))["payTypes"] == [
        {"pay_tp": "wx.qrcode", "type": "QRCODE", "needs": ""},
        {"pay_tp": "wx.jsapi", "type": "JSON", "needs": "openid"},
        {"pay_tp": "zfb.qrcode", "type": "QRCODE", "needs": ""},
    ]
    of_cashier = store.ask("create", products(store), store.cashier())["payTypes"]
    assert {kind["pay_tp"]: kind["needs"] for kind in of_cashier} == {
        "wx.qrcode": "", "wx.scan": "auth_code", "zfb.qrcode": "", "zfb.scan": "auth_code",
    }  # fmt: skip


def test_a_store_that_takes_one_type_offers_that_one(store):
    store.app.merchants.set("demo", "sellers", '{"zfb.qrcode":"ali"}')
    data = store.ask("create", products(store))
    assert [kind["pay_tp"] for kind in data["payTypes"]] == ["zfb.qrcode"]
    order_id = data["payment"]["or_id"]
    refused = store.ask("send", {"or_id": order_id, "pay_tp": "wx.qrcode"}, status=400)
    assert "not a way to pay" in refused["msg"]


PAGES = '{"wx":"main","zfb":"ali","wx.h5":"main","zfb.page":"ali","zfb.wap":"ali"}'


def test_pages_of_providers_are_offered_to_buyers_of_a_store_that_names_them(store):
    store.app.merchants.set("demo", "sellers", PAGES)
    offered = store.ask("create", products(store))["payTypes"]
    links = [kind["pay_tp"] for kind in offered if kind["type"] == "LINK"]
    assert links == ["wx.h5", "zfb.page", "zfb.wap"]
    assert all(kind["needs"] == "" for kind in offered if kind["type"] == "LINK")
    of_cashier = store.ask("create", products(store), store.cashier())["payTypes"]
    assert [kind["pay_tp"] for kind in of_cashier if kind["type"] == "LINK"] == []


def test_a_page_that_the_store_only_names_the_family_of_is_not_sent(store):
    order = store.order()
    refused = store.ask("send", {"or_id": order.id, "pay_tp": "wx.h5"}, status=400)
    assert "not a way to pay" in refused["msg"]
    assert sent(store) == []


def test_a_link_is_given_to_the_page_that_sent(store):
    store.app.merchants.set("demo", "sellers", PAGES)
    store.gateway.sends = [LINK]
    data = store.ask("send", {"or_id": store.order().id, "pay_tp": "zfb.wap"})
    assert (data["status"], data["type"], data["data"]) == ("WAIT", "LINK", LINK.re_obj)


@pytest.mark.parametrize("lie", ["javascript:alert(1)", "data:text/html,x", " https://x", "", 7])
def test_what_is_no_web_address_is_given_to_no_page(store, lie):
    store.app.merchants.set("demo", "sellers", PAGES)
    store.gateway.sends = [Answer(Outcome.WAITING, LINK.re_tp, lie)]
    data = store.ask("send", {"or_id": store.order().id, "pay_tp": "zfb.wap"})
    assert (data["type"], data["data"]) == ("LINK", None)
    assert store.ask("check", {"id": data["id"]})["data"] is None


@pytest.mark.parametrize(
    ("peer", "forwarded", "told"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:F::9", "", "2001:db8:1:2:f::9"),
    ],
)
def test_the_address_of_who_asks_goes_with_the_send(store, peer, forwarded, told):
    store.app.merchants.set("demo", "sellers", PAGES)
    store.gateway.sends = [LINK]
    wanted = {"or_id": store.order().id, "pay_tp": "wx.h5"}
    whence = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}
    assert store.post("/pay/ajax/send", wanted, store.token(), **whence).status == 200
    assert [request.client_ip for request in sent(store)] == [told]


def test_without_an_address_what_needs_none_is_sent_and_what_needs_one_is_not(store):
    store.app.merchants.set("demo", "sellers", PAGES)
    order, nowhere = store.order(), {"REMOTE_ADDR": "", "HTTP_X_FORWARDED_FOR": "unknown"}
    for pay_tp, status in (("wx.h5", 400), ("wx.qrcode", 200)):
        wanted = {"or_id": order.id, "pay_tp": pay_tp}
        assert store.post("/pay/ajax/send", wanted, store.token(), **nowhere).status == status
    assert [request.client_ip for request in sent(store)] == [""]


def test_an_order_that_is_there_is_opened_once(store):
    order = store.order()
    first = store.ask("create", {"or_id": order.id})["payment"]
    assert first == store.ask("create", {"or_id": order.id})["payment"]
    assert store.stored_order(order.id).pay_ids == (first["id"],)
    assert store.stored_order(order.id).ord_status == "WT"


def test_an_order_that_costs_nothing_is_paid_at_once(store):
    gift = store.demo.shop.goods.add({"w_nm": "Gift", "w_price": 0}).id
    data = store.ask("create", products(store, (gift, 1)))
    assert (data["payTypes"], data["payment"]["st"]) == ([], "OK")
    assert store.stored_order(data["payment"]["or_id"]).ord_status == "OK"


def test_a_cashier_may_name_an_amount_and_a_buyer_may_not(store):
    data = store.ask("create", {"fee": 990, "brief": "Tea"}, store.cashier())
    assert (data["payment"]["fee"], data["payment"]["or_id"]) == (990, "")
    assert (data["payment"]["brief"], data["payment"]["st"]) == ("Tea", "NEW")
    refused = store.ask("create", {"fee": 1, "brief": "Tea"}, status=403)
    assert "cashier" in refused["msg"]
    assert store.count(PAYMENTS) == 1


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"products": []},
        {"products": [{"id": "../x", "amount": 1}]},
        {"products": [{"id": "cup", "amount": 0}]},
        {"products": [{"id": "cup", "amount": 1.5}]},
        {"or_id": ""},
        {"or_id": 7},
        {"or_id": "x", "fee": 1},
        {"fee": 0},
        {"fee": -1},
        {"fee": "1"},
        {"fee": 10**17},
        {"fee": 1, "brief": "a\nb"},
        {"fee": 1, "brief": "x" * 129},
        {"fee": 1, "discount": 1},
    ],
)
def test_what_is_no_order_is_refused(store, content):
    refused = store.ask("create", content, store.cashier(), status=400)
    assert refused["errCode"] == "e.pay.invalid"
    assert store.count(PAYMENTS) == 0


@pytest.mark.parametrize(
    ("lines", "status"),
    [((("nothing", 1),), 404), ((("tea", 6),), 403)],
    ids=["unknown", "sold out"],
)
def test_goods_that_can_not_be_had_are_refused(store, lines, status):
    lines = tuple((store.tea if id == "tea" else id, n) for id, n in lines)
    store.ask("create", products(store, *lines), status=status)
    assert store.count(orders("demo")) == 0


def test_sending_shows_what_the_payer_is_to_scan(store):
    payment = store.ask("create", products(store))["payment"]
    data = store.ask("send", {"or_id": payment["or_id"], "pay_tp": "wx.qrcode"})
    assert data == {
        "id": payment["id"], "or_id": payment["or_id"], "status": "WAIT", "type": "QRCODE",
        "data": QR.re_obj, "view_key": payment["view_key"],
    }  # fmt: skip
    [request] = sent(store)
    assert (request.payment_id, request.fee) == (payment["id"], 2000)
    order = store.stored_order(payment["or_id"])
    assert (order.pay_tp, order.seller, order.pay_ids) == ("wx.qrcode", "main", (payment["id"],))


def test_a_payment_of_an_order_may_be_sent_by_its_own_id(store):
    payment = store.ask("create", products(store))["payment"]
    data = store.ask("send", {"id": payment["id"], "pay_tp": "zfb.qrcode"})
    assert (data["id"], data["status"]) == (payment["id"], "WAIT")
    assert store.stored(payment["id"]).pay_target == "ali"


def test_an_order_may_be_sent_without_having_been_opened(store):
    order = store.order()
    data = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"})
    assert store.stored_order(order.id).pay_ids == (data["id"],)


def test_sending_twice_is_one_payment(store):
    order = store.order()
    wanted = {"or_id": order.id, "pay_tp": "wx.qrcode"}
    assert store.ask("send", wanted) == store.ask("send", wanted)
    assert len(sent(store)) == 1


def test_another_type_closes_the_first_payment(store):
    order = store.order()
    first = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"})
    second = store.ask("send", {"or_id": order.id, "pay_tp": "zfb.qrcode"})
    assert store.stored(first["id"]).st == "FAIL"
    assert store.stored_order(order.id).pay_ids == (first["id"], second["id"])
    verbs = [name for name, _ in store.gateway.asked if name != "validate"]
    assert verbs == ["send", "close", "send"]
    refused = store.ask("send", {"id": first["id"], "pay_tp": "wx.qrcode"}, status=409)
    assert refused["errCode"] == "e.pay.conflict"


def test_a_first_payment_that_can_not_be_closed_for_sure_is_told_with_its_state(store):
    order = store.order()
    first = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"})
    store.gateway.closes = [UNKNOWN]
    unsure = store.ask("send", {"or_id": order.id, "pay_tp": "zfb.qrcode"}, status=202)
    assert unsure["errCode"] == "e.pay.unknown"
    assert unsure["data"]["id"] == first["id"]
    assert unsure["data"]["status"] == "WAIT"


def test_a_first_payment_that_was_paid_meanwhile_is_the_answer(store):
    order = store.order()
    first = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"})
    store.gateway.closes = [paid(first["id"], 2000)]
    data = store.ask("send", {"or_id": order.id, "pay_tp": "zfb.qrcode"})
    assert (data["id"], data["status"]) == (first["id"], "OK")
    assert store.stored_order(order.id).ord_status == "OK"


def test_an_outcome_nobody_knows_is_no_failure(store):
    order = store.order()
    store.gateway.sends = [UNKNOWN]
    unsure = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"}, status=202)
    assert unsure["errCode"] == "e.pay.unknown"
    assert unsure["data"]["status"] == "WAIT"
    assert "timeout" not in unsure["msg"]
    store.gateway.checks = [Answer(Outcome.NOT_FOUND)]
    store.gateway.sends = [QR]
    store.clock.advance(s=20)
    data = store.ask("check", {"id": unsure["data"]["id"]})
    assert (data["status"], data["data"]) == ("WAIT", QR.re_obj)


def test_a_refusal_of_the_provider_is_told_without_its_words(store, caplog):
    order = store.order()
    store.gateway.sends = [Answer(Outcome.REFUSED, code="SIGN_ERROR", message="key-canary")]
    refused = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"}, status=502)
    assert refused["errCode"] == "e.pay.refused"
    assert "canary" not in refused["msg"]
    assert "main" not in refused["msg"]
    assert "key-canary" in caplog.text
    store.gateway.sends = [QR]
    assert store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"})["status"] == "WAIT"


def test_a_dead_code_is_replaced_by_a_new_payment(store):
    order = store.order()
    first = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"})
    store.clock.advance(minutes=11)
    store.gateway.checks = [Answer(Outcome.WAITING)]
    second = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"})
    assert second["id"] != first["id"]
    assert store.stored(first["id"]).fail_re == "expired"


@pytest.mark.parametrize(("code", "pay_tp"), [(WECHAT_CODE, "wx.scan"), (ALIPAY_CODE, "zfb.scan")])
def test_a_cashier_scans_and_the_code_tells_whose_it_is(store, code, pay_tp, caplog):
    caplog.set_level(0)
    token = store.cashier()
    payment = store.ask("create", {"fee": 990}, token)["payment"]
    store.gateway.sends = [paid(payment["id"], 990)]
    wanted = {"id": payment["id"], "args": {"auth_code": f" {code} "}}
    data = store.ask("send", wanted, token)
    assert (data["status"], data["data"]) == ("OK", None)
    stored = store.stored(payment["id"])
    assert (stored.pay_tp, stored.st) == (pay_tp, "OK")
    assert code not in json.dumps(stored.to_record(), default=str) + caplog.text


def test_a_buyer_may_not_scan(store):
    order = store.order()
    for pay_tp in ("wx.scan", ""):
        wanted = {"or_id": order.id, "pay_tp": pay_tp, "args": {"auth_code": WECHAT_CODE}}
        store.ask("send", wanted, status=400)
    assert sent(store) == []


def test_a_decline_is_a_state_and_the_cashier_hears_why(store):
    token = store.cashier()
    order = store.order()
    store.gateway.sends = [Answer(Outcome.FAILED, code="NOTENOUGH", message="no money")]
    data = store.ask("send", {"or_id": order.id, "args": {"auth_code": WECHAT_CODE}}, token)
    assert (data["status"], data["errMsg"]) == ("FAIL", "NOTENOUGH no money")
    store.gateway.sends = [paid("?", 2000)]
    again = store.ask("create", {"or_id": order.id}, token)["payment"]
    assert again["id"] != data["id"]
    of_buyer = json.loads(store.get(f"/pay/ajax/get?id={data['id']}", store.token()).body)
    assert of_buyer["data"]["status"] == "FAIL"
    assert "errMsg" not in of_buyer["data"]


@pytest.mark.parametrize(
    "code", ["", " ", 130000000000000000, "12", "99" * 9, "x" * 18, "1" * 65, ["1"], {"a": 1}]
)
def test_what_is_no_code_is_refused_and_not_quoted(store, code, caplog):
    caplog.set_level(0)
    token = store.cashier()
    payment = store.ask("create", {"fee": 990}, token)["payment"]
    refused = store.ask(
        "send", {"id": payment["id"], "args": {"auth_code": code}}, token, status=400
    )
    assert refused["errCode"] == "e.pay.invalid"
    if str(code).strip():
        assert str(code) not in refused["msg"] + caplog.text
    assert store.stored(payment["id"]).st == "NEW"


def test_a_scan_that_hesitates_is_asked_about_and_taken_back_after_45_seconds(store):
    token = store.cashier()
    payment = store.ask("create", {"fee": 990}, token)["payment"]
    store.gateway.sends = store.gateway.checks = [WAITING]
    data = store.ask("send", {"id": payment["id"], "args": {"auth_code": WECHAT_CODE}}, token)
    assert (data["status"], data["data"]) == ("WAIT", None)
    for _ in range(8):
        store.clock.advance(s=5)
        assert store.ask("check", {"id": payment["id"]}, token)["status"] == "WAIT"
    assert len(store.gateway.calls("check")) == 8
    assert store.gateway.calls("close") == []
    store.clock.advance(s=5)
    data = store.ask("check", {"id": payment["id"]}, token)
    assert (data["status"], data["errMsg"]) == ("FAIL", "not confirmed in time")
    assert len(store.gateway.calls("close")) == 1


def test_a_scan_confirmed_at_the_last_moment_is_paid_and_not_taken_back(store):
    token = store.cashier()
    payment = store.ask("create", {"fee": 990}, token)["payment"]
    store.gateway.sends = [WAITING]
    store.ask("send", {"id": payment["id"], "args": {"auth_code": WECHAT_CODE}}, token)
    store.clock.advance(s=31)
    store.gateway.checks = [paid(payment["id"], 990)]
    assert store.ask("check", {"id": payment["id"]}, token)["status"] == "OK"
    assert store.gateway.calls("close") == []


def test_a_second_code_can_not_be_charged_while_the_first_hesitates(store):
    token = store.cashier()
    order = store.order()
    store.gateway.sends = [WAITING]
    wanted = {"or_id": order.id, "args": {"auth_code": WECHAT_CODE}}
    first = store.ask("send", wanted, token)
    assert store.ask("send", wanted, token)["id"] == first["id"]
    assert len(sent(store)) == 1


def test_a_code_payment_waits_for_its_callback_and_is_asked_about_only_when_it_is_due(store):
    order = store.order()
    payment = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"})
    store.gateway.checks = [Answer(Outcome.WAITING)]
    for _ in range(10):
        store.clock.advance(s=1)
        store.ask("check", {"id": payment["id"]})
    assert store.gateway.calls("check") == []
    store.clock.advance(s=5)
    store.ask("check", {"id": payment["id"]})
    store.ask("check", {"id": payment["id"]})
    assert len(store.gateway.calls("check")) == 1
    store.clock.advance(s=15)
    store.gateway.checks = [paid(payment["id"], 2000)]
    assert store.ask("check", {"id": payment["id"]})["status"] == "OK"


def test_the_openid_of_a_buyer_comes_from_the_client_or_from_the_session(store):
    parameters = {"appId": "wx1", "paySign": "s"}
    store.gateway.sends = [Answer(Outcome.WAITING, QR.re_tp.JSON, parameters)]
    for wanted, token in (
        ({"args": {"openid": "o-1"}}, store.token()),
        ({}, store.token(openid="o-1")),
    ):
        order = store.order()
        data = store.ask("send", {"or_id": order.id, "pay_tp": "wx.jsapi", **wanted}, token)
        assert data["data"] == parameters
    assert [request.openid for request in sent(store)] == ["o-1", "o-1"]
    order = store.order()
    store.ask("send", {"or_id": order.id, "pay_tp": "wx.jsapi"}, status=400)


def test_the_script_of_a_payment_starts_when_it_is_paid(store):
    callback = store.root / "home/demo/.payment/callback/after"
    callback.parent.mkdir(mode=0o700, parents=True)
    callback.write_text("echo paid")
    store.demo.shop.settings.set("demo", "order_callback", "after")
    token = store.cashier()
    order = store.order()
    payment = store.ask("create", {"or_id": order.id}, token)["payment"]
    store.gateway.sends = [paid(payment["id"], 2000)]
    store.ask("send", {"or_id": order.id, "args": {"auth_code": WECHAT_CODE}}, token)
    assert store.app.started == [("pay", "apply", payment["id"])]
    assert store.stored(payment["id"]).apply_st == "due"


def test_a_payment_is_found_by_its_id_with_a_session(store):
    payment = store.ask("create", products(store))["payment"]
    reply = store.get(f"/pay/ajax/get?id={payment['id']}", store.token())
    assert json.loads(reply.body)["data"] == {
        "id": payment["id"], "or_id": payment["or_id"], "status": "NEW", "type": "", "data": None,
        "fee": 2000, "cur": "RMB", "brief": "Demo shop",
    }  # fmt: skip
    assert store.get(f"/pay/ajax/get?id={payment['id']}", store.cashier()).status == 200


@pytest.mark.parametrize("query", ["id={0}&id={0}", "id={0}x", "id=../{0}", "id={0}" + "&a" * 99])
def test_a_question_that_is_not_ours_has_no_answer(store, query):
    payment = store.ask("create", products(store))["payment"]
    reply = store.get("/pay/ajax/get?" + query.format(payment["id"]), store.token())
    assert reply.status == 404


def strangers(store):
    yield store.token(buyer="xiaohei")
    yield store.token(buyer="XIAOBAI")
    yield store.token(store="other")
    yield store.token(Role.CASHIER, "xiaobai", "other")


def test_what_is_somebody_elses_does_not_exist(store):
    payment = store.ask("create", products(store))["payment"]
    nobodys = store.ask("create", {"fee": 100}, store.cashier())["payment"]
    unsold = store.order(buyer="")
    order_id = payment["or_id"]
    for token in strangers(store):
        for found in (payment, nobodys):
            assert store.get(f"/pay/ajax/get?id={found['id']}", token).status == 404
            store.ask("check", {"id": found["id"]}, token, status=404)
            wanted = {"id": found["id"], "pay_tp": "wx.qrcode"}
            store.ask("send", wanted, token, status=404)
        for wanted in (order_id, unsold.id):
            refused = store.ask("create", {"or_id": wanted}, token, status=404)
            assert refused["msg"] == "no order with this id"
            store.ask("send", {"or_id": wanted, "pay_tp": "wx.qrcode"}, token, status=404)
    assert sent(store) == []


def test_only_a_whole_id_finds_anything(store):
    payment = store.ask("create", products(store))["payment"]
    for part in (payment["id"][:12], payment["id"][-12:], payment["id"].upper() + " "):
        store.ask("check", {"id": part}, status=404)
    store.ask("create", {"or_id": payment["or_id"][-12:]}, status=404)


def test_a_payment_that_only_says_it_is_of_an_order_does_not_move_that_order(store):
    order = store.order()
    new = NewPayment(fee=1, brief="x", meta={"or_id": order.id})
    fake = store.demo.creator.create(new).payment
    data = store.ask("send", {"id": fake.id, "pay_tp": "wx.qrcode"}, store.cashier())
    assert data["id"] == fake.id
    assert store.stored_order(order.id).pay_ids == ()


@pytest.mark.parametrize("st", ["cancelled", "expired"])
def test_an_order_that_is_over_can_not_be_paid(store, st):
    order = store.order()
    if st == "cancelled":
        store.demo.shop.order_payments.cancel(order.id, "changed my mind")
    else:
        store.clock.advance(minutes=16)
    token = store.token()
    for action, wanted in (("create", {}), ("send", {"pay_tp": "wx.qrcode"})):
        refused = store.ask(action, {"or_id": order.id, **wanted}, token, status=403)
        assert refused["errCode"] == "e.pay.nopvg"
    assert sent(store) == []


def test_a_paid_order_is_shown_as_paid_and_asked_for_no_more(store):
    order = store.order()
    first = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"})
    store.gateway.checks = [paid(first["id"], 2000)]
    store.demo.checker.check(first["id"])
    data = store.ask("create", {"or_id": order.id})
    assert (data["payment"]["st"], data["payTypes"]) == ("OK", [])
    again = store.ask("send", {"or_id": order.id, "pay_tp": "zfb.qrcode"})
    assert (again["id"], again["status"], again["data"]) == (first["id"], "OK", None)
    assert len(sent(store)) == 1


@pytest.mark.parametrize(
    "content",
    [{}, {"or_id": "x", "id": "y"}, {"or_id": "x", "args": []}, {"or_id": "x", "args": {"a": 1}},
     {"or_id": "x", "price": 1}, {"or_id": ["x"]}, {"id": "x", "target": "other"}],
)  # fmt: skip
def test_a_send_that_is_not_well_formed_is_refused(store, content):
    assert store.ask("send", content, status=400)["errCode"] == "e.pay.invalid"


@pytest.mark.parametrize("content", [{}, {"id": 7}, {"id": "x", "or_id": "y"}])
def test_a_check_that_is_not_well_formed_is_refused(store, content):
    store.ask("check", content, status=400)


@pytest.mark.parametrize("pay_tp", ["free", "wx.app", "wx", "paypal", "x" * 300])
def test_a_type_that_is_not_on_offer_is_refused(store, pay_tp):
    order = store.order()
    store.ask("send", {"or_id": order.id, "pay_tp": pay_tp}, status=400)
    assert sent(store) == []


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json",
     "application/jsonp"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/pay/session", "/pay/ajax/create", "/pay/ajax/send"])
def test_only_json_is_read(store, content_type, path):
    reply = store.post(path, {"or_id": "x"}, store.token(), CONTENT_TYPE=content_type)
    assert (reply.status, json.loads(reply.body)["errCode"]) == (415, "e.pay.invalid")


@pytest.mark.parametrize("path", ["/pay/session", "/pay/ajax/create", "/pay/ajax/send"])
def test_a_body_that_is_too_large_is_refused_unread(store, path):
    large = b'{"token":"' + b"x" * BODY_MAX + b'"}'
    assert store.post(path, large, store.token()).status == 413
    assert store.post(path, b"{}", store.token(), CONTENT_LENGTH="1000000000").status == 413


@pytest.mark.parametrize(("length", "status"), [("", 400), (None, 400), ("3", 400)])
def test_a_body_whose_length_is_not_true_is_refused(store, length, status):
    reply = store.post("/pay/ajax/send", b"{}", store.token(), CONTENT_LENGTH=length)
    assert reply.status == status


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"7", b"{", b'{"id":1,"id":2}', b'{"id":NaN}', b"\xff\xfe",
     b'{"id":"\\ud800"}', b'{"id":"\\u0000"}', b"[" * 30_000, b'{"a":' * 10_000],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(store, body):
    reply = store.post("/pay/ajax/check", body, store.token())
    assert (reply.status, json.loads(reply.body)["errCode"]) == (400, "e.pay.invalid")


def test_a_session_may_ask_only_so_often(store):
    token, other = store.token(), store.token()
    answers = [store.post("/pay/ajax/check", {"id": "x"}, token) for _ in range(31)]
    assert [reply.status for reply in answers] == [404] * 30 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    assert json.loads(answers[-1].body)["errCode"] == "e.pay.nopvg"
    assert store.get("/pay/checkout/x", token).status == 429
    assert store.post("/pay/ajax/check", {"id": "x"}, other).status == 404
    store.clock.advance(s=1)
    assert store.post("/pay/ajax/check", {"id": "x"}, token).status == 404


def test_an_address_may_try_only_so_often_whatever_it_brings(store):
    statuses = [store.post("/pay/session", {"token": "x"}).status for _ in range(301)]
    assert statuses == [401] * 300 + [429]
    assert store.post("/pay/ajax/check", {"id": "x"}, store.token()).status == 429
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    assert store.post("/pay/ajax/check", {"id": "x"}, store.token(), **elsewhere).status == 404


@pytest.mark.parametrize("content", [{"id": "x"}, {"or_id": "x", "pay_tp": "wx.qrcode"}, {}])
def test_every_answer_is_kept_out_of_caches_referrers_and_frames(store, content):
    for token in ("", store.token()):
        headers = store.post("/pay/ajax/send", content, token).headers
        assert headers["content-type"] == "application/json"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


def test_trouble_inside_is_told_without_details(store, caplog):
    order = store.order()

    def broken():
        raise RuntimeError("canary")

    store.gateway.meanwhile = broken
    reply = store.post("/pay/ajax/send", {"or_id": order.id, "pay_tp": "wx.qrcode"}, store.token())
    assert (reply.status, json.loads(reply.body)["msg"]) == (500, "try again later")
    assert "canary" not in reply.text + caplog.text
    assert "in broken\nbuiltins.RuntimeError" in caplog.text


def test_a_target_whose_config_is_wrong_is_the_stores_to_mend(store, caplog, monkeypatch):
    def no_config(request, auth_code):
        raise ConfigError("home/demo/.payment/canary: no key")

    order = store.order()
    monkeypatch.setattr(store.gateway, "validate", no_config)
    refused = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"}, status=503)
    assert (refused["errCode"], refused["msg"]) == ("e.pay.config", "try again later")
    assert "canary" in caplog.text
    assert store.stored_order(order.id).pay_id == ""


@pytest.mark.parametrize(
    ("language", "msg", "detail"),
    [
        (None, "no order with this id", None),
        ("en", "no order with this id", None),
        ("zh-CN,zh;q=0.9", "没有这个编号。", "no order with this id"),
    ],
)
def test_what_went_wrong_is_said_in_the_language_of_who_asks(store, language, msg, detail):
    for path in ("create", "send"):
        wanted = {"or_id": "x", "pay_tp": "wx.qrcode"} if path == "send" else {"or_id": "x"}
        reply = store.post(
            f"/pay/ajax/{path}", wanted, store.token(), HTTP_ACCEPT_LANGUAGE=language
        )
        said = json.loads(reply.body)
        assert (said["msg"], said.get("detail")) == (msg, detail)


def test_what_is_wrong_on_our_side_stays_there_in_every_language(store):
    token = store.token()
    (store.root / "home/demo/.payment/web.key").chmod(0o640)
    reply = store.post("/pay/ajax/create", {}, token, HTTP_ACCEPT_LANGUAGE="zh")
    said = json.loads(reply.body)
    assert (said["msg"], said["detail"]) == ("操作未成功，请重试。", "try again later")


def test_what_is_not_certain_is_said_in_chinese_too(store):
    order = store.order()
    store.gateway.sends = [UNKNOWN]
    wanted = {"or_id": order.id, "pay_tp": "wx.qrcode"}
    reply = store.post("/pay/ajax/send", wanted, store.token(), HTTP_ACCEPT_LANGUAGE="zh")
    assert reply.status == 202
    assert json.loads(reply.body)["msg"].startswith("结果尚不确定")
