"""The cashier's page in a real browser, served by the real server from a real tree."""

from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from payment_cli.app import App
from payment_cli.model.payments.payment import Status
from payment_cli.services.payments.records import PAYMENTS
from tests.support.browser import (
    COME_BACK,
    a_phone,
    text_of,
    the_new_window,
    wait_for_heading,
)
from tests.support.clock import CountedIds, HandClock
from tests.support.lacks import NEEDS_BROWSER
from tests.support.stored_payment import store_payment
from tests.support.web_server import web_server

pytestmark = NEEDS_BROWSER


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def tree(place):
    root = place / "tree"
    root.mkdir(mode=0o700)
    app = App(root, "root", {}, HandClock(), CountedIds())
    yield app
    app.close()


@pytest.fixture(scope="module")
def url(tree, place):
    with web_server(tree.root, place / "server.log") as server:
        yield server.url


@pytest.fixture
def browser(shared_browser):
    """A browser on an empty page; the page under test must not have complained in the end."""
    shared_browser.set_window_size(1000, 800)
    shared_browser.get("about:blank")
    shared_browser.get_log("browser")
    yield shared_browser
    assert shared_browser.get_log("browser") == []


@pytest.fixture
def show(browser, url):
    def show(payment):
        browser.get(f"{url}/pay/{payment.view_key}")

    return show


def change(tree, payment, **changes):
    """Change the stored payment, as a callback or a check would."""
    with tree.storage.transaction("test") as tx:
        record = tx.get(PAYMENTS, payment.id)
        tx.put(PAYMENTS, payment._replace(rev=record["rev"], **changes).to_record())


def test_the_payer_scans_and_the_page_turns_to_paid_by_itself(browser, show, tree):
    payment = store_payment(tree, pay_tp="zfb.qrcode", re_obj="https://qr.alipay.com/bax0")
    show(payment)
    assert text_of(browser, "h1") == "Scan with Alipay"
    assert text_of(browser, ".amount") == "¥23.00"
    code = browser.find_element(By.CSS_SELECTOR, ".qr svg")
    assert code.is_displayed()
    assert code.size["width"] > 200
    assert not browser.find_element(By.CSS_SELECTOR, ".on-phone").is_displayed()
    change(tree, payment, st=Status.OK)
    wait_for_heading(browser, "Paid")
    assert browser.title == "Paid – Payment"
    assert browser.find_elements(By.CSS_SELECTOR, ".qr") == []


def test_a_page_opened_too_early_shows_the_code_when_there_is_one(browser, show, tree):
    payment = store_payment(tree, st=Status.NEW, pay_tp="", re_tp="", re_obj=None)
    show(payment)
    assert text_of(browser, "h1") == "One moment"
    change(tree, payment, st=Status.WAIT, pay_tp="wx.qrcode", re_tp="QRCODE", re_obj="weixin://x")
    browser.execute_script(COME_BACK)
    wait_for_heading(browser, "Scan with WeChat")
    assert browser.find_element(By.CSS_SELECTOR, ".qr svg").is_displayed()


def test_a_code_that_was_replaced_is_drawn_anew(browser, show, tree):
    payment = store_payment(tree, re_obj="weixin://first")
    show(payment)
    first = browser.find_element(By.CSS_SELECTOR, ".qr path").get_attribute("d")
    change(tree, payment, re_obj="weixin://second")
    browser.execute_script(COME_BACK)
    path = (By.CSS_SELECTOR, ".qr path")
    WebDriverWait(browser, 30, 0.1, (Exception,)).until(
        lambda browser: browser.find_element(*path).get_attribute("d") != first
    )


def test_a_link_opens_beside_the_page_which_goes_on_asking(browser, url, tree):
    # Another host name is another origin: to that, only ours is told, and not the view key.
    elsewhere = url.replace("127.0.0.1", "localhost")
    target = f"{url}/pay/{'0' * 64}"
    payment = store_payment(tree, pay_tp="paypal", re_tp="LINK", re_obj=target)
    browser.get(f"{elsewhere}/pay/{payment.view_key}")
    browser.find_element(By.LINK_TEXT, "Continue to pay").click()
    with the_new_window(browser):
        WebDriverWait(browser, 30, 0.1).until(lambda browser: browser.current_url == target)
        told = browser.execute_script("return [window.opener, document.referrer]")
    assert told == [None, f"{elsewhere}/"]
    # The stand-in for the provider's page is a 404 of ours, which the browser notes.
    browser.get_log("browser")
    change(tree, payment, st=Status.FAIL)
    browser.execute_script(COME_BACK)
    wait_for_heading(browser, "Not paid")


def test_a_hostile_brief_is_text_and_runs_nothing(browser, show, tree):
    hostile = "<script>window.canary=1</script><img src=x onerror='window.canary=1'>"
    show(store_payment(tree, brief=hostile))
    assert text_of(browser, ".brief") == hostile
    assert browser.execute_script("return window.canary === undefined")


def test_the_policy_stops_a_script_that_is_not_the_pages_own(browser, show, tree):
    show(store_payment(tree))
    browser.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.canary = 1';"
        "document.body.append(s)"
    )
    assert browser.execute_script("return window.canary === undefined")
    [complaint] = browser.get_log("browser")
    assert "Content Security Policy" in complaint["message"]


def test_trouble_at_the_server_leaves_the_page_as_it_is_until_it_is_over(browser, show, tree):
    payment = store_payment(tree)
    show(payment)
    path = Path(tree.root, "var/payment", f"{payment.id}.json")
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    browser.execute_script(COME_BACK)
    WebDriverWait(browser, 30, 0.1).until(lambda browser: browser.get_log("browser"))
    assert text_of(browser, "h1") == "Scan with WeChat"
    path.write_bytes(whole)
    change(tree, payment, st=Status.OK)
    browser.execute_script(COME_BACK)
    wait_for_heading(browser, "Paid")


def test_on_a_phone_it_fits_and_an_alipay_code_can_be_opened_there(browser, show, tree):
    with a_phone(browser):
        show(
            store_payment(
                tree, brief="很长的商品名" * 30, fee=10**12, cur="USD", pay_tp="zfb.qrcode",
                re_obj="https://qr.alipay.com/bax0",
            )
        )  # fmt: skip
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
        button = browser.find_element(By.LINK_TEXT, "Open on this phone")
        assert button.is_displayed()
        assert button.size["height"] >= 44
