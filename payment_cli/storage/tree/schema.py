"""The journal's tables and indexes; which fields they know of is in storage/kinds.py.

`records` holds every record's file, byte for byte, beside the few fields that indexes need. `log`
has one row per change; the changes above `tree.synced` are those whose files are not yet known
to be on disk. `left_files` names the records whose files are left to a foreign hand (left.py).
Each index costs every create, so there is one per question that must cost the same at a million
records as at a thousand, and nothing for questions that may be slow.

What an index costs is mostly the page it touches, once per commit. So a new record is *fresh*: no
index but the one on ids has it, and every query looks through the few fresh ones as well. When
SETTLE_EVERY changes have come together they are *settled*: all enter the indexes at once. A fresh
record's `n`, the sequence of its first change, is above `tree.settled`.
"""

import sqlite3
from collections.abc import Mapping
from typing import Final

from payment_cli.model.codec import decode
from payment_cli.model.record import Json
from payment_cli.storage.kinds import KINDS, Field
from payment_cli.storage.tree.layout import VERSION

#: Fresh records enter the indexes after so many changes.
SETTLE_EVERY: Final = 64

#: What SQLite's `application_id` is in the journal of a backup that nobody has changed since.
COPY_ID: Final = 0x70617963

_SQL_TYPES: Final = {int: "INTEGER", str: "TEXT"}

#: A shorter fragment of an id is refused: the ids of one afternoon begin alike.
FRAGMENT_MIN: Final = 6

#: The end of an id, by which most people name a record: an index has it.
TAIL: Final = f"substr(id, -{FRAGMENT_MIN})"

#: So many records are read at once when an upgrade fills their columns.
_FILLED_AT_ONCE: Final = 1000

#: The numbers that a column of SQLite holds exactly.
_MIN, _MAX = -(2**63), 2**63 - 1


_TYPES = {field.column: field.type_ for kind in KINDS.values() for field in kind.fields}

#: The columns of `records` that hold fields, in the order of `columns_of`.
COLUMNS: Final = (*_TYPES, "odd")

_FIELDS = ", ".join(f"{name} {_SQL_TYPES[type_]}" for name, type_ in _TYPES.items())

_TABLES = f"""
CREATE TABLE tree (one INTEGER PRIMARY KEY CHECK (one = 1), journal TEXT NOT NULL,
    synced INTEGER NOT NULL, settled INTEGER NOT NULL);
CREATE TABLE records (n INTEGER PRIMARY KEY, kind TEXT NOT NULL, domain TEXT NOT NULL,
    id TEXT NOT NULL, rev INTEGER NOT NULL,
    {_FIELDS},
    odd INTEGER NOT NULL, fresh INTEGER NOT NULL, doc TEXT NOT NULL);
CREATE TABLE contents (kind TEXT NOT NULL, domain TEXT NOT NULL, id TEXT NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY (kind, domain, id)) WITHOUT ROWID;
CREATE TABLE log (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL,
    kind TEXT NOT NULL, domain TEXT NOT NULL, id TEXT NOT NULL, op TEXT NOT NULL,
    before_digest BLOB, after_digest BLOB, before TEXT);
CREATE TABLE left_files (kind TEXT NOT NULL, domain TEXT NOT NULL, id TEXT NOT NULL,
    published BLOB, PRIMARY KEY (kind, domain, id)) WITHOUT ROWID;
"""


def sparse_condition(field: Field) -> str:
    """Return the SQL that a row of a sparse index fulfils, to be repeated in every query."""
    return f"{field.column} > 0" if field.type_ is int else f"{field.column} <> ''"


def columns_of(kind: str, record: Mapping[str, Json]) -> list[Json]:
    """Return the values of COLUMNS for a record that was read from JSON."""
    values: list[Json] = [None] * len(COLUMNS)
    for at, path, type_ in _SLOTS[kind]:
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


_SLOTS = {name: _slots(kind.fields) for name, kind in KINDS.items()}


def create_tables(conn: sqlite3.Connection, journal: str) -> None:
    """Make the tables of a new journal called `journal`."""
    conn.execute("PRAGMA journal_mode = WAL")
    conn.executescript(_TABLES)
    conn.execute("INSERT INTO tree VALUES (1, ?, 0, 0)", (journal,))
    conn.execute(f"PRAGMA user_version = {VERSION}")


def create_indexes(conn: sqlite3.Connection) -> None:
    """Make the indexes; after a bulk load is faster than before it."""
    conn.execute("CREATE UNIQUE INDEX by_id ON records (kind, domain, id)")
    conn.execute("CREATE INDEX by_odd ON records (kind) WHERE odd")
    conn.execute(f"CREATE INDEX by_tail ON records ({TAIL}) WHERE fresh = 0")
    for kind, row in KINDS.items():
        fields = {field.column: field for field in row.fields}
        for columns in row.indexes:
            known = [fields[column] for column in columns if column in fields]
            sparse = [sparse_condition(field) for field in known if field.sparse]
            where = " AND ".join((f"kind = '{kind}'", "fresh = 0", *sparse))
            name = index_name(kind, columns)
            conn.execute(f"CREATE INDEX {name} ON records ({', '.join(columns)}, id) WHERE {where}")
        if row.has_history:
            conn.execute(f"CREATE INDEX log_of_{kind} ON log (id, seq) WHERE kind = '{kind}'")


def index_name(kind: str, columns: tuple[str, ...]) -> str:
    """Return the name of an index that the table of kinds asks for."""
    return "_".join((kind, "by", *columns))


def follow_kinds(conn: sqlite3.Connection) -> None:
    """Give the tables of an older journal the columns and indexes that the table of kinds has now.

    Every record's columns are read from the record again, whichever of them are new. A record that
    is damaged keeps what it has. A column that no kind has any more is for a step of versions.py.
    """
    indexes = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql <> ''"
    for (name,) in conn.execute(indexes).fetchall():
        conn.execute(f"DROP INDEX {name}")
    # Older programs told SQLite's planner what to think of them; choice.py does the thinking now.
    conn.execute("DROP TABLE IF EXISTS sqlite_stat1")
    has = {row[1] for row in conn.execute("PRAGMA table_info(records)")}
    for column, type_ in _TYPES.items():
        if column not in has:
            conn.execute(f"ALTER TABLE records ADD COLUMN {column} {_SQL_TYPES[type_]}")
    _fill_columns(conn)
    create_indexes(conn)


def _fill_columns(conn: sqlite3.Connection) -> None:
    """Set the columns of every record that has others than it should."""
    select = (
        f"SELECT n, kind, doc, {', '.join(COLUMNS)} FROM records WHERE n > ? ORDER BY n LIMIT ?"  # noqa: S608
    )
    update = f"UPDATE records SET ({', '.join(COLUMNS)}) = ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
    last = 0
    while rows := conn.execute(select, (last, _FILLED_AT_ONCE)).fetchall():
        for n, kind, doc, *columns in rows:
            wanted = _columns_in(kind, doc)
            if wanted is not None and wanted != columns:
                conn.execute(f"{update} WHERE n = ?", (*wanted, n))
        last = rows[-1][0]


def _columns_in(kind: str, doc: str) -> list[Json] | None:
    """Return the values of COLUMNS for a record's JSON text; None if it is no record of ours."""
    try:
        record = decode(doc)
    except ValueError:
        return None
    return columns_of(kind, record) if isinstance(record, dict) and kind in KINDS else None
