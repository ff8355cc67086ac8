"""Which index is chosen, and that what a list of values finds is merged right."""

import random
from decimal import Decimal
from itertools import chain

import pytest

from payment_cli.model.query.match import (
    Match,
    all_of,
    any_of,
    between,
    equal,
    everything,
    is_null,
    one_of,
)
from payment_cli.storage.base import Collection, Query
from payment_cli.storage.tree import open_tree
from payment_cli.storage.tree.choice import STREAMS_MAX, Wish, choose_index
from payment_cli.storage.tree.schema import SETTLE_EVERY
from tests.storage.storage_contract import PAYMENTS, a_record, insert
from tests.support.clock import HandClock

ORDERS, ALL_ORDERS = Collection("order", "demo"), Collection("order", None)
NOTICES = Collection("notice")

#: A match, the order and how many are wanted, and the index that finds them.
CHOICES: list[tuple[Collection, Match, Wish, str]] = [
    (PAYMENTS, everything(), Wish("lm", 10), "payment_by_lm"),
    (PAYMENTS, everything(), Wish("id", 10), "by_id"),
    (PAYMENTS, everything(), Wish(None), "payment_by_lm"),
    (PAYMENTS, equal("st", "OK"), Wish(None), "payment_by_st_lm"),
    (PAYMENTS, equal("id", "x"), Wish("id"), "by_id"),
    # What is rare is found by what is rare, though another index has the order.
    (PAYMENTS, equal("buyer_id", "u"), Wish("fee", 10), "payment_by_buyer_id_lm"),
    # What is frequent is passed by in the order that is wanted.
    (PAYMENTS, equal("st", "OK"), Wish("fee", 10), "payment_by_fee"),
    (PAYMENTS, equal("note", "x"), Wish("lm", 10), "payment_by_lm"),
    # A sparse index is used only for what it surely has.
    (PAYMENTS, equal("buyer_id", ""), Wish("lm", 10), "payment_by_lm"),
    (PAYMENTS, one_of("flag", ["late", ""]), Wish("lm", 10), "payment_by_lm"),
    (PAYMENTS, one_of("flag", ["late"]), Wish("lm", 10), "payment_by_flag_lm"),
    (PAYMENTS, between("send_at", 0), Wish("send_at", 10), "payment_by_lm"),
    (PAYMENTS, between("send_at", 0, low_open=True), Wish("send_at", 10), "payment_by_send_at"),
    (PAYMENTS, any_of(equal("st", "OK"), equal("fee", 1)), Wish("lm", 10), "payment_by_lm"),
    (NOTICES, between("owner", "", low_open=True), Wish(None), "notice_by_owner"),
    (Collection("outbox"), is_null("st"), Wish("lm", 10), "outbox_by_st_lm"),
    (ALL_ORDERS, equal("id", "x"), Wish("id"), "by_id"),
    (ALL_ORDERS, everything(), Wish("lm", 10), "order_by_lm"),
    (ORDERS, everything(), Wish("lm", 10), "order_by_domain_lm"),
    (ALL_ORDERS, between("ct", 1, 9), Wish("ct"), "order_by_domain_ct"),
]


@pytest.mark.parametrize(("collection", "match", "wish", "index"), CHOICES)
def test_the_index_that_is_chosen(
    collection: Collection, match: Match, wish: Wish, index: str
) -> None:
    assert choose_index(collection, match, wish, has_columns=True).name == index


@pytest.mark.parametrize("collection", [PAYMENTS, ORDERS, ALL_ORDERS])
def test_without_columns_only_ids_are_known(collection: Collection) -> None:
    match = all_of(equal("st", "OK"), equal("seller_id", "s"))
    assert choose_index(collection, match, Wish("lm", 10), has_columns=False).name == "by_id"


def test_a_list_of_values_becomes_streams_up_to_a_number() -> None:
    few, many = (one_of("st", [f"S{n}" for n in range(c)]) for c in (STREAMS_MAX, STREAMS_MAX + 1))
    for match, merged in ((few, 1), (many, 0)):
        choice = choose_index(PAYMENTS, match, Wish("lm", 10), has_columns=True)
        assert len(choice.merged) == merged


LISTED = [
    one_of("st", ["OK", "OK", "NEW"]),
    one_of("st", ["OK", 1, True, "FAIL"]),
    one_of("st", ["nobody", "OK"]),
    one_of("st", [1, 2]),
    one_of("st", []),
    one_of("fee", [1, Decimal("1.0"), Decimal("1.5"), True, "1", 2]),
    all_of(one_of("seller_id", ["a", "b"]), one_of("st", ["OK", "NEW"])),
    all_of(one_of("st", ["OK", "NEW"]), one_of("st", ["OK", "WAIT"])),
    all_of(equal("seller_id", "a"), one_of("st", ["OK", "NEW"]), between("fee", 1)),
]


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("match", LISTED)
def test_what_a_list_finds_comes_once_and_in_order(tmp_path, match: Match, direction: int) -> None:
    rng = random.Random(7)
    storage = open_tree(tmp_path / "tree", HandClock())
    for _ in range(3):  # the last ones are fresh
        records = [
            a_record(
                lm=rng.randrange(20),
                st=rng.choice(["NEW", "WAIT", "OK", "FAIL"]),
                seller_id=rng.choice("abc"),
                fee=rng.randrange(4),
            )
            for _ in range(SETTLE_EVERY - 10)
        ]
        insert(storage, *records)
    sort = (("fee" if "fee" in str(match)[:20] else "lm", direction),)
    whole = list(storage.query(PAYMENTS, Query(match, sort)))
    assert {row["id"] for row in whole} == {
        row["id"] for row in storage.query(PAYMENTS, Query(all_of(match, everything())))
    }
    assert len(whole) == storage.count(PAYMENTS, match)
    keys = [(row[sort[0][0]], row["id"]) for row in whole]
    assert keys == sorted(keys, reverse=direction < 0)
    pages = (storage.query(PAYMENTS, Query(match, sort, n, 7)) for n in range(0, 63, 7))
    assert list(chain.from_iterable(pages)) == whole[:63]
    storage.close()
