"""Reading payments: one, some, or how many, as far as the caller may see them."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from payment_cli.model.actor import Actor
from payment_cli.model.payments.payment import Payment
from payment_cli.services.payments.records import PAYMENTS, load_committed

if TYPE_CHECKING:
    from payment_cli.model.query.match import Match
    from payment_cli.model.record import Record
    from payment_cli.storage.base import Query, Storage


class Payments:
    """The payments of one tree, seen by one actor."""

    def __init__(self, storage: "Storage", actor: Actor, own_id: Callable[[], str]) -> None:
        """Read payments of `storage`; `own_id` returns the id of the actor's store."""
        self.storage = storage
        self.actor = actor
        self.own_id = own_id

    def get(self, fragment: str) -> Payment:
        """Return the payment with this id, or with the one id that starts or ends so.

        Raises:
            NotFoundError, AmbiguousIdError, InvalidValueError: no such payment.
            NotAllowedError: it is another merchant's.
        """
        payment_id = self.storage.find_id(PAYMENTS, fragment)
        payment = Payment.from_record(self.storage.get(PAYMENTS, payment_id))
        self.actor.require(payment.seller_nm, f"payment {payment.id}")
        return payment

    def get_committed(self, fragment: str) -> Payment:
        """As `get`, but as it was committed last, whatever a foreign hand did to its file.

        What is asked of a provider, and recorded of its answers, goes by this.
        """
        payment_id = self.storage.find_id(PAYMENTS, fragment)
        payment = load_committed(self.storage, payment_id)
        self.actor.require(payment.seller_nm, f"payment {payment.id}")
        return payment

    def query(self, query: "Query") -> "Iterator[Record]":
        """Yield the matching payments the caller may see."""
        return self.storage.query(PAYMENTS, query._replace(match=self._visible(query.match)))

    def count(self, match: "Match") -> int:
        """Return how many payments that the caller may see match."""
        return self.storage.count(PAYMENTS, self._visible(match))

    def _visible(self, match: "Match") -> "Match":
        if self.actor.is_operator:
            return match
        from payment_cli.model.query.match import all_of, equal

        return all_of(equal("seller_id", self.own_id()), match)
