"""`payment favourite`: which goods a buyer likes, and since when (reference `favor`)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import NotAllowedError
from payment_cli.model.names import check_name
from payment_cli.services.shop.buyer_items import items_of, load_kept, save_kept
from payment_cli.storage.base import Collection, Storage

KIND = "favourite"

#: The most favourites of one buyer.
FAVOURITES_MAX = 500


@dataclass(frozen=True, slots=True)
class Favourites:
    """The favourites of one store's buyers: product id -> AMS."""

    storage: Storage
    clock: Clock
    domain: str

    def list(self, uid: str, *, newest_first: bool = False) -> list[tuple[str, int]]:
        """Return (product id, since when), the oldest first."""
        items = items_of(load_kept(self.storage, self._collection, uid))
        return sorted(items.items(), key=lambda item: (item[1], item[0]), reverse=newest_first)

    def add(self, uid: str, product_ids: Iterable[str]) -> int:
        """Add products; return how many are new. One that is there keeps its time.

        Raises:
            NotAllowedError: more than FAVOURITES_MAX.
        """
        now = self.clock()
        wanted = {check_name("id", product_id): now for product_id in product_ids}

        def added(items: dict[str, int]) -> dict[str, int]:
            after = {**wanted, **items}
            if len(after) > FAVOURITES_MAX:
                raise NotAllowedError(f"{uid} has {FAVOURITES_MAX} favourites already")
            return after

        return self._change(uid, added)

    def remove(self, uid: str, product_ids: Iterable[str]) -> int:
        """Take products out; return how many were in."""
        gone = set(product_ids)
        return -self._change(uid, lambda items: {k: t for k, t in items.items() if k not in gone})

    @property
    def _collection(self) -> Collection:
        return Collection(KIND, self.domain)

    def _change(self, uid: str, change: Callable[[dict[str, int]], dict[str, int]]) -> int:
        """Write what `change` makes of the favourites; return how many more they are."""
        with self.storage.transaction(self.domain) as tx:
            known = load_kept(tx, self._collection, uid)
            before = items_of(known)
            after = change(before)
            save_kept(tx, self._collection, uid, known, after, self.clock())
        return len(after) - len(before)
