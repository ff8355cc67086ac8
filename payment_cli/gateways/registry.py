"""The providers: one line each. A provider's own facts are in its folder (`provider.py`).

Importing this loads no gateway, no cryptography and no network.
"""

from collections.abc import Callable
from typing import Any

from payment_cli.errors import ConfigError
from payment_cli.gateways.base import HttpRequest
from payment_cli.gateways.provider import Provider


def _wechat() -> Provider[Any]:
    from payment_cli.gateways.wechat.provider import WechatProvider

    return WechatProvider()


def _alipay() -> Provider[Any]:
    from payment_cli.gateways.alipay.provider import AlipayProvider

    return AlipayProvider()


def _free() -> Provider[Any]:
    from payment_cli.gateways.free import FreeProvider

    return FreeProvider()


_PROVIDERS: dict[str, Callable[[], Provider[Any]]] = {
    "wxpay": _wechat,
    "alipay": _alipay,
    "free": _free,
}


def find_provider(name: str) -> Provider[Any]:
    """Return the provider called `name`.

    Raises:
        ConfigError: there is none.
    """
    load = _PROVIDERS.get(name)
    if load is None:
        raise ConfigError(f"provider {name[:40]!a} has no gateway")
    return load()


def all_providers() -> list[Provider[Any]]:
    """Return every provider."""
    return [load() for load in _PROVIDERS.values()]


def configured_providers() -> list[Provider[Any]]:
    """Return the providers whose accounts have configs."""
    return [provider for provider in all_providers() if provider.keys() is not None]


def sender_of(request: HttpRequest) -> Provider[Any] | None:
    """Return whose form a message on the bare callback path has, None if it is nobody's."""
    return next((provider for provider in all_providers() if provider.sends(request)), None)
