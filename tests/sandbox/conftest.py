"""A sandbox per test; its keys are made once, since that takes longest."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from payment_cli.sandbox.server import Running, running_sandbox
from payment_cli.sandbox.targets import init
from tests.support.receiver import Receiver, receiving
from tests.support.sandbox_clients import RawAlipay, RawV2, RawV3, Shop


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sandbox")
    init(
        folder / "home",
        folder / "state",
        base_url="http://127.0.0.1:8499",
        notify_base="http://127.0.0.1:8480/pay/re",
    )
    return folder


@pytest.fixture
def shop(template: Path, tmp_path: Path) -> Shop:
    shutil.copytree(template, tmp_path / "shop")
    return Shop(tmp_path / "shop" / "home", tmp_path / "shop" / "state")


@pytest.fixture
def running(shop: Shop) -> Iterator[Running]:
    """A sandbox that answers over HTTP; a retry after an hour comes after 3.6 seconds."""
    with running_sandbox(shop.state, speed=1000) as running:
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def v3(running: Running, shop: Shop) -> RawV3:
    return RawV3(running.url, shop.conf("wxpay"))


@pytest.fixture
def v2(running: Running, shop: Shop) -> RawV2:
    return RawV2(running.url, shop.conf("wxpay", "sandbox-v2"))


@pytest.fixture
def alipay(running: Running, shop: Shop) -> RawAlipay:
    return RawAlipay(running.url, shop.conf("alipay"))
