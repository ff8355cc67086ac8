"""`pay query`: list the payments that match, with the filters of the reference's man page."""

from typing import TYPE_CHECKING, NamedTuple

import click

from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.options import (
    CommandFunction,
    Paging,
    gathered,
    match_option,
    paging_options,
    printing_options,
)
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.records import print_records
from payment_cli.model.query.match import Match, all_of
from payment_cli.storage.base import Query

if TYPE_CHECKING:
    from payment_cli.model.query.times import TimeReader


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


def _filters(function: CommandFunction) -> CommandFunction:
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
    wanted: list[Match] = []
    typed = {name: given for name, given in filters._asdict().items() if given not in (None, False)}
    if typed:
        from payment_cli.cli.pay.query_filters import filter_matches

        wanted += filter_matches(typed, app.times())
    if match is not None:
        wanted.append(_read_match(match, app.times()))
    asked = all_of(*wanted)
    page = Query(asked, _read_sort(paging.sort), paging.skip, paging.limit)
    records = app.payments.query(page)
    print_records(records, printing, paging.pager(lambda: app.payments.count(asked)))


def _read_match(match: str, times: "TimeReader") -> Match:
    from payment_cli.cli.shell.standard_input import typed_or_read
    from payment_cli.model.query.text import parse_match
    from payment_cli.model.shop.words import stored_match

    return stored_match("payment", parse_match(typed_or_read(match, "the match"), times))


def _read_sort(sort: str) -> tuple[tuple[str, int], ...]:
    if not sort:
        return ()
    from payment_cli.model.query.text import parse_sort

    return parse_sort(sort)
