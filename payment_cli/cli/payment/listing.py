"""Lists of the shop: `-match` and `-sort` in stored names or shop words, pages, every form."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from payment_cli.cli.payment.views import View, show_records, view_options
from payment_cli.cli.shell.options import (
    CommandFunction,
    Paging,
    gathered,
    match_option,
    paging_options,
    printing_options,
)
from payment_cli.cli.shell.printing import Printing
from payment_cli.cli.shell.standard_input import typed_or_read
from payment_cli.model.query.match import Match, all_of
from payment_cli.model.query.text import parse_match, parse_sort
from payment_cli.model.record import Record
from payment_cli.model.shop.words import stored_match, stored_path
from payment_cli.storage.base import Query

if TYPE_CHECKING:
    from payment_cli.app import App


class Page(NamedTuple):
    """Which records are printed, and how, word for word."""

    match: str | None
    paging: Paging
    printing: Printing
    view: View


class Listing(NamedTuple):
    """What a list is made from: records of a kind, and the order they have by default."""

    kind: str
    query: Callable[[Query], Iterator[Record]]
    total: Callable[[Match], int]
    sort: str = ""


def listing_options(function: CommandFunction) -> CommandFunction:
    """Add `-match`, paging, printing, `--shop` and `--lang`; the command gets one `page`."""
    options = (match_option, paging_options, printing_options, view_options)
    return gathered(function, options, "page", Page)


def print_listing(app: "App", listing: Listing, page: Page, *wanted: Match) -> None:
    """Print the records that fit `wanted` and the page's own match."""
    matches = [*wanted]
    if page.match is not None:
        typed = parse_match(typed_or_read(page.match, "the match"), app.times())
        matches.append(stored_match(listing.kind, typed))
    asked = all_of(*matches)
    sort = tuple(
        (stored_path(listing.kind, path), direction)
        for path, direction in parse_sort(page.paging.sort or listing.sort)
    )
    records = listing.query(Query(asked, sort, page.paging.skip, page.paging.limit))
    pager = page.paging.pager(lambda: listing.total(asked))
    show_records(app, listing.kind, records, page.printing, page.view, pager)
