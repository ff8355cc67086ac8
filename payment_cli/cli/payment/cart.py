"""What is to be ordered or priced, as it is typed: a client's document, options, or a basket."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import click

from payment_cli.cli.shell.documents import read_document, with_options
from payment_cli.cli.shell.options import CommandFunction, gathered
from payment_cli.cli.shell.output import tell
from payment_cli.errors import InvalidValueError, NotFoundError
from payment_cli.model.names import check_name
from payment_cli.model.record import Json, Record
from payment_cli.model.shop.order_input import OrderInput
from payment_cli.model.shop.order_state import OrderKind
from payment_cli.model.shop.words import means

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.services.shop.orders import Buying


class Cart(NamedTuple):
    """What was typed, word for word."""

    document: str | None
    items: tuple[str, ...]
    coupons: tuple[str, ...]
    buyer: str
    seller: str
    accounts: str
    is_anonymous: bool
    kind: str | None
    pay_type: str | None
    title: str | None
    currency: str | None
    address: str | None
    is_basket: bool


_OPTIONS = (
    click.argument("document", metavar="[JSON]", required=False),
    click.option(
        "-item",
        "--item",
        "items",
        multiple=True,
        metavar="ID[:N]",
        help="N pieces (1) of a product, by code or id; again for more.",
    ),
    click.option(
        "-basket", "--basket", "is_basket", is_flag=True, help="All that is in the buyer's basket."
    ),
    click.option(
        "-coupon",
        "--coupon",
        "coupons",
        multiple=True,
        metavar="ID",
        help="A coupon to use; several are used in this order.",
    ),
    click.option("-bu", "--buyer", default="", metavar="ID", help="Who buys."),
    click.option("-accounts", "--accounts", default="", metavar="ID", help="The buyer's register."),
    click.option("-se", "--seller", default="", metavar="DOMAIN", help="Who sells (who you are)."),
    click.option(
        "-anonymous", "--anonymous", "is_anonymous", is_flag=True, help="Nobody's: without a buyer."
    ),
    click.option(
        "-type",
        "--type",
        "kind",
        type=click.Choice(("A", "Q")),
        metavar="A|Q",
        help="A: paid, shipped, done. Q: virtual, done when paid, no freight (what the goods say).",
    ),
    click.option("-pt", "--pay-type", metavar="TYPE", help="How it will be paid, as wx.qrcode."),
    click.option("-title", "--title", metavar="TEXT", help="What it is called (the store's name)."),
    click.option("-cur", "--currency", metavar="CODE", help="Refuse goods of another currency."),
    click.option(
        "-address", "--address", metavar="ID", help="Where it goes (the buyer's default address)."
    ),
)


def cart_options(function: CommandFunction) -> CommandFunction:
    """Add the options of a cart; the command gets one `cart`."""
    return gathered(function, _OPTIONS, "cart", Cart)


def read_cart(app: "App", cart: Cart) -> "tuple[OrderInput, Buying]":
    """Return what is wanted, and who buys where.

    Options name goods, coupons and addresses by code or part of an id; a document, which is what
    a shop's client sends, by whole ids.

    Raises:
        InvalidValueError: it is not well formed, or says something twice.
        NotFoundError: there is no such product, coupon or address.
    """
    from payment_cli.services.shop.orders import Buying

    seller = cart.seller or app.actor.domain
    app.actor.require_seller(seller)
    if cart.buyer and cart.is_anonymous:
        raise InvalidValueError("say either --buyer or --anonymous")
    buyer = check_name("id", cart.buyer) if cart.buyer else ""
    options: Record = {
        "ord_ws": tuple(_lines(app, cart, seller, buyer)),
        "coupons": tuple(_ids(app, "coupon", seller, cart.coupons)),
        "pay_tp": cart.pay_type,
        "title": cart.title,
        "ord_currency": cart.currency,
        "address": next(iter(_ids(app, "address", seller, [cart.address or ""])), None),
    }
    document = with_options("order", read_document(cart.document, "the order"), options)
    word = means("order", document, "ord_tp")
    if word is not None and document[word] != "A" and not cart.kind:
        why = "is a client's, and passed over: the goods' w_tp says it, or --type"
        tell(f"{word} in a document {why}")
    kind = OrderKind(cart.kind) if cart.kind else None
    buying = Buying(buyer, seller, cart.accounts, kind, is_anonymous=cart.is_anonymous)
    return OrderInput.from_document(document), buying


def _lines(app: "App", cart: Cart, seller: str, buyer: str) -> list[Json]:
    lines: list[Json] = [_line(app, seller, text) for text in cart.items]
    if not cart.is_basket:
        return lines
    if lines:
        raise InvalidValueError("say either --item or --basket")
    if not buyer:
        raise InvalidValueError("--basket needs a buyer", hint="--buyer ID")
    from payment_cli.model.shop.basket import listed

    items = listed(app.shop.baskets(seller).get(buyer), descending=True)
    if not items:
        raise InvalidValueError(f"the basket of {buyer} is empty")
    return [{"id": product_id, "w_buy_num": count} for product_id, count in items]


def _line(app: "App", seller: str, text: str) -> Record:
    from payment_cli.services.shop.goods import find_product

    name, colon, count = text.rpartition(":")
    if not colon:
        name, count = text, "1"
    if re.fullmatch("[0-9]{1,9}", count, re.ASCII) is None:
        raise InvalidValueError(
            f"--item {text[:60]!a}: {count[:20]!a} is not a number of pieces", hint="as cup-01:2"
        )
    return {"id": find_product(app.storage, seller, name).id, "w_buy_num": int(count)}


def _ids(app: "App", kind: str, seller: str, fragments: Iterable[str]) -> list[Json]:
    """Return the whole ids; "" is none."""
    from payment_cli.storage.base import Collection

    found: list[Json] = []
    for fragment in filter(None, fragments):
        try:
            found.append(app.storage.find_id(Collection(kind, seller), fragment))
        except NotFoundError:
            raise NotFoundError(kind, fragment, hint=f"payment {kind} list") from None
    return found
