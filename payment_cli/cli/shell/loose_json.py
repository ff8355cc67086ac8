"""Objects as they are typed: JSON, or loose JSON as the reference shell takes it (JSON5)."""

from decimal import Decimal

from simplejson import JSONDecodeError

from payment_cli.errors import InvalidValueError
from payment_cli.model.codec import DEPTH_MAX, DIGITS_MAX, decode_foreign, encode
from payment_cli.model.record import Json, Record

#: What DIGITS_MAX digits need; to write out a longer number takes too long.
_BITS_MAX = DIGITS_MAX * 10 // 3


def read_object(text: str, what: str) -> Record:
    """Read one object; the braces may be left out (`or_id:'x',table:7`).

    Numbers with a fraction are exact up to 15 digits in loose JSON, always in strict JSON.

    Raises:
        InvalidValueError: `what` is no object.
    """
    body = text.strip()
    if not body.startswith(("{", "[")):
        body = f"{{{body}}}"
    value = _read(body, what)
    if not isinstance(value, dict):
        raise InvalidValueError(f"{what} must be an object", hint="for instance {or_id:'x'}")
    try:
        encode(value).encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair, written as an escape
        raise InvalidValueError(f"{what} has a text that is not valid Unicode") from error
    return value


def _read(text: str, what: str) -> Json:
    try:
        return decode_foreign(text, what)
    except InvalidValueError as error:
        if not isinstance(error.__cause__, JSONDecodeError):
            raise
        return _read_json5(text, what)


def _read_json5(text: str, what: str) -> Json:
    import pyjson5  # only loose JSON pays for it

    try:
        return _exact(pyjson5.decode(text, DEPTH_MAX), what)
    except (pyjson5.Json5DecoderException, ValueError, OverflowError) as error:
        raise InvalidValueError(
            f"{what} is not valid JSON: {str(error.args[0])[:100]}",
            hint="for instance {or_id:'x'}",
        ) from error


def _exact(value: object, what: str) -> Json:
    """Return the value with binary fractions as the decimals that were typed."""
    if isinstance(value, dict):
        return {str(k): _exact(v, what) for k, v in value.items()}
    if isinstance(value, list):
        return [_exact(item, what) for item in value]
    if isinstance(value, int) and value.bit_length() > _BITS_MAX:  # 0x… has no limit of its own
        raise InvalidValueError(f"{what} has a number that is too long")
    if isinstance(value, float):
        number = Decimal(repr(value))
        if not number.is_finite():
            raise InvalidValueError(f"{what} has {number}, which is not a JSON number")
        return number
    if value is None or isinstance(value, bool | int | str):
        return value
    raise InvalidValueError(f"{what} has a value that JSON can't hold")
