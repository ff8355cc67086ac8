import pytest

from payment_cli.web.whole import make_application
from tests.support.wsgi import call


@pytest.fixture
def application(app):
    return make_application(lambda: app)


def test_callbacks_and_pages_live_side_by_side(application, put):
    payment = put()
    assert call(application, "GET", f"/pay/{payment.view_key}").status == 200
    assert call(application, "GET", f"/pay/ajax/get?key={payment.view_key}").status == 200
    assert call(application, "GET", "/pay/re").headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/pay/re/", "/pay/re/wx.qrcode/cake/main"])
def test_a_callback_path_is_never_taken_for_a_page(application, path):
    assert call(application, "GET", path).headers["allow"] == "POST"


def test_what_only_begins_like_a_callback_is_a_page(application):
    reply = call(application, "GET", "/pay/refund")
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
