"""The reference shell's output template: `@{path}`, `@{path?default}`, `@{path<date:FORMAT>}`."""

import re
from collections.abc import Callable, Mapping

from payment_cli.cli.shell.columns import TIME_FORMAT, format_time
from payment_cli.cli.shell.printing import plain_text, value_at
from payment_cli.errors import InvalidValueError
from payment_cli.model.query.zones import Zone
from payment_cli.model.record import Json

_PLACE = re.compile(r"@(?:@|\{([^}]*)\})")
_INSIDE = re.compile(r"\s*([^<?\s]+)\s*(?:<\s*(\w+)\s*(?::([^>]*))?>)?\s*(?:\?(.*))?", re.DOTALL)


def compile_template(text: str, zone: Zone) -> Callable[[Mapping[str, Json]], str]:
    """Return the function that fills the template in from a record. `@@` is one `@`.

    Times are those of `zone`.

    Raises:
        InvalidValueError: a placeholder that can't be read.
    """
    for found in _PLACE.finditer(text):
        if found.group(1) is not None and _INSIDE.fullmatch(found.group(1)) is None:
            raise InvalidValueError(
                f"-tmpl: {ascii(found.group())[:60]} is not a placeholder",
                hint="write @{path}, @{path?default} or @{path<date:yyyy-MM-dd>}",
            )

    def fill(record: Mapping[str, Json]) -> str:
        return _PLACE.sub(lambda found: _filled(found.group(1), record, zone), text)

    return fill


def _filled(inside: str | None, record: Mapping[str, Json], zone: Zone) -> str:
    found = None if inside is None else _INSIDE.fullmatch(inside)
    if found is None:
        return "@"
    path, kind, form, default = found.groups()
    value = value_at(record, path)
    if value is None or value == "":
        return default or ""
    if kind == "date":
        return format_time(value, zone, form or TIME_FORMAT)
    return plain_text(value)
