"""Reads a match and a sort as they are typed: walnut's match language in loose JSON.

    {st:'OK', fee:'[100,500)'}      every key holds
    [{st:'OK'}, {st:'WAIT'}]        at least one of the objects holds
    {'!st':'OK'}                    a key with ! does not hold
    {st:['OK','WAIT']}              one of the values; {st:['OK']} is plain equality
    {or_id:null}                    null or missing
    {lbls:'red, blue'}              has all these labels
    {'%or':[{…},{…}]}               nested; %and likewise, $ for % everywhere

A list may start with its operator: %in, %nin, %all (every value is an element of the field), %or
(each element is a value with its own rules, such as a range). Other elements are taken as they
are. An object as a value holds operators: %exists %eq %ne %gt %gte %lt %lte %in %nin %all %not.
What a text asks for: model/query/values.py. What a match means: model/query/match.py.

Loose JSON is JSON5, and keys need no quotes if they hold only letters, digits and `_ . - ! % $`.
Numbers with a fraction are exact up to 15 digits; in a range they are exact however long.
Size, depth and the number of conditions are bounded. Whatever does not parse is an
InvalidValueError.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from payment_cli.errors import InvalidValueError
from payment_cli.model.query.match import (
    Match,
    Not,
    Scalar,
    all_of,
    any_of,
    between,
    equal,
    is_null,
    negate,
    one_of,
)
from payment_cli.model.query.times import TimeReader
from payment_cli.model.query.values import match_of_text, read_bound

LENGTH_MAX = 100_000
DEPTH_MAX = 16
CONDITIONS_MAX = 500
SORT_KEYS_MAX = 8

_PATH_LENGTH_MAX = 100
_INT_BITS_MAX = 256
# Patterns are texts, compiled by `re` when the first match is read.
_PATH = r"[^\x00-\x1f\x7f\"'\\.,:{}\[\]]+(\.[^\x00-\x1f\x7f\"'\\.,:{}\[\]]+){0,7}"
_LABELS = "[ ,，\t;；]+"
#: Strings, comments and words. Each alternative takes all it can, even where it is not closed, so
#: that the scan is linear; a word before a colon is a key.
_PIECE = (
    r"""'(?:[^'\\]|\\.?)*+'?|"(?:[^"\\]|\\.?)*+"?|//[^\n]*|/\*(?:.*?\*/|.*)"""
    r"""|(?P<word>[\w!%$][\w.!%$-]*+)(?P<colon>\s*+:)?"""
)


def parse_match(text: str, times: TimeReader) -> Match:
    """Return the match that `text` asks for; `times` reads the times in it.

    Raises:
        InvalidValueError: it does not parse, or asks for too much.
    """
    return _Parser(times).alternatives(_load(text))


def parse_sort(text: str) -> tuple[tuple[str, int], ...]:
    """Return the sort keys of `lm:-1,ct:1`, the braces of `{lm:-1}` being optional.

    Raises:
        InvalidValueError: it does not parse.
    """
    body = text.strip()
    if body.startswith("{") and body.endswith("}"):
        body = body[1:-1]
    keys = tuple(_sort_key(part) for part in body.split(",") if part.strip())
    if len({path for path, _ in keys}) != len(keys) or len(keys) > SORT_KEYS_MAX:
        raise InvalidValueError(f"the sort has a key twice, or more than {SORT_KEYS_MAX}")
    return keys


def _sort_key(text: str) -> tuple[str, int]:
    path, _, direction = text.rpartition(":")
    if direction.strip() not in ("1", "-1"):
        raise InvalidValueError(
            f"the sort {_short(text.strip())} does not parse",
            hint="a sort is like lm:-1,ct:1 (1 ascending, -1 descending)",
        )
    return _checked_path(path.strip().strip("'\"")), int(direction)


def _load(text: str) -> Any:
    import pyjson5

    if len(text) > LENGTH_MAX:
        raise InvalidValueError(f"the match is longer than {LENGTH_MAX} characters")
    try:
        text.encode()
        return pyjson5.decode(re.sub(_PIECE, _quote_key, text, flags=re.DOTALL), DEPTH_MAX)
    except UnicodeEncodeError as error:
        raise InvalidValueError("the match is not UTF-8 text") from error
    except (pyjson5.Json5DecoderException, ValueError, OverflowError) as error:
        raise InvalidValueError(
            f"the match {_short(text)} does not parse: {str(error.args[0])[:100]}",
            hint="a match is like {st:'OK', fee:'[100,500)'}",
        ) from error


def _quote_key(found: re.Match[str]) -> str:
    return f'"{found["word"]}":' if found["colon"] else found[0]


@dataclass(slots=True)
class _Parser:
    """Turns the loaded document into a match, counting its conditions."""

    times: TimeReader
    conditions_left: int = field(default=CONDITIONS_MAX)

    def alternatives(self, document: Any) -> Match:
        """A list of objects is OR, an object is AND."""
        if isinstance(document, list):
            return any_of(*self._objects(document, "the match"))
        return self._object(document, "the match")

    def _objects(self, values: Any, where: str) -> list[Match]:
        if not isinstance(values, list) or not values:
            raise InvalidValueError(f"{where} must hold a list of objects that is not empty")
        return [self._object(value, where) for value in values]

    def _object(self, value: Any, where: str) -> Match:
        if not isinstance(value, dict):
            raise InvalidValueError(f"{where} must hold an object, not {_short(value)}")
        self._count()
        return all_of(*(self._entry(key, asked) for key, asked in value.items()))

    def _entry(self, key: str, value: Any) -> Match:
        name = key.lstrip("! ")
        found = self._condition(name, value)
        return negate(found) if key[: len(key) - len(name)].count("!") % 2 else found

    def _condition(self, key: str, value: Any) -> Match:
        if key in ("%and", "$and"):
            return all_of(*self._objects(value, key))
        if key in ("%or", "$or"):
            return any_of(*self._objects(value, key))
        if key == "lbls" and isinstance(value, str) and value:
            return self._all(key, [label for label in re.split(_LABELS, value) if label])
        return self._value(_checked_path(key), value)

    def _value(self, path: str, value: Any) -> Match:
        self._count()
        if isinstance(value, str):
            return match_of_text(path, _checked_text(value), self.times)
        if isinstance(value, list):
            return self._list(path, value)
        if isinstance(value, dict):
            return self._operators(path, value)
        return equal(path, _scalar(value))

    def _list(self, path: str, values: list[Any]) -> Match:
        head = _operator(values[0]) if values and isinstance(values[0], str) else ""
        if head == "or":
            return any_of(*(self._value(path, value) for value in values[1:]))
        if head in _LIST_OPERATORS:
            return self._listed(head, path, values[1:])
        if len(values) == 1:
            return equal(path, _scalar(values[0]))
        return one_of(path, [_scalar(value) for value in values])

    def _listed(self, name: str, path: str, values: list[Any]) -> Match:
        wanted = [_scalar(value) for value in values]
        if name == "all":
            return self._all(path, wanted)
        return one_of(path, wanted) if name == "in" else Not(one_of(path, wanted))

    def _all(self, path: str, values: Sequence[Scalar | None]) -> Match:
        for _ in values:
            self._count()
        return all_of(*(equal(path, value) for value in values))

    def _operators(self, path: str, asked: Mapping[str, Any]) -> Match:
        if not asked:
            raise InvalidValueError(f"{path} must be asked for something, {{}} is nothing")
        return all_of(*(self._apply(path, key, value) for key, value in asked.items()))

    def _apply(self, path: str, key: str, value: Any) -> Match:
        self._count()
        name = _operator(key)
        if name in _LIST_OPERATORS:
            if not isinstance(value, list):
                raise InvalidValueError(f"{key} of {path} must hold a list")
            return self._listed(name, path, value)
        if name in _BOUND_OPERATORS:
            bound = self._bound(path, key, value, is_end=name == "lte")
            return _BOUND_OPERATORS[name](path, bound)
        if name == "not":
            return negate(self._value(path, value))
        if name in ("eq", "ne"):
            found = equal(path, _scalar(value))
            return found if name == "eq" else negate(found)
        if name == "exists" and isinstance(value, bool):
            return negate(is_null(path)) if value else is_null(path)
        raise _unknown_operator(path, key, value)

    def _bound(self, path: str, key: str, value: Any, *, is_end: bool) -> int | Decimal | str:
        bound = _scalar(value)
        if isinstance(bound, str):
            bound = read_bound(bound, self.times, is_end=is_end)
        if bound is None or isinstance(bound, bool):
            raise InvalidValueError(f"{key} of {path} must hold a number or a text")
        return bound

    def _count(self) -> None:
        self.conditions_left -= 1
        if self.conditions_left < 0:
            raise InvalidValueError(f"the match has more than {CONDITIONS_MAX} conditions")


def _unknown_operator(path: str, key: str, value: Any) -> InvalidValueError:
    if not key.startswith(("%", "$")):
        return InvalidValueError(
            f"{path} is asked for an object", hint=f"write {path}.{key[:40]} for a field within it"
        )
    return InvalidValueError(
        f"{path} can not be asked {_short(key)}: {_short(value)}",
        hint="known are %exists (true, false), %eq %ne %gt %gte %lt %lte %in %nin %all %not",
    )


_LIST_OPERATORS = ("in", "nin", "all")

_BOUND_OPERATORS: Mapping[str, Callable[[str, int | Decimal | str], Match]] = {
    "gt": lambda path, bound: between(path, low=bound, low_open=True),
    "gte": lambda path, bound: between(path, low=bound),
    "lt": lambda path, bound: between(path, high=bound, high_open=True),
    "lte": lambda path, bound: between(path, high=bound),
}


_KIND_WORDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def _operator(text: str) -> str:
    return text[1:] if text.startswith(("%", "$")) else ""


def _scalar(value: Any) -> Scalar | None:
    """Take a value as it is; a binary fraction becomes the decimal that was typed."""
    if isinstance(value, float):
        value = Decimal(repr(value))
        if not value.is_finite():
            raise InvalidValueError(f"{value} is not a number to match")
    if isinstance(value, str):
        return _checked_text(value)
    if value is None or isinstance(value, bool | Decimal):
        return value
    if isinstance(value, int) and value.bit_length() <= _INT_BITS_MAX:
        return value
    raise InvalidValueError(f"{_short(value)} can not be a value in a list or of an operator")


def _checked_text(text: str) -> str:
    if "\0" in text:
        raise InvalidValueError("a match can not ask for a NUL character")
    return text


def _checked_path(path: str) -> str:
    if len(path) > _PATH_LENGTH_MAX or not re.fullmatch(_PATH, path) or path.startswith(("%", "$")):
        raise InvalidValueError(f"{_short(path)} is not the name of a field")
    return path


def _short(value: Any) -> str:
    if not isinstance(value, str):
        return _KIND_WORDS.get(type(value), "null")
    return repr(value if len(value) <= 60 else value[:60] + "…")
