"""The gateway accounts of a tree, opened from the configs in its domains' homes."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from payment_cli.clock import Clock
from payment_cli.config.settings import Settings
from payment_cli.config.targets import list_targets, load_alipay, load_wechat, notify_url
from payment_cli.errors import ConfigError, CorruptRecordError
from payment_cli.files.safe_files import folder, open_root, read_file, replace_durably
from payment_cli.gateways.base import Gateway

if TYPE_CHECKING:
    from payment_cli.gateways.http import HttpTransport

_CACHE_FOLDER = (".journal", "wxpay-certificates")


class TreeAccounts:
    """Opens each account's gateway once; all share one transport."""

    def __init__(
        self, root: Path, settings: Settings, environ: Mapping[str, str], clock: Clock
    ) -> None:
        """Read configs below `root`; `environ` is where `env:NAME` secrets are found."""
        self._root = root
        self._settings = settings
        self._environ = environ
        self._clock = clock
        self._opened: dict[tuple[str, str, str], Gateway] = {}

    def gateway(self, domain: str, provider: str, target: str) -> Gateway:
        """Return the gateway of this account (see services/payments/accounts.py)."""
        key = (domain, provider, target)
        if key not in self._opened:
            self._opened[key] = self._open(domain, provider, target)
        return self._opened[key]

    def targets(self, provider: str) -> list[tuple[str, str]]:
        """Return every (domain, target) that has a config for `provider`."""
        if provider not in ("wxpay", "alipay"):
            return []
        found = list_targets(self._root, "wxpay" if provider == "wxpay" else "alipay")
        return [(target.domain, target.name) for target in found]

    def notify_url(self, gateway: Gateway, pay_tp: str, domain: str, target: str) -> str:
        """Return the URL the provider is to call, without query string."""
        return notify_url(self._settings.public_url, gateway.notify_base, pay_tp, domain, target)

    def _open(self, domain: str, provider: str, target: str) -> Gateway:
        if provider == "free":
            from payment_cli.gateways.free import FreeGateway

            return FreeGateway()
        if provider == "wxpay":
            from payment_cli.gateways.wechat.gateway import WechatGateway

            return WechatGateway(
                load_wechat(self._root, domain, target, self._environ),
                transport=self._transport,
                clock=self._clock,
                certificates_cache=FileCache(self._root, f"{domain}@{target}.json"),
            )
        if provider == "alipay":
            from payment_cli.gateways.alipay.gateway import AlipayGateway

            account = load_alipay(self._root, domain, target, self._environ)
            return AlipayGateway(account, self._transport, self._clock)
        raise ConfigError(f"provider {provider!a} has no gateway")

    @cached_property
    def _transport(self) -> "HttpTransport":
        from payment_cli.gateways.http import HttpTransport

        return HttpTransport()


class FileCache:
    """Keeps one account's fetched platform certificates in the tree. Best effort: no errors."""

    def __init__(self, root: Path, name: str) -> None:
        """Keep them in the file `name` below the journal's folder."""
        self._root = root
        self._name = name

    def load(self) -> str:
        """Return what was saved last, "" if there is nothing."""
        with suppress(OSError, CorruptRecordError, UnicodeDecodeError), self._folder() as folder_fd:
            return read_file(folder_fd, self._name).decode()
        return ""

    def save(self, text: str) -> None:
        """Keep `text` in place of what was saved before."""
        with suppress(OSError, CorruptRecordError), self._folder(create=True) as folder_fd:
            replace_durably(folder_fd, self._name, text.encode())

    @contextmanager
    def _folder(self, *, create: bool = False) -> Iterator[int]:
        root_fd = open_root(self._root)
        try:
            with folder(root_fd, _CACHE_FOLDER, create=create) as folder_fd:
                yield folder_fd
        finally:
            os.close(root_fd)
