"""One look at one row of the journal, as cheap as can be: what a record's file is compared with.

Every `pay get ID` pays for this, so it imports SQLite and nothing else, and where the WAL is empty
it takes no lock and makes no file. What it can't find it says nothing about: `reader.py` is asked
then, which opens the journal with all that may be wrong with it.
"""

import os
import sqlite3
import stat

from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.lock import JOURNAL_FOLDER, JOURNAL_NAME

_FIND = "SELECT doc FROM records WHERE kind = ? AND domain = ? AND id = ?"


def committed_text(root: "os.PathLike[str] | str", key: Key) -> bytes | None:
    """Return the text of a record as it was committed; None if a glance does not show it."""
    folder = f"{os.path.abspath(root)}/{JOURNAL_FOLDER}"  # noqa: PTH100 - pathlib costs a start too much
    try:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            return None
        conn = _open(f"{folder}/{JOURNAL_NAME}")
        try:
            found = conn.execute(_FIND, key).fetchone()
        finally:
            conn.close()
    except (OSError, sqlite3.Error):
        return None
    return None if found is None else str(found[0]).encode()


def _open(path: str) -> sqlite3.Connection:
    """Open the journal.

    `immutable` is safe to compare with: without a WAL nothing is missing from the database, and
    what a writer does to it meanwhile can only make the comparison fail.

    Raises:
        OSError: it is not there, or no plain file. sqlite3.Error: it can't be opened.
    """
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise FileNotFoundError(path)
    try:
        options = "mode=rw" if os.lstat(f"{path}-wal").st_size else "immutable=1"
    except FileNotFoundError:
        options = "immutable=1"
    name = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return sqlite3.connect(f"file:{name}?{options}", uri=True, isolation_level=None)
