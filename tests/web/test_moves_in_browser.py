"""Two stores, two tabs and a foreign page, in a real browser: no money goes where nobody meant it.

The foreign page is on another port of the same host. For a browser that is another origin, but the
same site, and cookies know no ports at all.
"""

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import text_to_be_present_in_element
from selenium.webdriver.support.wait import WebDriverWait

from payment_cli.model.query.match import equal
from payment_cli.services.payments.records import PAYMENTS
from tests.support.browser import (
    COME_BACK,
    text_of,
    wait_for,
    wait_for_heading,
)
from tests.support.http_server import Said, scripted_server
from tests.support.lacks import NEEDS_BROWSER
from tests.support.served_shop import served_shop

pytestmark = NEEDS_BROWSER

PAYS, HESITATES = "130000000000000000", "130000000000000001"
NO_SESSION = "Please open your link again"
MOVED = "This page can't act any more"
ARRIVED = "This is another store than before"
ASKS = "Do you want to enter?"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with served_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture
def browser(shared_browser, shop):
    """A browser that was never here, with one tab."""
    first, *others = shared_browser.window_handles
    for other in others:
        shared_browser.switch_to.window(other)
        shared_browser.close()
    shared_browser.switch_to.window(first)
    shared_browser.get(shop.server.url + "/pay/enter")
    shared_browser.execute_cdp_cmd("Network.clearBrowserCookies", {})  # of every path
    shared_browser.execute_script("localStorage.clear(); sessionStorage.clear()")
    shared_browser.get("about:blank")
    return shared_browser


@pytest.fixture
def foreign():
    """A server on another port, whose every page is what the test says."""
    with scripted_server() as server:
        server.page = lambda html, **headers: server.says(
            Said(200, html.encode(), {"Content-Type": "text/html", **headers})
        )
        yield server


def take_till(browser, shop, store="demo"):
    browser.get(shop.link(store=store))
    wait_for(browser, "[name=amount]")


def charge(browser, amount="23.5"):
    wait_for(browser, "[name=amount]").send_keys(amount + Keys.ENTER)


def go_on(browser, heading):
    """Answer the page's question of this heading."""
    button = wait_for_asking(browser, heading).find_element(By.TAG_NAME, "button")
    button.click()


def wait_for_asking(browser, heading):
    section = wait_for(browser, "section.asking")
    assert section.find_element(By.TAG_NAME, "h1").text == heading
    return section


def enter_in_new_tab(browser, shop, link):
    """Enter in a second tab, knowingly, and come back to the first."""
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(link)
    go_on(browser, ASKS)
    WebDriverWait(browser, 30, 0.1).until(lambda browser: "/enter" not in browser.current_url)
    second = browser.current_window_handle
    browser.switch_to.window(first)
    return second


def payments_of(shop, store):
    return shop.app.storage.count(PAYMENTS, equal("seller_nm", store))


def test_an_open_till_takes_nothing_for_the_store_entered_in_another_tab(browser, shop):
    before = payments_of(shop, "demo"), payments_of(shop, "other")
    take_till(browser, shop)
    assert text_of(browser, ".store") == "Red Fox Tea House"
    second = enter_in_new_tab(browser, shop, shop.link(store="other"))
    charge(browser)
    asking = wait_for_asking(browser, MOVED)
    assert "Red Fox Tea House" in asking.text
    assert not browser.find_element(By.ID, "due").is_displayed()
    assert (payments_of(shop, "demo"), payments_of(shop, "other")) == before
    # The tab does not become the other store's by being loaded anew, until that was said.
    asking.find_element(By.TAG_NAME, "button").click()
    WebDriverWait(browser, 30, 0.1, (WebDriverException,)).until(
        text_to_be_present_in_element((By.TAG_NAME, "main"), ARRIVED)
    )
    assert "Grey Wolf Hardware" in wait_for_asking(browser, ARRIVED).text
    go_on(browser, ARRIVED)
    charge(browser)
    wait_for_heading(browser, "Scan the customer's code")
    assert text_of(browser, ".store") == "Grey Wolf Hardware"
    assert payments_of(shop, "other") == before[1] + 1
    browser.switch_to.window(second)
    assert text_of(browser, ".store") == "Grey Wolf Hardware"


def test_a_scan_at_an_open_till_is_not_sent_by_the_other_cookie(browser, shop):
    take_till(browser, shop)
    charge(browser)
    wait_for_heading(browser, "Scan the customer's code")
    payment_id = browser.current_url.rpartition("/")[2]
    enter_in_new_tab(browser, shop, shop.link(store="other"))
    wait_for(browser, "[name=code]").send_keys(PAYS + Keys.ENTER)
    wait_for_asking(browser, MOVED)
    assert shop.app.payments.get(payment_id).st == "NEW"


def test_a_page_that_looks_says_that_it_looks_at_another_session(browser, shop):
    take_till(browser, shop)
    charge(browser)
    wait_for(browser, "[name=code]").send_keys(HESITATES + Keys.ENTER)
    wait_for_heading(browser, "The customer has to confirm")
    enter_in_new_tab(browser, shop, shop.link(store="other"))
    browser.execute_script(COME_BACK)
    wait_for_asking(browser, MOVED)


def test_the_next_customer_is_not_served_at_another_store_unasked(browser, shop):
    take_till(browser, shop)
    charge(browser)
    wait_for(browser, "[name=code]").send_keys(PAYS + Keys.ENTER)
    wait_for_heading(browser, "Paid")
    enter_in_new_tab(browser, shop, shop.link(store="other"))
    browser.find_element(By.LINK_TEXT, "Next customer").click()
    asking = wait_for_asking(browser, ARRIVED)
    assert "Grey Wolf Hardware" in asking.text
    assert not browser.find_element(By.ID, "due").is_displayed()


def test_a_checkout_does_not_pay_for_another_buyer(browser, shop):
    order = shop.order()
    browser.get(shop.link(order))
    wait_for_heading(browser, "How would you like to pay?")
    enter_in_new_tab(browser, shop, shop.link(shop.order("xiaohei")))
    browser.find_element(By.CSS_SELECTOR, '[data-pay="wx.qrcode"]').click()
    wait_for_asking(browser, MOVED)
    assert shop.stored(order).pay_ids == ()


def test_another_order_of_the_same_buyer_is_opened_without_a_question(browser, shop):
    for order in (shop.order(), shop.order()):
        browser.get(shop.link(order))
        wait_for_heading(browser, "How would you like to pay?")
        assert browser.current_url.endswith(order.id)


def test_a_foreign_page_does_not_move_a_till(browser, shop, foreign):
    take_till(browser, shop)
    theirs = shop.link(store="other")
    foreign.page(f"<script>location = {theirs!r}</script>")
    browser.get(foreign.url)
    asking = wait_for_asking(browser, ASKS)
    assert "Now: Red Fox Tea House at the till" in asking.text
    assert "Link: Grey Wolf Hardware at the till" in asking.text
    browser.get(f"{shop.server.url}/pay/scan")
    charge(browser)
    wait_for_heading(browser, "Scan the customer's code")
    assert text_of(browser, ".store") == "Red Fox Tea House"


def test_a_foreign_page_lets_nobody_in_unasked(browser, shop, foreign):
    foreign.page(f"<script>location = {shop.link(store='other')!r}</script>")
    browser.get(foreign.url)
    asking = wait_for_asking(browser, ASKS)
    assert not browser.find_element(By.ID, "at").is_displayed()
    assert "Grey Wolf Hardware" in asking.text
    assert browser.get_cookies() == []
    go_on(browser, ASKS)
    wait_for(browser, "[name=amount]")


def test_a_foreign_page_can_not_post_itself_in_or_act(browser, shop, foreign):
    """Neither by a form nor by a question, although the cookie goes along with both."""
    take_till(browser, shop)
    before = payments_of(shop, "demo")
    token = shop.link(store="other").partition("#")[2]
    foreign.page("<h1>foreign</h1>")
    browser.get(foreign.url)
    heard = browser.execute_async_script(
        """const [url, token, done] = arguments;
        const ask = (path, content, headers, mode) => fetch(url + path, {
          method: "POST", credentials: "include", mode, headers, body: JSON.stringify(content),
        }).then((reply) => reply.type, () => "no");
        const json = {"Content-Type": "application/json", "X-Payment-Web": "enter"};
        const plain = {"Content-Type": "text/plain"};
        Promise.all([
          ask("/pay/session", {token}, json, "cors"),
          ask("/pay/session", {token}, plain, "no-cors"),
          ask("/pay/ajax/create", {fee: 1, brief: ""}, json, "cors"),
          ask("/pay/ajax/create", {fee: 1, brief: ""}, plain, "no-cors"),
        ]).then(done);""",
        shop.server.url, token,
    )  # fmt: skip
    assert heard == ["no", "opaque", "no", "opaque"]
    browser.execute_script(
        """const form = document.createElement("form");
        form.method = "post"; form.enctype = "text/plain"; form.action = arguments[0];
        const field = document.createElement("input");
        field.name = '{"token":"' + arguments[1] + '","x":"'; field.value = '"}';
        form.append(field); document.body.append(form); form.submit();""",
        f"{shop.server.url}/pay/session", token,
    )  # fmt: skip
    WebDriverWait(browser, 30, 0.1).until(lambda browser: "/pay/session" in browser.current_url)
    browser.get(f"{shop.server.url}/pay/scan")
    assert text_of(browser, ".store") == "Red Fox Tea House"
    assert payments_of(shop, "demo") == before


@pytest.mark.parametrize(
    ("path", "says", "afterwards"),
    [
        ("/", MOVED, ARRIVED),
        ("/pay", "Please open your link again.", "Two sessions at once"),
        ("/pay/scan", "Two sessions at once", "Two sessions at once"),
        ("/pay/ajax", "Please open your link again.", "Red Fox Tea House"),
    ],
)
def test_a_cookie_set_by_another_port_moves_no_till(browser, shop, foreign, path, says, afterwards):
    take_till(browser, shop)
    before = payments_of(shop, "other")
    token = shop.link(store="other").partition("#")[2]
    foreign.page(
        "<h1>foreign</h1>",
        **{"Set-Cookie": f"payment_session={token}; Path={path}; HttpOnly; SameSite=Strict"},
    )
    tab = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(foreign.url)
    wait_for_heading(browser, "foreign")
    browser.switch_to.window(tab)
    charge(browser)
    for what in (says, afterwards):
        WebDriverWait(browser, 30, 0.1, (WebDriverException,)).until(
            text_to_be_present_in_element((By.TAG_NAME, "main"), what)
        )
        browser.get(f"{shop.server.url}/pay/scan")
    assert payments_of(shop, "other") == before


def test_who_logs_out_is_out_in_every_tab_and_the_link_is_dead(browser, shop):
    link = shop.link()
    browser.get(link)
    wait_for(browser, "[name=amount]")
    browser.switch_to.new_window("tab")
    browser.get(shop.server.url + "/pay/scan")
    wait_for(browser, "#leave").click()
    wait_for_heading(browser, NO_SESSION)
    assert browser.get_cookies() == []
    assert browser.execute_script("return localStorage.length + sessionStorage.length") == 0
    before = payments_of(shop, "demo")
    browser.switch_to.window(browser.window_handles[0])
    charge(browser)
    WebDriverWait(browser, 30, 0.1).until(
        text_to_be_present_in_element((By.ID, "note"), "Please open your link again.")
    )
    assert payments_of(shop, "demo") == before
    browser.get("about:blank")
    browser.get(link)
    wait_for(browser, "#note")
    assert "Please open your link again." in text_of(browser, "#note")
