"""Single rows of the journal: a record, its content, the log. Locks and files are not seen here."""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from payment_cli.errors import CorruptRecordError
from payment_cli.model.codec import decode
from payment_cli.model.record import Json, Record
from payment_cli.storage.kinds import KINDS
from payment_cli.storage.tree.connection import single
from payment_cli.storage.tree.key import ROW_HINT, Key, key_in
from payment_cli.storage.tree.schema import COLUMNS, columns_of

_ONE = "kind = ? AND domain = ? AND id = ?"
_FIND = f"SELECT rev, doc, {', '.join(COLUMNS)} FROM records WHERE {_ONE}"  # noqa: S608
_INSERT = (
    f"INSERT INTO records (n, kind, domain, id, rev, doc, fresh, {', '.join(COLUMNS)})"  # noqa: S608
    f" VALUES (?, ?, ?, ?, ?, ?, ?{', ?' * len(COLUMNS)})"
)
_LOG = """INSERT INTO log (at, actor, kind, domain, id, op, before_digest, after_digest, before)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""


class Row(NamedTuple):
    """A record as the journal holds it: `doc` is its file, `columns` its indexed fields."""

    rev: int
    doc: str
    columns: tuple[Json, ...]


def find(conn: sqlite3.Connection, key: Key) -> Row | None:
    """Return the record's row, if there is one."""
    found = conn.execute(_FIND, key).fetchone()
    return None if found is None else row_of(*found)


def row_of(rev: object, doc: object, *columns: Json) -> Row:
    """Return the row of what the database holds, were it of types that we never wrote."""
    return Row(rev if type(rev) is int else 0, doc if type(doc) is str else "", columns)


class New(NamedTuple):
    """A record to be added: its JSON text, and what that says."""

    key: Key
    rev: int
    doc: str
    record: Mapping[str, Json]


def insert(conn: sqlite3.Connection, new: New, seq: int, *, fresh: bool) -> None:
    """Add a record; `seq` is its row in the log, `fresh` as in schema.py.

    Raises:
        sqlite3.IntegrityError: it is there.
    """
    columns = columns_of(new.key.kind, new.record)
    conn.execute(_INSERT, (seq, *new.key, new.rev, new.doc, fresh, *columns))


def replace(
    conn: sqlite3.Connection, key: Key, row: Row, rev: int, doc: str, record: Mapping[str, Json]
) -> None:
    """Replace a record, and only those index entries whose fields changed."""
    columns = columns_of(key.kind, record)
    changed = [at for at, value in enumerate(columns) if value != row.columns[at]]
    names = "".join(f", {COLUMNS[at]} = ?" for at in changed)
    conn.execute(
        f"UPDATE records SET rev = ?, doc = ?{names} WHERE {_ONE}",  # noqa: S608
        (rev, doc, *(columns[at] for at in changed), *key),
    )


def delete(conn: sqlite3.Connection, key: Key) -> None:
    """Remove a record and its content."""
    conn.execute(f"DELETE FROM records WHERE {_ONE}", key)  # noqa: S608
    conn.execute(f"DELETE FROM contents WHERE {_ONE}", key)  # noqa: S608


def find_content(conn: sqlite3.Connection, key: Key) -> bytes | None:
    """Return the record's content, None if it has none."""
    found = conn.execute(f"SELECT data FROM contents WHERE {_ONE}", key).fetchone()  # noqa: S608
    if found is None:
        return None
    return found[0] if isinstance(found[0], bytes) else str(found[0]).encode()


def insert_content(conn: sqlite3.Connection, key: Key, content: bytes) -> None:
    """Add a record's content."""
    conn.execute("INSERT INTO contents VALUES (?, ?, ?, ?)", (*key, content))


def append_log(
    conn: sqlite3.Connection, at: int, actor: str, key: Key, op: str, docs: tuple[str, str]
) -> int:
    """Append the change of a record from one JSON text to another ("" for none).

    Return its sequence number.
    """
    before, after = docs
    kept = before if before and KINDS[key.kind].keeps_before else None
    row = (at, actor, *key, op, digest(before), digest(after), kept)
    return conn.execute(_LOG, row).lastrowid or 0


def digest(doc: str) -> bytes | None:
    """Return what the log keeps of a JSON text: the SHA-256 of its file, None for no text."""
    return digest_of(doc.encode()) if doc else None


def digest_of(file: bytes) -> bytes:
    """Return the digest of a file's bytes: what `sha256sum` prints, unprinted."""
    from hashlib import sha256  # loads OpenSSL, and reading needs none

    return sha256(file).digest()


def last_seq(conn: sqlite3.Connection) -> int:
    """Return the sequence number of the last change, 0 if there was none."""
    return single(conn, "SELECT coalesce(max(seq), 0) FROM log", int)


def synced_seq(conn: sqlite3.Connection) -> int:
    """Return up to which change the files are known to be on disk."""
    return single(conn, "SELECT synced FROM tree", int)


def set_synced(conn: sqlite3.Connection, seq: int) -> None:
    """Record that the files of all changes up to `seq` are on disk."""
    conn.execute("UPDATE tree SET synced = max(synced, ?)", (seq,))


def last_op(conn: sqlite3.Connection, key: Key) -> str:
    """Return what was last done to a record, "" if the log does not know it."""
    sql = f"SELECT op FROM log WHERE {_ONE} ORDER BY seq DESC LIMIT 1"  # noqa: S608
    found = conn.execute(sql, key).fetchone()
    return "" if found is None else str(found[0])


def end_copy(conn: sqlite3.Connection) -> None:
    """Have a backup be a tree like any other: it is changed, and no more what its manifest says."""
    conn.execute("PRAGMA application_id = 0")


def unlog(conn: sqlite3.Connection, seq: int) -> None:
    """Take back the last row of the log: its change did not happen."""
    conn.execute("DELETE FROM log WHERE seq = ?", (seq,))


def settle(conn: sqlite3.Connection, seq: int) -> None:
    """Put all fresh records into the indexes; `seq` is the last change."""
    fresh = "n > (SELECT settled FROM tree) AND fresh = 1"
    conn.execute(f"UPDATE records NOT INDEXED SET fresh = 0 WHERE {fresh}")  # noqa: S608
    conn.execute("UPDATE tree SET settled = ?", (seq,))


def changed_since(conn: sqlite3.Connection, seq: int) -> Iterator[tuple[Key, frozenset[bytes]]]:
    """Yield each record that changed after `seq`, with the digests its file had since."""
    digests: dict[Key | None, set[bytes]] = {}
    rows = conn.execute(
        "SELECT kind, domain, id, before_digest, after_digest FROM log WHERE seq > ?", (seq,)
    )
    for kind, domain, record_id, before, after in rows:
        known = digests.setdefault(key_in(kind, domain, record_id), set())
        known.update(one for one in (before, after) if one is not None)
    return ((key, frozenset(known)) for key, known in digests.items() if key is not None)


def has_had(conn: sqlite3.Connection, key: Key, digest: bytes) -> bool:
    """Return whether the record's file ever had this digest.

    Reads the log from end to end, unless it has an index for the kind (schema.py).
    """
    sql = f"SELECT 1 FROM log WHERE {_logged(key)} AND after_digest = ? LIMIT 1"  # noqa: S608
    return conn.execute(sql, (key.domain, key.id, digest)).fetchone() is not None


def _logged(key: Key) -> str:
    """Return what rows of the log are of a record: an index of one kind is used if it is named."""
    return f"kind = '{key.kind}' AND domain = ? AND id = ?"


def record_of(row: Row, key: Key) -> Record:
    """Return the record of a row.

    Raises:
        CorruptRecordError: it is none, or not the one that the row says it is.
    """
    record = decoded(row.doc, str(key))
    if (record.get("id"), record.get("rev")) != (key.id, row.rev):
        raise CorruptRecordError(
            f"{key} is damaged in the journal: what it holds is another record, or another "
            "revision of it",
            hint=ROW_HINT,
        )
    return record


def is_whole(row: Row, key: Key) -> bool:
    """Return whether a row holds a whole record, and the one it says it is."""
    try:
        record_of(row, key)
    except CorruptRecordError:
        return False
    return True


def was_deleted(conn: sqlite3.Connection, key: Key) -> bool:
    """Return whether the record was ever deleted. Reads the log from end to end."""
    sql = f"SELECT 1 FROM log WHERE {_ONE} AND op = 'delete' LIMIT 1"  # noqa: S608
    return conn.execute(sql, key).fetchone() is not None


def decoded(doc: str, *name: str) -> Record:
    """Return the record that the journal keeps as `doc`; `name` is for the error.

    Raises:
        CorruptRecordError: it is none.
    """
    try:
        record = decode(doc)
    except ValueError as error:
        raise CorruptRecordError(
            f"{' '.join(name)} is damaged in the journal: {error}", hint=ROW_HINT
        ) from error
    if not isinstance(record, dict):
        raise CorruptRecordError(f"{' '.join(name)} is damaged in the journal", hint=ROW_HINT)
    return record
