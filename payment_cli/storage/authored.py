"""The files of a merchant that people edit: store_info.json, callback scripts, language files.

They are not in the journal. They are read under the same rules as everything else: names fit an
allow-list, and no symbolic link leads out of the tree (but `home/<domain>` may be one).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from payment_cli.errors import (
    ConfigError,
    CorruptRecordError,
    InvalidValueError,
    NotFoundError,
    StorageError,
)
from payment_cli.model.codec import decode_foreign_object, encode_pretty
from payment_cli.model.names import check_name
from payment_cli.model.record import Record
from payment_cli.storage.safe_files import (
    folder,
    open_root,
    read_path,
    replace_durably,
)

#: The largest callback script.
CALLBACK_MAX = 1024 * 1024
#: The largest store_info.json or language file.
DOCUMENT_MAX = 1024 * 1024

_INFO = "store_info.json"
_MAKE_HINT = "make it a merchant: payment store init"


def home(root: Path, domain: str) -> Path:
    """Return the home folder of a domain; it may be a link to a real one."""
    return root / "home" / check_name("domain", domain)


def list_domains(root: Path) -> list[str]:
    """Return the domains that are merchants: those with `.store/store_info.json`."""
    try:
        names = sorted(path.name for path in (root / "home").iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError(f"{root}/home can't be listed: {error.strerror}") from error
    return [name for name in names if _is_merchant(root, name)]


def read_store_info(root: Path, domain: str) -> Record:
    """Return what `store_info.json` says.

    Raises:
        NotFoundError: the domain is no merchant; the hint says how to make it one.
        ConfigError: the file is no JSON object.
    """
    path = f"home/{check_name('domain', domain)}/.store/{_INFO}"
    data = _read(root, path, DOCUMENT_MAX)
    if data is None:
        raise NotFoundError("merchant", domain, hint=f"{_MAKE_HINT} {domain}")
    return _object(path, data)


def write_store_info(root: Path, domain: str, info: Record) -> None:
    """Replace `store_info.json`; the old or the new whole, durably.

    Raises:
        StorageError: the disk is full or refused; the old file stands.
    """
    with _writing(root, f"home/{check_name('domain', domain)}/.store") as folder_fd:
        replace_durably(folder_fd, _INFO, encode_pretty(info).encode())


def make_home_page(root: Path, domain: str) -> Path:
    """Make `.store/default_home`, the folder of a merchant's home page, and return it."""
    path = f"home/{check_name('domain', domain)}/.store/default_home"
    with _writing(root, path):
        return root / path


def read_callback(root: Path, domain: str, name: str) -> bytes:
    """Return the callback script template `~/.payment/callback/<name>` of a domain.

    Raises:
        NotFoundError: there is none of that name.
        ConfigError: it is empty or larger than CALLBACK_MAX.
    """
    check_name("callback", name)
    path = f"home/{check_name('domain', domain)}/.payment/callback/{name}"
    script = _read(root, path, CALLBACK_MAX)
    if script is None:
        raise NotFoundError("callback", name, hint=f"write it to {root / path}")
    if not script or len(script) > CALLBACK_MAX:
        raise ConfigError(f"{path} is {'empty' if not script else 'larger than 1 MiB'}")
    return script


def read_messages(root: Path, domain: str, lang: str) -> Record:
    """Return a store's texts for `i18n:key` names, `.store/i18n/<lang>.json`; {} if there are none.

    Raises:
        ConfigError: the file is no JSON object.
    """
    check_name("target", lang)
    path = f"home/{check_name('domain', domain)}/.store/i18n/{lang}.json"
    data = _read(root, path, DOCUMENT_MAX)
    return {} if data is None else _object(path, data)


def _is_merchant(root: Path, name: str) -> bool:
    try:
        return _read(root, f"home/{check_name('domain', name)}/.store/{_INFO}", 0) is not None
    except (InvalidValueError, CorruptRecordError):
        return False


def _object(path: str, data: bytes) -> Record:
    if len(data) > DOCUMENT_MAX:
        raise ConfigError(f"{path} is larger than {DOCUMENT_MAX // 1024} KiB")
    try:
        return decode_foreign_object(data, path)
    except InvalidValueError as error:
        raise ConfigError(str(error)) from error


def _read(root: Path, path: str, limit: int) -> bytes | None:
    """Return at most `limit` + 1 bytes of a file of the tree, None if it is not there."""
    try:
        root_fd = open_root(root)
        try:
            return read_path(root_fd, path, limit)
        finally:
            os.close(root_fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"reading {path}: {error.strerror}") from error


@contextmanager
def _writing(root: Path, path: str) -> Iterator[int]:
    """Hold a folder of the tree open, made private if it was not there."""
    try:
        root_fd = open_root(root, create=True)
        try:
            with folder(root_fd, path.split("/"), create=True) as folder_fd:
                yield folder_fd
        finally:
            os.close(root_fd)
    except OSError as error:
        raise StorageError(f"writing below {path}: {error.strerror}") from error
