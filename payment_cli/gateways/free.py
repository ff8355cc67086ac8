"""Payments that cost nothing: paid at once, by nobody, without a network. Provider and gateway."""

from collections.abc import Iterator, Mapping

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.base import (
    AccountId,
    Acknowledgement,
    Answer,
    Gateway,
    HttpRequest,
    Notice,
    OrderRef,
    Outcome,
    Paid,
    SendRequest,
)
from payment_cli.gateways.provider import Surroundings
from payment_cli.model.finding import Finding
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.record import Json
from payment_cli.model.secret import Secret


class FreeProvider:
    """The provider of what is free (gateways/provider.py: Provider): one account, no messages."""

    name = "free"

    def keys(self) -> None:
        """Return None: there is nothing to configure."""

    def account(self, values: Mapping[str, object]) -> None:
        """Return None: nobody's account is needed."""

    def open(self, account: None, surroundings: Surroundings) -> Gateway:
        """Return the gateway of what is free."""
        return FreeGateway()

    def sends(self, request: HttpRequest) -> bool:
        """Return False: nobody sends callbacks for what is free."""
        return False

    def claimed_order_no(self, request: HttpRequest) -> None:
        """Return None: there are no callbacks."""

    def order_no_for(self, account: None, request: HttpRequest) -> None:
        """Return None: there are no callbacks."""

    def refusal(self, request: HttpRequest, status: int) -> Acknowledgement:
        """Refuse whatever was sent."""
        return Acknowledgement(status, "text/plain", b"fail")

    def signed_message(self, fields: Mapping[str, Json]) -> None:
        """Return None: there are no callbacks."""

    def examine(self, subject: str, account: None, now: int) -> Iterator[Finding]:
        """Yield nothing: there is nothing that could be wrong."""
        return iter(())


class FreeGateway:
    """Takes a fee of 0 and nothing else."""

    account_id = AccountId("", "")
    api_base = ""
    expire_minutes = 10
    notify_base = ""
    reverse_after_ms = 0

    def validate(self, request: SendRequest, auth_code: Secret | None) -> None:
        """See that it is free.

        Raises:
            InvalidValueError: it is not.
        """
        _check_free(request.payment_id, request.fee)

    def send(self, request: SendRequest, auth_code: Secret | None) -> Answer:
        """Say PAID, with the words for the payer.

        Raises:
            InvalidValueError: it is not free.
        """
        _check_free(request.payment_id, request.fee)
        return _paid(request.payment_id, request.cur)

    def check(self, order: OrderRef) -> Answer:
        """Say PAID: what is free needs nobody's word.

        Raises:
            InvalidValueError: it is not free.
        """
        _check_free(order.payment_id, order.fee)
        return _paid(order.payment_id, order.cur)

    def close(self, order: OrderRef) -> Answer:
        """Say CLOSED: nobody else knows of it."""
        return Answer(Outcome.CLOSED)

    def complete(self, request: HttpRequest) -> Notice:
        """Refuse: nobody sends callbacks for what is free.

        Raises:
            InvalidValueError: always.
        """
        raise InvalidValueError("free payments have no callbacks")

    def acknowledge(self, request: HttpRequest, refusal: str = "") -> Acknowledgement:
        """Refuse whatever was sent."""
        return Acknowledgement(400, "text/plain", b"fail")


def _check_free(payment_id: str, fee: int) -> None:
    if fee != 0:
        raise InvalidValueError(f"payment {payment_id} is not free: its fee is {fee} fen")


def _paid(payment_id: str, cur: str) -> Answer:
    paid = Paid(order_no=payment_id, trade_no="", fee=0, cur=cur)
    return Answer(Outcome.PAID, ReturnType.TEXT, "free", paid)
