"""The checkout and the till in a real browser: real server, real tree, real gateways' sandbox."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.expected_conditions import url_matches, url_to_be
from selenium.webdriver.support.wait import WebDriverWait

from payment_cli.services.payments.create import NewPayment
from payment_cli.services.payments.send import SendArguments
from tests.support.browser import (
    COME_BACK,
    a_phone,
    text_of,
    the_new_window,
    wait_for,
    wait_for_heading,
)
from tests.support.lacks import NEEDS_BROWSER
from tests.support.pictures import PICTURES
from tests.support.served_shop import FAMILIES, served_shop

pytestmark = NEEDS_BROWSER

#: The store also has the providers' own pages.
PAGES = (
    '{"wx":"sandbox","zfb":"sandbox","wx.h5":"sandbox","zfb.page":"sandbox","zfb.wap":"sandbox"}'
)

#: What the sandbox's payer does is in the last two digits of his code.
PAYS, HESITATES, DECLINED = "130000000000000000", "130000000000000001", "130000000000000002"
ALIPAY_PAYS = "2800000000000000"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with served_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


@pytest.fixture
def browser(shared_browser, shop):
    """A browser without a session; the pages under test must not have complained in the end."""
    shared_browser.set_window_size(1100, 900)
    shared_browser.get(shop.server.url + "/pay/enter")
    shared_browser.delete_all_cookies()
    shared_browser.execute_script("localStorage.clear(); sessionStorage.clear()")
    shared_browser.get("about:blank")
    shared_browser.get_log("browser")
    yield shared_browser
    assert shared_browser.get_log("browser") == []


@pytest.fixture
def checkout(browser, shop):
    """Open the link to a new order; return the order."""

    def checkout():
        order = shop.order()
        browser.get(shop.link(order))
        wait_for_heading(browser, "How would you like to pay?")
        return order

    return checkout


@pytest.fixture
def pages(shop):
    """Let the store have the providers' own pages, for one test."""
    shop.app.merchants.set("demo", "sellers", PAGES)
    yield
    shop.app.merchants.set("demo", "sellers", FAMILIES)


@pytest.fixture
def till(browser, shop):
    """Open the till and say what is due."""

    def till(amount="23.5", brief="Two pots of tea"):
        browser.get(shop.link())
        wait_for(browser, "[name=amount]").send_keys(amount)
        browser.find_element(By.NAME, "brief").send_keys(brief + Keys.ENTER)
        wait_for_heading(browser, "Scan the customer's code")

    return till


def choose(browser, pay_tp):
    browser.find_element(By.CSS_SELECTOR, f'[data-pay="{pay_tp}"]').click()


def type_like_a_scanner(browser, code):
    browser.switch_to.active_element.send_keys(code + Keys.ENTER)


def payment_at_the_till(browser, shop):
    return shop.app.payments.get(browser.current_url.rpartition("/")[2])


def test_a_buyer_opens_his_link_chooses_scans_and_is_done(browser, shop, checkout):
    order = checkout()
    assert browser.current_url == f"{shop.server.url}/pay/checkout/{order.id}"
    assert text_of(browser, ".total b") == "¥197.00"
    [cookie] = browser.get_cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    choose(browser, "wx.qrcode")
    wait_for_heading(browser, "Scan with WeChat")
    code = wait_for(browser, ".qr svg")
    assert code.size["width"] > 200
    shop.payer_pays(shop.stored(order).pay_id)
    browser.execute_script(COME_BACK)
    wait_for_heading(browser, "Paid")
    assert shop.stored(order).ord_status == "OK"
    assert browser.find_elements(By.CSS_SELECTOR, ".qr") == []


def test_a_buyer_changes_his_mind_and_only_the_second_code_can_be_paid(browser, shop, checkout):
    order = checkout()
    choose(browser, "wx.qrcode")
    wait_for_heading(browser, "Scan with WeChat")
    choose(browser, "zfb.qrcode")
    wait_for_heading(browser, "Scan with Alipay")
    first, second = (shop.app.payments.get(pay_id) for pay_id in shop.stored(order).pay_ids)
    assert (first.st, second.st) == ("FAIL", "WAIT")
    shop.payer_pays(second.id)
    browser.execute_script(COME_BACK)
    wait_for_heading(browser, "Paid")
    assert shop.stored(order).pay_id == second.id


def pay_on_the_providers_page(browser):
    """Press the button there, in the window that was opened beside ours."""
    with the_new_window(browser):
        wait_for(browser, "button[value=pay]").click()
        wait_for_heading(browser, "Paid")


def test_a_buyer_pays_on_alipays_page_in_a_new_window_and_ours_turns_to_paid(
    browser, shop, pages, checkout
):
    order = checkout()
    choose(browser, "zfb.page")
    pay_on_the_providers_page(browser)
    browser.execute_script(COME_BACK)
    wait_for_heading(browser, "Paid")
    assert (shop.stored(order).ord_status, shop.stored(order).pay_tp) == ("OK", "zfb.page")


@pytest.mark.parametrize("pay_tp", ["wx.h5", "zfb.wap"])
def test_on_a_phone_the_way_leads_to_the_providers_page(browser, shop, pages, checkout, pay_tp):
    with a_phone(browser):
        order = checkout()
        shown = [
            way.get_attribute("data-pay") for way in browser.find_elements(By.CLASS_NAME, "way")
        ]
        assert shown == ["wx.h5", "zfb.wap"]
        choose(browser, pay_tp)
        pay_on_the_providers_page(browser)
        browser.execute_script(COME_BACK)
        wait_for_heading(browser, "Paid")
    assert (shop.stored(order).ord_status, shop.stored(order).pay_tp) == ("OK", pay_tp)


def test_a_page_that_was_closed_is_opened_again_by_the_button(browser, shop, pages, checkout):
    order = checkout()
    choose(browser, "zfb.page")
    with the_new_window(browser):
        wait_for(browser, "button[value=leave]").click()
        wait_for_heading(browser, "Not paid")
    wait_for_heading(browser, "Ready to pay")
    wait_for(browser, "a.button").click()
    pay_on_the_providers_page(browser)
    browser.execute_script(COME_BACK)
    wait_for_heading(browser, "Paid")
    assert shop.stored(order).ord_status == "OK"


@pytest.mark.parametrize("pay_tp", ["wx.h5", "zfb.page", "zfb.wap"])
def test_the_cashiers_page_of_a_link_leads_there_and_turns_to_paid(browser, shop, pay_tp):
    payment = shop.app.creator.create(NewPayment(fee=2300, brief="Two pots of tea")).payment
    shop.app.sender.send(payment.id, pay_tp, "sandbox", SendArguments(client_ip="127.0.0.1"))
    with a_phone(browser):
        browser.get(f"{shop.server.url}/pay/{payment.view_key}")
        assert text_of(browser, "h1") == "Ready to pay"
        button = browser.find_element(By.LINK_TEXT, "Continue to pay")
        assert button.size["height"] >= 44
        button.click()
        pay_on_the_providers_page(browser)
        browser.execute_script(COME_BACK)
        wait_for_heading(browser, "Paid")
    assert shop.app.payments.get(payment.id).st == "OK"


def test_an_order_cancelled_behind_the_pages_back_is_seen(browser, shop, checkout):
    order = checkout()
    choose(browser, "wx.qrcode")
    wait_for_heading(browser, "Scan with WeChat")
    shop.app.shop.order_payments.cancel(order.id, "sold elsewhere")
    browser.execute_script(COME_BACK)
    wait_for_heading(browser, "Order cancelled")


def test_a_change_that_is_not_certain_is_said_and_works_at_the_next_try(browser, shop, checkout):
    order = checkout()
    choose(browser, "wx.qrcode")
    wait_for_heading(browser, "Scan with WeChat")
    first = shop.stored(order).pay_id
    shop.sandbox.sandbox.control.misbehave("error-before", order=first, operation="close")
    choose(browser, "zfb.qrcode")
    assert wait_for(browser, "#note").text.startswith("It is not certain yet.")
    assert shop.stored(order).pay_ids == (first,)
    choose(browser, "zfb.qrcode")
    wait_for_heading(browser, "Scan with Alipay")
    assert shop.app.payments.get(first).st == "FAIL"


def test_a_session_that_ends_asks_for_the_link_again(browser, shop, checkout):
    order = checkout()
    choose(browser, "wx.qrcode")
    wait_for_heading(browser, "Scan with WeChat")
    shop.app.web_sessions.rotate("demo")
    browser.execute_script(COME_BACK)
    wait_for_heading(browser, "Please open your link again")
    assert all("401" in line["message"] for line in browser.get_log("browser"))
    browser.get(shop.link(order))
    wait_for_heading(browser, "Scan with WeChat")


def test_a_link_that_was_cut_off_says_so(browser, shop):
    browser.get(f"{shop.server.url}/pay/enter/x")
    assert wait_for(browser, "#note").text == "Please open the whole link you were given."
    browser.get("about:blank")
    browser.get(f"{shop.server.url}/pay/enter/x#demo~x~y")
    assert wait_for(browser, "#note").text == "Please open your link again."
    [complaint] = browser.get_log("browser")
    assert "401" in complaint["message"]


def test_a_customers_code_that_pays(browser, shop, till):
    till()
    assert text_of(browser, ".amount") == "¥23.50"
    type_like_a_scanner(browser, PAYS)
    wait_for_heading(browser, "Paid")
    payment = payment_at_the_till(browser, shop)
    assert (payment.st, payment.pay_tp, payment.fee) == ("OK", "wx.scan", 2350)
    assert payment.brief == "Two pots of tea"
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    WebDriverWait(browser, 30, 0.1).until(url_to_be(f"{shop.server.url}/pay/scan"))


def test_a_code_of_alipay_is_known_by_its_digits(browser, shop, till):
    till("9", "")
    type_like_a_scanner(browser, ALIPAY_PAYS)
    wait_for_heading(browser, "Paid")
    assert payment_at_the_till(browser, shop).pay_tp == "zfb.scan"


def test_a_code_that_is_declined_and_another_that_pays(browser, shop, till):
    till()
    type_like_a_scanner(browser, DECLINED)
    wait_for_heading(browser, "Not paid")
    first = payment_at_the_till(browser, shop)
    assert first.fail_re in text_of(browser, ".reason")
    browser.find_element(By.CSS_SELECTOR, "[data-create]").click()
    wait_for_heading(browser, "Scan the customer's code")
    type_like_a_scanner(browser, PAYS)
    wait_for_heading(browser, "Paid")
    second = payment_at_the_till(browser, shop)
    assert (first.st, second.st, second.fee) == ("FAIL", "OK", 2350)
    assert first.id != second.id


def test_a_customer_who_hesitates_and_then_confirms(browser, shop, till):
    till()
    type_like_a_scanner(browser, HESITATES)
    wait_for_heading(browser, "The customer has to confirm")
    assert wait_for(browser, ".left time").text.startswith("0:")
    payment = payment_at_the_till(browser, shop)
    assert payment.st == "WAIT"
    shop.payer_pays(payment.id)
    browser.execute_script(COME_BACK)
    wait_for_heading(browser, "Paid")


def test_the_stores_logo_is_seen_on_every_page(browser, shop):
    logo = shop.app.root / "home/demo/.store/store_logo.jpg"
    logo.write_bytes(PICTURES["image/png"])
    try:
        browser.get(shop.link(shop.order()))
        addresses = []
        for heading in ("How would you like to pay?", "Take a payment", "Scan the customer's code"):
            wait_for_heading(browser, heading)
            logo_seen = browser.find_element(By.CSS_SELECTOR, "header .logo")
            addresses.append(logo_seen.get_attribute("src"))
            WebDriverWait(browser, 30, 0.1).until(
                lambda _, seen=logo_seen: seen.get_property("naturalWidth") == 1
            )
            if heading == "How would you like to pay?":
                browser.delete_all_cookies()
                browser.get(shop.link())
            elif heading == "Take a payment":
                wait_for(browser, "[name=amount]").send_keys("1" + Keys.ENTER)
        assert set(addresses) == {f"{shop.server.url}/pay/logo/demo"}
    finally:
        logo.unlink()


def test_an_order_is_paid_at_the_till_by_its_short_number(browser, shop):
    order = shop.order()
    browser.get(shop.link(order))
    wait_for_heading(browser, "How would you like to pay?")
    number = text_of(browser, ".number").rpartition(" ")[2]
    browser.delete_all_cookies()
    browser.get(shop.link())
    wait_for(browser, "[name=order]").send_keys(number + Keys.ENTER)
    wait_for_heading(browser, "Scan the customer's code")
    type_like_a_scanner(browser, PAYS)
    wait_for_heading(browser, "Paid")
    assert shop.stored(order).ord_status == "OK"


def test_an_order_is_paid_at_the_till(browser, shop):
    order = shop.order()
    browser.get(shop.link())
    wait_for(browser, "[name=order]").send_keys(order.id + Keys.ENTER)
    wait_for_heading(browser, "Scan the customer's code")
    assert text_of(browser, ".amount") == "¥197.00"
    type_like_a_scanner(browser, PAYS)
    wait_for_heading(browser, "Paid")
    assert shop.stored(order).ord_status == "OK"


def test_what_is_no_code_is_said_and_the_field_is_ready_for_the_next(browser, shop, till):
    till()
    type_like_a_scanner(browser, "6901234567892")
    assert wait_for(browser, "#note").text.startswith("That can't be used here.")
    [complaint] = browser.get_log("browser")
    assert "400" in complaint["message"]
    field = browser.find_element(By.NAME, "code")
    assert field.get_attribute("value") == ""
    browser.execute_script("document.activeElement.blur()")
    browser.find_element(By.TAG_NAME, "body").send_keys(PAYS)
    assert field.get_attribute("value") == PAYS
    field.send_keys(Keys.ENTER)
    wait_for_heading(browser, "Paid")


@pytest.mark.parametrize("amount", ["", "0", "-1", "1.234", "1e3", "x"])
def test_what_is_no_amount_is_said_without_asking_the_server(browser, shop, amount):
    browser.get(shop.link())
    wait_for(browser, "[name=amount]").send_keys(amount + Keys.ENTER)
    assert wait_for(browser, "#note").text == "An amount is, for instance, 23 or 23.50."
    assert browser.current_url == f"{shop.server.url}/pay/scan"


@pytest.mark.parametrize(("amount", "shown"), [("0.01", "¥0.01"), ("8,5", "¥8.50"), ("7", "¥7.00")])
def test_an_amount_is_exact_to_the_fen(browser, till, amount, shown):
    till(amount)
    assert text_of(browser, ".amount") == shown


def test_where_the_browser_can_read_codes_the_camera_finds_the_customers(browser, shop, till):
    stub = f"""window.BarcodeDetector = class {{
      static getSupportedFormats() {{ return Promise.resolve(["qr_code"]); }}
      detect(video) {{ return Promise.resolve(
        video.videoWidth ? [{{rawValue: "https://x"}}, {{rawValue: "{PAYS}"}}] : []); }}
    }}"""
    page = "Page.addScriptToEvaluateOnNewDocument"
    script = browser.execute_cdp_cmd(page, {"source": stub})
    try:
        till()
        wait_for(browser, "#camera").click()
        wait_for_heading(browser, "Paid")
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    assert payment_at_the_till(browser, shop).st == "OK"


def test_without_it_there_is_no_camera(browser, till):
    page = "Page.addScriptToEvaluateOnNewDocument"
    script = browser.execute_cdp_cmd(page, {"source": "delete window.BarcodeDetector"})
    try:
        till()
        assert not browser.find_element(By.ID, "camera").is_displayed()
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_a_foreign_page_can_not_pay_with_the_cookie_of_the_browser(browser, shop, checkout):
    order = checkout()
    browser.get("data:text/html,<h1>elsewhere</h1>")
    sent = browser.execute_async_script(
        """const [url, order, done] = arguments;
        const body = JSON.stringify({or_id: order, pay_tp: "wx.qrcode"});
        const plain = {method: "POST", mode: "no-cors", credentials: "include", body};
        const json = {...plain, mode: "cors", headers: {
          "Content-Type": "application/json", "X-Payment-Web": "1"}};
        fetch(url, plain).then(() => fetch(url, json)).then(() => done("read"), () => done("no"));
        """,
        f"{shop.server.url}/pay/ajax/send",
        order.id,
    )
    assert sent == "no"
    browser.get_log("browser")
    assert shop.stored(order).pay_ids == ()


def test_a_hostile_brief_is_text_and_runs_nothing(browser, till):
    hostile = "<script>window.canary=1</script><img src=x onerror='window.canary=1'>"
    till("1", hostile)
    assert text_of(browser, ".brief") == hostile
    assert browser.execute_script("return window.canary === undefined")


def test_on_a_phone_everything_fits_and_can_be_pressed(browser, shop, checkout, till):
    with a_phone(browser):
        checkout()
        for way in browser.find_elements(By.CSS_SELECTOR, ".way"):
            assert way.size["height"] >= 44
        choose(browser, "zfb.qrcode")
        wait_for_heading(browser, "Scan with Alipay")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
        assert wait_for(browser, ".on-phone").size["height"] >= 44
        browser.delete_all_cookies()  # whoever is in another session is asked first
        till("1000000", "很长的说明" * 20)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
        assert browser.find_element(By.NAME, "code").size["height"] >= 44


def test_neither_tokens_nor_codes_are_in_the_logs_of_the_server(browser, shop, checkout, till):
    checkout()
    browser.delete_all_cookies()
    till()
    type_like_a_scanner(browser, PAYS)
    WebDriverWait(browser, 30, 0.1).until(url_matches(r"/pay/scan/[0-9a-f]{32}$"))
    wait_for_heading(browser, "Paid")
    log = shop.server.log.read_text()
    assert "POST /pay/ajax/send" in log
    assert "POST /pay/session" in log
    for secret in (PAYS, "demo~"):
        assert secret not in log
