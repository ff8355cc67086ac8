"""The gateway accounts of all merchants, as the services see them: `config/accounts.py`.

A target may become another account at the provider: its config was edited, a folder was renamed. A
payment is spoken for only through the account that it was sent through: to another its number means
nothing, or another order.
"""

from typing import Protocol

from payment_cli.errors import ConfigError
from payment_cli.gateways.base import AccountId, Gateway, HttpRequest
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.payments.payment import Payment


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

    def order_no_for(
        self, domain: str, provider: str, target: str, request: HttpRequest
    ) -> str | None:
        """Return the order number of an unverified message that may be for this account, or None.

        See gateways/provider.py: order_no_for.

        Raises:
            ConfigError, InvalidValueError: as `gateway`.
        """

    def notify_url(self, gateway: Gateway, pay_tp: str, domain: str, target: str) -> str:
        """Return the URL the provider is to call, without query string.

        Raises:
            ConfigError: neither the account nor payment.toml says where callbacks arrive.
        """


def own_gateway(accounts: Accounts, payment: Payment) -> Gateway:
    """Return the gateway that `payment` was sent to.

    Raises:
        ConfigError: its config is missing or wrong, or is another account's by now.
    """
    provider = pay_type(payment.pay_tp).provider
    gateway = accounts.gateway(payment.seller_nm, provider, payment.pay_target)
    check_own_account(payment, gateway)
    return gateway


def check_own_account(payment: Payment, gateway: Gateway) -> None:
    """See that `gateway` speaks for the account that `payment` recorded when it was sent.

    One that recorded none (an older program sent it) is believed of the target it names.

    Raises:
        ConfigError: it is another account.
    """
    recorded = AccountId(payment.pay_mch, payment.pay_app)
    if any(recorded) and gateway.account_id != recorded:
        raise ConfigError(
            f"payment {payment.id} was sent through {recorded}, but {payment.seller_nm}'s target "
            f"{payment.pay_target} is {gateway.account_id} by now",
            hint="give the target its old account back until its payments are final",
        )
