"""The allow-lists that a name must fit before it may become part of a path.

Nothing typed by a user or sent by a provider reaches the file system without one of these.
"""

import re

from payment_cli.errors import InvalidValueError

#: kind -> pattern and what it says. `re` compiles each when it is first used, and keeps it.
_RULES = {
    "id": (r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}", "letters, digits, _ and -, at most 64"),
    "domain": (r"[0-9a-z][0-9a-z_.-]{0,31}", "a-z, 0-9, . _ and -, at most 32"),
    "target": (r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}", "letters, digits, . _ and -"),
    "script": (r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,63}", "letters, digits, . _ and -"),
    "language": (r"[A-Za-z]{2,8}([_-][0-9A-Za-z]{1,8}){0,3}", "such as zh-cn or en"),
}


def check_name(kind: str, text: str) -> str:
    """Return `text` if it is a well-formed name of `kind` (a key of the rules above).

    Raises:
        InvalidValueError: it is not; the sentence says what would be.
    """
    rule, words = _RULES[kind]
    if re.fullmatch(rule, text) is None or ".." in text:
        shown = ascii(text if len(text) <= 40 else text[:40] + "…")
        one = f"an {kind}" if kind == "id" else f"a {kind}"
        raise InvalidValueError(f"{shown} is not {one}", hint=f"{one} is {words}")
    return text
