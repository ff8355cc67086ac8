"""Documents as they are typed: loose JSON as an argument or on stdin, and options beside it."""

import re
from collections.abc import Mapping
from decimal import Decimal

import click

from payment_cli.cli.shell.output import tell
from payment_cli.errors import InvalidValueError
from payment_cli.model.query.times import TimeReader
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.words import means

_YUAN = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)


def read_document(text: str | None, what: str) -> Record:
    """Return the typed object; `-` reads stdin, None is an empty one.

    Raises:
        InvalidValueError: it is no object.
    """
    if text is None:
        return {}
    from payment_cli.cli.shell.loose_json import read_object
    from payment_cli.cli.shell.standard_input import typed_or_read

    return read_object(typed_or_read(text, what), what)


keep_option = click.option(
    "-keep",
    "--keep",
    multiple=True,
    metavar="WORD",
    help="Keep the field WORD of your JSON as it is, though it looks like another one.",
)


def with_options(kind: str, document: Record, options: Mapping[str, Json]) -> Record:
    """Return the document with what options say, under stored names; None was not given.

    Raises:
        InvalidValueError: an option and the document say the same thing.
    """
    merged = dict(document)
    for name, value in options.items():
        if value is None or value == ():
            continue
        word = means(kind, document, name)
        if word is not None:
            raise InvalidValueError(f"{word} is given as an option and in JSON", hint="give one")
        merged[name] = list(value) if isinstance(value, tuple) else value
    return merged


def read_time(
    text: str | None, times: TimeReader, option: str, *, is_end: bool = False
) -> int | None:
    """Return a typed time as AMS; None was not given. A day that `is_end` is included.

    Raises:
        InvalidValueError: it is no time.
    """
    if text is None:
        return None
    found = times.read_end(text) if is_end else times.read(text)
    if found is None:
        raise InvalidValueError(
            f"{option} {text[:40]!a} is not a time", hint="for instance 2026-12-31, now+30d, 0"
        )
    return found


def tell_if_over(end: Json, now: int, what: str) -> None:
    """Say on stderr that what was just written is over already; 0 and None are no end."""
    if isinstance(end, int) and 0 < end < now:
        tell(f"{what} is over already: its end has passed")


def read_yuan(text: str | None, option: str) -> Decimal | None:
    """Return a typed amount of yuan; None was not given. It is never rounded.

    Raises:
        InvalidValueError: it is none, or has more than two decimals.
    """
    if text is None:
        return None
    if _YUAN.fullmatch(text) is None:
        raise InvalidValueError(
            f"{option} {text[:40]!a} is not an amount in yuan", hint="for instance 34.50"
        )
    return Decimal(text)


def yuan(_ctx: click.Context, param: click.Parameter, text: str | None) -> Decimal | None:
    """Read the value of an option that is an amount of yuan; see `read_yuan`."""
    return read_yuan(text, param.opts[-1])
