"""The SQL of a match finds what the tinydb reference finds, in the same order."""

import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC
from decimal import Decimal
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.model.codec import decode, encode
from payment_cli.model.query.evaluate import matches, predicate
from payment_cli.model.query.match import (
    Equal,
    Glob,
    In,
    IsNull,
    Match,
    Not,
    Range,
    Regex,
    all_of,
    any_of,
    between,
    equal,
    everything,
    one_of,
)  # fmt: skip
from payment_cli.model.query.text import CONDITIONS_MAX, parse_match
from payment_cli.model.query.times import TimeReader
from payment_cli.model.record import Json, Record
from payment_cli.storage.base import Collection, Query, Storage
from payment_cli.storage.tinydb import open_tinydb
from payment_cli.storage.tree.match_sql import Compiled, compile_sql, order_terms
from tests.support import matches as made

TIMES = TimeReader(0, lambda: UTC)
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


def order_by(sort: tuple[tuple[str, int], ...]) -> str:
    return ", ".join(" ".join(term) for term in order_terms(sort, COLUMNS, JSON))


def ids_by_sql(conn: sqlite3.Connection, query: Query) -> list[str]:
    found = compiled(query.match)
    sql = f"SELECT json FROM record WHERE {found.where} ORDER BY "
    rows = conn.execute(sql + order_by(query.sort), found.params)
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
    asked = st.lists(made.field_matches(family), min_size=12, max_size=16) | st.lists(
        made.matches(family), min_size=4, max_size=8
    )
    for match in data.draw(asked):
        expected = ids(reference.query(THINGS, Query(match)))
        assert ids_by_sql(database, Query(match)) == expected, match
        assert ids_by_sql(database, Query(Not(match))) == ids(
            reference.query(THINGS, Query(Not(match)))
        ), match
        assert reference.count(THINGS, match) == len(expected)
        assert ids(each for each in in_id_order(records) if matches(match, each)) == expected


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


@given(data=st.data(), family=made.families)
def test_typed_matches_find_what_the_reference_finds(
    database: sqlite3.Connection, data: st.DataObject, family: made.Family
) -> None:
    records = data.draw(made.records(family))
    fill(database, records)
    reference = tinydb_with(records)
    for text in data.draw(st.lists(made.typed_matches(family), min_size=4, max_size=8)):
        query = Query(parse_match(text, TIMES))
        assert ids_by_sql(database, query) == ids(reference.query(THINGS, query)), text


_CLOSE_CALLS: list[tuple[Json, Match, bool]] = [
    (Decimal("1E-400"), Equal("a", Decimal("1E-400")), True),
    (Decimal("1E-400"), Equal("a", 0), False),
    (Decimal("1E-400"), Range("a", 0, None, low_open=True), True),
    (Decimal("1.0000000000000000000000000001"), Equal("a", 1), False),
    (Decimal("1.00"), Equal("a", 1), True),
    (1, Equal("a", Decimal("1.00")), True),
    (2**53 + 1, Equal("a", 2**53), False),
    (10**30 + 1, Range("a", None, 10**30), False),
    (10**400 + 1, Equal("a", 10**400 + 1), True),
    (10**400 + 1, Equal("a", 10**400), False),
    (True, Equal("a", 1), False),
    (1, Equal("a", True), False),
    ("1", Equal("a", 1), False),
    (1, Equal("a", "1"), False),
    (True, Range("a", 0, 2), False),
    ("b", Range("a", 0, None), False),
    (5, Range("a", "", None), False),
    (5, Range("a", 1, "z"), False),
    ("", IsNull("a"), False),
    ([], IsNull("a"), False),
    ([None], IsNull("a"), False),
    (None, IsNull("a"), True),
    ([], Equal("a", ""), False),
    ([[1]], Equal("a", 1), False),
    ([0, 9], Range("a", 4, 5), False),
    ([None, 4], Range("a", 4, 5), True),
    ({"b": [{"c": 1}, {"c": 2}]}, Equal("a.b.c", 2), True),
    ([[{"b": 1}]], Equal("a.b", 1), False),
    ([{"b": None}, {}], IsNull("a.b"), True),
    ([{"b": None}, {"b": 0}], IsNull("a.b"), False),
    ([1, 2], IsNull("a.b"), True),
    ({"b": {"c": {"d": [{"e": 1}]}}}, Equal("a.b.c.d.e", 1), True),
    ({"b": {"c": {"d": [{"e": 1}]}}}, Equal("a.b.c.d.f", 1), False),
    ({"0": 1}, Equal("a.0", 1), True),
    ([1], Equal("a.0", 1), False),
    ("aa", Glob("a", ("a", "a", "a")), False),
    ("aaa", Glob("a", ("a", "a", "a")), True),
    ("aaab", Glob("a", ("a", "b")), True),
    ("xab", Glob("a", ("a", "")), False),
    (5, Glob("a", ("", "")), False),
    ("\ud7ffx", Glob("a", ("\ud7ff", "")), True),
    ("\ue000", Glob("a", ("\ud7ff", "")), False),
    ("\U0010ffffx", Glob("a", ("\U0010ffff", "")), True),
    ("a\U0010ffffx", Glob("a", ("a\U0010ffff", "")), True),
    ("b", Glob("a", ("a\U0010ffff", "")), False),
    ("😀", Range("a", "\uffff", None), True),
    ("Ä", Equal("a", "ä"), False),
    ("a\nb", Regex("a", "a.b"), False),
    ("xay", Regex("a", "a"), True),
    (["x", "ab"], Regex("a", "^a"), True),
    (1, Regex("a", "1"), False),
]


@pytest.mark.parametrize(("value", "match", "holds"), _CLOSE_CALLS)
def test_close_calls_are_decided_alike_everywhere(
    database: sqlite3.Connection, value: Json, match: Match, holds: bool
) -> None:
    record: Record = {"id": "id-1", "a": value}
    fill(database, [record])
    reference = tinydb_with([record])
    for asked, expected in ((match, holds), (Not(match), not holds)):
        assert matches(asked, record) is expected
        assert ids_by_sql(database, Query(asked)) == ["id-1"] * expected
        assert ids(reference.query(THINGS, Query(asked))) == ["id-1"] * expected


@pytest.mark.parametrize(
    ("fee", "match", "holds"),
    [
        (2**63 - 1, Range("fee", 2**63 - 1, None, low_open=True), False),
        (2**63 - 1, Range("fee", 2**63, None), False),
        (2**63 - 1, Range("fee", None, 2**63), True),
        (-(2**63), Range("fee", None, -(2**63), high_open=True), False),
        (-(2**63), Range("fee", -(2**63) - 1, None, low_open=True), True),
        (5, Range("fee", Decimal("4.5"), Decimal("5.5")), True),
        (5, Range("fee", Decimal("5.0"), None, low_open=True), False),
        (5, Range("fee", None, Decimal("4.99999999999999999999999999999999")), False),
        (5, Equal("fee", Decimal("5.0")), True),
        (5, Equal("fee", Decimal("5.00000000000000000000000000000001")), False),
        (5, Equal("fee", "5"), False),
        (1, Equal("fee", True), False),
        (5, In("fee", (4, "5", Decimal("5.0"), True)), True),
        (5, Range("fee", "", None), False),
        (0, IsNull("fee"), False),
        (None, IsNull("fee"), True),
        (None, Equal("fee", 0), False),
    ],
)
def test_a_column_of_integers_compares_exactly_and_converts_nothing(
    database: sqlite3.Connection, fee: int | None, match: Match, holds: bool
) -> None:
    fill(database, [{"id": "id-1", "fee": fee}])
    assert compiled(match).residual is None
    assert ids_by_sql(database, Query(match)) == ["id-1"] * holds
    assert ids_by_sql(database, Query(Not(match))) == ["id-1"] * (not holds)


def test_a_regex_never_reaches_the_database(database: sqlite3.Connection) -> None:
    pattern = Regex("a", "^x")
    found = compiled(all_of(equal("st", "OK"), any_of(pattern, Not(pattern))))
    assert "x" not in (found.where, *found.params)
    assert found.residual == any_of(pattern, Not(pattern))


def test_what_sql_decides_alone_leaves_nothing_to_ask() -> None:
    match = all_of(
        equal("st", "OK"),
        between("fee", 1, 5),
        one_of("a.b", ["x", True, None]),
        Not(Glob("brief", ("x", ""))),
        between("brief", "a", "b"),
        Not(IsNull("l.b")),
    )
    assert compiled(match).residual is None


def test_only_the_part_that_sql_can_not_decide_is_asked_of_each_row() -> None:
    assert compiled(all_of(equal("st", "OK"), equal("a", 1))).residual == Equal("a", 1)


@pytest.mark.parametrize(
    ("match", "sort", "index"),
    [
        (equal("st", "OK"), (("fee", -1),), "by_st (st=?)"),
        (equal("st", "OK"), (("fee", 1),), "by_st (st=?)"),
        (all_of(equal("st", "OK"), equal("a", 1)), (("fee", -1),), "by_st (st=?)"),
        (all_of(equal("st", "OK"), Regex("a", "x")), (("fee", -1),), "by_st (st=?)"),
        (between("fee", 1, 5), (("fee", 1),), "by_fee (fee>? AND fee<?)"),
        (between("fee", low=1), (("fee", -1),), "by_fee (fee>?)"),
        (everything(), (("fee", -1),), "by_fee"),
        (everything(), (("fee", 1),), "by_fee"),
    ],
)
def test_a_column_is_searched_and_ordered_by_its_index_alone(
    database: sqlite3.Connection, match: Match, sort: tuple[tuple[str, int], ...], index: str
) -> None:
    found = compiled(match)
    order = order_by(sort)
    sql = f"EXPLAIN QUERY PLAN SELECT json FROM record WHERE {found.where} ORDER BY {order} LIMIT 9"
    plan = [row[3] for row in database.execute(sql, found.params)]
    assert plan[0].endswith(f"INDEX {index}")
    assert not any("TEMP B-TREE" in step for step in plan)


def test_a_long_list_is_one_parameter(database: sqlite3.Connection) -> None:
    fill(database, [{"id": f"id-{n}", "st": str(n), "a": str(n)} for n in range(3)])
    wanted = [str(n) for n in range(1, 100_000)]
    for path in ("st", "a"):
        assert ids_by_sql(database, Query(one_of(path, wanted))) == ["id-1", "id-2"]


@pytest.mark.parametrize(
    "document",
    [
        {f"a{n}.b.c": "x" for n in range(CONDITIONS_MAX - 1)},
        {"a.b.c": ["%or", *map(str, range(CONDITIONS_MAX - 2))]},
        {"!%or": [{"!%or": [{f"!a{n}.b.c": "x" for n in range(CONDITIONS_MAX - 3)}]}]},
    ],
)
def test_the_largest_match_that_parses_is_not_too_large_for_sqlite(
    database: sqlite3.Connection, document: Json
) -> None:
    fill(database, [{"id": "id-1"}])
    match = parse_match(encode(document), TIMES)
    assert ids_by_sql(database, Query(match)) == ["id-1"] * matches(match, {"id": "id-1"})


def test_a_sort_path_that_sqlite_can_not_express_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="sorted by"):
        order_terms((('q"q', 1),), COLUMNS, JSON)
