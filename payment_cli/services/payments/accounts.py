"""The gateway accounts of all merchants, as the services see them: `config/accounts.py`.

A target may become another account at the provider: its config was edited, a folder was renamed. A
payment is spoken for only through the account that it was sent through: to another its number means
nothing, or another order. Nor does the same account mean the same elsewhere: a sandbox knows
nothing of what the provider was sent. So "no such order" is believed of the recorded account at the
recorded address alone; whoever *knows* the order needs no record, and is recorded by that.
"""

from dataclasses import replace
from typing import Any, Protocol

from payment_cli.errors import OtherAccountError
from payment_cli.gateways.base import AccountId, Answer, Gateway, HttpRequest, Outcome
from payment_cli.model.payments.pay_type import pay_type
from payment_cli.model.payments.payment import Payment

#: The code of a "no such order" that decides nothing: it was not said where the payment was sent.
ELSEWHERE = "elsewhere:"

#: Answers that only who has the order can give.
_KNOWING = (Outcome.WAITING, Outcome.PAID, Outcome.FAILED, Outcome.CLOSED)


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
        OtherAccountError: it is another account.
    """
    recorded = AccountId(payment.pay_mch, payment.pay_app)
    if any(recorded) and gateway.account_id != recorded:
        raise OtherAccountError(
            f"payment {payment.id} was sent through {recorded}, but {payment.seller_nm}'s target "
            f"{payment.pay_target} is {gateway.account_id} by now",
            hint="give the target its old account back until its payments are final",
        )


def sent_through(gateway: Gateway) -> dict[str, Any]:
    """Return what a payment records of where it was sent."""
    account = gateway.account_id
    return {"pay_mch": account.merchant, "pay_app": account.app, "pay_base": gateway.api_base}


def is_where_it_was_sent(payment: Payment, gateway: Gateway) -> bool:
    """Whether `gateway` is known to be where `payment` was sent.

    A program of version 2 recorded the account and no address: its account is believed.
    """
    is_its_account = gateway.account_id == (payment.pay_mch, payment.pay_app)
    return is_its_account and payment.pay_base in ("", gateway.api_base)


def believed(payment: Payment, gateway: Gateway, answer: Answer) -> Answer:
    """Return what `answer` says about `payment`: elsewhere "no such order" is UNKNOWN."""
    if answer.outcome is not Outcome.NOT_FOUND or is_where_it_was_sent(payment, gateway):
        return answer
    recorded = AccountId(payment.pay_mch, payment.pay_app)
    sent = f"{recorded} at {payment.pay_base}" if payment.pay_base else "an account not recorded"
    words = (
        f"{gateway.account_id} at {gateway.api_base} knows no such order, which decides nothing: "
        f"it was sent through {sent} (what to do: payment doctor)"
    )
    return replace(answer, outcome=Outcome.UNKNOWN, code=ELSEWHERE, message=words)


def with_account(payment: Payment, gateway: Gateway, answer: Answer) -> Payment:
    """Return the payment with the account of `gateway`, if its `answer` shows that it knows it."""
    if answer.outcome not in _KNOWING:
        return payment
    return payment._replace(**sent_through(gateway))
