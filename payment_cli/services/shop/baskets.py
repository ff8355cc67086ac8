"""`payment basket`: baskets as records of the tree (seed 002, reference `buy`).

`Baskets` is the contract that a Redis basket shares; `TreeBaskets` is the embedded one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from payment_cli.clock import Clock
from payment_cli.errors import InvalidValueError
from payment_cli.model.names import check_name
from payment_cli.model.shop import basket as basket_model
from payment_cli.services.shop.buyer_items import items_of, load_kept, save_kept
from payment_cli.storage.base import Collection, Storage, Transaction

KIND = "basket"


class Baskets(Protocol):
    """Each buyer's basket: product id -> pieces, at most so many kinds."""

    def get(self, uid: str) -> dict[str, int]:
        """Return the basket; empty where there is none."""

    def add(self, uid: str, product_id: str, n: int) -> int:
        """Add `n` pieces (below 0 takes out); return the sum as it came out.

        Raises:
            NotAllowedError: one more kind than a basket holds.
        """

    def put(self, uid: str, product_id: str, n: int) -> int:
        """Set the pieces; return the new number."""

    def remove(self, uid: str, product_ids: Iterable[str]) -> int:
        """Take products out; return how many were in."""

    def clean(self, uid: str) -> bool:
        """Empty the basket; return whether there was anything in it."""

    def take(self, uid: str, amounts: Mapping[str, int]) -> None:
        """Take out what was bought; what was added meanwhile stays."""


@dataclass(frozen=True, slots=True)
class TreeBaskets:
    """The baskets of one store, as records."""

    storage: Storage
    clock: Clock
    domain: str
    kinds_max: int

    def get(self, uid: str) -> dict[str, int]:
        """Return the basket; empty where there is none."""
        return items_of(load_kept(self.storage, self._collection, uid))

    def add(self, uid: str, product_id: str, n: int) -> int:
        """Add `n` pieces; see `Baskets.add`."""
        check_name("id", product_id)
        return self._change(
            uid, lambda items: basket_model.add(items, product_id, n, kinds_max=self.kinds_max)
        )

    def put(self, uid: str, product_id: str, n: int) -> int:
        """Set the pieces of a product; see `Baskets.put`."""
        check_name("id", product_id)
        return self._change(
            uid, lambda items: basket_model.put(items, product_id, n, kinds_max=self.kinds_max)
        )

    def remove(self, uid: str, product_ids: Iterable[str]) -> int:
        """Take products out; return how many were in."""
        return self._change(uid, lambda items: basket_model.remove(items, product_ids))

    def clean(self, uid: str) -> bool:
        """Empty the basket; return whether there was anything in it."""
        return self._change(uid, lambda items: ({}, len(items))) > 0

    def take(self, uid: str, amounts: Mapping[str, int]) -> None:
        """Take out what was bought; what was added meanwhile stays."""
        with self.storage.transaction(self.domain) as tx:
            self.take_in(tx, uid, amounts)

    def take_in(self, tx: Transaction, uid: str, amounts: Mapping[str, int]) -> None:
        """As `take`, in the transaction that removes the outbox row: never twice.

        A buyer whose id can't be a basket's has none: there is nothing to take.
        """
        try:
            known = load_kept(tx, self._collection, uid)
        except InvalidValueError:
            return
        if known is not None:
            left = basket_model.take(items_of(known), amounts)
            save_kept(tx, self._collection, uid, known, left, self.clock())

    @property
    def _collection(self) -> Collection:
        return Collection(KIND, self.domain)

    def _change(
        self, uid: str, change: Callable[[dict[str, int]], tuple[dict[str, int], int]]
    ) -> int:
        with self.storage.transaction(self.domain) as tx:
            known = load_kept(tx, self._collection, uid)
            items, answer = change(items_of(known))
            save_kept(tx, self._collection, uid, known, items, self.clock())
        return answer
