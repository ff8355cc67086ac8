"""`payment d add`, `set`, `rm` and `restore`."""

import re
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import click

from payment_cli.cli.payment.views import View, show_record, view_options
from payment_cli.cli.shell.command import Command, current_app
from payment_cli.cli.shell.documents import (
    keep_option,
    read_document,
    read_time,
    read_yuan,
    tell_if_over,
    with_options,
    yuan,
)
from payment_cli.cli.shell.options import CommandFunction, gathered, printing_options
from payment_cli.cli.shell.printing import Printing
from payment_cli.errors import InvalidValueError
from payment_cli.model.record import Record
from payment_cli.model.shop.words import means

if TYPE_CHECKING:
    from payment_cli.app import App


class Typed(NamedTuple):
    """The fields that have options, word for word."""

    document: str | None
    title: str | None
    mode: str | None
    off: str | None
    thres: Decimal | None
    pieces: int | None
    nth: int | None
    goods: tuple[str, ...]
    cats: tuple[str, ...]
    start: str | None
    end: str | None
    priority: int | None
    stack: bool
    keep: tuple[str, ...]


_OPTIONS = (
    click.argument("document", metavar="[JSON]", required=False),
    click.option("-title", "--title", metavar="TEXT", help="Its name (dis_nm); may be i18n:KEY."),
    click.option(
        "-mode",
        "--mode",
        metavar="MODE",
        help="percent, amount, nth or tiered; add knows it from --off and --nth.",
    ),
    click.option("-off", "--off", metavar="YUAN|N%", help="What is taken off: 5, or 10%."),
    click.option(
        "-thres", "--thres", callback=yuan, metavar="YUAN", help="Only from this amount on."
    ),
    click.option(
        "-count",
        "--count",
        "pieces",
        type=click.IntRange(0),
        metavar="N",
        help="Only from N pieces on.",
    ),
    click.option(
        "-nth", "--nth", type=click.IntRange(2), metavar="N", help="Off every N-th piece only."
    ),
    click.option(
        "-goods", "--goods", multiple=True, metavar="ID", help="Only for this product; repeat."
    ),
    click.option(
        "-cat", "--category", "cats", multiple=True, metavar="TEXT", help="Only for this category."
    ),
    click.option("-from", "--from", "start", metavar="TIME", help="Not before this day or time."),
    click.option("-until", "--until", "end", metavar="TIME", help="Not after this day or time."),
    click.option(
        "-priority", "--priority", type=int, metavar="N", help="Smaller ones are applied first (0)."
    ),
    click.option("-stack", "--stack", is_flag=True, help="It may follow or precede others."),
    keep_option,
)


def _typed(function: CommandFunction) -> CommandFunction:
    return gathered(function, _OPTIONS, "typed", Typed)


@click.command(
    cls=Command,
    short_help="Add a discount.",
    examples=(
        "payment d add --title 'Spring sale' --off 10% --until 2027-04-01",
        "payment d add --title '5 off 50' --off 5 --thres 50 --stack",
        "payment d add --title 'Second cup half price' --nth 2 --off 50% --goods cup-01",
        "payment d add \"{dis_nm:'More for less', dis_mode:'tiered', "
        'tiers:[{count:3,off_bp:500},{count:10,off_bp:1000}]}"',
    ),
)
@_typed
@printing_options
@view_options
def add(typed: Typed, printing: Printing, view: View) -> None:
    """Add a discount and print it: from options, JSON (- reads stdin), or both.

    One that does not --stack works alone: it passes over lines that another made cheaper, and
    nothing after it touches its lines. In JSON rates are basis points off: off_bp 1000 is 10 %.
    """
    app = current_app()
    document = _document(app, typed)
    if typed.off is not None and means("discount", document, "dis_mode") is None:
        is_rate = typed.off.endswith("%")
        document["dis_mode"] = "nth" if typed.nth else "percent" if is_rate else "amount"
    record = app.shop.discounts.add(document, typed.keep).to_record()
    tell_if_over(record["dis_expi"], app.clock(), "the discount")
    show_record(app, "discount", record, printing, view)


@click.command(
    "set",
    cls=Command,
    short_help="Change fields of a discount.",
    examples=(
        "payment d set 3fa9c1 --off 15% --until now+7d",
        "payment d set 3fa9c1 'stack:false, goods:null'",
    ),
)
@click.argument("discount_id", metavar="ID")
@_typed
@printing_options
@view_options
def set_fields(discount_id: str, typed: Typed, printing: Printing, view: View) -> None:
    """Change the fields of discount ID that options or JSON name; in JSON null removes one."""
    app = current_app()
    changes = _document(app, typed)
    if not changes:
        raise InvalidValueError("there is nothing to change", hint="for instance --off 15%")
    record = app.shop.discounts.set(discount_id, changes, typed.keep).to_record()
    if means("discount", changes, "dis_expi"):
        tell_if_over(record["dis_expi"], app.clock(), "the discount")
    show_record(app, "discount", record, printing, view)


@click.command(
    "rm",
    cls=Command,
    short_help="Delete a discount; it can be restored.",
    examples=("payment d rm 3fa9c1",),
)
@click.argument("discount_id", metavar="ID")
@printing_options
@view_options
def remove(discount_id: str, printing: Printing, view: View) -> None:
    """Mark discount ID as deleted: it applies to no order any more."""
    app = current_app()
    record = app.shop.discounts.remove(discount_id).to_record()
    show_record(app, "discount", record, printing, view)


@click.command(
    cls=Command,
    short_help="Bring a deleted discount back.",
    examples=("payment d restore 3fa9c1",),
)
@click.argument("discount_id", metavar="ID")
@printing_options
@view_options
def restore(discount_id: str, printing: Printing, view: View) -> None:
    """Mark the deleted discount ID as live again: it applies to orders from now on."""
    app = current_app()
    record = app.shop.discounts.restore(discount_id).to_record()
    tell_if_over(record["dis_expi"], app.clock(), "the discount")
    show_record(app, "discount", record, printing, view)


def _document(app: "App", typed: Typed) -> Record:
    options: Record = {
        "dis_nm": typed.title,
        "dis_mode": typed.mode,
        **_off(typed.off),
        "thres": typed.thres,
        "count": typed.pieces,
        "nth": typed.nth,
        "goods": typed.goods,
        "cats": typed.cats,
        "start_at": read_time(typed.start, app.times(), "--from"),
        "dis_expi": read_time(typed.end, app.times(), "--until", is_end=True),
        "priority": typed.priority,
        "stack": True if typed.stack else None,
    }
    return with_options("discount", read_document(typed.document, "the discount"), options)


def _off(text: str | None) -> Record:
    """Return `off` in yuan, or `off_bp` in basis points."""
    if text is None:
        return {}
    if not text.endswith("%"):
        return {"off": read_yuan(text, "--off")}
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?%", text, re.ASCII) is None:
        raise InvalidValueError(
            f"--off {text[:40]!a} is not a rate", hint="for instance 10% or 12.5%"
        )
    return {"off_bp": int(Decimal(text[:-1]) * 100)}
