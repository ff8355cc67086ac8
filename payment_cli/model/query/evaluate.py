"""Asks one record, in Python: what a backend can not decide for itself, such as a regex.

The meaning is that of model/query/match.py, to the last digit.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.match import And, Equal, Glob, In, IsNull, Match, Not, Or, Range, Regex
from payment_cli.model.record import Json

#: The longest regular expression that is tried.
REGEX_LENGTH_MAX = 1000


def matches(match: Match, record: Mapping[str, Json]) -> bool:
    """Return whether `match` holds for `record`."""
    return predicate(match)(record)


def predicate(match: Match) -> Callable[[Mapping[str, Json]], bool]:
    """Return `matches` of one match, prepared for many records."""
    match match:
        case And(parts):
            tests = [predicate(part) for part in parts]
            return lambda record: all(test(record) for test in tests)
        case Or(parts):
            tests = [predicate(part) for part in parts]
            return lambda record: any(test(record) for test in tests)
        case Not(part):
            test = predicate(part)
            return lambda record: not test(record)
        case IsNull(path):
            keys = path.split(".")
            return lambda record: all(value is None for value in _reached(record, keys))
        case _:
            return _field_predicate(match.path.split("."), _value_test(match))


def search_of(pattern: str) -> Callable[[str], object]:
    """Return the search function of an RE2 `pattern`.

    Raises:
        InvalidValueError: it is not a pattern of RE2's linear-time dialect, or too long.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        if len(pattern) > REGEX_LENGTH_MAX:
            raise InvalidValueError(f"a regular expression is longer than {REGEX_LENGTH_MAX}")
        search: Callable[[str], object] = re2.compile(pattern, options).search
    except (re2.error, UnicodeEncodeError) as error:
        raise InvalidValueError(
            f"{pattern[:60]!r} is not a regular expression of the RE2 dialect",
            hint="no look-around and no back-references",
        ) from error
    return search


def _field_predicate(
    keys: list[str], test: Callable[[Any], bool]
) -> Callable[[Mapping[str, Json]], bool]:
    def holds(record: Mapping[str, Json]) -> bool:
        for value in _reached(record, keys):
            if any(map(test, value)) if isinstance(value, list | tuple) else test(value):
                return True
        return False

    return holds


def _reached(value: Json, keys: list[str]) -> Iterator[Json]:
    """Yield what the path `keys` reaches from `value`, going on in every object of a list."""
    if not keys:
        yield value
    elif isinstance(value, Mapping):
        yield from _reached(value.get(keys[0]), keys[1:])
    elif isinstance(value, list | tuple):
        for element in value:
            if isinstance(element, Mapping):
                yield from _reached(element, keys)
    else:
        yield None


def _value_test(match: "Equal | In | Range | Regex | Glob") -> Callable[[Any], bool]:
    match match:
        case Equal(_, value):
            wanted = _typed(value)
            return lambda found: _typed(found) == wanted
        case In(_, values):
            known = frozenset(map(_typed, values))
            return lambda found: _typed(found) in known
        case Range():
            return lambda found: _in_range(match, found)
        case Regex(_, pattern):
            search = search_of(pattern)
            return lambda found: isinstance(found, str) and search(found) is not None
        case Glob(_, pieces):
            return lambda found: isinstance(found, str) and _fits_glob(found, pieces)


def _typed(value: Any) -> tuple[str, Any]:
    """Return the value with its type's name, so that true, 1 and "1" differ and 1 and 1.0 do not.

    Lists and objects equal nothing that can be asked for.
    """
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, int | Decimal):
        return "number", value
    return ("text", value) if isinstance(value, str) else ("other", None)


def _in_range(match: Range, found: Any) -> bool:
    kind, value = _typed(found)
    for bound in (match.low, match.high):
        if bound is not None and _typed(bound)[0] != kind:
            return False
    above = match.low is None or (value > match.low if match.low_open else value >= match.low)
    return above and (
        match.high is None or (value < match.high if match.high_open else value <= match.high)
    )


def _fits_glob(text: str, pieces: tuple[str, ...]) -> bool:
    if not text.startswith(pieces[0]):
        return False
    at = len(pieces[0])
    for piece in pieces[1:]:
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True
