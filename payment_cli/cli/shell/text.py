"""Text that people other than us wrote, made fit for a terminal."""

import re

#: What can move a cursor, ring, recolour, or reorder what is read: DEL, C1, line and paragraph
#: separators, and the bidirectional controls. Lone surrogates can't be printed at all. JSON
#: escapes C0 by itself.
_UNSAFE_IN_JSON = "[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
_UNSAFE = f"{_UNSAFE_IN_JSON}|[\x00-\x1f]"


def printable(text: str) -> str:
    """Return `text` in one line, with every control character as an escape (`\\x1b`)."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_UNSAFE, lambda found: ascii(found.group())[1:-1], text)


def printable_json(text: str) -> str:
    """Return the same JSON with control characters in its strings as `\\uXXXX`."""
    if text.isascii() and "\x7f" not in text:
        return text
    return re.sub(_UNSAFE_IN_JSON, lambda found: f"\\u{ord(found.group()):04x}", text)


def ascii_json(text: str) -> str:
    """Return the same JSON in ASCII: every other character as `\\uXXXX`, two for a rare one."""

    def escaped(found: re.Match[str]) -> str:
        units = found.group().encode("utf-16-be").hex().upper()
        return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

    return re.sub("[^\x00-\x7e]", escaped, text)
