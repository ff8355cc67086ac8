"""What a payer reads about an order: one line, cut to the bytes that WeChat Pay takes. Pure.

Provider documents: `description` (v3) is string(127), `body` (v2, doc/v2/merchant/4011937125)
String(127); texts are counted in bytes of UTF-8.
"""

import unicodedata

#: The longest description, v3 and v2 alike.
DESCRIPTION_BYTES_MAX = 127

#: Zero-width joiners hold emoji and letters of many scripts together.
_JOINERS = "\u200c\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)


def description(text: str) -> str:
    """Return `text` as WeChat Pay takes it, "" if it has nothing that can be shown.

    No control characters, no more than DESCRIPTION_BYTES_MAX bytes. It is never cut inside a
    character, nor inside what is read as one: letters with their marks, joined emoji, flags.
    """
    shown = "".join(char if char.isprintable() or char in _JOINERS else " " for char in text)
    line = " ".join(shown.split())
    if not line.strip(_JOINERS + " "):
        return ""
    return _cut(line, DESCRIPTION_BYTES_MAX).rstrip()


def _cut(line: str, bytes_max: int) -> str:
    end = len(line.encode()[:bytes_max].decode(errors="ignore"))
    if end == len(line):
        return line
    whole = next((at for at in range(end, 0, -1) if _may_end(line, at)), 0)
    return line[: whole or end]  # one single character with endless marks is cut after all


def _may_end(line: str, at: int) -> bool:
    """Whether what is read as one character ends before `line[at]`."""
    if line[at - 1] in _JOINERS or line[at] in _JOINERS:
        return False
    if unicodedata.category(line[at]).startswith("M") or ord(line[at]) in _SKIN_TONES:
        return False
    if ord(line[at]) not in _FLAG_LETTERS:
        return True
    before = at
    while before and ord(line[before - 1]) in _FLAG_LETTERS:
        before -= 1
    return (at - before) % 2 == 0  # two letters make a flag
