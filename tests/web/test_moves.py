"""A browser that is in one session does not act in another, and is not moved to one unasked."""

import json

import pytest

from payment_cli.model.stores.session import Role
from tests.support.store_web import WECHAT_CODE


@pytest.fixture
def theirs(store):
    """The till of another store."""
    return store.token(Role.CASHIER, "", "other")


def refused(reply):
    """Return the envelope of a refusal for another session."""
    envelope = json.loads(reply.body)
    assert (reply.status, envelope["errCode"]) == (409, "e.pay.session"), envelope
    assert "session" in envelope["msg"] or "entering" in envelope["msg"]
    return envelope


def acts(store, payment):
    """Every act and question of a page, on what any cashier of the store may touch."""
    order = store.order()
    yield "/pay/ajax/create", {"or_id": order.id}
    yield "/pay/ajax/create", {"fee": 1, "brief": ""}
    yield "/pay/ajax/create", {"products": [{"id": store.cup, "amount": 1}]}
    yield "/pay/ajax/send", {"or_id": order.id, "pay_tp": "wx.qrcode"}
    yield "/pay/ajax/send", {"id": payment, "args": {"auth_code": WECHAT_CODE}}
    yield "/pay/ajax/check", {"id": payment}


def test_a_page_does_nothing_by_the_cookie_of_another_session(store, theirs):
    mine = store.cashier()
    payment = store.ask("create", {"fee": 990, "brief": ""}, mine)["payment"]["id"]
    asked = list(acts(store, payment))
    counted = store.count()
    for path, content in asked:
        for cookie, page in ((theirs, mine), (mine, theirs), (store.token(), mine)):
            name = store.name_of(page)
            refused(store.post(path, content, cookie, HTTP_X_PAYMENT_WEB=name))
    assert store.count() == counted
    assert store.gateway.asked == []


@pytest.mark.parametrize("name", ["1", "enter", "0" * 32])
def test_a_page_that_names_no_session_of_ours_does_nothing(store, name):
    order = store.order()
    wanted = {"or_id": order.id, "pay_tp": "wx.qrcode"}
    refused(store.post("/pay/ajax/send", wanted, store.token(), HTTP_X_PAYMENT_WEB=name))
    assert store.stored_order(order.id).pay_ids == ()


def test_a_question_is_not_answered_for_another_session_than_the_pages(store, theirs):
    mine = store.cashier()
    payment = store.ask("create", {"fee": 990, "brief": "secret"}, mine)["payment"]["id"]
    path = f"/pay/ajax/get?id={payment}"
    assert store.get(path, mine).status == 200
    for name in (store.name_of(theirs), None):
        reply = store.get(path, mine, HTTP_X_PAYMENT_WEB=name)
        refused(reply)
        assert "secret" not in reply.text


def test_a_session_made_anew_is_another_too(store):
    order = store.order()
    first, second = store.token(), store.token()
    refused(
        store.post(
            "/pay/ajax/send", {"or_id": order.id, "pay_tp": "wx.qrcode"}, second,
            HTTP_X_PAYMENT_WEB=store.name_of(first),
        )
    )  # fmt: skip


def test_a_program_names_its_session_by_its_bearer(store, theirs):
    order = store.order()
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {store.token()}", "HTTP_X_PAYMENT_WEB": None}
    wanted = {"or_id": order.id, "pay_tp": "wx.qrcode"}
    assert store.post("/pay/ajax/send", wanted, theirs, **bearer).status == 200


@pytest.mark.parametrize("path", ["checkout", "scan"])
def test_a_page_names_the_session_it_is_drawn_for(store, path):
    token = store.cashier()
    page = store.get(
        f"/pay/{path}/{store.order().id}" if path == "checkout" else "/pay/scan", token
    )
    session = store.app.web_sessions.open(token)
    assert f'data-session="{session.digest}"' in page.text
    assert f'data-holder="{session.holder}"' in page.text
    assert session.nonce not in page.text


def test_the_till_shows_its_store_at_every_step(store):
    token = store.cashier()
    payment = store.ask("create", {"fee": 990, "brief": "Tea"}, token)["payment"]["id"]
    for path in ("scan", f"scan/{payment}"):
        page = store.get(f"/pay/{path}", token).text
        assert '<p class="store">Demo shop</p>' in page.partition("</header>")[0]


def enter(store, wanted, at="", **content):
    return store.post("/pay/session", {"token": wanted, **content}, at)


def holders(store):
    """Sessions that are somebody else's than the till of `demo`."""
    yield store.token(Role.CASHIER, "", "other")
    yield store.token(Role.BUYER, "xiaobai")
    yield store.token(Role.CASHIER, "xiaobai")
    yield store.token(Role.BUYER, "xiaobai", "other")


def test_a_browser_in_a_session_is_not_moved_unasked(store):
    mine = store.cashier()
    for wanted in holders(store):
        reply = enter(store, wanted, at=mine)
        data = refused(reply)["data"]
        assert "set-cookie" not in reply.headers
        assert (data["at"]["title"], data["at"]["role"]) == ("Demo shop", "cashier")
        entered = store.app.web_sessions.open(wanted)
        assert (data["to"]["store"], data["to"]["session"]) == (entered.domain, entered.digest)
        moved = enter(store, wanted, at=mine, leaves=data["at"]["session"])
        assert moved.status == 200
        assert wanted in moved.headers["set-cookie"]


@pytest.mark.parametrize("leaves", ["", "0" * 32])
def test_whoever_was_asked_about_another_session_is_asked_again(store, theirs, leaves):
    reply = enter(store, theirs, at=store.cashier(), leaves=leaves)
    refused(reply)
    assert "set-cookie" not in reply.headers


def test_a_new_link_of_the_same_till_needs_no_question(store):
    assert enter(store, store.cashier(), at=store.cashier()).status == 200
    assert enter(store, store.cashier(), at=store.cashier(), asks=True).status == 200


def test_a_session_that_is_over_is_left_without_a_question(store, theirs):
    mine = store.token(Role.CASHIER, "", minutes=1)
    store.clock.advance(minutes=2)
    assert enter(store, theirs, at=mine).status == 200


def test_whom_a_foreign_page_may_have_led_here_is_asked_even_without_a_session(store, theirs):
    data = refused(enter(store, theirs, asks=True))["data"]
    assert (data["at"], data["to"]["store"]) == (None, "other")
    assert enter(store, theirs, asks=True, leaves="").status == 200


@pytest.mark.parametrize(
    ("site", "asks"),
    [("none", ""), ("same-origin", ""), ("cross-site", "1"), ("same-site", "1"), (None, "1")],
)
def test_the_way_in_asks_unless_the_browser_says_that_its_user_came(store, site, asks):
    for path in ("/pay/enter", "/pay/enter/abc123"):
        page = store.get(path, HTTP_SEC_FETCH_SITE=site)
        assert f'data-asks="{asks}"' in page.text


def test_of_two_sessions_in_one_browser_none_is_believed(store, theirs):
    mine = store.cashier()
    for first, second in ((mine, theirs), (theirs, mine)):
        cookies = {"HTTP_COOKIE": f"payment_session={first}; payment_session={second}"}
        assert store.get("/pay/scan", mine, **cookies).status == 400
        for path in ("/pay/ajax/create", "/pay/session"):
            content = {"fee": 1, "brief": ""} if path != "/pay/session" else {"token": theirs}
            reply = store.post(path, content, mine, **cookies)
            assert (reply.status, json.loads(reply.body)["errCode"]) == (400, "e.pay.untrusted")
    assert "Two sessions at once" in store.get("/pay/scan", mine, **cookies).text
    twice = {"HTTP_COOKIE": f"payment_session={mine}; payment_session={mine}"}
    assert store.get("/pay/scan", mine, **twice).status == 200


@pytest.mark.parametrize(
    "named",
    [
        {"sto_nm": "other"}, {"sto_id": "x"}, {"seller": "evil"}, {"seller": {"wx": "evil"}},
        {"target": "evil"}, {"pay_target": "evil"}, {"store": "other"}, {"buyer_id": "x"},
        {"pay_tp": "zfb.qrcode", "seller": "main"}, {"session": "x"}, {"pay_tp": "free"},
    ],
)  # fmt: skip
def test_no_client_names_the_store_or_the_account_that_takes_its_money(store, named):
    wanted = {"products": [{"id": store.cup, "amount": 1}], **named}
    for token in (store.token(), store.cashier()):
        reply = store.post("/pay/ajax/create", wanted, token)
        if reply.status == 400:
            continue
        made = json.loads(reply.body)["data"]["payment"]
        for act in ({"pay_tp": "wx.qrcode", **named}, {"pay_tp": "wx.qrcode"}):
            store.post("/pay/ajax/send", {"id": made["id"], **act}, token)
        payment = store.stored(store.stored_order(made["or_id"]).pay_id)
        assert (payment.seller_nm, payment.fee) == ("demo", 2000)
        assert payment.pay_target in ("main", "ali")
