"""The tree's queries mean what the reference's mean, and the promised ones use an index."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payment_cli.model.query.match import (
    And,
    Match,
    Not,
    Or,
    all_of,
    between,
    equal,
    everything,
    one_of,
)
from payment_cli.model.record import Record
from payment_cli.storage.base import Collection, Query, Storage, Transaction
from payment_cli.storage.tinydb import open_tinydb
from payment_cli.storage.tree import open_tree, transaction
from payment_cli.storage.tree.plan import look_at, select_of
from payment_cli.storage.tree.schema import SETTLE_EVERY, create_indexes, create_tables
from tests.storage.storage_contract import PAYMENTS, a_record, insert
from tests.support import matches as made
from tests.support.clock import HandClock

ORDERS, ALL_ORDERS = Collection("order", "demo"), Collection("order", None)
THINGS = Collection("thing", "demo")


class _UndoError(Exception):
    """Ends an example's transaction, so that the next one finds an empty tree."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    storage = open_tree(tmp_path_factory.mktemp("query") / "tree", HandClock())
    yield storage
    storage.close()


#: Generated fields that hold anything, under the names of fields with columns.
RENAMED = {"a": "or_id", "l": "buyer_id", "it's": "lm", 'q"q': "next_check_at"}


def renamed(value: Any) -> Any:
    """Give a match's paths, a sort's or a record's keys the names of fields with columns."""
    if isinstance(value, dict):
        return {_renamed_path(key): inner for key, inner in value.items()}
    if isinstance(value, And | Or):
        return replace(value, parts=tuple(map(renamed, value.parts)))
    if isinstance(value, Not):
        return Not(renamed(value.part))
    if isinstance(value, tuple):
        return tuple((_renamed_path(path), direction) for path, direction in value)
    return replace(value, path=_renamed_path(value.path))


def _renamed_path(path: str) -> str:
    first, dot, rest = path.partition(".")
    return RENAMED.get(first, first) + dot + rest


def ids(found: Iterator[Record]) -> list[str]:
    return [str(record["id"]) for record in found]


def compare(tree: Storage, records: list[Record], queries: list[Query]) -> None:
    """Ask a tree and the reference the same questions about the same records."""
    reference = open_tinydb(None, HandClock())
    with suppress(_UndoError), tree.transaction("w") as asked:
        with reference.transaction("w") as tx:
            for storage in (tx, asked):
                fill(storage, records)
        for query in queries:
            expected = ids(reference.query(PAYMENTS, query))
            assert ids(asked.query(PAYMENTS, query)) == expected, query
            count = reference.count(PAYMENTS, query.match)
            assert asked.count(PAYMENTS, query.match) == count, query
        raise _UndoError
    assert tree.count(PAYMENTS, everything()) == 0


def fill(tx: Transaction, records: list[Record]) -> None:
    """Insert the records, each with another's fields first: columns follow every change."""
    before = records[-1:] + records[:-1]
    stored = [
        tx.insert(PAYMENTS, {**other, "id": record["id"]})
        for record, other in zip(records, before, strict=True)
    ]
    for record, old in zip(records, stored, strict=True):
        tx.put(PAYMENTS, {**record, "rev": old["rev"]})


@pytest.fixture
def _few_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each example have records of both kinds: fresh ones, and ones the indexes know."""
    monkeypatch.setattr(transaction, "SETTLE_EVERY", 5)


@pytest.mark.usefixtures("_few_fresh")
@pytest.mark.parametrize("is_renamed", [False, True])
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data(), family=made.short_families)
def test_the_tree_finds_what_the_reference_finds(
    tree: Storage, is_renamed: bool, data: st.DataObject, family: made.Family
) -> None:
    records = data.draw(made.records(family))
    queries = data.draw(
        st.lists(
            st.builds(
                Query,
                match=st.just(everything()) | made.matches(family),
                sort=made.sorts,
                skip=st.integers(0, 3),
                limit=st.none() | st.integers(0, 4),
            ),
            min_size=4,
            max_size=8,
        )
    )
    if is_renamed:
        records = [renamed(record) for record in records]
        queries = [
            query._replace(match=renamed(query.match), sort=renamed(query.sort))
            for query in queries
        ]
    compare(tree, records, queries)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """An empty journal; opened anew, as the planner's statistics are read when a file is opened."""
    place = tmp_path_factory.mktemp("schema") / "payment.db"
    with closing(sqlite3.connect(place, isolation_level=None)) as conn:
        create_tables(conn, "test")
        create_indexes(conn)
    with closing(sqlite3.connect(place, isolation_level=None)) as conn:
        yield conn


BY_LM = (("lm", -1),)

#: Every question that must cost the same at a million records as at a thousand.
PROMISED: list[tuple[Collection, Match, tuple[tuple[str, int], ...]]] = [
    (PAYMENTS, equal("st", "WAIT"), BY_LM),
    (PAYMENTS, equal("seller_id", "s"), BY_LM),
    (PAYMENTS, all_of(equal("seller_id", "s"), equal("st", "WAIT")), BY_LM),
    (PAYMENTS, all_of(equal("seller_id", "s"), all_of(equal("st", "WAIT"))), BY_LM),
    (PAYMENTS, equal("buyer_id", "b"), BY_LM),
    (PAYMENTS, equal("or_id", "o"), BY_LM),
    (PAYMENTS, everything(), BY_LM),
    (PAYMENTS, equal("tp", "wn_payment"), BY_LM),
    (PAYMENTS, everything(), ()),
    (
        PAYMENTS,
        all_of(equal("seller_id", "s"), between("next_check_at", 1, 9)),
        (("next_check_at", 1),),
    ),
    *(
        (PAYMENTS, between(field, 1, 9), ((field, direction),))
        for field in ("lm", "ct", "fee", "send_at", "close_at", "next_check_at")
        for direction in (1, -1)
    ),
    *(
        (orders, match, BY_LM)
        for orders in (ORDERS, ALL_ORDERS)
        for match in (
            equal("ord_status", "WT"),
            equal("sto_id", "s"),
            all_of(equal("sto_id", "s"), equal("ord_status", "WT")),
            equal("buyer_id", "b"),
            everything(),
        )
    ),
    (ORDERS, everything(), ()),
    (THINGS, everything(), ()),
]


@pytest.mark.parametrize(("collection", "match", "sort"), PROMISED)
def test_a_promised_query_takes_its_order_from_an_index(
    schema: sqlite3.Connection,
    collection: Collection,
    match: Match,
    sort: tuple[tuple[str, int], ...],
) -> None:
    select = select_of(collection, Query(match, sort), look_at(schema, collection.kind))
    rows = schema.execute(f"EXPLAIN QUERY PLAN {select.sql} LIMIT 10", select.params)
    plan = [str(row[3]) for row in rows if "element" not in row[3] and "SUBQUERY" not in row[3]]
    left, right = plan.index("LEFT"), plan.index("RIGHT")
    settled, fresh = plan[left + 1 : right], plan[right + 1 :]
    assert plan[0] == "MERGE (UNION ALL)"
    assert "USING INDEX" in settled[0]
    assert match == everything() or "SEARCH" in settled[0] or match == equal("tp", "wn_payment")
    assert settled[1:] in ([], ["USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"]), "no sort of all"
    assert fresh[0] == "SEARCH records USING INTEGER PRIMARY KEY (rowid>?)"


def test_the_code_of_a_thing_is_looked_up_by_an_index(schema: sqlite3.Connection) -> None:
    select = select_of(THINGS, Query(equal("nm", "tea")), look_at(schema, "thing"))
    plan = [row[3] for row in schema.execute(f"EXPLAIN QUERY PLAN {select.sql}", select.params)]
    assert any("thing_by_domain_nm (domain=? AND nm=?)" in line for line in plan)


def test_records_are_found_before_and_after_they_enter_the_indexes(tmp_path: Path) -> None:
    storage = open_tree(tmp_path / "tree", HandClock())
    waiting = Query(equal("st", "WAIT"), BY_LM, 0, 3)
    records: list[Record] = []
    for number in range(2 * SETTLE_EVERY + 5):
        records += insert(storage, a_record(lm=number, st="WAIT" if number % 5 == 0 else "NEW"))
        newest = [r for r in reversed(records) if r["st"] == "WAIT"]
        assert list(storage.query(PAYMENTS, waiting)) == newest[:3]
        assert storage.count(PAYMENTS, equal("st", "WAIT")) == len(newest)
        if number % 7 == 0:
            old = records[number // 2]
            with storage.transaction("w") as tx:
                records[number // 2] = tx.put(PAYMENTS, {**old, "st": "OK"})
    with storage.transaction("w") as tx:
        for record in [r for r in records if r["st"] == "WAIT"]:
            tx.delete(PAYMENTS, str(record["id"]), int(str(record["rev"])))
    assert list(storage.query(PAYMENTS, waiting)) == []
    assert fresh_count(tmp_path / "tree") < SETTLE_EVERY
    storage.close()


def test_many_records_in_one_transaction_enter_the_indexes_with_it(tmp_path: Path) -> None:
    storage = open_tree(tmp_path / "tree", HandClock())
    insert(storage, *(a_record(lm=number) for number in range(3 * SETTLE_EVERY)))
    assert fresh_count(tmp_path / "tree") == 0
    newest = [record["lm"] for record in storage.query(PAYMENTS, Query(everything(), BY_LM, 0, 2))]
    assert newest == [3 * SETTLE_EVERY - 1, 3 * SETTLE_EVERY - 2]
    storage.close()


def fresh_count(root: Path) -> int:
    with closing(sqlite3.connect(root / ".journal" / "payment.db")) as conn:
        found = conn.execute("SELECT count(*) FROM records, state WHERE fresh").fetchone()
        unseen = "SELECT count(*) FROM records, state WHERE fresh AND n <= settled"
        assert conn.execute(unseen).fetchone() == (0,)
        return int(found[0])


def test_a_sparse_field_is_found_where_it_says_nothing(tmp_path: Path) -> None:
    storage = open_tree(tmp_path / "tree", HandClock())
    insert(storage, *(a_record(name=n, send_at=n % 3, buyer_id="u" * (n % 2)) for n in range(6)))
    by_name = (("name", 1),)

    def found(match: Match) -> list[object]:
        return [record["name"] for record in storage.query(PAYMENTS, Query(match, by_name))]

    assert found(equal("send_at", 0)) == [0, 3]
    assert found(between("send_at", 0, 1)) == [0, 1, 3, 4]
    assert found(between("send_at", 1)) == [1, 2, 4, 5]
    assert found(between("send_at", None, 1)) == [0, 1, 3, 4]
    assert found(equal("buyer_id", "")) == [0, 2, 4]
    assert found(one_of("buyer_id", ["", "u"])) == [0, 1, 2, 3, 4, 5]
    storage.close()
