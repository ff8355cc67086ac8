"""Walks the recorded files of a tree, from the file system alone."""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from payment_cli.errors import CorruptRecordError, InvalidValueError
from payment_cli.files.safe_files import folder, open_folder
from payment_cli.model.names import check_name
from payment_cli.storage.kinds import KINDS
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.publish import TEMP_END


class Place(NamedTuple):
    """A folder that holds records of one kind; `domain` is "" where the name or nothing says it."""

    kind: str
    domain: str
    parts: tuple[str, ...]

    @property
    def path(self) -> str:
        """The folder, relative to the root."""
        return "/".join(self.parts)


class Found(NamedTuple):
    """A file in a place. `keys` are the records it may be the file of, none for a stranger."""

    place: Place
    name: str
    keys: tuple[Key, ...] = ()
    is_content: bool = False
    is_temp: bool = False

    @property
    def path(self) -> str:
        """The file, relative to the root."""
        return f"{self.place.path}/{self.name}"


def places(root_fd: int) -> Iterator[Place]:
    """Yield every place that may hold records, whether its folder exists or not."""
    domains: list[str] | None = None
    for kind, row in KINDS.items():
        parts = tuple(row.place.split("/")[:-1])
        if "{domain}" not in parts:
            yield Place(kind, "", parts)
            continue
        if domains is None:
            domains = domain_names(root_fd)
        for domain in domains:
            yield Place(kind, domain, tuple(domain if p == "{domain}" else p for p in parts))


def domain_names(root_fd: int) -> list[str]:
    """Return the names of the folders under `home` that are well-formed domains, sorted."""
    try:
        with folder(root_fd, ("home",)) as folder_fd, os.scandir(folder_fd) as entries:
            return sorted(
                entry.name
                for entry in entries
                if _is_name("domain", entry.name) and _is_home(entry)
            )
    except FileNotFoundError:
        return []


def _is_home(entry: "os.DirEntry[str]") -> bool:
    """Return whether it is a folder, or a link that somebody may mean to be one."""
    return entry.is_symlink() or entry.is_dir()


def files(root_fd: int, place: Place) -> Iterator[Found]:
    """Yield the record, content and temporary files of one place, in no order.

    Raises:
        CorruptRecordError: the place is reached through a symbolic link. OSError: the disk failed.
    """
    for name in _names(root_fd, place):
        if name.startswith("."):
            yield Found(place, name, is_temp=True)
        else:
            yield _recorded(place, name)


def count(root_fd: int, place: Place) -> int:
    """Return how many files `files` yields, in far less time.

    Raises:
        CorruptRecordError, OSError: as there.
    """
    return sum(1 for _ in _names(root_fd, place))


def is_names_own(key: Key) -> bool:
    """Return whether no other record can have a file of the same name in the same folder.

    An order's file name is `ord_<domain>_<id>`, and either part may hold a `_`.
    """
    return "_" not in key.id or "{domain}" not in _file_pattern(key.kind)


def _names(root_fd: int, place: Place) -> Iterator[str]:
    """Yield the names of the files that may be of the place's records, or temporary."""
    try:
        folder_fd = open_folder(root_fd, place.parts)
    except FileNotFoundError:
        return
    only = KINDS[place.kind].only_id
    try:
        with os.scandir(folder_fd) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    if name.endswith(TEMP_END):
                        yield name
                elif only:
                    if name == f"{only}.json":
                        yield name
                # A folder may be anything, but not where a record's file would be.
                elif name.endswith(".json") or not entry.is_dir(follow_symlinks=False):
                    yield name
    finally:
        os.close(folder_fd)


def has_records(root_fd: int) -> bool:
    """Return whether any file of the tree is a record."""
    for place in places(root_fd):
        with suppress(CorruptRecordError):
            if any(found.keys and not found.is_content for found in files(root_fd, place)):
                return True
    return False


def _recorded(place: Place, name: str) -> Found:
    """Return what a file's name says: a record, the content of one, or a stranger."""
    only = KINDS[place.kind].only_id
    if only:
        return Found(place, name, (Key(place.kind, place.domain, only),))
    stem = name.removesuffix(".json")
    return Found(place, name, tuple(_keys(place, stem)), is_content=stem == name)


def _file_pattern(kind: str) -> str:
    return KINDS[kind].place.rpartition("/")[2].removesuffix(".json")


def _keys(place: Place, stem: str) -> Iterator[Key]:
    """Yield the records that the file `stem` may belong to.

    An order's file name is `ord_<domain>_<id>`: as either part may hold a `_`, each split of it.
    """
    pattern = _file_pattern(place.kind)
    if "{domain}" not in pattern:
        if _is_name("id", stem):
            yield Key(place.kind, place.domain, stem)
        return
    prefix = pattern.partition("{domain}")[0]
    if not stem.startswith(prefix):
        return
    rest = stem.removeprefix(prefix)
    for at in (at for at, char in enumerate(rest) if char == "_"):
        domain, record_id = rest[:at], rest[at + 1 :]
        if _is_name("domain", domain) and _is_name("id", record_id):
            yield Key(place.kind, domain, record_id)


def _is_name(kind: str, text: str) -> bool:
    try:
        check_name(kind, text)
    except InvalidValueError:
        return False
    return True
