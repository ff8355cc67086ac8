"""A store's logo: shown on every page of the store, and nothing but a picture."""

import os
import re
from urllib.parse import urljoin

import pytest

from payment_cli.files.authored import LOGO_MAX
from tests.support.pictures import NO_PICTURES, PICTURES

PNG = PICTURES["image/png"]


@pytest.fixture
def place(store):
    return store.root / "home/demo/.store/store_logo.jpg"


def pages(store):
    """Every page that a buyer or a cashier of the store sees, with who opens it."""
    order = store.order()
    payment = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"})
    charged = store.ask("create", {"fee": 1, "brief": ""}, store.cashier())["payment"]["id"]
    yield f"/pay/checkout/{order.id}", store.token()
    yield "/pay/scan", store.cashier()
    yield f"/pay/scan/{charged}", store.cashier()
    yield f"/pay/{payment['view_key']}", ""


def logo_on(page, path):
    found = re.search(r'<img class="logo" src="([^"]+)" alt="">', page)
    if found is None:
        return None
    # As a browser does, relative to the page's address.
    return urljoin(path, found[1])


def test_every_page_shows_the_stores_logo_and_title(store, place):
    place.write_bytes(PNG)
    for path, token in pages(store):
        reply = store.get(path, token)
        head = reply.text.partition("</header>")[0]
        assert logo_on(head, path) == "/pay/logo/demo", path
        assert '<p class="store">Demo shop</p>' in head
        assert "img-src 'self' data:" in reply.headers["content-security-policy"]


@pytest.mark.parametrize("media_type", PICTURES)
def test_it_is_sent_as_what_it_is_and_can_do_nothing(store, place, media_type):
    place.write_bytes(PICTURES[media_type])
    reply = store.get("/pay/logo/demo")
    assert (reply.status, reply.body) == (200, PICTURES[media_type])
    assert reply.headers["content-type"] == media_type
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "sandbox" in reply.headers["content-security-policy"]
    assert reply.headers["cache-control"] == "public, max-age=300"
    assert "set-cookie" not in reply.headers


def nowhere(store, place):
    """Make of the logo what is not one, one after the other."""
    yield
    for data in (*NO_PICTURES.values(), PNG + b"x" * LOGO_MAX):
        place.write_bytes(data)
        yield
    place.unlink()
    outside = store.root / "outside.png"
    outside.write_bytes(PNG)
    place.symlink_to(outside)
    yield
    place.unlink()
    place.mkdir()
    yield
    place.rmdir()
    os.mkfifo(place)
    yield


def test_what_is_no_picture_of_the_stores_own_is_not_shown(store, place):
    opened = list(pages(store))
    for _ in nowhere(store, place):
        assert store.get("/pay/logo/demo").status == 404
        for path, token in opened:
            reply = store.get(path, token)
            assert (reply.status, logo_on(reply.text, path)) == (200, None)


@pytest.mark.parametrize(
    "name",
    ["nobody", "..", "demo..x", "demo/..", "demo%2f..", ".demo", "DEMO", "demo.png", "x" * 40],
)
def test_there_is_no_other_way_to_a_file(store, place, name):
    place.write_bytes(PNG)
    assert store.get(f"/pay/logo/{name}").status == 404


def test_a_payment_of_who_is_no_store_any_more_is_still_shown(store):
    path, token = list(pages(store))[-1]
    (store.root / "home/demo/.store/store_info.json").unlink()
    reply = store.get(path, token)
    assert reply.status == 200
    assert 'class="store"' not in reply.text
