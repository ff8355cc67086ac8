"""The journal's tables, and which fields of a record its indexes know.

`records` holds every record's file, byte for byte, beside the few fields that indexes need. `log`
has one row per change; the changes above `state.synced` are those whose files are not yet known
to be on disk. `left_files` names the records whose files are left to a foreign hand (left.py).
Each index costs every create, so there is one per question that must cost the same at a million
records as at a thousand, and nothing for questions that may be slow.

What an index costs is mostly the page it touches, once per commit. So a new record is *fresh*: no
index but the one on ids has it, and every query looks through the few fresh ones as well. When
SETTLE_EVERY changes have come together they are *settled*: all enter the indexes at once. A fresh
record's `n`, the sequence of its first change, is above `state.settled`.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from payment_cli.model.record import Json

#: Raised with every change of the tables; a newer one than ours is refused.
VERSION: Final = 2

#: Fresh records enter the indexes after so many changes.
SETTLE_EVERY: Final = 64

#: The numbers that a column of SQLite holds exactly.
_MIN, _MAX = -(2**63), 2**63 - 1


class Field(NamedTuple):
    """A field of a kind of records that has its own column in `records`.

    A column holds the field's value exactly, or NULL for null and missing. Where a field of a
    record has another type than `type_`, the whole record is marked `odd` and every query of its
    kind goes by the JSON alone: slower, never wrong. `sparse` fields are indexed only where they
    say something (not 0, not empty).
    """

    column: str
    path: str
    type_: type[int] | type[str]
    sparse: bool = False


_TIMES = (Field("lm", "lm", int), Field("ct", "ct", int))

_PAYMENT_FIELDS = (
    *_TIMES,
    Field("st", "st", str),
    Field("seller_id", "seller_id", str),
    Field("buyer_id", "buyer_id", str, sparse=True),
    Field("or_id", "or_id", str, sparse=True),
    Field("fee", "fee", int),
    Field("send_at", "send_at", int, sparse=True),
    Field("close_at", "close_at", int),
    Field("next_check_at", "next_check_at", int, sparse=True),
    Field("apply_st", "apply_st", str, sparse=True),
    Field("flag", "flag", str, sparse=True),
)

_ORDER_FIELDS = (
    *_TIMES,
    Field("st", "ord_status", str),
    Field("seller_id", "sto_id", str),
    Field("buyer_id", "buyer_id", str, sparse=True),
)

_THING_FIELDS = (*_TIMES, Field("nm", "nm", str, sparse=True))

_FIELDS = {"payment": _PAYMENT_FIELDS, "order": _ORDER_FIELDS, "thing": _THING_FIELDS}

#: The columns of `records` that hold fields, in the order of `columns_of`.
COLUMNS: Final = (
    "lm", "ct", "st", "seller_id", "buyer_id", "or_id", "nm",
    "fee", "send_at", "close_at", "next_check_at", "apply_st", "flag", "odd",
)  # fmt: skip

_TABLES = """
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), journal TEXT NOT NULL,
    synced INTEGER NOT NULL, settled INTEGER NOT NULL);
CREATE TABLE records (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, domain TEXT NOT NULL,
    id TEXT NOT NULL, rev INTEGER NOT NULL,
    lm INTEGER, ct INTEGER, st TEXT, seller_id TEXT, buyer_id TEXT, or_id TEXT, nm TEXT,
    fee INTEGER, send_at INTEGER, close_at INTEGER, next_check_at INTEGER,
    apply_st TEXT, flag TEXT,
    odd INTEGER NOT NULL, fresh INTEGER NOT NULL, doc TEXT NOT NULL);
CREATE TABLE contents (kind TEXT NOT NULL, domain TEXT NOT NULL, id TEXT NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (kind, domain, id)) WITHOUT ROWID;
CREATE TABLE log (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL,
    kind TEXT NOT NULL, domain TEXT NOT NULL, id TEXT NOT NULL, op TEXT NOT NULL,
    before_digest BLOB, after_digest BLOB, before TEXT);
CREATE TABLE left_files (kind TEXT NOT NULL, domain TEXT NOT NULL, id TEXT NOT NULL,
    published BLOB, PRIMARY KEY (kind, domain, id)) WITHOUT ROWID;
"""

#: kind -> the columns of its indexes, besides the id that breaks ties.
_INDEXES = {
    "payment": (
        ("st", "lm"), ("seller_id", "lm"), ("seller_id", "st", "lm"), ("buyer_id", "lm"),
        ("or_id", "lm"), ("lm",), ("ct",), ("fee",), ("send_at",), ("close_at",),
        ("next_check_at",), ("apply_st", "lm"), ("flag", "lm"),
    ),
    "order": (
        ("domain", "st", "lm"), ("domain", "lm"), ("st", "lm"), ("seller_id", "lm"),
        ("seller_id", "st", "lm"), ("buyer_id", "lm"), ("lm",),
    ),
    "thing": (("domain", "nm"),),
}  # fmt: skip


#: How many of a million records share one value, roughly: it tells SQLite's planner that a kind
#: or a status narrows little, and a buyer much. Without that it sorts all payments to find ten.
_MANY = 1_000_000
_ROWS_PER_VALUE = {
    "domain": 10_000, "st": 250_000, "seller_id": 10_000, "buyer_id": 10, "or_id": 10, "nm": 1,
    "lm": 2, "ct": 2, "fee": 200, "send_at": 2, "close_at": 2, "next_check_at": 2,
    "apply_st": 10_000, "flag": 100,
}  # fmt: skip


def fields_of(kind: str) -> tuple[Field, ...]:
    """Return the fields of a kind that have columns."""
    return _FIELDS.get(kind, _TIMES)


def sparse_condition(field: Field) -> str:
    """Return the SQL that a row of a sparse index fulfils, to be repeated in every query."""
    return f"{field.column} > 0" if field.type_ is int else f"{field.column} <> ''"


def columns_of(kind: str, record: Mapping[str, Json]) -> list[Json]:
    """Return the values of COLUMNS for a record that was read from JSON."""
    values: list[Json] = [None] * len(COLUMNS)
    for at, path, type_ in _SLOTS.get(kind, _OTHER_SLOTS):
        value = record.get(path)
        if value is None:
            continue
        if type(value) is not type_ or (type_ is int and not _MIN <= value <= _MAX):  # type: ignore[operator]
            return [*([None] * (len(COLUMNS) - 1)), 1]
        values[at] = value
    values[-1] = 0
    return values


def _slots(fields: tuple[Field, ...]) -> tuple[tuple[int, str, type], ...]:
    """Return of each field its place among the columns, its path and its type."""
    return tuple((COLUMNS.index(f.column), f.path, f.type_) for f in fields)


_SLOTS = {kind: _slots(fields) for kind, fields in _FIELDS.items()}
_OTHER_SLOTS = _slots(_TIMES)


def create_tables(conn: sqlite3.Connection, journal: str) -> None:
    """Make the tables of a new journal called `journal`."""
    conn.execute("PRAGMA journal_mode = WAL")
    conn.executescript(_TABLES)
    conn.execute("INSERT INTO state VALUES (1, ?, 0, 0)", (journal,))
    conn.execute(f"PRAGMA user_version = {VERSION}")


def create_indexes(conn: sqlite3.Connection) -> None:
    """Make the indexes; after a bulk load is faster than before it."""
    conn.execute("CREATE UNIQUE INDEX by_id ON records (kind, domain, id)")
    conn.execute("CREATE INDEX by_odd ON records (kind) WHERE odd")
    # Makes the table of statistics. They are set, not measured: plans never change with the data.
    conn.execute("ANALYZE state")
    conn.execute("DELETE FROM sqlite_stat1")
    _set_statistics(conn, "by_id", [_MANY, _MANY, 1])
    for kind, indexes in _INDEXES.items():
        sparse = {f.column: sparse_condition(f) for f in fields_of(kind) if f.sparse}
        for columns in indexes:
            terms = (f"kind = '{kind}'", "fresh = 0", *(sparse[c] for c in columns if c in sparse))
            where = " AND ".join(terms)
            name = "_".join((kind, "by", *columns))
            conn.execute(f"CREATE INDEX {name} ON records ({', '.join(columns)}, id) WHERE {where}")
            _set_statistics(conn, name, [*_rows_per_prefix(columns), 1])


def _rows_per_prefix(columns: tuple[str, ...]) -> Iterator[int]:
    """Yield how many of a million rows share the values of the first, first two … columns."""
    rows = _MANY
    for column in columns:
        rows = max(1, rows * _ROWS_PER_VALUE[column] // _MANY)
        yield rows


def _set_statistics(conn: sqlite3.Connection, index: str, rows: list[int]) -> None:
    """Tell SQLite's planner how many rows an index finds, in the form of its ANALYZE."""
    stat = " ".join(map(str, (_MANY, *rows)))
    conn.execute("INSERT INTO sqlite_stat1 VALUES ('records', ?, ?)", (index, stat))
