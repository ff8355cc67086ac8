"""How records are to be printed: the reference shell's flags as one value (`obj`, WALNUT 1.2)."""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from payment_cli.errors import InvalidValueError
from payment_cli.model.record import Json

#: Says which keys of a record are printed.
KeyFilter: TypeAlias = Callable[[str], bool]


class JsonFormat(NamedTuple):
    """What `-json FORMAT` says of JSON; None is what the flags say. See json_format.py."""

    compact: bool | None = None
    nulls: bool | None = None
    is_shown: KeyFilter | None = None
    indent: str = "  "
    is_ascii: bool = False


#: What `-json` says alone: plain JSON.
PLAIN_JSON = JsonFormat()


class Printing(NamedTuple):
    """The flags as they were typed. `-V` wins over `-t`, that over `-tmpl`, that over JSON."""

    compact: bool = False
    nulls: bool = False
    as_list: bool = False
    hidden_keys: bool = False
    keys: str | None = None
    columns: str | None = None
    border: bool = False
    header: bool = False
    numbered: bool = False
    footer: bool = False
    index_base: int = 0
    values: bool = False
    separator: str = ""
    newline: bool = False
    template: str | None = None
    json_format: JsonFormat | None = None

    @property
    def form(self) -> JsonFormat:
        """How JSON is written: what `-json` says, and else the flags."""
        said = self.json_format or PLAIN_JSON
        return said._replace(
            compact=self.compact if said.compact is None else said.compact,
            nulls=self.nulls if said.nulls is None else said.nulls,
        )

    @property
    def is_json(self) -> bool:
        """Whether no other form than JSON was asked for."""
        return not self.values and self.columns is None and self.template is None

    def key_filter(self) -> KeyFilter:
        """Return the test for keys: `-e REGEX`, negated by a leading `!`, and `-H`.

        Raises:
            InvalidValueError: the regular expression is none.
        """
        if not self.keys:
            return lambda key: self.hidden_keys or not key.startswith("__")
        is_meant = compile_keys(self.keys, "-e")
        return lambda key: (self.hidden_keys or not key.startswith("__")) and is_meant(key)

    def select(self, records: Iterable[Mapping[str, Json]]) -> Iterable[Mapping[str, Json]]:
        """Yield the records with the keys that are to be printed."""
        is_shown = self.key_filter()
        return ({k: v for k, v in record.items() if is_shown(k)} for record in records)


class Pager(NamedTuple):
    """What `-pager` adds to a page: `total` matching records, of which `skip` came before."""

    skip: int
    limit: int
    total: int

    def to_record(self, count: int) -> dict[str, Json]:
        """Return the reference's pager object for a page of `count` records."""
        pages = self.pages
        return {
            "pn": self.page_number,
            "pgsz": self.limit,
            "pgnb": pages,
            "sum": self.total,
            "skip": self.skip,
            "nb": count,
            "pgc": pages,
            "count": count,
        }

    def footer(self, count: int) -> str:
        """Return the line under a table."""
        return (
            f"total {count}/{self.total} items, skip {self.skip} "
            f"page {self.page_number}/{self.pages}, {self.limit} per page"
        )

    @property
    def page_number(self) -> int:
        """The page this is, counted from 1."""
        return self.skip // self.limit + 1

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-self.total // self.limit)


def without_nulls(value: Json) -> Json:
    """Return the value without the keys that are null, at every depth."""
    if isinstance(value, Mapping):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [without_nulls(item) for item in value]
    return value


def value_at(record: Json, path: str) -> Json:
    """Return the value at a dotted path; None if it is not there.

    In a list a number counts its items; a name is asked of each of them, and gives a list.
    """
    if isinstance(record, Mapping) and path in record:
        return record[path]
    first, dot, rest = path.partition(".")
    if isinstance(record, Mapping):
        found = record.get(first)
        return value_at(found, rest) if dot else found
    if not isinstance(record, (list, tuple)):
        return None
    if re.fullmatch("[0-9]{1,9}", first):
        found = record[int(first)] if int(first) < len(record) else None
        return value_at(found, rest) if dot else found
    values = [value_at(item, path) for item in record]
    return None if all(value is None for value in values) else values


def only_keys(value: Json, is_shown: KeyFilter) -> Json:
    """Return the value with only those keys, at every depth."""
    if isinstance(value, Mapping):
        return {k: only_keys(v, is_shown) for k, v in value.items() if is_shown(k)}
    if isinstance(value, (list, tuple)):
        return [only_keys(item, is_shown) for item in value]
    return value


def plain_text(value: Json) -> str:
    """Return a value as one piece of text: nothing for null, JSON for lists and objects."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, (int, Decimal)):
        return str(value)
    from payment_cli.model.codec import encode

    return encode(value)


def compile_keys(pattern: str, what: str) -> KeyFilter:
    """Return the test for keys that a regular expression finds; a leading `!` negates it.

    Raises:
        InvalidValueError: `what` is no regular expression.
    """
    import re2  # linear in the text, whatever the pattern; only such a filter pays for its import

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern.removeprefix("!"), options)
    except re2.error as error:
        shown = ascii(pattern.removeprefix("!"))[:80]
        raise InvalidValueError(f"{what} {shown} is not a regular expression") from error
    is_negated = pattern.startswith("!")
    return lambda key: (compiled.search(key) is not None) is not is_negated
