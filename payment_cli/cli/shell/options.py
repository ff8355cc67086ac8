"""Options that several commands share, each group handed over as one value."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NamedTuple

import click

from payment_cli.cli.shell.command import Option
from payment_cli.cli.shell.printing import PLAIN_JSON, JsonFormat, Pager, Printing

CommandFunction = Callable[..., Any]


def _read_json(_ctx: click.Context, _param: click.Parameter, text: str | None) -> JsonFormat | None:
    if not text:
        return None if text is None else PLAIN_JSON
    from payment_cli.cli.shell.json_format import read_json_format

    return read_json_format(text)


#: JSON, and how; the command gets `json_format`, None if it was not said.
json_option = click.option(
    "-json",
    "--json",
    "json_format",
    cls=Option,
    bare="",
    opens="{",
    callback=_read_json,
    metavar="[FORMAT]",
    help="JSON; {compact, ignoreNull, actived, locked, indentBy, autoUnicode} say how.",
)

_JSON_OPTIONS = (
    click.option("-c", "--compact", is_flag=True, help="JSON in one line."),
    click.option("-n", "--nulls", is_flag=True, help="Keep keys that are null."),
    click.option("-l", "--list", "as_list", is_flag=True, help="Always a list, even of one."),
    click.option(
        "-q", "--quote", is_flag=True, expose_value=False, help="Accepted: keys are always quoted."
    ),
    click.option("-H", "--hidden", "hidden_keys", is_flag=True, help="Show keys with __ too."),
    click.option("-e", "--keys", metavar="REGEX", help="Only these keys; a leading ! negates."),
    json_option,
)

_TABLE_OPTIONS = (
    click.option(
        "-t",
        "--columns",
        metavar="COLUMNS",
        help="A table: PATH, PATH:time or PATH:time:FORMAT, with commas.",
    ),
    click.option("-b", "--border", is_flag=True, help="Table with a border."),
    click.option("-h", "--header", is_flag=True, help="Table with a header."),
    click.option("-i", "--index", "numbered", is_flag=True, help="Number the rows."),
    click.option("-s", "--footer", is_flag=True, help="Say below how many there are."),
    click.option(
        "-ibase", "--index-base", type=int, default=0, metavar="N", help="First number of -i (0)."
    ),
    click.option("-V", "--values", is_flag=True, help="Only the values, one after the other."),
    click.option(
        "-sep", "--separator", default="", metavar="TEXT", help="What stands between values of -V."
    ),
    click.option("-N", "--newline", is_flag=True, help="A newline after each record of -V."),
    click.option(
        "-tmpl", "--template", metavar="TEXT", help="A line each: @{path}, @{path?default}."
    ),
)

skip_option = click.option(
    "-skip", "--skip", type=click.IntRange(min=0), default=0, metavar="N", help="Leave out N."
)
pager_option = click.option(
    "-pager", "--pager", "has_pager", is_flag=True, help="Count all; print {list, pager}."
)

_PAGING_OPTIONS = (
    click.option("-sort", "--sort", default="", metavar="KEYS", help="For instance lm:-1,fee:1."),
    skip_option,
    click.option(
        "-limit",
        "--limit",
        type=click.IntRange(min=1),
        default=10,
        metavar="N",
        help="At most N (10).",
    ),
    pager_option,
)


class Paging(NamedTuple):
    """Which page of a query is printed."""

    sort: str
    skip: int
    limit: int
    has_pager: bool

    def pager(self, count: Callable[[], int]) -> Pager | None:
        """Return the pager, counting only if it was asked for."""
        return Pager(self.skip, self.limit, count()) if self.has_pager else None


def json_options(function: CommandFunction) -> CommandFunction:
    """Add the options of JSON; the command gets one `printing`."""
    return gathered(function, _JSON_OPTIONS, "printing", Printing)


def printing_options(function: CommandFunction) -> CommandFunction:
    """Add the options of JSON, tables, values and templates; the command gets one `printing`."""
    return gathered(function, (*_TABLE_OPTIONS, *_JSON_OPTIONS), "printing", Printing)


def paging_options(function: CommandFunction) -> CommandFunction:
    """Add `-sort -skip -limit -pager`; the command gets one `paging`."""
    return gathered(function, _PAGING_OPTIONS, "paging", Paging)


def match_option(function: CommandFunction) -> CommandFunction:
    """Add `-match`, which alone reads stdin; the command gets `match`."""
    return click.option(
        "-match",
        "--match",
        cls=Option,
        bare="-",
        metavar="MATCH",
        help="{st:'OK',fee:'[100,)'}; without a value, or with -, from stdin.",
    )(function)


def exit_status_option(function: CommandFunction) -> CommandFunction:
    """Add `--exit-status`; the command gets `exit_status`."""
    return click.option(
        "--exit-status",
        is_flag=True,
        help="Exit 0 if it is OK, 3 if it can still be paid, 20 if FAIL.",
    )(function)


def client_ip_option(function: CommandFunction) -> CommandFunction:
    """Add `--client-ip`; the command gets `client_ip`, "" if it was not said."""
    return click.option(
        "--client-ip",
        default="",
        metavar="ADDRESS",
        help="The payer's IP address; wx.h5 needs it.",
    )(function)


def gathered(
    function: CommandFunction,
    options: Sequence[Callable[[CommandFunction], CommandFunction]],
    name: str,
    make: Any,
) -> CommandFunction:
    """Return the command with `options`, whose values reach it as one argument `name`.

    `make` is the NamedTuple (or dataclass) of that argument; its fields are the options' names.
    """
    taken = set(make.__annotations__)

    @wraps(function)
    def command(*args: Any, **kwargs: Any) -> Any:
        values = {key: kwargs.pop(key) for key in taken & kwargs.keys()}
        return function(*args, **{name: make(**values)}, **kwargs)

    declared: CommandFunction = command
    for option in reversed(options):
        declared = option(declared)
    return declared
