import threading

import pytest

from payment_cli.web import thread_app as apps
from payment_cli.web.thread_app import app_of_this_thread


@pytest.fixture(autouse=True)
def _tree(root, monkeypatch):
    monkeypatch.setenv("PAYMENT_ROOT", str(root))
    monkeypatch.setattr(apps, "_of_thread", threading.local())


def test_a_thread_opens_the_tree_once_and_shares_it_with_no_other():
    opened = []
    for _ in range(2):
        thread = threading.Thread(
            target=lambda: opened.append((app_of_this_thread(), app_of_this_thread()))
        )
        thread.start()
        thread.join()
    (first, first_again), (second, second_again) = opened
    assert first is first_again
    assert second is second_again
    assert first is not second


def test_the_web_acts_for_every_merchant_whoever_runs_the_server(root, monkeypatch):
    monkeypatch.setenv("PAYMENT_DOMAIN", "cake")
    app = app_of_this_thread()
    assert (app.root, app.actor.domain, app.actor.is_operator) == (root, "root", True)
