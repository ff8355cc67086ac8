"""Every answer keeps itself out of caches, frames and sniffers' guesses, whoever makes it."""

import pytest

from payment_cli.web import wsgi
from payment_cli.web.shim import make_shim
from tests.support.wsgi import call

LOCKED = "default-src 'none'"


def requests(store):
    order, token = store.order(), store.token()
    sent = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"}, token)
    page = f"/pay/{sent['view_key']}"
    logo = store.root / "home/demo/.store/store_logo.jpg"
    logo.write_bytes(b"GIF89a" + bytes(20))
    yield from (
        ("GET", page, ""), ("HEAD", page, ""), ("POST", page, ""), ("GET", "/pay/" + "0" * 64, ""),
        ("GET", f"/pay/checkout/{order.id}", token), ("GET", "/pay/checkout/nothing", token),
        ("GET", f"/pay/checkout/{order.id}", ""), ("GET", "/pay/scan", store.cashier()),
        ("GET", "/pay/scan", token), ("GET", "/pay/enter", ""), ("POST", "/pay/enter", ""),
        ("POST", "/pay/session", ""), ("GET", "/pay/session", ""), ("POST", "/pay/ajax/logout", ""),
        ("GET", f"/pay/ajax/get?id={sent['id']}", token), ("POST", "/pay/ajax/check", token),
        ("POST", "/pay/ajax/nothing", ""), ("GET", "/", ""), ("GET", "/favicon.ico", ""),
        ("POST", "/pay/re", ""), ("GET", "/pay/re", ""), ("POST", "/pay/re/wx.qrcode/demo/x", ""),
        ("GET", "/pay/logo/demo", ""), ("GET", "/pay/logo/nothing", ""),
    )  # fmt: skip


def test_every_answer_has_the_headers_that_lock_it(store):
    seen = set()
    for method, path, token in requests(store):
        reply = (
            store.get(path, token)
            if method == "GET"
            else call(
                store.application, method, path, b"{}", HTTP_COOKIE=f"payment_session={token}"
            )
        )
        said = reply.headers
        seen.add(reply.status)
        policy = said["content-security-policy"]
        assert LOCKED in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert said["x-content-type-options"] == "nosniff", path
        assert said["referrer-policy"] == "no-referrer", path
        assert said["x-frame-options"] == "DENY", path
        is_logo = path == "/pay/logo/demo"
        assert said["cache-control"] == ("public, max-age=300" if is_logo else "no-store"), path
    assert {200, 400, 401, 403, 404, 405} <= seen


def test_an_error_of_ours_has_them_too(store, monkeypatch):
    def broken():
        raise ZeroDivisionError

    reply = call(make_shim(broken), "POST", "/pay/re", b"{}")
    assert reply.status == 500
    assert {name.lower() for name, _ in wsgi.SAFE_HEADERS} <= set(reply.headers)


@pytest.mark.parametrize("name", [name for name, _ in wsgi.SAFE_HEADERS])
def test_no_header_is_said_twice(store, name):
    order, token = store.order(), store.token()
    said = []

    def start(_status, headers):
        said.extend(headers)

    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": f"/pay/checkout/{order.id}",
        "HTTP_COOKIE": f"payment_session={token}",
        "wsgi.url_scheme": "http",
    }
    list(store.application(environ, start))
    assert [header for header, _ in said].count(name) == 1
