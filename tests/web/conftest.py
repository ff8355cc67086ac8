from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest

from payment_cli.app import App
from payment_cli.model.payments.payment import Payment
from tests.support.clock import CountedIds, HandClock
from tests.support.plans import only_flat_questions
from tests.support.store_web import StoreWeb
from tests.support.stored_payment import store_payment

if TYPE_CHECKING:
    from selenium.webdriver.remote.webdriver import WebDriver


@pytest.fixture
def app(root) -> Iterator[App]:
    """An open tree whose records are in memory."""
    app = App(root, "root", {"PAYMENT_STORAGE": "tinydb:"}, HandClock(), CountedIds())
    yield app
    app.close()


@pytest.fixture
def put(app) -> Callable[..., Payment]:
    """Store a payment in the tree."""
    return partial(store_payment, app)


@pytest.fixture(scope="module")
def shared_browser() -> Iterator["WebDriver"]:
    """A real browser, one for all tests of a module."""
    from tests.support.browser import a_browser  # most tests of the web need no browser

    with a_browser() as browser:
        yield browser


@pytest.fixture
def store(root) -> Iterator[StoreWeb]:
    """The web of a store whose gateway says what the test tells it to."""
    store = StoreWeb(root)
    yield store
    store.close()


@pytest.fixture(autouse=True)
def _only_flat_questions() -> Iterator[None]:
    """Nothing that a customer or a callback causes reads more the more a tree holds."""
    with only_flat_questions():
        yield
