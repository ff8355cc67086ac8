"""Text that people other than us wrote, made fit for a terminal."""

import re

#: What can move a cursor, ring, recolour, or reorder what is read: C0, DEL, C1, line and
#: paragraph separators, and the bidirectional controls. Lone surrogates can't be printed at all.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

#: The same without what JSON escapes by itself.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Return `text` in one line, with every control character as an escape (`\\x1b`)."""
    return _UNSAFE.sub(lambda found: ascii(found.group())[1:-1], text)


def printable_json(text: str) -> str:
    """Return the same JSON with control characters in its strings as `\\uXXXX`."""
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
