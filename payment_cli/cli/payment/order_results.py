"""What a command on an order owes when it ends in an error: the order may be paid all the same."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from payment_cli.cli.pay.results import run_script
from payment_cli.errors import PaymentError

if TYPE_CHECKING:
    from payment_cli.app import App


@contextmanager
def settling(app: "App", order_id: str) -> Iterator[None]:
    """If the body fails, do first what follows from payments of the order that are paid.

    To close a payment is to ask about it, and the answer may be that it was paid: that is
    recorded, and then the command is refused.
    """
    try:
        yield
    except PaymentError:
        with suppress(PaymentError):
            for payment in app.shop.order_payments.list(order_id):
                run_script(app, payment)
        raise
