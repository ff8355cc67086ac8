"""What the tree asks of its journal reads no more the more it holds; and how that is seen."""

from collections.abc import Iterator

import pytest

from payment_cli.model.query.match import Match, all_of, between, equal, everything, one_of
from payment_cli.storage.base import Collection, Query, Storage
from payment_cli.storage.tree import open_tree
from payment_cli.storage.tree.plan import look_at, select_of
from payment_cli.storage.tree.schema import SETTLE_EVERY
from tests.storage.storage_contract import PAYMENTS, a_record, an_id, insert
from tests.support import plans
from tests.support.clock import HandClock
from tests.support.plans import only_flat_questions, unbounded

ORDERS, ALL_ORDERS = Collection("order", "demo"), Collection("order", None)


@pytest.fixture
def filled(root) -> Iterator[Storage]:
    """A tree with records that are in the indexes, and with some that are fresh."""
    storage = open_tree(root, HandClock())
    for collection in (PAYMENTS, ORDERS):
        insert(storage, *(a_record(lm=n) for n in range(SETTLE_EVERY)), collection=collection)
        insert(storage, a_record(id=an_id()), collection=collection)
    yield storage
    storage.close()


@pytest.mark.parametrize("collection", [PAYMENTS, ORDERS])
def test_reading_and_changing_one_record(filled, collection, monkeypatch, root) -> None:
    monkeypatch.setattr(plans, "_is_ours", lambda: True)  # here the test asks for a customer
    with only_flat_questions() as asked:
        storage = open_tree(root, HandClock())
        record = a_record(id=an_id())
        insert(storage, record, collection=collection)
        stored = storage.get(collection, record["id"])
        assert storage.committed(collection, record["id"]) == stored
        assert storage.content(collection, record["id"]) == b""
        with storage.transaction("w") as tx:
            changed = tx.put(collection, tx.get(collection, record["id"]))
            tx.delete(collection, record["id"], changed["rev"])
        storage.close()
    assert len(asked) > 8


@pytest.mark.parametrize("collection", [PAYMENTS, ORDERS, ALL_ORDERS])
@pytest.mark.parametrize("is_fresh", [True, False])
def test_finding_an_id_by_its_beginning_its_end_or_all_of_it(
    filled, collection, is_fresh, monkeypatch, root
) -> None:
    match = Query(everything(), (("ct", 1),))
    ids = [str(row["id"]) for row in filled.query(Collection(collection.kind, None), match)]
    record_id = ids[-1] if is_fresh else ids[0]
    monkeypatch.setattr(plans, "_is_ours", lambda: True)
    with only_flat_questions() as asked:
        storage = open_tree(root, HandClock())
        for fragment in (record_id, record_id[-6:], record_id[-14:], record_id[:31]):
            assert storage.find_id(collection, fragment) == record_id
        storage.close()
    assert any("by_tail" in sql for sql in asked)


def test_the_history_of_an_order_and_the_end_of_the_log(filled, monkeypatch, root) -> None:
    [order] = filled.query(ORDERS, Query(everything(), limit=1))
    monkeypatch.setattr(plans, "_is_ours", lambda: True)
    with only_flat_questions() as asked:
        storage = open_tree(root, HandClock())
        assert len(list(storage.history(ORDERS, str(order["id"])))) == 1
        assert len(list(storage.log(after=5, limit=3))) == 3
        assert list(storage.left()) == []
        storage.close()
    assert any("log_of_order" in sql for sql in asked)


def sql_of(collection: Collection, query: Query) -> str:
    found = select_of(collection, query, look_at(plans._empty_journal(), collection.kind))
    return plans._filled(found.sql, found.params)


BY_LM = (("lm", -1),)

FLAT: list[tuple[Collection, Match, tuple[tuple[str, int], ...]]] = [
    (PAYMENTS, one_of("st", ["NEW", "WAIT"]), BY_LM),
    (PAYMENTS, all_of(equal("seller_id", "s"), one_of("st", ["NEW", "WAIT"])), BY_LM),
    (PAYMENTS, one_of("flag", ["late", "double"]), BY_LM),
    (PAYMENTS, all_of(equal("seller_id", "s"), equal("apply_st", "due")), (("lm", 1),)),
    (ORDERS, one_of("ord_status", ["NW", "WT"]), BY_LM),
    (ALL_ORDERS, one_of("ord_status", ["NW", "WT"]), BY_LM),
    (ORDERS, between("ct", 1, 9), (("ct", -1),)),
    (ORDERS, between("ok_at", 1, 9), (("ok_at", 1),)),
    (Collection("thing", "demo"), equal("th_live", -1), (("nm", 1),)),
    (Collection("coupon", "demo"), equal("th_live", 1), ()),
]


@pytest.mark.parametrize(("collection", "match", "sort"), FLAT)
def test_a_list_of_values_and_a_range_keep_the_order_of_an_index(collection, match, sort) -> None:
    assert unbounded(sql_of(collection, Query(match, sort, 0, 10))) == ()


UNBOUNDED = [
    "SELECT doc FROM records WHERE fee = 1",
    "SELECT doc FROM records INDEXED BY by_id WHERE kind = 'payment'",
    "SELECT doc FROM records INDEXED BY by_id WHERE kind = 'thing' AND domain = 'demo'",
    "SELECT count(*) FROM log WHERE kind = 'payment' AND id = 'x'",
    "SELECT doc FROM records INDEXED BY payment_by_st_lm WHERE kind = 'payment' AND fresh = 0"
    " AND st = 'OK' ORDER BY fee",
    "UPDATE records SET fresh = 0 WHERE rev = 1",
]


@pytest.mark.parametrize("sql", UNBOUNDED)
def test_what_reads_without_bound_is_seen(sql: str) -> None:
    assert unbounded(sql) != ()


def test_a_long_list_is_sorted_and_that_is_seen_too() -> None:
    many = one_of("st", [f"S{n}" for n in range(40)])
    assert unbounded(sql_of(PAYMENTS, Query(many, BY_LM, 0, 10))) != ()


def ask_without_an_index(storage: Storage) -> None:
    with only_flat_questions():
        assert list(storage.history(Collection("coupon", "demo"), "x")) == []


def test_a_question_that_reads_without_bound_fails_its_test(filled, root, monkeypatch) -> None:
    monkeypatch.setattr(plans, "_is_ours", lambda: True)
    storage = open_tree(root, HandClock())
    with pytest.raises(AssertionError, match=r"SCAN log\n  SELECT seq"):
        ask_without_an_index(storage)
    storage.close()
