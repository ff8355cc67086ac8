"""The reference shell's output template: `@{path}`, `@{path?default}`, `@{path<date:FORMAT>}`."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from payment_cli.cli.shell.columns import TIME_FORMAT, format_time
from payment_cli.cli.shell.printing import plain_text, value_at
from payment_cli.errors import InvalidValueError
from payment_cli.model.query.zones import Zone
from payment_cli.model.record import Json

#: Nothing here is tried twice: what a part has taken it keeps, so the time grows with the text.
_INSIDE = re.compile(
    r"\s*+(?P<path>[^<?\s]++)\s*+(?:<\s*+(?P<kind>\w++)\s*+(?::(?P<form>[^>]*+))?+>)?+\s*+"
    r"(?:\?(?P<default>.*))?",
    re.DOTALL,
)


class _Place(NamedTuple):
    """A placeholder: the path of its value, and how the value is written."""

    path: str
    kind: str | None
    form: str | None
    default: str | None

    def filled(self, record: Mapping[str, Json], zone: Zone) -> str:
        value = value_at(record, self.path)
        if value is None or value == "":
            return self.default or ""
        if self.kind == "date":
            return format_time(value, zone, self.form or TIME_FORMAT)
        return plain_text(value)


def compile_template(text: str, zone: Zone) -> Callable[[Mapping[str, Json]], str]:
    """Return the function that fills the template in from a record. `@@` is one `@`.

    Times are those of `zone`. A placeholder that is not closed is text.

    Raises:
        InvalidValueError: a placeholder that can't be read.
    """
    parts = list(_parts(text))

    def fill(record: Mapping[str, Json]) -> str:
        return "".join(
            part if isinstance(part, str) else part.filled(record, zone) for part in parts
        )

    return fill


def _parts(text: str) -> Iterator[str | _Place]:
    """Yield the template in its parts, in one pass."""
    last_end = text.rfind("}")
    start = 0
    while (at := text.find("@", start)) >= 0:
        yield text[start:at]
        if text.startswith("@@", at):
            yield "@"
            start = at + 2
        elif text.startswith("@{", at) and at < last_end:
            end = text.index("}", at)
            yield _place(text[at + 2 : end])
            start = end + 1
        else:
            yield "@"
            start = at + 1
    yield text[start:]


def _place(inside: str) -> _Place:
    found = _INSIDE.fullmatch(inside)
    if found is None:
        raise InvalidValueError(
            f"-tmpl: {ascii(f'@{{{inside}}}')[:60]} is not a placeholder",
            hint="write @{path}, @{path?default} or @{path<date:yyyy-MM-dd>}",
        )
    return _Place(**found.groupdict())
