"""A real headless Chromium, and what tests ask of it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.expected_conditions import (
    number_of_windows_to_be,
    text_to_be_present_in_element,
)
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.lacks import BROWSER, DRIVER

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=en",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
]  # fmt: skip

#: What a phone's browser says it is.
PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"

#: What tells a page that somebody came back to it: it asks at once, not at its next turn.
COME_BACK = "document.dispatchEvent(new Event('visibilitychange'))"


@contextmanager
def a_browser() -> Iterator[Chrome]:
    """Run a browser with a profile of its own."""
    options = ChromeOptions()
    options.binary_location = BROWSER or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in [*FLAGS, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        browser = Chrome(options, Service(DRIVER))
        try:
            yield browser
        finally:
            browser.quit()


@contextmanager
def a_phone(browser: Chrome) -> Iterator[None]:
    """Let the browser be a small phone."""
    phone = {"width": 360, "height": 640, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    browser.execute_cdp_cmd("Emulation.setUserAgentOverride", {"userAgent": PHONE})
    try:
        yield
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        browser.execute_cdp_cmd("Emulation.setUserAgentOverride", {"userAgent": ""})


@contextmanager
def the_new_window(browser: Chrome) -> Iterator[None]:
    """Be in the window that was just opened, and afterwards in the one before."""
    before = browser.current_window_handle
    WebDriverWait(browser, 30, 0.1).until(number_of_windows_to_be(2))
    [opened] = set(browser.window_handles) - {before}
    browser.switch_to.window(opened)
    try:
        yield
    finally:
        browser.close()
        browser.switch_to.window(before)


def wait_for_heading(browser: Chrome, text: str, seconds: int = 30) -> None:
    # While a page gives way to the next, the browser may have an element of neither.
    heading = text_to_be_present_in_element((By.TAG_NAME, "h1"), text)
    WebDriverWait(browser, seconds, 0.1, (WebDriverException,)).until(heading)


def wait_for(browser: Chrome, selector: str) -> WebElement:
    """Return the element once it is to be seen."""
    return WebDriverWait(browser, 30, 0.1, (WebDriverException, StopIteration)).until(
        lambda browser: next(
            found for found in browser.find_elements(By.CSS_SELECTOR, selector)
            if found.is_displayed()
        )
    )  # fmt: skip


def text_of(browser: Chrome, selector: str) -> str:
    return browser.find_element(By.CSS_SELECTOR, selector).text
