"""A scripted provider on loopback, and WeChat gateways that speak to it."""

import pytest

from payment_cli.gateways.http_transport import HttpTransport
from payment_cli.gateways.wechat.gateway import WechatGateway
from payment_cli.sandbox.targets import init
from tests.support import wechat as platform
from tests.support.clock import CountedTokens, HandClock
from tests.support.http_server import scripted_server
from tests.support.memory_cache import MemoryCache


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A tree whose store has every account of the sandbox, to be copied; keys take long to make."""
    root = tmp_path_factory.mktemp("tree")
    init(
        root / "home" / "demo",
        root / "state",
        base_url="http://127.0.0.1:8499",
        notify_base="http://127.0.0.1:8480/pay/re",
    )
    return root


@pytest.fixture
def server():
    with scripted_server() as script:
        yield script


@pytest.fixture
def clock():
    return HandClock(platform.NOW)


@pytest.fixture
def cache():
    return MemoryCache()


@pytest.fixture
def opened(server, clock, cache):
    """Opens WeChat gateways of accounts with changes."""
    transport = HttpTransport(pause=lambda _seconds: None)

    def open_gateway(**changes):
        return WechatGateway(
            platform.account(api_base=server.url, **changes),
            transport=transport,
            clock=clock,
            certificates_cache=cache,
            new_nonce=CountedTokens(),
        )

    yield open_gateway
    transport.close()
