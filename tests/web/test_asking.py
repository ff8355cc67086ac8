"""A slow provider keeps nobody waiting but those who ask it."""

import json
import subprocess
import sys
import threading
from http.client import HTTPConnection

import pytest
from qrcode.main import QRCode

from payment_cli.web.asking import ASKING_MAX, Places
from payment_cli.web.html import QR_KEPT, draw_qr
from tests.support.browser import wait_for
from tests.support.lacks import NEEDS_BROWSER
from tests.support.served_shop import served_shop

BROWSER, WITH_DRIVER = NEEDS_BROWSER


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with served_shop(tmp_path_factory.mktemp("asking"), workers=1) as shop:
        yield shop
        shop.sandbox.sandbox.control.behave()


def token_of(shop, order):
    return shop.link(order).partition("#")[2]


def asked(shop, method, path, content=None, token=""):
    connection = HTTPConnection("127.0.0.1", shop.server.port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(content) if content else None, headers)
    reply = connection.getresponse()
    answer = reply.status, json.loads(reply.read()), reply.headers
    connection.close()
    return answer


def test_twelve_payers_at_a_dripping_provider_hold_up_no_poll_and_no_callback(shop):
    waits = shop.order("buyer0")
    token = token_of(shop, waits)
    sent = {"or_id": waits.id, "pay_tp": "wx.qrcode"}
    _, answer, _ = asked(shop, "POST", "/pay/ajax/send", sent, token)
    payment_id = answer["data"]["id"]
    shop.sandbox.sandbox.control.misbehave("slow", where="answer", sticky=True, hold_s=8)
    replies = []

    def send(order):
        sent = {"or_id": order.id, "pay_tp": "wx.qrcode"}
        replies.append(asked(shop, "POST", "/pay/ajax/send", sent, token_of(shop, order)))

    orders = [shop.order(f"buyer{number}") for number in range(1, 13)]
    threads = [threading.Thread(target=send, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    while sum(thread.is_alive() for thread in threads) > ASKING_MAX:
        pass
    # Two ask the provider; nobody waits behind them, and nothing was done for the others.
    assert [status for status, _, _ in replies] == [503] * (12 - ASKING_MAX)
    assert {headers["Retry-After"] for _, _, headers in replies} == {"1"}
    for _ in range(3):
        status, answer, _ = asked(shop, "GET", f"/pay/ajax/get?id={payment_id}", token=token)
        assert (status, answer["data"]["status"]) == (200, "WAIT")
        status, answer, _ = asked(shop, "POST", "/pay/ajax/check", {"id": payment_id}, token)
        assert (status, answer["data"]["status"]) == (200, "WAIT")
    shop.payer_pays(payment_id)
    status, answer, _ = asked(shop, "GET", f"/pay/ajax/get?id={payment_id}", token=token)
    assert answer["data"]["status"] == "OK"
    assert sum(thread.is_alive() for thread in threads) == ASKING_MAX
    shop.sandbox.sandbox.control.behave()
    for thread in threads:
        thread.join()


def test_places_are_given_back_whatever_becomes_of_the_question():
    places = Places()
    for _ in range(ASKING_MAX + 1):
        with pytest.raises(ZeroDivisionError):
            fail_in(places)
    with places.take(), places.take(), places.take() as third:
        assert not third


def fail_in(places):
    with places.take() as has_place:
        assert has_place
        raise ZeroDivisionError


def test_the_code_of_a_page_is_drawn_once_however_often_it_is_shown(monkeypatch, store):
    drawn = []
    make = QRCode.make_image
    monkeypatch.setattr(
        QRCode, "make_image", lambda code, **how: drawn.append(code) or make(code, **how)
    )
    token, order = store.token(), store.order()
    view_key = store.ask("send", {"or_id": order.id, "pay_tp": "wx.qrcode"}, token)["view_key"]
    pages = [store.get(f"/pay/checkout/{order.id}", token).text for _ in range(3)]
    pages.append(store.get(f"/pay/{view_key}").text)
    assert all("<svg" in page for page in pages)
    assert len(drawn) <= 1, "another test may have drawn it"
    for number in range(QR_KEPT + 1):
        assert f'aria-label="{number}"' in draw_qr("one more code", str(number))
    assert len(drawn) <= 2


@pytest.mark.parametrize(
    ("module", "may"),
    [
        (
            "payment_cli.web.shim",
            {"", ".shim", ".wsgi", ".logged", ".patience", ".thread_app"},
        )
    ],
)
def test_callbacks_alone_import_nothing_of_the_pages(module, may):
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = done.stdout.split()
    ours = {name for name in modules if name.startswith("payment_cli.web")}
    assert ours == {f"payment_cli.web{name}" for name in may}
    for name in ("qrcode", "payment_cli.services", "payment_cli.model.shop", "sqlite3", "html"):
        assert name not in modules


@BROWSER
@WITH_DRIVER
def test_a_page_that_found_no_place_tries_again_by_itself(shop, shared_browser):
    orders = [shop.order(f"slow{number}") for number in range(ASKING_MAX)]
    for order in orders:
        waits = shop.app.shop.order_payments.open(order.id).id
        shop.sandbox.sandbox.control.misbehave("slow", where="answer", order=waits, hold_s=5)
    mine = shop.order("patient")
    shared_browser.get(shop.link(mine))
    way = wait_for(shared_browser, '[data-pay="wx.qrcode"]')
    threads = [
        threading.Thread(
            target=asked,
            args=(shop, "POST", "/pay/ajax/send", {"or_id": order.id, "pay_tp": "wx.qrcode"}),
            kwargs={"token": token_of(shop, order)},
        )
        for order in orders
    ]
    for thread in threads:
        thread.start()
    while (shop.stored(orders[-1]).pay_tp, shop.stored(orders[0]).pay_tp) != ("wx.qrcode",) * 2:
        pass
    way.click()
    wait_for(shared_browser, ".qr svg")
    for thread in threads:
        thread.join()
    assert '"POST /pay/ajax/send HTTP/1.1" 503' in shop.server.log.read_text()
