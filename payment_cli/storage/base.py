"""The storage contract: records by id, matches over them, and transactions over several.

A *record* is one JSON object (model/record.py). It belongs to a *collection*: a kind, and for
what a merchant owns the merchant's domain. A record's *revision* (`rev`, from 1) counts its
changes; a writer says which revision it read, and a stale writer is refused. A payment may have
*content*, bytes written once at insert: its script.

Every backend keeps these promises, held by tests/storage/storage_contract.py:

- A transaction is all or nothing, and durable before `transaction()` returns without error.
- What `get` and `query` return outside a transaction is committed. What they return is the
  caller's own copy.
- Inside a transaction `get` sees the transaction's own writes, and a record read there can not
  be changed by others until it ends. `query` and `count` see its writes too.
- Unknown fields are kept. A JSON number with a fraction comes back as the same Decimal.
- Every change appends one row to the log, in the same commit: sequence, time, actor, kind,
  domain, id, operation, the digests of the old and new JSON, and for goods, orders and settings
  the previous JSON.
- A transaction for money (`leaves_foreign`) is never refused because of a file that a foreign hand
  changed, removed or replaced: the record changes, the file is left as it is and named by `left()`.
- No transaction may span a network call or a script; keep them short.
"""

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:  # a command that reads one record by its id needs none of these
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from payment_cli.model.query.match import Match
    from payment_cli.model.record import Json, Record


class Collection(NamedTuple):
    """Where records of one kind live.

    `domain` is "" for kinds that belong to the whole tree (payment), a merchant's domain for the
    rest (thing, discount, coupon, order, …), or None in a query or count: every domain.
    `storage/kinds.py` lists the kinds and their places in the tree.
    """

    kind: str
    domain: str | None = ""


class Query(NamedTuple):
    """Which records, in which order, which page.

    `sort` is (path, +1 or -1) pairs, first the most significant; null and missing sort last in
    both directions, and ties are broken by id in the direction of the first key. `limit` None is
    no limit (results stream).
    """

    match: "Match"
    sort: tuple[tuple[str, int], ...] = ()
    skip: int = 0
    limit: int | None = None


class LogEntry(NamedTuple):
    """One change, as the log keeps it. `op` is insert, put or delete."""

    seq: int
    at: int
    actor: str
    kind: str
    domain: str
    id: str
    op: str
    before_digest: str
    after_digest: str
    before: "Json" = None


class LeftFile(NamedTuple):
    """A file at `path` in the tree that a foreign hand has, while its record went on."""

    collection: Collection
    id: str
    path: str


class Reader(Protocol):
    """What can be read, inside a transaction or outside."""

    def get(self, collection: Collection, record_id: str) -> "Record":
        """Return the record with this full id.

        Raises:
            NotFoundError: there is none.
            CorruptRecordError: it is there, but damaged, or as a foreign hand made it.
            StorageError: the disk or database failed.
        """

    def query(self, collection: Collection, query: Query) -> "Iterator[Record]":
        """Yield the matching records, in order, streaming; never more than a page in memory.

        Raises:
            StorageError: the disk or database failed.
        """

    def count(self, collection: Collection, match: "Match") -> int:
        """Return how many records match."""


class Transaction(Reader, Protocol):
    """Changes to several records that happen together or not at all."""

    def insert(
        self, collection: Collection, record: "Record", content: bytes | None = None
    ) -> "Record":
        """Add a new record (its `id` says where) with revision 1; return it as stored.

        Raises:
            ConflictError: the id is taken.
        """

    def put(self, collection: Collection, record: "Record") -> "Record":
        """Replace the record; its `rev` is the revision that was read. Return it as stored.

        Raises:
            NotFoundError: there is no such record.
            ConflictError: its revision is another by now.
        """

    def delete(self, collection: Collection, record_id: str, rev: int) -> None:
        """Remove the record for good.

        Raises:
            NotFoundError: there is no such record.
            ConflictError: its revision is another by now.
        """


class Storage(Reader, Protocol):
    """One tree's records. `app/__init__.py` opens it; close it when done."""

    def transaction(
        self, actor: str, *, leaves_foreign: bool = False
    ) -> "AbstractContextManager[Transaction]":
        """Open a transaction in the name of `actor`; commit at the end, roll back on an error.

        With `leaves_foreign` a file that a foreign hand has is left, and the record changes all
        the same: for what must be recorded whatever happened to files. It is left until somebody
        decided, or the file was put back; only such transactions change that record meanwhile.

        Raises:
            LockedError: others kept the tree locked for too long.
            StorageError: disk full, read-only, or the database failed: nothing was changed.
            CorruptRecordError: a file to be replaced differs from what was last published there;
                never with `leaves_foreign`.
        """

    def committed(self, collection: Collection, record_id: str) -> "Record":
        """Return the record as it was committed last, whatever its file says.

        Raises:
            NotFoundError: there is none.
            CorruptRecordError: the database is missing, or holds it damaged.
            StorageError: the disk or database failed.
        """

    def left(self) -> "Iterator[LeftFile]":
        """Yield the files that are left to a foreign hand; none where there are no files."""

    def content(self, collection: Collection, record_id: str) -> bytes:
        """Return the record's content as it was inserted; b"" if it has none.

        Raises:
            NotFoundError: there is no such record.
        """

    def find_id(self, collection: Collection, fragment: str) -> str:
        """Return the one full id that starts or ends with `fragment` (6 characters or more).

        The name or path of the record's file will do as well (`storage/kinds.py: typed_id`).

        Raises:
            NotFoundError: no id fits. AmbiguousIdError: several do.
        """

    def ids_like(self, collection: Collection, fragment: str, most: int) -> list[str]:
        """Return up to `most` ids that start or end with `fragment`, of which are read no more.

        A whole id is alone; of less than 6 characters there are none. As in `find_id`, the name of
        a file will do.
        """

    def log(self, *, after: int = 0, limit: int | None = None) -> "Iterator[LogEntry]":
        """Yield log entries with a sequence above `after`, oldest first."""

    def history(self, collection: Collection, record_id: str) -> "Iterator[LogEntry]":
        """Yield the log entries of one record, oldest first.

        An index finds them for kinds that are asked so (`storage/kinds.py: has_history`).
        """

    def take_damaged(self) -> set[str]:
        """Return the set of the names of damaged records that answers lack; it grows from now on.

        The caller answers for them: nothing is said of them, and `close` does not raise. A name is
        the kind and the id.
        """

    def close(self) -> None:
        """Release files, locks and connections.

        Raises:
            StorageError: all is closed, and all is recorded, but the disk refused a file of it.
            CorruptRecordError: all is closed, but answers lacked records that are damaged.
        """
