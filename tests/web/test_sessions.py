"""Who is let in: tokens, cookies, and whether a page of ours asks."""

import json

import pytest

from payment_cli.model.stores.session import Role
from tests.support.store_web import OWN_PAGE
from tests.support.wsgi import call


@pytest.fixture
def public(store):
    """Say that the world reaches the tree over https at pay.example."""
    store.set('public_url = "https://pay.example"')


def create(store, token="", **environ):
    return store.post("/pay/ajax/create", {"or_id": "x"}, token, **environ)


def secure_cookie(store, token):
    """What a page sends over https."""
    cookie = f"__Host-payment_session={token}"
    return {"HTTP_COOKIE": cookie, "HTTP_X_PAYMENT_WEB": store.name_of(token)}


def is_let_in(reply) -> bool:
    """Whether the question reached the shop, which knows no such order."""
    return reply.status == 404 and json.loads(reply.body)["errCode"] == "e.pay.noexists"


def test_a_session_comes_as_a_cookie_or_as_a_bearer(store):
    token = store.token()
    assert is_let_in(create(store, token))
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}", **dict.fromkeys(OWN_PAGE)}
    assert is_let_in(create(store, **bearer))
    assert is_let_in(create(store, **{**bearer, "HTTP_AUTHORIZATION": f"bearer  {token} "}))


@pytest.mark.parametrize("path", ["create", "send", "check"])
def test_without_a_session_nothing_is_done(store, path):
    reply = store.post(f"/pay/ajax/{path}", {"or_id": "x", "id": "x"})
    assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert json.loads(reply.body) == {
        "ok": False, "errCode": "e.pay.untrusted", "msg": "no valid session",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["checkout/x", "checkout", "scan", "scan/x"])
def test_without_a_session_a_page_asks_for_the_link_again(store, path):
    reply = store.get(f"/pay/{path}")
    assert reply.status == 401
    assert "open your link again" in reply.text


def test_a_payment_is_not_found_by_its_id_without_a_session(store):
    assert store.get("/pay/ajax/get?id=" + "0" * 32).status == 401


def forged(store):
    token = store.token()
    yield token[:-1] + ("A" if token[-1] != "A" else "B")
    yield "other~" + token.partition("~")[2]
    yield "nobody~" + token.partition("~")[2]
    yield "~".join([*token.split("~")[:2], "A" * 43])
    yield "x"
    yield ""
    yield "é" * 40
    yield "../../etc~a~" + "A" * 43
    yield "A" * 100_000


def test_a_forged_token_is_no_session(store):
    for token in forged(store):
        assert create(store, token).status == 401, token[:60]
        assert create(store, HTTP_AUTHORIZATION=f"Bearer {token}").status == 401
        assert store.post("/pay/session", {"token": token[:2000] or "x"}).status in (400, 401)
    assert not (store.root / "home/nobody").exists()


def test_a_session_ends_at_its_time_and_by_a_new_key(store):
    token, longer = store.token(minutes=1), store.token(minutes=60)
    store.clock.advance(s=59)
    assert is_let_in(create(store, token))
    store.clock.advance(s=1)
    assert create(store, token).status == 401
    assert is_let_in(create(store, longer))
    store.demo.web_sessions.rotate("demo")
    assert create(store, longer).status == 401


@pytest.mark.parametrize(
    "environ",
    [
        {"HTTP_X_PAYMENT_WEB": None},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
        {"HTTP_SEC_FETCH_SITE": "none"},
        {"HTTP_ORIGIN": "http://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": "http://shop.example.evil.example"},
        {"HTTP_ORIGIN": "http://shop.example:81"},
        {"HTTP_ORIGIN": "http://[", "HTTP_SEC_FETCH_SITE": None},
        {"HTTP_ORIGIN": None, "HTTP_SEC_FETCH_SITE": None},
        {"HTTP_HOST": "evil.example"},
    ],
)
@pytest.mark.parametrize("path", ["/pay/ajax/create", "/pay/ajax/send", "/pay/ajax/check"])
def test_a_foreign_page_can_not_act_with_a_browsers_cookie(store, path, environ):
    order = store.order()
    reply = store.post(path, {"or_id": order.id}, store.token(), **environ)
    assert (reply.status, json.loads(reply.body)["errCode"]) == (403, "e.pay.nopvg")
    assert store.stored_order(order.id).pay_ids == ()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HTTP_ORIGIN": None},
        {"HTTP_SEC_FETCH_SITE": None},
        {"HTTP_ORIGIN": "https://shop.example"},  # the proxy before us speaks https
        {"HTTP_ORIGIN": "HTTP://SHOP.EXAMPLE".lower(), "HTTP_HOST": "Shop.Example"},
    ],
)
def test_our_own_page_may(store, environ):
    assert is_let_in(create(store, store.token(), **environ))


def test_a_page_of_the_public_address_may_whatever_the_proxy_makes_of_the_host(store, public):
    token = store.token()
    cookie = {**secure_cookie(store, token), "HTTP_HOST": "127.0.0.1:8480"}
    assert is_let_in(create(store, HTTP_ORIGIN="https://pay.example", **cookie))
    assert create(store, HTTP_ORIGIN="http://pay.example", **cookie).status == 403
    assert create(store, HTTP_ORIGIN="https://evil.example", **cookie).status == 403


def test_over_https_a_plain_page_of_the_same_host_is_foreign(store):
    token = store.token()
    cookie = {**secure_cookie(store, token), "wsgi_url_scheme": "https"}
    assert create(store, HTTP_ORIGIN="http://shop.example", **cookie).status == 403
    assert is_let_in(create(store, HTTP_ORIGIN="https://shop.example", **cookie))


def test_a_browser_is_given_the_session_of_a_link(store):
    token = store.token(minutes=5)
    reply = store.post("/pay/session", {"token": token})
    session = store.app.web_sessions.open(token)
    assert json.loads(reply.body)["data"] == {
        "store": "demo", "title": "Demo shop", "role": "buyer",
        "session": session.digest, "holder": session.holder,
    }  # fmt: skip
    assert reply.headers["set-cookie"] == (
        f"payment_session={token}; Path=/; Max-Age=300; HttpOnly; SameSite=Strict"
    )
    assert reply.headers["cache-control"] == "no-store"


def test_over_https_the_cookie_is_one_that_only_this_host_can_set(store):
    token = store.token(Role.CASHIER, "", minutes=5)
    secure = {"wsgi_url_scheme": "https", "HTTP_ORIGIN": "https://shop.example"}
    reply = store.post("/pay/session", {"token": token}, **secure)
    assert json.loads(reply.body)["data"]["role"] == "cashier"
    assert reply.headers["set-cookie"] == (
        f"__Host-payment_session={token}; Path=/; Secure; Max-Age=300; HttpOnly; SameSite=Strict"
    )
    planted = {"HTTP_COOKIE": f"payment_session={token}", **secure}
    assert create(store, **planted).status == 401
    assert is_let_in(create(store, **{**planted, **secure_cookie(store, token)}))


def test_where_the_world_comes_by_https_the_cookie_is_secure_behind_a_plain_proxy(store, public):
    reply = store.post(
        "/pay/session", {"token": store.token()}, HTTP_ORIGIN="https://pay.example"
    )  # fmt: skip
    assert "; Secure;" in reply.headers["set-cookie"]


def test_a_foreign_page_can_not_put_its_own_session_into_a_browser(store):
    for environ in ({"HTTP_X_PAYMENT_WEB": None}, {"HTTP_ORIGIN": "http://evil.example"}):
        reply = store.post("/pay/session", {"token": store.token()}, **environ)
        assert reply.status == 403
        assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("content", [{}, {"token": 7}, {"token": ""}, {"token": "x", "to": "/"}])
def test_a_way_in_that_is_not_asked_for_properly_is_refused(store, content):
    assert store.post("/pay/session", content).status == 400


def test_the_way_in_is_a_page_that_holds_no_token_and_needs_none(store):
    for path, to in (("/pay/enter", "scan"), ("/pay/enter/abc123", "checkout/abc123")):
        reply = store.get(path)
        assert reply.status == 200
        assert f'data-to="{to}"' in reply.text
    assert store.get("/pay/enter/..").status == 404
    assert store.get('/pay/enter/a"b').status == 404


def test_reading_needs_no_proof_of_a_page(store):
    order = store.order()
    assert store.get(f"/pay/checkout/{order.id}", store.token()).status == 200


def test_a_bearer_wins_over_a_cookie(store):
    order = store.order()
    reply = store.get(
        f"/pay/checkout/{order.id}", store.token(),
        HTTP_AUTHORIZATION=f"Bearer {store.token(buyer='xiaohei')}",
    )  # fmt: skip
    assert reply.status == 404


def test_a_session_of_a_store_reaches_no_other_store_even_of_an_operator(store):
    store.set('operators = ["other"]')
    assert store.app.acting_as("other").actor.is_operator
    order = store.order()
    for role in Role:
        token = store.token(role, "xiaobai", "other")
        assert store.get(f"/pay/checkout/{order.id}", token).status == 404
        store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"}, token, status=404)


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_trouble_with_the_key_is_told_to_the_log_alone(store, caplog, mode):
    token = store.token()
    (store.root / "home/demo/.payment/web.key").chmod(mode)
    reply = create(store, token)
    assert (reply.status, json.loads(reply.body)["msg"]) == (503, "try again later")
    assert "web.key" in caplog.text
    assert store.get("/pay/scan", token).status == 503


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/pay/session", "/pay/ajax/create", "/pay/ajax/send"])
def test_what_acts_is_posted(store, method, path):
    reply = call(store.application, method, path)
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/pay/scan", "/pay/checkout/x", "/pay/enter", "/pay/ajax/get?id=x"]
)
def test_pages_are_only_read(store, path):
    reply = store.post(path, {}, store.token())
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
