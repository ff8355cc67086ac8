"""Files that people write and the tool reads: store_info.json, languages, scripts.

They are not in the journal. Every name is checked before it becomes part of a path, and nothing
but `home/<domain>` itself may be a symbolic link.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

from payment_cli.errors import (
    ConfigError,
    ConflictError,
    CorruptRecordError,
    InvalidValueError,
    NotFoundError,
    StorageError,
)
from payment_cli.files import safe_files
from payment_cli.files.guarded import read_trusted
from payment_cli.model.codec import decode_foreign_object, encode_pretty
from payment_cli.model.names import check_name
from payment_cli.model.record import Record

#: The most bytes one of these files may have.
SIZE_MAX = 1 << 20

#: The most bytes that a logo may have; a page waits for it.
LOGO_MAX = 512 * 1024

#: The mode of a folder that a web server is to show.
PUBLIC_MODE = 0o755

STORE_INFO = "store_info.json"
LOGO = "store_logo.jpg"
HOME_PAGE = "default_home"


def home(root: Path, domain: str) -> Path:
    """Return the home of a domain, `~` in its files; it need not be there.

    Raises:
        InvalidValueError: the domain is not well formed.
    """
    return root / "home" / check_name("domain", domain)


def home_page(root: Path, domain: str) -> Path:
    """Return where a store's home page for a web server is: a folder, or a link to one."""
    return home(root, domain) / ".store" / HOME_PAGE


def list_domains(root: Path) -> list[str]:
    """Return the domains that are merchants: those with a store_info.json. Sorted."""
    names = names_in(root, "home")
    return [name for name in names if _is("domain", name) and _has_store(root, name)]


def read_store_info(root: Path, domain: str) -> Record:
    """Return what a merchant's store_info.json says.

    Raises:
        NotFoundError: the domain has none; the hint says how to make it.
        ConfigError: it is no JSON object, or too large.
        InvalidValueError: the domain is not well formed.
    """
    check_name("domain", domain)
    where = f"home/{domain}/.store/{STORE_INFO}"
    try:
        with _disk(f"reading {where}"):
            found = root.joinpath(where).lstat()
        version = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        return deepcopy(_store_info(root, where, version))
    except FileNotFoundError as error:
        raise NotFoundError("merchant", domain, hint=f"payment store init {domain}") from error


@lru_cache(maxsize=64)
def _store_info(root: Path, where: str, version: tuple[int, ...]) -> Record:
    """Read a store_info.json once per `version` of it: each create of a payment asks for it."""
    try:
        return decode_foreign_object(_read(root, where), where)
    except InvalidValueError as error:
        raise ConfigError(str(error)) from error


def write_store_info(root: Path, domain: str, info: Record) -> None:
    """Replace a merchant's store_info.json: the old or the new whole, on disk on return.

    Raises:
        InvalidValueError: the domain is not well formed. StorageError: the disk refused.
    """
    with writing_into(root, domain, ".store") as folder_fd:
        safe_files.replace_durably(folder_fd, STORE_INFO, encode_pretty(info).encode())
        _store_info.cache_clear()


def read_messages(root: Path, domain: str, lang: str) -> Record:
    """Return the texts of a store in a language: what its `i18n:key` names stand for.

    Raises:
        NotFoundError: the store has no such language; the hint says where it would be.
        ConfigError: the file is no JSON object, or too large.
        InvalidValueError: the domain or the language is not well formed.
    """
    check_name("domain", domain)
    check_name("language", lang)
    where = f"home/{domain}/.store/i18n/{lang}.json"
    try:
        return decode_foreign_object(_read(root, where), where)
    except FileNotFoundError as error:
        raise NotFoundError("language", lang, hint=f"its texts would be in {where}") from error
    except InvalidValueError as error:
        raise ConfigError(str(error)) from error


def read_logo(root: Path, domain: str) -> bytes:
    """Return a store's logo (seed 000), whatever it is.

    Raises:
        NotFoundError: it has none. ConfigError: it is larger than LOGO_MAX.
        InvalidValueError: the domain is not well formed.
    """
    check_name("domain", domain)
    where = f"home/{domain}/.store/{LOGO}"
    try:
        return _read(root, where, LOGO_MAX)
    except FileNotFoundError as error:
        raise NotFoundError("logo", where) from error


def read_script(root: Path, domain: str, name: str) -> bytes:
    """Return a script that a domain keeps for payments (seed 001: `~/.payment/callback/<name>`).

    Raises:
        NotFoundError: there is none. ConfigError: it is larger than SIZE_MAX, or others can write
            to it: it is run with our rights.
        InvalidValueError: the domain or the name is not well formed.
    """
    return _read_program(root, domain, "callback", name)


def read_hook(root: Path, domain: str, event: str) -> bytes:
    """Return the script that a domain keeps for an event: `~/.payment/hook/<event>`.

    Raises:
        As `read_script`.
    """
    return _read_program(root, domain, "hook", event)


def list_hooks(root: Path, domain: str) -> list[str]:
    """Return the names in a domain's folder of hooks, sorted.

    Raises:
        InvalidValueError: the domain is not well formed. StorageError: the folder can't be read.
    """
    return names_in(root, "home", check_name("domain", domain), ".payment", "hook")


def has_hook(root: Path, domain: str, event: str) -> bool:
    """Whether a domain keeps a script for an event; whether it can be read is seen when it runs."""
    return os.path.lexists(home(root, domain) / ".payment" / "hook" / check_name("script", event))


@contextmanager
def writing_into(root: Path, domain: str, *parts: str) -> Iterator[int]:
    """Hold a folder of a domain's home open to be written to; it is made, private, if need be.

    Raises:
        CorruptRecordError: a link is on the way. OtherOwnerError: the tree is another user's.
        InvalidValueError: the domain is not well formed. StorageError: the disk refused.
    """
    place = ("home", check_name("domain", domain), *parts)
    with _disk(f"writing to {'/'.join(place)}"):
        root_fd = safe_files.open_root(root, writes=True)
        try:
            with safe_files.folder(root_fd, place, create=True) as folder_fd:
                yield folder_fd
        finally:
            os.close(root_fd)


def names_in(root: Path, *parts: str) -> list[str]:
    """Return the names in the folder `parts` below the root, sorted; none where it is not there.

    Raises:
        CorruptRecordError: a link is on the way. StorageError: the disk refused.
    """
    with _disk(f"listing {'/'.join(parts)}"):
        try:
            root_fd = safe_files.open_root(root)
            try:
                with (
                    safe_files.folder(root_fd, parts) as folder_fd,
                    os.scandir(folder_fd) as entries,
                ):
                    return sorted(entry.name for entry in entries)
            finally:
                os.close(root_fd)
        except FileNotFoundError:
            return []


def _read_program(root: Path, domain: str, folder: str, name: str) -> bytes:
    check_name("domain", domain)
    check_name("script", name)
    try:
        return _read(root, f"home/{domain}/.payment/{folder}/{name}")
    except FileNotFoundError as error:
        hint = f"scripts are in home/{domain}/.payment/{folder}/"
        raise NotFoundError("script", name, hint=hint) from error


def make_home_page(root: Path, domain: str) -> None:
    """Make the folder of a store's home page, unless there is one, or a link to one.

    Raises:
        CorruptRecordError: a link is on the way. StorageError: the disk refused.
    """
    with writing_into(root, domain, ".store") as folder_fd:
        if not safe_files.exists(folder_fd, HOME_PAGE):
            os.close(safe_files.open_folder(folder_fd, (HOME_PAGE,), create=True))


def publish_home_page(root: Path, domain: str, folder: Path) -> None:
    """Make `folder`, which every user may read (0755), and the store's home page lead to it.

    Raises:
        ConflictError: something else is in either place. StorageError: the disk refused.
    """
    with writing_into(root, domain, ".store"):
        link = home_page(root, domain)
    is_linked = link.is_symlink() and link.resolve() == folder.resolve()
    with _disk(f"making {folder}"):
        if folder.is_symlink() or (folder.exists() and not is_linked and not _is_empty(folder)):
            raise ConflictError(f"{folder} exists and is not this store's")
        if not is_linked and (link.is_symlink() or link.exists()) and not _is_empty(link):
            raise ConflictError(f"{link} exists already", hint=f"move what is in it to {folder}")
        folder.mkdir(exist_ok=True)
        folder.chmod(PUBLIC_MODE)
        if link.is_dir() and not link.is_symlink():
            link.rmdir()
        if not is_linked:
            link.symlink_to(folder.resolve(), target_is_directory=True)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())


def _read(root: Path, path: str, most: int = SIZE_MAX) -> bytes:
    with _disk(f"reading {path}"):
        return read_trusted(root, path, most)


def _has_store(root: Path, domain: str) -> bool:
    try:
        return STORE_INFO in names_in(root, "home", domain, ".store")
    except CorruptRecordError:
        return False


def _is(kind: str, name: str) -> bool:
    try:
        check_name(kind, name)
    except InvalidValueError:
        return False
    return True


@contextmanager
def _disk(doing: str) -> Iterator[None]:
    """Turn what the disk raises into our error; a missing file stays what it is."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(f"{doing}: {error.strerror}") from error
