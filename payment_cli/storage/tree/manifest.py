"""The manifest of a backup: what a copy of a tree must hold to be a whole one.

`.backup` at the root of a copy says from the first moment that it is not finished; written again as
the last thing of all, it counts the records of each kind and has digests of what the journal holds
and of every authored file. The journal of a copy says that it is one (`application_id`), until the
first change of who uses the copy as a tree: from then on it is a tree like any other.
"""

import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from payment_cli.errors import CorruptRecordError
from payment_cli.files.safe_files import (
    folder,
    open_folder,
    open_root,
    read_file,
    replace_durably,
)
from payment_cli.model.codec import decode, encode_pretty
from payment_cli.model.record import Json
from payment_cli.storage.kinds import KINDS
from payment_cli.storage.tree import scan
from payment_cli.storage.tree.connection import (
    inode_of,
    journal_path,
    open_reader,
    storage_errors,
)
from payment_cli.storage.tree.schema import COPY_ID

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

T = TypeVar("T")

MANIFEST_NAME: Final = ".backup"

#: What a backup takes of the tree besides records, and of each domain's home.
_AUTHORED: Final = ("etc",)
AUTHORED_AT_HOME: Final = (".store", ".payment")

_MANIFEST_BYTES_MAX = 64 << 20
_CHUNK = 1 << 20
_UNFINISHED = {"state": "unfinished"}

_LOG = """SELECT seq, at, actor, kind, domain, id, op, before_digest, after_digest, before
    FROM log ORDER BY seq"""
_RECORDS = """SELECT kind, domain, id, rev, doc, (SELECT data FROM contents c WHERE
    (c.kind, c.domain, c.id) = (r.kind, r.domain, r.id)) FROM records r
    INDEXED BY by_id ORDER BY kind, domain, id"""


class Manifest(NamedTuple):
    """What a whole copy holds.

    `made_at` is AMS. `records` counts by kind, `changes` the rows of the log; `journal` is the
    digest of both. `authored` has the digest of each authored file, by path; `missing` says what
    of the tree could not be reached when the copy was made.
    """

    made_at: int
    records: dict[str, int]
    changes: int
    journal: str
    authored: dict[str, str]
    missing: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """How many records there are."""
        return sum(self.records.values())


def begin(copy_fd: int) -> None:
    """Say durably that a copy is begun. Without its end nobody takes it for a whole one.

    Raises:
        OSError: the disk refused.
    """
    replace_durably(copy_fd, MANIFEST_NAME, encode_pretty(_UNFINISHED).encode())


def unfinished() -> CorruptRecordError:
    """Return the error of the beginning of a backup, which was killed or is still at work."""
    return CorruptRecordError("this backup was never finished", hint="remove it, and make another")


def finish(copy_fd: int, manifest: Manifest) -> None:
    """Say durably that the copy is whole.

    Raises:
        OSError: the disk refused.
    """
    document = {"state": "whole", **manifest._asdict(), "missing": list(manifest.missing)}
    replace_durably(copy_fd, MANIFEST_NAME, encode_pretty(document).encode())


def read(root_fd: int) -> Manifest:
    """Return the manifest of a copy.

    Raises:
        CorruptRecordError: there is none, or it is damaged, or the copy was never finished.
        OSError: the disk refused.
    """
    try:
        document = decode(read_file(root_fd, MANIFEST_NAME, _MANIFEST_BYTES_MAX))
    except FileNotFoundError:
        raise CorruptRecordError(f"there is no manifest ({MANIFEST_NAME})") from None
    except ValueError:
        raise CorruptRecordError(f"its manifest ({MANIFEST_NAME}) is damaged") from None
    if document == _UNFINISHED:
        raise unfinished()
    try:
        return _from_document(document)
    except (KeyError, TypeError, ValueError):
        raise CorruptRecordError(f"its manifest ({MANIFEST_NAME}) is damaged") from None


def _from_document(document: Json) -> Manifest:
    if not isinstance(document, dict) or document["state"] != "whole":
        raise ValueError
    records, authored, missing = document["records"], document["authored"], document["missing"]
    if not (isinstance(records, dict) and isinstance(authored, dict) and isinstance(missing, list)):
        raise TypeError
    return Manifest(
        int(str(document["made_at"])),
        {kind: int(str(count)) for kind, count in records.items()},
        int(str(document["changes"])),
        str(document["journal"]),
        {path: str(digest) for path, digest in authored.items()},
        tuple(map(str, missing)),
    )


def is_unfinished(root_fd: int) -> bool:
    """Return whether a folder is the beginning of a backup, and no tree.

    Raises:
        CorruptRecordError: its manifest is no plain file. OSError: the disk refused.
    """
    try:
        return read_file(root_fd, MANIFEST_NAME, 1024) == encode_pretty(_UNFINISHED).encode()
    except FileNotFoundError:
        return False


def is_copy(conn: sqlite3.Connection) -> bool:
    """Return whether a journal is that of a copy nobody has changed."""
    return bool(conn.execute("PRAGMA application_id").fetchone()[0] == COPY_ID)


def look(root: Path) -> Manifest | None:
    """Return the manifest of a backup that nobody has changed, without comparing; None for a tree.

    Raises:
        CorruptRecordError: it was not finished, or its manifest is gone or damaged.
        ConfigError, StorageError: the journal does not open.
    """
    with storage_errors("looking at", root):
        root_fd = open_root(root)
        try:
            if is_unfinished(root_fd):
                raise unfinished()
            if inode_of(journal_path(root)) is None:
                return None
            with closing(open_reader(root)) as conn:
                return read(root_fd) if is_copy(conn) else None
        finally:
            os.close(root_fd)


def describe(
    conn: sqlite3.Connection | None, copy_fd: int, made_at: int, missing: tuple[str, ...] = ()
) -> Manifest:
    """Return the manifest that a copy with this journal should have; None is an empty tree's."""
    records: dict[str, int] = {}
    digest, changes = sha256(), 0
    if conn is not None:
        for row in conn.execute(_RECORDS):
            records[row[0]] = records.get(row[0], 0) + 1
            _add(digest, row)
        for row in conn.execute(_LOG):
            changes += 1
            _add(digest, row)
    authored = dict(_authored(copy_fd))
    return Manifest(made_at, records, changes, digest.hexdigest(), authored, missing)


def differences(wanted: Manifest, found: Manifest) -> Iterator[tuple[str, str]]:
    """Yield what of a copy is not as its manifest says: a path, and how it differs."""
    for kind, (want, have) in _unlike(wanted.records, found.records):
        yield KINDS[kind].place if kind in KINDS else kind, f"{have or 0} records, not {want or 0}"
    if (wanted.changes, wanted.journal) != (found.changes, found.journal):
        yield ".journal/payment.db", "its records or its log are not those of the manifest"
    for path, (want_file, have_file) in _unlike(wanted.authored, found.authored):
        how = "differs from the manifest"
        if have_file is None:
            how = "is missing, though the manifest has it"
        elif want_file is None:
            how = "is not in the manifest"
        yield path, how


def lacking(made: Manifest) -> Iterator[tuple[str, str]]:
    """Yield what a whole copy lacks all the same: what could not be reached."""
    for sentence in made.missing:
        yield MANIFEST_NAME, f"when it was made, {sentence}"


def _unlike(
    wanted: Mapping[str, T], found: Mapping[str, T]
) -> Iterator[tuple[str, tuple[T | None, T | None]]]:
    for name in sorted(wanted.keys() | found.keys()):
        pair = wanted.get(name), found.get(name)
        if pair[0] != pair[1]:
            yield name, pair


def _add(digest: "Hash", row: tuple[object, ...]) -> None:
    """Add a row, each value with its length, so that no two rows are one text."""
    for part in row:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(f"{type(part).__name__} {len(data)}:".encode())
        digest.update(data)


def authored_folders(root_fd: int) -> Iterator[tuple[str, ...]]:
    """Yield the folders with authored files, whether they are there or not."""
    yield _AUTHORED
    for domain in scan.domain_names(root_fd):
        for name in AUTHORED_AT_HOME:
            yield ("home", domain, name)


def is_recorded(parts: tuple[str, ...]) -> bool:
    """Return whether a path is a folder of records or the recorded settings."""
    if parts[0] != "home":
        return False
    if parts[2:] == (".store", "settings.json"):
        return True
    return any(
        kind.place.split("/")[2:-1] == list(parts[2:])
        for kind in KINDS.values()
        if not kind.only_id
    )


def _authored(root_fd: int) -> Iterator[tuple[str, str]]:
    for parts in authored_folders(root_fd):
        try:
            folder_fd = open_folder(root_fd, parts)
        except (FileNotFoundError, CorruptRecordError):
            continue
        try:
            yield from _digests(folder_fd, parts)
        finally:
            os.close(folder_fd)


def _digests(folder_fd: int, parts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    with os.scandir(folder_fd) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        here = (*parts, entry.name)
        if is_recorded(here):
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            yield "/".join(here), f"link to {os.readlink(entry.name, dir_fd=folder_fd)}"
        elif stat.S_ISDIR(mode):
            with folder(folder_fd, (entry.name,)) as inner_fd:
                yield from _digests(inner_fd, here)
        elif stat.S_ISREG(mode):
            yield "/".join(here), _digest_of(folder_fd, entry.name)


def _digest_of(folder_fd: int, name: str) -> str:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file_fd = os.open(name, flags, dir_fd=folder_fd)
    try:
        digest = sha256()
        while chunk := os.read(file_fd, _CHUNK):
            digest.update(chunk)
        return digest.hexdigest()
    finally:
        os.close(file_fd)
