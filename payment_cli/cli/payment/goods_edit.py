"""`payment w add`, `set`, `stock`, `rm`, `restore`."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import click

from payment_cli.cli.payment.views import View, show_record, view_options
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.documents import (
    keep_option,
    read_document,
    read_time,
    tell_if_over,
    with_options,
    yuan,
)
from payment_cli.cli.shell.options import CommandFunction, gathered, printing_options
from payment_cli.cli.shell.output import tell
from payment_cli.cli.shell.printing import Printing
from payment_cli.errors import InvalidValueError
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.words import means, without

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.model.shop.product import Product
    from payment_cli.services.shop.goods import Goods

_PIECES = click.IntRange(min=0)


class Typed(NamedTuple):
    """The fields that have options, word for word."""

    document: str | None
    nm: str | None
    title: str | None
    price: Decimal | None
    retail: Decimal | None
    currency: str | None
    kind: str | None
    sku: int | None
    weight: str | None
    freight: Decimal | None
    expires: str | None
    buy_min: int | None
    buy_max: int | None
    cat: tuple[str, ...]
    parts: tuple[str, ...]
    link: str | None
    description: str | None
    keep: tuple[str, ...]


_OPTIONS = (
    click.argument("document", metavar="[JSON]", required=False),
    click.option("-nm", "--name", "nm", metavar="CODE", help="Its code, unique in the store."),
    click.option("-title", "--title", metavar="TEXT", help="Its name (w_nm); may be i18n:KEY."),
    click.option("-price", "--price", callback=yuan, metavar="YUAN", help="The price of a piece."),
    click.option(
        "-retail", "--retail", callback=yuan, metavar="YUAN", help="A list price, for show."
    ),
    click.option("-cur", "--currency", metavar="CODE", help="Its currency (the store's)."),
    click.option(
        "-type",
        "--type",
        "kind",
        type=click.Choice(("A", "Q")),
        metavar="A|Q",
        help="A: it is sent. Q: it is virtual, without freight (setting w_tp of the store).",
    ),
    click.option(
        "-stock", "--stock", "sku", type=_PIECES, metavar="N", help="Pieces in stock (not counted)."
    ),
    click.option("-weight", "--weight", metavar="KG", help="The weight of a piece, for freight."),
    click.option("-freight", "--freight", callback=yuan, metavar="YUAN", help="Freight per piece."),
    click.option("-expires", "--expires", metavar="TIME", help="Not sold after this day or time."),
    click.option(
        "-min", "--min", "buy_min", type=_PIECES, metavar="N", help="The fewest in an order (1)."
    ),
    click.option(
        "-max",
        "--max",
        "buy_max",
        type=_PIECES,
        metavar="N",
        help="The most in an order; no limit if it is not above --min.",
    ),
    click.option("-cat", "--category", "cat", multiple=True, metavar="TEXT", help="A category."),
    click.option(
        "-part",
        "--part",
        "parts",
        multiple=True,
        metavar="ID:N",
        help="Makes it a package: N of the product ID. Without --price its parts are summed.",
    ),
    click.option("-link", "--link", metavar="URL", help="A page about it."),
    click.option("-description", "--description", metavar="TEXT", help="What it is."),
    keep_option,
)


def _typed(function: CommandFunction) -> CommandFunction:
    return gathered(function, _OPTIONS, "typed", Typed)


@click.command(
    cls=Command,
    short_help="Add a product.",
    examples=(
        "payment w add -nm cup-01 --title 'Blue cup' --price 34.50 --stock 20 --category cups",
        "payment w add -nm song-01 --title 'A song' --price 5 --type Q",
        "payment w add -nm set-01 --title i18n:tea_set --part cup-01:4 --part pot-01:1",
        "payment w add \"{nm:'cup-02', title:'Red cup', price:29.9, weight:0.3}\"",
        "payment w add - < product.json",
    ),
)
@_typed
@printing_options
@view_options
def add(typed: Typed, printing: Printing, view: View) -> None:
    """Add a product and print it: from options, JSON (- reads stdin), or both.

    It needs a title and a price; a package needs no price. Fields nobody here knows are kept,
    unless they look like one misspelled: --keep WORD.
    """
    app = current_app()
    product = app.shop.goods.add(_document(app, typed), typed.keep)
    tell_if_over(product.w_expi, app.clock(), "the sale of this product")
    show_record(app, "thing", product.to_record(), printing, view)


@click.command(
    "set",
    cls=Command,
    short_help="Change fields of a product.",
    examples=(
        "payment w set cup-01 --price 32 --title 'Blue cup, small'",
        "payment w set cup-01 'price:32, link:null'",
        "payment w set cup-01 \"prices:[{name:'many', rules:[{sku:'[10,)', price:30}]}]\"",
        "payment w set cup-01 - < changes.json",
    ),
)
@click.argument("name", metavar="ID")
@_typed
@printing_options
@view_options
def set_fields(name: str, typed: Typed, printing: Printing, view: View) -> None:
    """Change the fields of product ID that options or JSON name; in JSON null removes one.

    Stock that is counted is left alone by JSON from stdin, which has what it was once: say
    --stock N, or payment w stock.

    `prices` are volume prices: from the rule's first count on a piece costs what the rule says,
    below it the normal price; of its counts the first that fit hold. Where there are several rules,
    price_by names the one that holds; pro_id takes the rules of another product, whose pieces count
    together with these.

    Orders made before keep what they copied. Exit 12: it was edited less than `edit_every`
    minutes ago (payment store set edit_every N).
    """
    app = current_app()
    changes = _document(app, typed)
    if not changes:
        raise InvalidValueError("there is nothing to change", hint="for instance --price 32")
    is_file = typed.document == "-" and typed.sku is None
    product = app.shop.goods.set(name, changes, typed.keep, is_file=is_file)
    wanted = means("thing", changes, "sku")
    if wanted is not None and changes[wanted] != product.sku:
        tell(f"stock left as it is counted, {product.sku}: --stock N sets it")
    if means("thing", changes, "w_expi"):
        tell_if_over(product.w_expi, app.clock(), "the sale of this product")
    show_record(app, "thing", product.to_record(), printing, view)


@click.command(
    cls=Command,
    short_help="Count pieces in and out of stock.",
    examples=(
        "payment w stock cup-01 +5",
        "payment w stock cup-01 -3",
        "payment w stock cup-01 =10",
    ),
)
@click.argument("name", metavar="ID")
@click.argument("change", metavar="+N|-N|=N")
@printing_options
@view_options
def stock(name: str, change: str, printing: Printing, view: View) -> None:
    """Add pieces to the stock of product ID, take some out, or set it; print the product.

    Whatever is sold at the same moment is counted right. =N also begins to count; to stop
    counting, set sku:null. Exit 12: there are not so many, or nobody counts them.
    """
    found = re.fullmatch(r"([+=-])([0-9]{1,15})", change, re.ASCII)
    if found is None:
        raise InvalidValueError(f"{change[:40]!a} is not +N, -N or =N")
    sign, number = found.groups()
    app = current_app()
    if sign == "=":
        product = app.shop.goods.set_stock(name, int(number))
    else:
        product = app.shop.goods.add_stock(name, int(sign + number))
    show_record(app, "thing", product.to_record(), printing, view)


@click.command(
    "rm",
    cls=Command,
    short_help="Delete a product; it can be restored.",
    examples=("payment w rm cup-01",),
)
@click.argument("name", metavar="ID")
@printing_options
@view_options
def remove(name: str, printing: Printing, view: View) -> None:
    """Mark product ID as deleted: it is not listed and not sold any more. Its code stays taken."""
    _change(lambda goods: goods.remove(name), printing, view)


@click.command(
    cls=Command,
    short_help="Bring a deleted product back.",
    examples=("payment w restore cup-01",),
)
@click.argument("name", metavar="ID")
@printing_options
@view_options
def restore(name: str, printing: Printing, view: View) -> None:
    """Mark the deleted product ID as live again."""
    _change(lambda goods: goods.restore(name), printing, view)


def _change(change: "Callable[[Goods], Product]", printing: Printing, view: View) -> None:
    app = current_app()
    show_record(app, "thing", change(app.shop.goods).to_record(), printing, view)


def _document(app: "App", typed: Typed) -> Record:
    parts: list[Json] = [_part(text) for text in typed.parts]
    options: Record = {
        "nm": typed.nm,
        "w_nm": typed.title,
        "w_price": typed.price,
        "retail": typed.retail,
        "w_currency": typed.currency,
        "w_tp": typed.kind,
        "sku": typed.sku,
        "weight": _kilograms(typed.weight),
        "freight": typed.freight,
        "w_expi": read_time(typed.expires, app.times(), "--expires", is_end=True),
        "w_buy_min": typed.buy_min,
        "w_buy_max": typed.buy_max,
        "cat": typed.cat,
        "w_pkg": tuple(parts),
        "link": typed.link,
        "description": typed.description,
    }
    document = read_document(typed.document, "the product")
    if typed.document == "-" and typed.sku is not None:
        document = without("thing", document, "sku")  # the option is newer than any file
    return with_options("thing", document, options)


def _kilograms(text: str | None) -> Decimal | None:
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text, re.ASCII) is None:
        raise InvalidValueError(f"--weight {text[:40]!a} is not a weight in kilograms")
    return Decimal(text)


def _part(text: str) -> Record:
    name, _, count = text.rpartition(":")
    if not name or re.fullmatch("[0-9]{1,9}", count, re.ASCII) is None:
        raise InvalidValueError(f"--part {text[:40]!a} is not ID:N", hint="for instance cup-01:4")
    return {"w_id": name, "num": int(count)}
