"""Which known word a misspelled one was meant to be."""

from collections.abc import Iterable

#: Shorter words are one edit away from too many.
_LETTERS_MIN = 4


def meant(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is one edit away: a letter more, less, another, or two swapped.

    Capitals make no difference. None: there is no such word, or `word` has less than four letters.
    """
    if len(word) < _LETTERS_MIN:
        return None
    folded = word.casefold()
    near = [one for one in sorted(known) if _is_near(folded, one.casefold())]
    # Of several the one that begins alike the longest: slips are rarely made there.
    return min(near, key=lambda one: (-_alike(folded, one.casefold()), len(one)), default=None)


def resembled(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` looks like, further away than `meant` looks; or None."""
    import difflib  # costs more than the reading itself, and is needed only for odd words

    near = difflib.get_close_matches(word, sorted(known), n=1)
    return near[0] if near else None


def _is_near(word: str, other: str) -> bool:
    shorter, longer = sorted((word, other), key=len)
    if len(longer) - len(shorter) > 1:
        return False
    same = _alike(shorter, longer)
    left, right = shorter[same:], longer[same:]
    if len(shorter) < len(longer):
        return left == right[1:]
    return left[1:] == right[1:] or (left[1::-1] == right[:2] and left[2:] == right[2:])


def _alike(word: str, other: str) -> int:
    """Return how many letters both begin with."""
    same = 0
    while same < min(len(word), len(other)) and word[same] == other[same]:
        same += 1
    return same
