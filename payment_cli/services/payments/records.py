"""Payments as records: where they are, and reading and writing one in a transaction."""

from payment_cli.model.names import check_name
from payment_cli.model.payments.payment import Payment
from payment_cli.storage.base import Collection, Reader, Storage, Transaction

PAYMENTS = Collection("payment")


def load(reader: Reader, payment_id: str) -> Payment:
    """Read a payment; in a transaction nobody else changes it until that ends."""
    return Payment.from_record(reader.get(PAYMENTS, payment_id))


def load_committed(storage: Storage, payment_id: str) -> Payment:
    """Read a payment as it was committed last, whatever a foreign hand did to its file.

    Raises:
        InvalidValueError: it is no id. NotFoundError: there is no such payment.
    """
    return Payment.from_record(storage.committed(PAYMENTS, check_name("id", payment_id)))


def save(tx: Transaction, payment: Payment) -> Payment:
    """Write a changed payment in `tx` and return it as stored."""
    return Payment.from_record(tx.put(PAYMENTS, payment.to_record()))
