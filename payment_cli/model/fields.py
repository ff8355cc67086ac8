"""Reading one JSON object field by field: kind, range, and an error that names both.

Nothing is converted: "3" is not 3, true is not 1. A field that is null counts as missing.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from payment_cli.errors import CorruptRecordError, InvalidValueError
from payment_cli.model.fee import CURRENCIES
from payment_cli.model.money import exact_fen, to_fen
from payment_cli.model.record import Json

#: The largest whole number a record holds: what a double still counts exactly.
WHOLE_MAX = 2**53

#: The most rows a list inside a record may have.
ROWS_MAX = 1000

#: Control characters, and lone surrogates, which no file can hold.
_NOT_A_LINE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

_Word = TypeVar("_Word", bound=StrEnum)


class Said(NamedTuple):
    """In which words somebody wrote a document: the word of each field, and those of its rows."""

    words: Mapping[str, str] = MappingProxyType({})
    rows: Mapping[str, "Sequence[Said]"] = MappingProxyType({})


#: A document whose fields have their stored names.
AS_STORED = Said()


class Fields:
    """A JSON object being read; a name that was asked for is known, the others are `rest`.

    `what` opens every error ("product cup-01"). Money in `exact` fields has at most two decimals;
    without `exact` it is rounded half-up to the fen, which is for records that others wrote: the
    reference computed in float32 and left 29.899999618530273 where 29.90 was meant. Fields are
    asked for by their stored names; errors call them as whoever wrote the document `said`.
    """

    def __init__(
        self,
        document: Mapping[str, Json],
        what: str,
        *,
        exact: bool = True,
        said: Said = AS_STORED,
    ) -> None:
        """Read `document`; nothing is checked yet."""
        self.what = what
        self._document = document
        self._to_fen = exact_fen if exact else to_fen
        self._exact = exact
        self._said = said
        self._known: set[str] = set()

    def called(self, name: str) -> str:
        """Return what whoever wrote the document calls a field."""
        return self._said.words.get(name, name)

    def raw(self, name: str) -> Json:
        """Return the field as it is; None when it is missing or null."""
        self._known.add(name)
        return self._document.get(name)

    def text(
        self, name: str, default: str = "", *, max_len: int = 200, multiline: bool = False
    ) -> str:
        """Return the text, without blanks around it; one line, unless `multiline`.

        Raises:
            InvalidValueError: it is no text, too long, or has control characters.
        """
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.error(name, "must be text", value)
        value = value.strip()
        bad = _NOT_TEXT if multiline else _NOT_A_LINE
        if len(value) > max_len or bad.search(value):
            raise self.error(name, f"must be at most {max_len} printable characters", value)
        return value

    def required_text(self, name: str, *, max_len: int = 200) -> str:
        """As `text`, for a field that must not be empty."""
        value = self.text(name, max_len=max_len)
        if not value:
            raise self.missing(name)
        return value

    def word(self, name: str, words: type[_Word], default: _Word | None = None) -> _Word:
        """Return the member of `words` whose value the field is.

        Raises:
            InvalidValueError: it is none of them, or missing without a `default`.
        """
        value = self.raw(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or value not in tuple(words):
            raise self.error(name, f"must be one of {', '.join(words)}", value)
        return words(value)

    def whole(self, name: str, default: int = 0, *, low: int = 0, high: int = WHOLE_MAX) -> int:
        """Return the whole number.

        Raises:
            InvalidValueError: it is none, outside `low` to `high`, or missing where the default
                is outside too.
        """
        value = self.raw(name)
        if value is None and low <= default <= high:
            return default
        if value is None:
            raise self.missing(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.error(name, f"must be a whole number from {low} to {high}", value)
        return value

    def optional_whole(self, name: str, *, high: int = WHOLE_MAX) -> int | None:
        """As `whole`, None when it is missing."""
        return None if self.raw(name) is None else self.whole(name, high=high)

    def number(self, name: str, default: int = 0, *, high: int, places: int) -> Decimal:
        """Return a number from 0 to `high` with at most `places` decimals.

        Raises:
            InvalidValueError: it is not such a number.
        """
        value = self.raw(name)
        if value is None:
            return Decimal(default)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise self.error(name, "must be a number", value)
        value = Decimal(value)
        if not (value.is_finite() and 0 <= value <= high and value == round(value, places)):
            raise self.error(name, f"must be 0 to {high}, at most {places} decimals", value)
        return value

    def yuan(self, name: str, default: int = 0) -> int:
        """Return an amount of money, written in yuan, in fen.

        Raises:
            InvalidValueError: it is no number, negative, too large, or not in whole fen.
        """
        value = self.raw(name)
        return (
            default if value is None else self._to_fen(value, f"{self.what}: {self.called(name)}")
        )

    def required_yuan(self, name: str) -> int:
        """As `yuan`, for a field that must be there."""
        if self.raw(name) is None:
            raise self.missing(name)
        return self.yuan(name)

    def optional_yuan(self, name: str) -> int | None:
        """As `yuan`, None when it is missing."""
        return None if self.raw(name) is None else self.yuan(name)

    def currency(self, name: str, default: str = "RMB") -> str:
        """Return the code of a currency that is counted in hundredths.

        Raises:
            InvalidValueError: it is none.
        """
        code = self.text(name, default).upper()
        if code not in CURRENCIES:
            raise self.error(name, f"must be one of {', '.join(CURRENCIES)}", code)
        return code

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return true or false.

        Raises:
            InvalidValueError: it is neither.
        """
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.error(name, "must be true or false", value)
        return value

    def mapping(self, name: str) -> dict[str, Json]:
        """Return an object; empty when it is missing.

        Raises:
            InvalidValueError: it is none.
        """
        value = self.raw(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.error(name, "must be an object", value)
        return dict(value)

    def rows(self, name: str, *, most: int = ROWS_MAX) -> "list[Fields]":
        """Return a list of objects, each ready to be read; empty when it is missing.

        Raises:
            InvalidValueError: it is no list, has more than `most` rows, or a row is no object.
        """
        rows = []
        said = self._said.rows.get(name, ())
        for index, row in enumerate(self._list(name, most)):
            where = f"{self.called(name)}[{index}]"
            if not isinstance(row, Mapping):
                raise self.error(where, "must be an object", row)
            own = said[index] if index < len(said) else AS_STORED
            rows.append(Fields(row, f"{self.what}: {where}", exact=self._exact, said=own))
        return rows

    def texts(self, name: str, *, most: int = ROWS_MAX, max_len: int = 200) -> tuple[str, ...]:
        """Return a list of texts; one text alone is a list of one.

        Raises:
            InvalidValueError: it is no list of texts, or has more than `most`.
        """
        if isinstance(self.raw(name), str):
            return tuple(part for part in (self.text(name, max_len=max_len),) if part)
        found = []
        for index, value in enumerate(self._list(name, most)):
            if not isinstance(value, str) or len(value) > max_len or _NOT_A_LINE.search(value):
                raise self.error(f"{self.called(name)}[{index}]", "must be text", value)
            found.append(value)
        return tuple(found)

    def rest(self, *without: str) -> dict[str, Json]:
        """Return the fields nobody asked for and that are not named in `without`."""
        known = self._known.union(without)
        return {name: value for name, value in self._document.items() if name not in known}

    def refuse_rest(self, *without: str) -> None:
        """Refuse fields nobody asked for and that are not named in `without`.

        Raises:
            InvalidValueError: there is one.
        """
        for name in self.rest(*without):
            raise unknown_field(self.what, name, self._known)

    def error(self, name: str, rule: str, value: object) -> InvalidValueError:
        """Return the error that says which rule the field breaks, and with what."""
        return InvalidValueError(f"{self.what}: {self.called(name)} {rule}, not {_shown(value)}")

    def missing(self, name: str) -> InvalidValueError:
        """Return the error for a field that must be there."""
        return InvalidValueError(f"{self.what}: {self.called(name)} is missing")

    def _list(self, name: str, most: int) -> Iterable[Json]:
        value = self.raw(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or len(value) > most:
            raise self.error(name, f"must be a list of at most {most}", value)
        return value


def unknown_field(what: str, name: str, known: Iterable[str]) -> InvalidValueError:
    """Return the error for a field that does not exist; its hint is the known name it looks like.

    Rules about money are read this way: a misspelled threshold must not mean "no threshold".
    """
    from payment_cli.model.spelling import resembled  # only the error needs it

    near = resembled(name, known)
    hint = f"did you mean {near}?" if near else ""
    return InvalidValueError(f"{what}: {_shown(name)} is not a field", hint=hint)


@contextmanager
def reading_stored(what: str) -> Iterator[None]:
    """Turn what is wrong with a stored record into the error for damaged records.

    Raises:
        CorruptRecordError: the body found the record invalid.
    """
    try:
        yield
    except InvalidValueError as error:
        raise CorruptRecordError(
            f"{what} is damaged: {error}",
            hint="it was stored so: correct it by its command, or its file and then"
            " `payment fsck --adopt`",
        ) from error


def _shown(value: object) -> str:
    text = str(value)
    return ascii(text if len(text) <= 40 else text[:40] + "…")
