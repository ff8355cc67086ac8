"""A basket: how many pieces of which product, as pure functions on a mapping (seed 002).

The reference keeps it as a Redis sorted set (command `buy`); these functions mean the same, so
both kinds of basket behave alike. A basket never holds a product with 0 or fewer pieces.
"""

from collections.abc import Iterable, Mapping

from payment_cli.errors import NotAllowedError
from payment_cli.model.record import Json
from payment_cli.model.shop.product import PIECES_MAX

#: product id -> pieces, each at least 1.
Basket = Mapping[str, int]


def add(
    basket: Basket, product_id: str, n: int = 1, *, kinds_max: int
) -> tuple[dict[str, int], int]:
    """Add `n` pieces (below 0 takes some out); return the basket and the sum.

    At 0 or below the product leaves the basket; the sum is returned as it came out, even below 0,
    as the reference prints it.

    Raises:
        NotAllowedError: one more kind, or one more piece, than a basket holds.
    """
    count = basket.get(product_id, 0) + n
    return _with(basket, product_id, count, kinds_max), count


def put(basket: Basket, product_id: str, n: int, *, kinds_max: int) -> tuple[dict[str, int], int]:
    """Set the pieces of a product (`it -reset`); return the basket and the new number.

    At 0 or below the product leaves the basket, and the number is 0.

    Raises:
        NotAllowedError: as `add`.
    """
    count = max(0, n)
    return _with(basket, product_id, count, kinds_max), count


def remove(basket: Basket, product_ids: Iterable[str]) -> tuple[dict[str, int], int]:
    """Take products out (`rm`); return the basket and how many of them were in it."""
    gone = set(product_ids)
    left = {product_id: count for product_id, count in basket.items() if product_id not in gone}
    return left, len(basket) - len(left)


def take(basket: Basket, amounts: Mapping[str, int]) -> dict[str, int]:
    """Return the basket without what was bought; what was added meanwhile stays."""
    left = {product_id: count - amounts.get(product_id, 0) for product_id, count in basket.items()}
    return {product_id: count for product_id, count in left.items() if count > 0}


def listed(basket: Basket, *, descending: bool = False) -> list[tuple[str, int]]:
    """Return (id, pieces) by the number of pieces (`all`), equal ones by id, as Redis sorts."""
    return sorted(basket.items(), key=lambda item: (item[1], item[0].encode()), reverse=descending)


def rows(basket: Basket, *, descending: bool = False) -> list[dict[str, Json]]:
    """Return the basket as the shop model's clients read it: `[{name, count}]`."""
    return [
        {"name": product_id, "count": count}
        for product_id, count in listed(basket, descending=descending)
    ]


def pieces_in(basket: Basket) -> int:
    """Return how many pieces it holds (`sum`)."""
    return sum(basket.values())


def _with(basket: Basket, product_id: str, count: int, kinds_max: int) -> dict[str, int]:
    if count <= 0:
        return remove(basket, (product_id,))[0]
    if product_id not in basket and len(basket) >= kinds_max:
        raise NotAllowedError(
            f"a basket holds at most {kinds_max} kinds of goods", hint="take one out first"
        )
    if count > PIECES_MAX:
        raise NotAllowedError(f"a basket holds at most {PIECES_MAX} pieces of a product")
    return {**basket, product_id: count}
