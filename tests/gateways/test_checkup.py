import pytest

from payment_cli.gateways.checkup import examine_notify_url
from payment_cli.model.finding import Level

REAL, SANDBOX = "https://api.mch.weixin.qq.com", "http://localhost:8499"


@pytest.mark.parametrize(
    ("url", "api", "level"),
    [
        ("https://shop.example.com/pay/re/wx.qrcode/demo/main", REAL, None),
        ("http://127.0.0.1:8000/pay/re/wx.qrcode/demo/main", SANDBOX, None),
        ("http://[::1]:8000/pay/re/wx.qrcode/demo/main", SANDBOX, None),
        ("http://shop.example.com/pay/re", REAL, Level.ERROR),
        ("shop.example.com/pay/re", REAL, Level.ERROR),
        ("https://shop.example.com/pay/re?x=1", REAL, Level.ERROR),
        ("https://shop.example.com/" + "a" * 240, REAL, Level.ERROR),
        ("http://localhost:8000/pay/re", REAL, Level.WARN),
    ],
)
def test_the_shape_of_a_notify_url(url, api, level):
    assert [f.level for f in examine_notify_url("x", url, api)] == ([level] if level else [])
