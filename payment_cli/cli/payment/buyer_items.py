"""Lists of a buyer's goods (baskets, favourites): which product is meant, and how they print."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from payment_cli.cli.shell.options import CommandFunction, gathered, json_option
from payment_cli.cli.shell.output import print_text
from payment_cli.cli.shell.printing import JsonFormat, Printing
from payment_cli.cli.shell.records import print_records
from payment_cli.errors import InvalidValueError, NotFoundError
from payment_cli.model.names import check_name
from payment_cli.model.record import Record

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.model.shop.product import Product

_PLACE = re.compile("%[ds%]")


class Style(NamedTuple):
    """How a list is printed: lines, or JSON, with the products themselves or without."""

    json_format: JsonFormat | None
    compact: bool
    nulls: bool
    line: str
    first: int
    has_objects: bool
    quiet: bool


def style_options(line: str) -> Callable[[CommandFunction], CommandFunction]:
    """Add the options of a list, whose lines are `line` by default; the command gets `style`."""
    options = (
        json_option,
        click.option("-c", "--compact", is_flag=True, help="JSON in one line."),
        click.option("-n", "--nulls", is_flag=True, help="Keep keys that are null."),
        click.option(
            "-q",
            "--quote",
            is_flag=True,
            expose_value=False,
            help="Accepted: keys are always quoted.",
        ),
        click.option(
            "-out", "--out", "line", default=line, metavar="FORMAT", help=f"A line ('{line}')."
        ),
        click.option(
            "-i", "--first", type=int, default=1, metavar="N", help="Number of the first line (1)."
        ),
        objects_option,
        quiet_option,
    )
    return lambda function: gathered(function, options, "style", Style)


def objects_option(function: CommandFunction) -> CommandFunction:
    """Add `-obj`; the command gets `has_objects`."""
    return click.option(
        "-obj",
        "--objects",
        "has_objects",
        is_flag=True,
        help="JSON has the product itself, as `obj`.",
    )(function)


def quiet_option(function: CommandFunction) -> CommandFunction:
    """Add `-quiet`; the command gets `quiet`."""
    return click.option("-quiet", "--quiet", is_flag=True, help="Print nothing.")(function)


def print_number(number: int, *, quiet: bool) -> None:
    """Print a number, unless nothing is to be printed."""
    if not quiet:
        print_text(str(number))


def print_items(
    app: "App",
    style: Style,
    items: Sequence[tuple[str, Any]],
    row: Callable[[str, Any], Record],
    words: Callable[[str, Any], tuple[Any, Any]],
) -> None:
    """Print (product id, value) pairs as JSON of `row`, or as lines: their number, then `words`."""
    if style.quiet:
        return
    if style.json_format is not None:
        rows = (with_object(app, row(*item), item[0], style.has_objects) for item in items)
        how = Printing(compact=style.compact, nulls=style.nulls, json_format=style.json_format)
        print_records(rows, how)
        return
    for number, item in enumerate(items, style.first):
        print_text(_filled(style.line, (number, *words(*item))))


def with_object(app: "App", row: Record, product_id: str, has_object: bool) -> Record:
    """Return the row, with the product as `obj` if it is asked for; null if it is gone."""
    if not has_object:
        return row
    product = _find(app, product_id)
    return {**row, "obj": None if product is None else product.to_record()}


def sold_id(app: "App", name: str) -> str:
    """Return the id of a product that can be bought now.

    Raises:
        NotFoundError: there is none of that name. NotAllowedError: it is not sold.
    """
    product = app.shop.goods.get(name)
    product.require_sold(app.clock())
    return product.id


def known_id(app: "App", name: str) -> str:
    """Return the id of a product; of one that is gone, what was typed is the id.

    Raises:
        InvalidValueError: it can't be an id.
    """
    product = _find(app, name)
    return check_name("id", name) if product is None else product.id


def known_ids(app: "App", names: Sequence[str]) -> list[str]:
    """Return the ids of products; a name may be several with commas between them."""
    return [known_id(app, name) for text in names for name in text.split(",") if name]


def _find(app: "App", name: str) -> "Product | None":
    try:
        return app.shop.goods.get(name)
    except NotFoundError:
        return None


def _filled(line: str, words: Sequence[Any]) -> str:
    """Return the line with its %d and %s replaced by the words in their order.

    Raises:
        InvalidValueError: it has more of them than there are words.
    """
    left = list(words)

    def word(found: re.Match[str]) -> str:
        if found.group() == "%%":
            return "%"
        if not left:
            raise InvalidValueError(
                f"-out {line[:40]!a} has too many %", hint=f"at most {len(words)}"
            )
        return str(left.pop(0))

    return _PLACE.sub(word, line)
