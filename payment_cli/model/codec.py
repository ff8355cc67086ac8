"""Records to JSON text and back, exactly: a number with a fraction is a Decimal both ways."""

from collections.abc import Iterable
from decimal import Decimal
from typing import cast

import simplejson

from payment_cli.errors import InvalidValueError
from payment_cli.model.record import Json, Record

#: How deep a document from outside may nest.
DEPTH_MAX = 64

#: No number of a document from outside is longer, and none is further from 1 than 10 to such a
#: power (a double ends at 308): to write out `1e999999999` takes gigabytes.
DIGITS_MAX = 1000
EXPONENT_MAX = 400


def _pretty_encoder(indent: str) -> simplejson.JSONEncoder:
    return simplejson.JSONEncoder(
        use_decimal=True, ensure_ascii=False, allow_nan=False, indent=indent
    )


# Made once: every command writes several records.
_COMPACT = simplejson.JSONEncoder(
    use_decimal=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
)
_PRETTY = _pretty_encoder("  ")
_DECODER = simplejson.JSONDecoder(parse_float=Decimal)


def encode(value: Json) -> str:
    """Return compact JSON text; Decimal keeps its digits, NaN and infinity are refused."""
    return _COMPACT.encode(value)


def encode_pretty(value: Json, indent: str = "  ") -> str:
    """Return indented JSON text for a file that people read, with a newline at its end."""
    encoder = _PRETTY if indent == _PRETTY.indent else _pretty_encoder(indent)
    return encoder.encode(value) + "\n"


def storable(text: str) -> str:
    """Return a text of somebody else's as a record can hold it: no NUL, no half characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def decode(text: str | bytes) -> Json:
    """Read JSON that we wrote ourselves; numbers with a fraction become Decimal.

    Raises:
        ValueError: it is not JSON, or nested deeper than anything of ours.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    try:
        return cast(Json, _DECODER.decode(text))
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def decode_foreign(text: str | bytes, what: str) -> Json:
    """Read JSON from outside: UTF-8, no duplicate keys, no NaN, bounded depth and numbers.

    Raises:
        InvalidValueError: `what` is not such a document.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        value = simplejson.loads(
            text,
            parse_float=read_number,
            parse_int=_read_whole,
            parse_constant=_refuse_constant,
            object_pairs_hook=_without_duplicates,
        )
        if "\\u" in text or text.count("{") + text.count("[") >= DEPTH_MAX:
            check_depth(value)
        else:
            text.encode()  # nothing was escaped: what the text can't hold, no value does
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise InvalidValueError(f"{what} is not valid JSON: {reason}"[:300]) from error
    return cast(Json, value)


def decode_foreign_object(text: str | bytes, what: str) -> Record:
    """As `decode_foreign`, for a document that must be one JSON object.

    Raises:
        InvalidValueError: it is not.
    """
    value = decode_foreign(text, what)
    if not isinstance(value, dict):
        raise InvalidValueError(f"{what} must be a JSON object")
    return cast(Record, value)


def read_number(text: str) -> Decimal:
    """Read a number with a fraction or an exponent, as JSON writes it.

    Raises:
        ValueError: it is longer than DIGITS_MAX, or further from 1 than EXPONENT_MAX allows.
    """
    exponent = text.lower().partition("e")[2].lstrip("+-").lstrip("0")
    number = Decimal(text) if len(text) <= DIGITS_MAX and len(exponent) <= 4 else None
    if number is None or is_far(number):
        raise ValueError("a number is too large, too small or too long")
    return number


def is_far(number: Decimal) -> bool:
    """Whether a number is so large or so small that nothing may be done with it but show it."""
    return abs(number.adjusted()) > EXPONENT_MAX


def _read_whole(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise ValueError("a number is too long")
    return int(text)


def check_depth(value: object, left: int = DEPTH_MAX) -> None:
    """Refuse a document that nests deeper than DEPTH_MAX, or has text that no file can hold.

    Raises:
        ValueError: it does (NUL, or half a surrogate pair).
    """
    if left == 0:
        raise ValueError(f"nested deeper than {DEPTH_MAX}")
    children: Iterable[object] = ()
    if isinstance(value, str):
        value.encode()
        if "\0" in value:
            raise ValueError("a NUL character")
    elif isinstance(value, dict):
        children = (*value, *value.values())
    elif isinstance(value, list):
        children = value
    for child in children:
        check_depth(child, left - 1)


def _refuse_constant(name: str) -> Decimal:
    raise ValueError(f"{name} is not a JSON number")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key occurs twice")
    return result
