"""Leaving: the cookie goes, and no copy of the token opens anything any more."""

import json

import pytest

from payment_cli.services.stores.sessions import FORGOTTEN_MAX
from payment_cli.storage.base import Collection
from tests.support.store_web import OWN_PAGE

REVOKED = Collection("revoked", "demo")


def logout(store, token, **environ):
    return store.post("/pay/ajax/logout", {}, token, **environ)


def test_who_leaves_loses_the_cookie_and_the_token_is_void_for_good(store):
    token, order = store.token(), store.order()
    reply = logout(store, token)
    assert json.loads(reply.body) == {"ok": True, "data": {}}
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert store.get(f"/pay/checkout/{order.id}", token).status == 401
    assert store.post("/pay/session", {"token": token}).status == 401
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}", **dict.fromkeys(OWN_PAGE)}
    assert store.post("/pay/ajax/create", {"or_id": order.id}, **bearer).status == 401
    assert logout(store, token).status == 401


def test_other_sessions_of_the_same_buyer_and_store_go_on(store):
    token, other, order = store.token(), store.token(), store.order()
    logout(store, token)
    assert store.get(f"/pay/checkout/{order.id}", other).status == 200


def test_a_program_leaves_by_its_bearer(store):
    token = store.token()
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}", **dict.fromkeys(OWN_PAGE)}
    assert logout(store, "", **bearer).status == 200
    assert logout(store, "", **bearer).status == 401


@pytest.mark.parametrize(
    "foreign",
    [{"HTTP_SEC_FETCH_SITE": "cross-site"}, {"HTTP_ORIGIN": "https://evil.example"},
     {"HTTP_X_PAYMENT_WEB": None}, {"HTTP_X_PAYMENT_WEB": "another"}],
)  # fmt: skip
def test_no_other_page_logs_anybody_out(store, foreign):
    token = store.token()
    assert logout(store, token, **foreign).status in (403, 409)
    assert logout(store, token).status == 200


def test_both_cookies_are_removed_whatever_the_scheme(store):
    said = []

    def start(_status, headers):
        said.extend(value for name, value in headers if name == "Set-Cookie")

    from io import BytesIO

    token = store.token()
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/pay/ajax/logout", "CONTENT_LENGTH": "2",
        "CONTENT_TYPE": "application/json", "wsgi.input": BytesIO(b"{}"),
        "wsgi.url_scheme": "http", "HTTP_AUTHORIZATION": f"Bearer {token}",
    }  # fmt: skip
    list(store.application(environ, start))
    assert [value.partition("=")[0] for value in said] == [
        "__Host-payment_session", "payment_session",
    ]  # fmt: skip
    assert all("Path=/" in value and "Max-Age=0" in value for value in said)


def test_what_was_voided_is_forgotten_when_it_would_be_over_anyway(store):
    tokens = [store.token(minutes=1) for _ in range(FORGOTTEN_MAX + 2)]
    for token in tokens:
        logout(store, token)
    assert store.count(REVOKED) == len(tokens)
    store.clock.now += 61_000
    logout(store, store.token())
    assert store.count(REVOKED) == 3
    logout(store, store.token())
    assert store.count(REVOKED) == 2
    assert logout(store, tokens[0]).status == 401


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_pages_of_a_session_have_a_way_out_and_no_other_page_has(store, lang):
    token, order = store.token(), store.order()
    pages = {
        f"/pay/checkout/{order.id}": token, "/pay/scan": store.cashier(), "/pay/enter": "",
    }  # fmt: skip
    for path, of in pages.items():
        page = store.get(path, of, HTTP_ACCEPT_LANGUAGE=lang).text
        assert ('id="leave"' in page) is bool(of), path
