"""The SQL of a match finds what the tinydb reference finds, in the same order."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.model.codec import decode, encode
from payment_cli.model.match import (
    Match,
    everything,
)
from payment_cli.model.match_eval import matches, predicate
from payment_cli.model.record import Record
from payment_cli.storage.base import Collection, Query, Storage
from payment_cli.storage.match_sql import Compiled, compile_order, compile_sql
from payment_cli.storage.tinydb import open_tinydb
from tests.support import matches as made

THINGS = Collection("thing", "shop")
COLUMNS = {"id": "record.id", "st": "record.st", "fee": "record.fee"}
JSON = "record.json"


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:")
    conn.executescript(
        """CREATE TABLE record (id TEXT PRIMARY KEY, st TEXT, fee INTEGER, json TEXT NOT NULL);
        CREATE INDEX by_st ON record (st, fee, id); CREATE INDEX by_fee ON record (fee, id)"""
    )
    yield conn
    conn.close()


def fill(conn: sqlite3.Connection, records: list[Record]) -> None:
    conn.execute("DELETE FROM record")
    rows = [(each["id"], each.get("st"), each.get("fee"), encode(each)) for each in records]
    conn.executemany("INSERT INTO record VALUES (?, ?, ?, ?)", rows)


def compiled(match: Match) -> Compiled:
    return compile_sql(match, COLUMNS, JSON)


def ids_by_sql(conn: sqlite3.Connection, query: Query) -> list[str]:
    found = compiled(query.match)
    sql = f"SELECT json FROM record WHERE {found.where} ORDER BY "
    rows = conn.execute(sql + compile_order(query.sort, COLUMNS, JSON), found.params)
    records = (decode(text) for (text,) in rows)
    if found.residual is not None:
        records = filter(predicate(found.residual), records)
    end = None if query.limit is None else query.skip + query.limit
    return [record["id"] for record in islice(records, query.skip, end)]


def tinydb_with(records: list[Record]) -> Storage:
    storage = open_tinydb(None, lambda: 0)
    with storage.transaction("tester") as tx:
        for record in records:
            tx.insert(THINGS, record)
    return storage


def ids(records: Iterable[Record]) -> list[str]:
    return [str(record["id"]) for record in records]


def in_id_order(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda record: str(record["id"]))


@given(data=st.data(), family=made.families)
def test_sql_and_residual_find_what_the_reference_finds(
    database: sqlite3.Connection, data: st.DataObject, family: made.Family
) -> None:
    records = data.draw(made.records(family))
    fill(database, records)
    reference = tinydb_with(records)
    for match in data.draw(st.lists(made.matches(family), min_size=1, max_size=8)):
        query = Query(match)
        expected = ids(reference.query(THINGS, query))
        assert ids_by_sql(database, query) == expected, match
        assert reference.count(THINGS, match) == len(expected)
        assert [each["id"] for each in in_id_order(records) if matches(match, each)] == expected


@given(data=st.data(), family=made.short_families)
def test_pages_come_in_the_order_of_the_reference(
    database: sqlite3.Connection, data: st.DataObject, family: made.Family
) -> None:
    records = data.draw(made.records(family))
    fill(database, records)
    reference = tinydb_with(records)
    queries = st.builds(
        Query,
        match=st.just(everything()) | made.matches(family),
        sort=made.sorts,
        skip=st.integers(0, 3),
        limit=st.none() | st.integers(0, 4),
    )
    for query in data.draw(st.lists(queries, min_size=1, max_size=5)):
        assert ids_by_sql(database, query) == ids(reference.query(THINGS, query)), query
