"""Text that people other than us wrote, made fit for a terminal, and for eyes.

What can't be seen, or makes other text look like what it isn't, is shown as its number: `<U+202E>`.
A name that reads like another one, or an amount that reads backwards, is how money is stolen.
"""

import re

#: What can't be seen, reorders what is read, or ends a line: C1, soft hyphen, bidirectional
#: controls, zero-width and default ignorable characters (Unicode 15, DerivedCoreProperties), blank
#: letters, annotations, tags. U+FE0F alone is left where it makes an emoji of a symbol.
_INVISIBLE = (
    "[\x80-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|(?<![#*0-9\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff])\ufe0f"
)
#: What can move a cursor, ring or recolour.
_CONTROL = "[\x00-\x1f\x7f]"


def printable(text: str) -> str:
    """Return `text` in one line: control characters as `\\x1b`, invisible ones as `<U+202E>`."""
    if text.isascii() and text.isprintable():
        return text
    seen = re.sub(_INVISIBLE, lambda found: f"<U+{ord(found.group()):04X}>", text)
    return re.sub(_CONTROL, lambda found: ascii(found.group())[1:-1], seen)


def printable_json(text: str) -> str:
    """Return the same JSON with what can't be seen in its strings as `\\uXXXX`.

    JSON escapes the other control characters by itself.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return re.sub(f"{_INVISIBLE}|\x7f", lambda found: _escaped(found.group()).lower(), text)


def ascii_json(text: str) -> str:
    """Return the same JSON in ASCII: every other character as `\\uXXXX`, two for a rare one."""
    return re.sub("[^\x00-\x7e]", lambda found: _escaped(found.group()), text)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex().upper()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
