"""Alipay's other side on loopback, and gateways that speak to it."""

import pytest

from payment_cli.gateways.alipay.gateway import AlipayGateway
from payment_cli.gateways.http_transport import HttpTransport
from tests.support import alipay as side
from tests.support.certificates import certificate_pem
from tests.support.clock import HandClock

NOW = 1_790_000_000_000  # 2026-09-21 22:13:20 in Beijing


@pytest.fixture
def alipay():
    with side.alipay_server() as server:
        yield server


@pytest.fixture
def open_gateway():
    transport = HttpTransport(pause=lambda _seconds: None)
    yield lambda account: AlipayGateway(account, transport, HandClock(NOW))
    transport.close()


@pytest.fixture
def gateway(alipay, open_gateway):
    return open_gateway(side.account(gateway_url=alipay.url))


@pytest.fixture
def certified(alipay):
    return side.account(
        gateway_url=alipay.url,
        alipay_public_key="",
        app_cert=certificate_pem(side.private_key("app"), serial=11),
        alipay_cert=certificate_pem(side.private_key("alipay"), serial=22),
        alipay_root_cert=certificate_pem(side.private_key("root"), serial=33),
    )
