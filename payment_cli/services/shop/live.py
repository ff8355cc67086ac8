"""Products, discounts and coupons stay when they are deleted: which are asked for."""

from payment_cli.model.query.match import all_of, equal
from payment_cli.model.shop.live import DELETED, LIVE
from payment_cli.storage.base import Query


def live(query: Query, *, is_deleted: bool = False) -> Query:
    """Return the query for what is not deleted, or only for what is."""
    wanted = equal("th_live", DELETED if is_deleted else LIVE)
    return Query(all_of(wanted, query.match), query.sort, query.skip, query.limit)
