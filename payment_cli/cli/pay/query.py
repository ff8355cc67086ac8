"""`pay query`: list the payments that match, with the filters of the reference's man page."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import (
    Callback,
    Paging,
    gathered,
    match_option,
    paging_options,
    printing_options,
)
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_records
from payment_cli.errors import InvalidValueError
from payment_cli.model.fee import check_currency
from payment_cli.model.payments.buyer import parse_buyer_filter
from payment_cli.model.payments.payment import Flag
from payment_cli.model.query.match import Equal, Match, Not, Range, Scalar, all_of, equal, one_of
from payment_cli.model.query.text import parse_match, parse_sort
from payment_cli.model.query.times import TimeReader
from payment_cli.model.query.values import match_of_text
from payment_cli.model.shop.words import stored_match
from payment_cli.storage.base import Query


class Filters(NamedTuple):
    """What was typed, word for word. Each name is a field of a payment, or says which it means."""

    keyword: str | None
    brief: str | None
    buyer: str | None
    seller: str | None
    st: str | None
    fee: str | None
    cur: str | None
    pay_tp: str | None
    pay_target: str | None
    send_at: str | None
    close_at: str | None
    ct: str | None
    lm: str | None
    flagged: bool


_TIME = "A range: [2026-01-31,now-1h], [,now-2d)."

_OPTIONS = (
    click.argument("keyword", metavar="[KEYWORD]", required=False),
    click.option(
        "-br", "--brief", metavar="TEXT", help="Briefs with TEXT in them; ^TEXT: a regex."
    ),
    click.option("-bu", "--buyer", metavar="FILTER", help="[TYPE]:[ID]:[NAME], as ::xiaobai."),
    click.option("-se", "--seller", metavar="FILTER", help="A domain, or [ID]:[NAME]."),
    click.option("-st", "--status", "st", metavar="ST", help="OK, a list NEW,WAIT, or ^(OK|FAIL)."),
    click.option("-fee", "--fee", metavar="FEN", help="2300, or a range in fen: [100,200]."),
    click.option("-cur", "--currency", "cur", metavar="CODE", help="A currency."),
    click.option("-pt", "--pay-type", "pay_tp", metavar="TYPE", help="As wx.qrcode, or wx.*"),
    click.option("-ta", "--target", "pay_target", metavar="TARGET", help="The seller's account."),
    click.option(
        "-s_at", "--sent-at", "send_at", metavar="TIME", help="When sent; 0: not sent. " + _TIME
    ),
    click.option(
        "-c_at", "--closed-at", "close_at", metavar="TIME", help="When done; 0: still open."
    ),
    click.option("-ct", "--created-at", "ct", metavar="TIME", help="When made."),
    click.option("-lm", "--modified-at", "lm", metavar="TIME", help="When last changed."),
    click.option("--flagged", is_flag=True, help="Only money that could not settle."),
)


def _filters(function: Callback) -> Callback:
    return gathered(function, _OPTIONS, "filters", Filters)


@click.command(
    cls=Command,
    short_help="List payments that match.",
    examples=(
        "pay query -st WAIT -c_at 0",
        "pay query -fee [100,200] -st '^(OK|FAIL)' -bish -t id,fee,st,close_at:time",
        "pay query -bu ::xiaobai -st WAIT -s_at '[,now-1h]'",
        "pay query -match \"{tp:'wn_payment'}\" -bish -t id,fee,cur,st,lm,brief -sort lm:-1",
        "pay query -st OK -sort lm:-1 -limit 20 -skip 40 -pager",
        "pay query --flagged",
    ),
)
@_filters
@match_option
@paging_options
@printing_options
def query(filters: Filters, match: str | None, paging: Paging, printing: Printing) -> None:
    """Print the payments that fit all filters, as a JSON array: ten, or as many as -limit says.

    KEYWORD is looked for in the brief. Filters take the values of a match: a text, !text, ^regex,
    a*b, a range. Times in ranges may be dates, now-1h, today, monthBegin or milliseconds.
    """
    app = current_app()
    now = app.clock()
    wanted = [*_filter_matches(filters, TimeReader(now))]
    if match is not None:
        wanted.append(stored_match("payment", parse_match(_match_text(match), now)))
    asked = all_of(*wanted)
    page = Query(asked, parse_sort(paging.sort), paging.skip, paging.limit)
    records = app.payments.query(page)
    print_records(records, printing, paging.pager(lambda: app.payments.count(asked)))


def _match_text(match: str) -> str:
    if match != "-":
        return match
    from payment_cli.cli.shell.standard_input import read_text

    return read_text("the match")


def _filter_matches(filters: Filters, times: TimeReader) -> list[Match]:
    """Return one match for each filter that was given."""
    readers: dict[str, Callable[[str], Match]] = {
        "keyword": lambda text: _brief(text, times),
        "brief": lambda text: _brief(text, times),
        "buyer": lambda text: _all_equal(parse_buyer_filter(text)),
        "seller": _seller,
        "st": lambda text: _status(text, times),
        "fee": lambda text: _number("fee", "-fee", text, times),
        "cur": lambda text: equal("cur", check_currency(text)),
        "pay_tp": lambda text: match_of_text("pay_tp", text, times),
        "pay_target": lambda text: match_of_text("pay_target", text, times),
        "send_at": lambda text: _number("send_at", "-s_at", text, times),
        "close_at": lambda text: _number("close_at", "-c_at", text, times),
        "ct": lambda text: _number("ct", "-ct", text, times),
        "lm": lambda text: _number("lm", "-lm", text, times),
    }
    matches = []
    for name, read in readers.items():
        text = getattr(filters, name)
        if text is not None:
            matches.append(read(text))
    if filters.flagged:
        matches.append(one_of("flag", [str(flag) for flag in Flag]))
    return matches


def _brief(text: str, times: TimeReader) -> Match:
    """Look for a text in the brief; one that starts with ^ is a regular expression itself."""
    pattern = text if text.startswith("^") else f"^.*{re.escape(text)}"
    return match_of_text("brief", pattern, times)


def _seller(text: str) -> Match:
    seller_id, colon, name = text.partition(":")
    if not colon:
        return equal("seller_nm", text)
    fields = {"seller_id": seller_id, "seller_nm": name}
    if not (seller_id or name):
        raise InvalidValueError("-se : names nobody", hint="a domain, or [ID]:[NAME]")
    return _all_equal({key: value for key, value in fields.items() if value})


def _status(text: str, times: TimeReader) -> Match:
    names = [part.strip() for part in text.split(",")]
    if len(names) > 1 and all(name.isalpha() for name in names):
        return one_of("st", names)
    return match_of_text("st", text, times)


def _number(path: str, option: str, text: str, times: TimeReader) -> Match:
    """Read a number or a range of numbers or times; 0 finds what was never set, too.

    Raises:
        InvalidValueError: it would be compared as a text, which no fee and no time is.
    """
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return one_of(path, [int(text), *([None] if int(text) == 0 else [])])
    found = match_of_text(path, text, times)
    inner = found.part if isinstance(found, Not) else found
    bounds = (
        (inner.low, inner.high)
        if isinstance(inner, Range)
        else (inner.value,)
        if isinstance(inner, Equal)
        else ("",)
    )
    if any(isinstance(bound, str) for bound in bounds):
        raise InvalidValueError(
            f"{option} {text[:60]!a} is neither a number nor a range of numbers",
            hint="for instance 2300, [100,200), [2026-01-31,now-1h]",
        )
    return found


def _all_equal(fields: Mapping[str, Scalar]) -> Match:
    return all_of(*(equal(path, value) for path, value in fields.items()))
