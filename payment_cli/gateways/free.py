"""The gateway of payments that cost nothing: paid at once, by nobody, without a network."""

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.base import (
    Acknowledgement,
    Answer,
    HttpRequest,
    Notice,
    OrderRef,
    Outcome,
    Paid,
    SendRequest,
)
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.secret import Secret


class FreeGateway:
    """Takes a fee of 0 and nothing else."""

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
