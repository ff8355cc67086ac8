"""How a shop's records are shown: in which words, and with the names of a language.

A name may stand in a language file, `i18n:key`. People see the text (tables, templates); JSON is
for programs and has what is stored, unless `--lang` asks for a language.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import click

from payment_cli.cli.shell.command import Option
from payment_cli.cli.shell.options import CommandFunction, gathered
from payment_cli.cli.shell.printing import Pager, Printing
from payment_cli.cli.shell.records import print_record, print_records
from payment_cli.errors import NotFoundError
from payment_cli.model.i18n import resolve_record
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.words import in_every_word, to_shop

if TYPE_CHECKING:
    from payment_cli.app import App

_OPTIONS = (
    click.option(
        "-shop",
        "--shop",
        "is_shop",
        is_flag=True,
        help="JSON in the words of the shop's clients: title, price, products.",
    ),
    click.option(
        "-lang",
        "--lang",
        cls=Option,
        bare="",
        metavar="[LANG]",
        help="i18n: names in this language, in JSON too; alone: in the store's own.",
    ),
)


class View(NamedTuple):
    """`--shop` and `--lang`; `lang` None was not given, "" is the store's own."""

    is_shop: bool = False
    lang: str | None = None


def view_options(function: CommandFunction) -> CommandFunction:
    """Add `--shop` and `--lang`; the command gets one `view`."""
    return gathered(function, _OPTIONS, "view", View)


def show_record(app: "App", kind: str, record: Record, printing: Printing, view: View) -> None:
    """Print one record of a kind: thing, discount, coupon, order."""
    print_record(shown(app, kind, printing, view)(record), printing)


def show_records(
    app: "App",
    kind: str,
    records: Iterable[Record],
    printing: Printing,
    view: View,
    pager: Pager | None = None,
) -> None:
    """Print a page of records of a kind."""
    print_records(map(shown(app, kind, printing, view), records), printing, pager)


def shown(
    app: "App", kind: str, printing: Printing, view: View
) -> Callable[[Mapping[str, Json]], Record]:
    """Return the function that makes a record ready to be printed.

    Columns and templates may use stored names and shop words alike.
    """
    is_raw = printing.is_json or printing.values
    names = None if view.lang is None and is_raw else Names(app, view.lang)

    def show(record: Mapping[str, Json]) -> Record:
        if names is not None:
            record = resolve_record(record, names.of(str(record.get("sto_nm") or "")))
        if is_raw:
            return to_shop(kind, record) if view.is_shop else dict(record)
        return in_every_word(kind, record)

    return show


class Names:
    """The texts of language files, each file read once, and only if a name stands in it."""

    def __init__(self, app: "App", lang: str | None) -> None:
        """Speak `lang`; None and "" are each store's own, and None does not insist on it."""
        self._app = app
        self._lang = lang
        self._of: dict[str, Mapping[str, Json]] = {}

    def of(self, domain: str = "") -> Mapping[str, Json]:
        """Return the texts of a store; "" is the caller's own."""
        if domain not in self._of:
            name = domain or self._app.actor.domain
            self._of[domain] = _Messages(lambda: self._read(name))
        return self._of[domain]

    def _read(self, domain: str) -> Record:
        from payment_cli.files.authored import read_messages

        lang = self._lang or self._app.merchants.get(domain).lang
        try:
            return read_messages(self._app.root, domain, lang)
        except NotFoundError:
            if self._lang is None:
                return {}
            raise


class _Messages(Mapping[str, Json]):
    """Texts that are loaded when the first one is looked up."""

    def __init__(self, load: Callable[[], Record]) -> None:
        self._load = load

    @cached_property
    def _texts(self) -> Record:
        return self._load()

    def __getitem__(self, key: str) -> Json:
        return self._texts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)
