"""Files and folders that only their owner can read, whatever the umask."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from payment_cli.sandbox.exchange import SandboxError

#: No file of the sandbox's own but the ledger is anywhere near this long.
SIZE_MAX = 4 << 20

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def make_private_dir(path: Path) -> Path:
    """Create `path` and its missing parents as 0700; folders that exist are left alone.

    Raises:
        SandboxError: a link, or no folder, is in its place: what is written there would be
            outside.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise SandboxError("damaged", f"{path} is not a plain folder")
    if not path.is_dir():
        make_private_dir(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path` at once, never readable by others at any moment."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    draft.replace(path)


def read_private(path: Path) -> str:
    """Return the text of a plain file of the sandbox's own.

    Raises:
        FileNotFoundError: it is not there.
        SandboxError: it is a link, a pipe, too long, no text, or others can write to it.
    """
    with reading(path):
        descriptor = os.open(path, _FLAGS)
        try:
            facts = os.fstat(descriptor)
            is_ours = stat.S_ISREG(facts.st_mode) and not facts.st_mode & 0o022
            if not is_ours or facts.st_uid not in (0, os.geteuid()) or facts.st_size > SIZE_MAX:
                raise ValueError(path)
            return os.read(descriptor, SIZE_MAX).decode("utf-8")
        finally:
            os.close(descriptor)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say in one line, which quotes nothing, that a file is not as the sandbox wrote it.

    Raises:
        SandboxError: the body found it to be anything else. FileNotFoundError: it is not there.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (
        ValueError, TypeError, LookupError, AttributeError, RecursionError, OSError, sqlite3.Error,
    ):  # fmt: skip
        raise SandboxError("damaged", f"{path} is not as the sandbox wrote it") from None
