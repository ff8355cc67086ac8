"""Reading a file that is trusted only if its permissions are tight: configs, keys, certificates."""

import os
import stat
from pathlib import Path

from payment_cli.errors import ConfigError
from payment_cli.files.safe_files import OTHERS_WRITE

#: Permission bits that a secret must not have.
OTHERS_READ = 0o077

#: A key or a bundle of certificates; the root bundle of Alipay has 10 KiB.
_FILE_SIZE_MAX = 256 * 1024


def read_guarded(path: Path, forbidden: int = OTHERS_WRITE) -> tuple[bytes, int]:
    """Return bytes and mode of a regular file that has none of the `forbidden` permission bits.

    Raises:
        ConfigError: it is no regular file, too big, or too open.
        OSError: it can't be read.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise ConfigError(f"{path} is not a regular file")
        if facts.st_mode & forbidden:
            _refuse_open(path, forbidden)
        if facts.st_size > _FILE_SIZE_MAX:
            raise ConfigError(f"{path} is bigger than {_FILE_SIZE_MAX} bytes")
        return file.read(), facts.st_mode


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a named pipe would wait for its writer


def _refuse_open(path: Path, forbidden: int) -> None:
    if forbidden == OTHERS_READ:
        raise ConfigError(f"{path}: others can read this key", hint=f"chmod 600 {path}")
    raise ConfigError(f"{path}: others can write to it", hint=f"chmod go-w {path}")
