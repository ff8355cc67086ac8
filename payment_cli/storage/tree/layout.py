"""How the files of a tree lie: its version, said by the file `.version` at the root.

Readers of single files look at nothing else, so this needs no SQLite; the journal has the version
too, and versions.py says what follows from it.
"""

from typing import Final

from payment_cli.errors import ConfigError, CorruptRecordError
from payment_cli.files.safe_files import read_file, replace_durably

#: Of a tree. Raised with every change of the tables, or of how files lie: see versions.py.
VERSION: Final = 3

VERSION_NAME = ".version"

#: More digits than a version will ever have.
_DIGITS_MAX = 9


def newer_tree(version: int) -> ConfigError:
    """Return the error of a tree that is too new for this program."""
    return ConfigError(
        f"this tree is of version {version}, this program knows versions up to {VERSION}",
        hint="use the payment-cli that upgraded it or a newer one; restart a server that is old",
    )


def check_layout(root_fd: int) -> None:
    """Refuse files that lie as a newer program has put them.

    Raises:
        ConfigError: they are newer. CorruptRecordError: `.version` is a link or holds no version.
        OSError: the disk refused.
    """
    try:
        data = read_file(root_fd, VERSION_NAME, _DIGITS_MAX + 1).strip()
    except FileNotFoundError:
        return
    if not data.isdigit() or len(data) > _DIGITS_MAX:
        raise CorruptRecordError(f"{VERSION_NAME} holds no version", hint=f"it was {VERSION}?")
    if int(data) > VERSION:
        raise newer_tree(int(data))


def write_layout(root_fd: int) -> None:
    """Say durably that the files lie as this program's version has it.

    Raises:
        OSError: the disk is full or refused.
    """
    replace_durably(root_fd, VERSION_NAME, f"{VERSION}\n".encode())
