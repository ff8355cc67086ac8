"""The authored files of a tree as the doctor reads them (services/upkeep/doctor.py: Configs)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from payment_cli.config.settings import load_settings
from payment_cli.config.targets import list_targets, load_account, notify_url
from payment_cli.gateways.provider import Account, Provider
from payment_cli.model.stores.merchant import Merchant

_Account = TypeVar("_Account", bound=Account)


@dataclass(frozen=True, slots=True)
class TreeConfigs:
    """Reads each file anew when asked; `environ` is where `env:NAME` secrets are found."""

    root: Path
    environ: Mapping[str, str]
    domains: Callable[[], Sequence[str]]
    merchant: Callable[[str], Merchant]

    def public_url(self) -> str:
        """Read payment.toml, all of it, and return its `public_url`."""
        return load_settings(self.root).public_url

    def timezone(self) -> str:
        """Return the `timezone` of payment.toml, "" if it has none."""
        return load_settings(self.root).timezone

    def targets(self, provider: str) -> list[tuple[str, str]]:
        """Return (domain, target) of every config there is for `provider`."""
        return [(target.domain, target.name) for target in list_targets(self.root, provider)]

    def account(self, provider: Provider[_Account], domain: str, target: str) -> _Account:
        """Read one target's config."""
        return load_account(self.root, provider, domain, target, self.environ)

    def notify_url(self, configured: str, pay_tp: str, domain: str, target: str) -> str:
        """Return the whole notify URL, as the provider will be told."""
        return notify_url(self.public_url(), configured, pay_tp, domain, target)
