"""The gateway accounts of a tree, opened from the configs in its domains' homes.

A sweep that finds nothing due opens none: what reads configs is loaded when the first is opened.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from payment_cli.clock import Clock
from payment_cli.config.settings import Settings
from payment_cli.errors import ConfigError, CorruptRecordError
from payment_cli.files.guarded import read_trusted
from payment_cli.files.safe_files import check_owner, folder, open_root, replace_durably
from payment_cli.gateways.base import Gateway, HttpRequest

if TYPE_CHECKING:
    from payment_cli.gateways.http_transport import HttpTransport
    from payment_cli.gateways.provider import Account


class TreeAccounts:
    """Reads each account once and opens its gateway once; all share one transport."""

    def __init__(
        self, root: Path, settings: Settings, environ: Mapping[str, str], clock: Clock
    ) -> None:
        """Read configs below `root`; `environ` is where `env:NAME` secrets are found."""
        self._root = root
        self._settings = settings
        self._environ = environ
        self._clock = clock
        self._read: dict[tuple[str, str, str], Account] = {}
        self._opened: dict[tuple[str, str, str], Gateway] = {}
        self._shared: HttpTransport | None = None

    def gateway(self, domain: str, provider: str, target: str) -> Gateway:
        """Return the gateway of this account (see services/payments/accounts.py).

        Raises:
            OtherOwnerError: the tree is another user's. What providers are told must be recorded,
                so nobody speaks to them who may not write.
        """
        check_owner(self._root)
        key = (domain, provider, target)
        if key not in self._opened:
            self._opened[key] = self._open(domain, provider, target)
        return self._opened[key]

    def targets(self, provider: str) -> list[tuple[str, str]]:
        """Return every (domain, target) that has a config for `provider`."""
        from payment_cli.config.targets import list_targets
        from payment_cli.gateways.registry import find_provider

        if find_provider(provider).keys() is None:
            return []
        return [(target.domain, target.name) for target in list_targets(self._root, provider)]

    def order_no_for(
        self, domain: str, provider: str, target: str, request: HttpRequest
    ) -> str | None:
        """Return the order number of a message that may be for this account, or None."""
        from payment_cli.gateways.registry import find_provider

        return find_provider(provider).order_no_for(
            self._account(domain, provider, target), request
        )

    def notify_url(self, gateway: Gateway, pay_tp: str, domain: str, target: str) -> str:
        """Return the URL the provider is to call, without query string."""
        from payment_cli.config.targets import notify_url

        return notify_url(self._settings.public_url, gateway.notify_base, pay_tp, domain, target)

    def _open(self, domain: str, name: str, target: str) -> Gateway:
        from payment_cli.gateways.provider import Surroundings
        from payment_cli.gateways.registry import find_provider

        account = self._account(domain, name, target)
        cache = FileCache(self._root, name, f"{domain}@{target}.json")
        surroundings = Surroundings(self._transport, self._clock, cache)
        return find_provider(name).open(account, surroundings)

    def _account(self, domain: str, name: str, target: str) -> "Account":
        from payment_cli.config.targets import load_account
        from payment_cli.gateways.registry import find_provider

        key = (domain, name, target)
        if key not in self._read:
            provider = find_provider(name)
            self._read[key] = load_account(self._root, provider, domain, target, self._environ)
        return self._read[key]

    def _transport(self) -> "HttpTransport":
        if self._shared is None:
            from payment_cli.gateways.http_transport import HttpTransport

            self._shared = HttpTransport()
        return self._shared


class FileCache:
    """Keeps what a provider published for one account in the tree. Best effort: no errors."""

    def __init__(self, root: Path, provider: str, name: str) -> None:
        """Keep it in the file `name` of the provider's folder below the journal's."""
        self._root = root
        self._place = (".journal", f"{provider}-certificates")
        self._name = name

    def load(self) -> str:
        """Return what was saved last, "" if there is nothing."""
        place = "/".join((*self._place, self._name))
        with suppress(OSError, CorruptRecordError, ConfigError, UnicodeDecodeError):
            return read_trusted(self._root, place).decode()
        return ""

    def save(self, text: str) -> None:
        """Keep `text` in place of what was saved before."""
        with suppress(OSError, CorruptRecordError), self._folder() as folder_fd:
            replace_durably(folder_fd, self._name, text.encode())

    @contextmanager
    def _folder(self) -> Iterator[int]:
        root_fd = open_root(self._root, writes=True)
        try:
            with folder(root_fd, self._place, create=True) as folder_fd:
                yield folder_fd
        finally:
            os.close(root_fd)
