"""How a record's fields reach a script: as data in the environment, never as text to be parsed.

A field `fee` is exported as `PAY_FEE`; for a shell script the prelude then says `fee=$PAY_FEE`,
so `${fee}` works, is not exported, and its value is never read as shell text. The rest of the
environment is fixed: a script runs the same whether a terminal, cron or a web server caused it.
"""

import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

from payment_cli.model.codec import encode
from payment_cli.model.record import Json, Record

#: Where programs are looked for, after the folder that holds this installation's `pay`.
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: Linux refuses one environment string (name, `=`, value, NUL) above 32 pages.
ENTRY_MAX = 128 * 1024

#: All fields together; the half of the system's limit leaves room for what the script starts.
TOTAL_MAX = 1024 * 1024

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def script_environment(
    variables: Mapping[str, bytes], *, home: Path, root: Path, domain: str
) -> dict[str, bytes]:
    """Return the whole environment of a script run for `domain` with these `variables`."""
    fixed = {
        "PATH": os.fsencode(_search_path()),
        "HOME": os.fsencode(home),
        "LANG": b"C.UTF-8",
        "PAYMENT_ROOT": os.fsencode(root),
        "PAYMENT_DOMAIN": domain.encode(),
    }
    return {f"PAY_{name.upper()}": value for name, value in variables.items()} | fixed


def script_variables(record: Record) -> dict[str, bytes]:
    """Return the fields a script gets as variables: lower-case name -> UTF-8 text.

    Text is as it is, null is empty, anything else is JSON text. Only on the script's stdin are:
    fields whose name is no shell identifier, values with NUL or unpaired surrogates, and values
    too large for an environment (the shortest are served first, so a huge one can't crowd out
    `id`). Of names that differ only by case the lower-case one wins.
    """
    texts: dict[str, bytes] = {}
    for key in sorted(record, key=lambda key: (key != key.lower(), key)):
        text = _text(record[key])
        if _IDENTIFIER.fullmatch(key) and text is not None:
            texts.setdefault(key.lower(), text)
    return _within_limits(texts)


def shell_prelude(names: Iterable[str]) -> str:
    """Return shell text that sets each name from its exported twin; it holds no values."""
    return "".join(f"{name}=$PAY_{name.upper()}\n" for name in names)


def _text(value: Json) -> bytes | None:
    if value is None:
        return b""
    text = value if isinstance(value, str) else encode(value)
    try:
        return None if "\0" in text else text.encode()
    except UnicodeEncodeError:
        return None


def _within_limits(texts: Mapping[str, bytes]) -> dict[str, bytes]:
    left = min(TOTAL_MAX, os.sysconf("SC_ARG_MAX") // 2)
    fitting: dict[str, bytes] = {}
    for name, text in sorted(texts.items(), key=lambda item: (len(item[1]), item[0])):
        entry = len("PAY_=") + len(name) + len(text) + 1
        left -= entry + 8  # the kernel also counts the pointer to each entry
        if entry <= ENTRY_MAX and left >= 0:
            fitting[name] = text
    return fitting


def _search_path() -> str:
    # A virtual environment's folder, a system installation's, then a user's own (`pip --user`).
    folders = (
        Path(sys.executable).parent,
        Path(sysconfig.get_path("scripts")),
        Path(sysconfig.get_path("scripts", "posix_user")),
    )
    with_pay = [str(folder) for folder in folders if (folder / "pay").exists()]
    return os.pathsep.join([*with_pay[:1], SYSTEM_PATH])
