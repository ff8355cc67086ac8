"""The gateway accounts of all merchants, as the services see them: `config/accounts.py`."""

from typing import Protocol

from payment_cli.gateways.base import Gateway


class Accounts(Protocol):
    """Opens gateways by merchant, provider and target."""

    def gateway(self, domain: str, provider: str, target: str) -> Gateway:
        """Return the gateway of this account.

        Raises:
            ConfigError: its config is missing or wrong; the sentence names file and key.
            InvalidValueError: the names are not well formed.
        """

    def targets(self, provider: str) -> list[tuple[str, str]]:
        """Return every (domain, target) that has a config for `provider`, in a stable order."""

    def notify_url(self, gateway: Gateway, pay_tp: str, domain: str, target: str) -> str:
        """Return the URL the provider is to call, without query string.

        Raises:
            ConfigError: neither the account nor payment.toml says where callbacks arrive.
        """
