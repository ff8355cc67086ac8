"""Reading payments: one, some, or how many, as far as the caller may see them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from payment_cli.model.actor import Actor
from payment_cli.model.payments.payment import Payment
from payment_cli.services.payments.records import PAYMENTS, load_committed
from payment_cli.storage.sight import asked_id, find_owned

if TYPE_CHECKING:
    from payment_cli.model.query.match import Match
    from payment_cli.model.record import Record
    from payment_cli.storage.base import Query, Storage


class Payments:
    """The payments of one tree, seen by one actor."""

    def __init__(self, storage: "Storage", actor: Actor) -> None:
        """Read payments of `storage` as `actor`, whose they are by the domain that sells."""
        self.storage = storage
        self.actor = actor

    def get(self, fragment: str) -> Payment:
        """Return the payment with this id, or with the one id that starts or ends so.

        Raises:
            NotFoundError, AmbiguousIdError, InvalidValueError: no such payment that the caller may
                see.
        """
        record = self.storage.get(PAYMENTS, self._find(fragment))
        return self._seen(Payment.from_record(record), fragment)

    def get_committed(self, fragment: str) -> Payment:
        """As `get`, but as it was committed last, whatever a foreign hand did to its file.

        What is asked of a provider, and recorded of its answers, goes by this.
        """
        return self._seen(load_committed(self.storage, self._find(fragment)), fragment)

    def query(self, query: "Query") -> "Iterator[Record]":
        """Yield the matching payments the caller may see."""
        return self.storage.query(PAYMENTS, query._replace(match=self._visible(query.match)))

    def count(self, match: "Match") -> int:
        """Return how many payments that the caller may see match."""
        return self.storage.count(PAYMENTS, self._visible(match))

    def _find(self, fragment: str) -> str:
        return find_owned(self.storage, PAYMENTS, fragment, self.actor.sight, "seller_nm")

    def _seen(self, payment: Payment, fragment: str) -> Payment:
        self.actor.require(payment.seller_nm, PAYMENTS.kind, asked_id(PAYMENTS, fragment))
        return payment

    def _visible(self, match: "Match") -> "Match":
        if self.actor.is_operator:
            return match
        from payment_cli.model.query.match import all_of, equal

        # By the domain: the `id` of a store_info.json is authored, and may be copied.
        return all_of(equal("seller_nm", self.actor.domain), match)
