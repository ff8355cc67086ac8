"""The words that a payer reads about a payment, as a provider takes them. Pure."""

from collections.abc import Callable, Iterator
from unicodedata import category

#: Joins what stands beside it into one picture; its sister keeps letters of a word apart.
_JOINER = "\u200d"
_NON_JOINER = "\u200c"


def one_line(text: str) -> str:
    """Return `text` in one line: what can't be seen is a blank, joiners of pictures stay.

    Marks that turn the direction of writing go: they make an amount read as another.
    """
    shown = "".join(mark if mark.isprintable() or _belongs_to_last(mark) else " " for mark in text)
    return " ".join(shown.split())


def cut(text: str, limit: int, size: Callable[[str], int]) -> str:
    """Return the longest beginning of `text` with a `size` of `limit` at most.

    Never inside of what a reader sees as one character: letters with their accents, pictures with
    their colour or joined to others, flags.
    """
    length = end = 0
    for character in _characters(text):
        length += size(character)
        if length > limit:
            break
        end += len(character)
    return text[:end].rstrip()


def _characters(text: str) -> Iterator[str]:
    """Yield the characters of `text` as a reader sees them."""
    start = 0
    for position in range(1, len(text)):
        if not _belongs_together(text, start, position):
            yield text[start:position]
            start = position
    if text:
        yield text[start:]


def _belongs_together(text: str, start: int, position: int) -> bool:
    """Whether the mark at `position` belongs to the character that began at `start`."""
    if _belongs_to_last(text[position]) or text[position - 1] == _JOINER:
        return True
    is_flag = _is_half_flag(text[position]) and _is_half_flag(text[position - 1])
    return is_flag and (position - start) % 2 == 1


def _belongs_to_last(mark: str) -> bool:
    is_colour = "\U0001f3fb" <= mark <= "\U0001f3ff"
    is_tag = "\U000e0020" <= mark <= "\U000e007f"  # the flags of England, Scotland, Wales
    return mark in (_JOINER, _NON_JOINER) or is_colour or is_tag or category(mark)[0] == "M"


def _is_half_flag(mark: str) -> bool:
    return "\U0001f1e6" <= mark <= "\U0001f1ff"
