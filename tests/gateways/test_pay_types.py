"""A pay type is a row of the model and a row at its provider; neither is without the other."""

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.alipay.gateway import AlipayGateway
from payment_cli.gateways.alipay.pay_types import ORDER_ROWS as ALIPAY
from payment_cli.gateways.base import OrderRef
from payment_cli.gateways.wechat.gateway import WechatGateway
from payment_cli.gateways.wechat.pay_types import ORDER_ROWS as WECHAT
from payment_cli.model.payments.pay_type import PAY_TYPES
from payment_cli.model.secret import Secret
from tests.gateways.gateway_contract import FEE, ORDER_NO, a_request
from tests.support import alipay, wechat
from tests.support.clock import HandClock
from tests.support.memory_cache import MemoryCache

CODE = Secret("130000000000000001")


class NoNetwork:
    def send(self, call):
        raise AssertionError("nothing may be sent")


GATEWAYS = {
    "wxpay": WechatGateway(
        wechat.account(),
        transport=NoNetwork(),
        clock=HandClock(wechat.NOW),
        certificates_cache=MemoryCache(),
    ),
    "alipay": AlipayGateway(alipay.account(), NoNetwork(), HandClock(wechat.NOW)),
}
STRANGERS = [
    (provider, name)
    for provider in GATEWAYS
    for name in [*PAY_TYPES, "wx.palm", "zfb.face", ""]
    if name not in PAY_TYPES or PAY_TYPES[name].provider != provider
]


@pytest.mark.parametrize(
    ("provider", "rows"), [("wxpay", set(WECHAT)), ("alipay", set(ALIPAY)), ("free", {"free"})]
)
def test_every_pay_type_has_one_row_at_its_provider_and_every_row_is_a_pay_type(provider, rows):
    assert rows == {kind.name for kind in PAY_TYPES.values() if kind.provider == provider}


def test_every_provider_of_a_pay_type_is_looked_at_here():
    assert {kind.provider for kind in PAY_TYPES.values()} == {*GATEWAYS, "free"}


@pytest.mark.parametrize(("provider", "name"), STRANGERS)
def test_a_type_of_another_provider_or_program_is_never_sent_as_another(provider, name):
    gateway = GATEWAYS[provider]
    request = a_request(name, client_ip="14.23.150.211", openid=wechat.OPENID)
    for code in (None, CODE):
        with pytest.raises(InvalidValueError):
            gateway.validate(request, code)
        with pytest.raises(InvalidValueError):
            gateway.send(request, code)


@pytest.mark.parametrize(("provider", "name"), STRANGERS)
def test_an_order_of_such_a_type_is_not_closed_as_another(provider, name):
    order = OrderRef(ORDER_NO, name, FEE, "CNY", send_at=0)
    with pytest.raises(InvalidValueError):
        GATEWAYS[provider].close(order)
