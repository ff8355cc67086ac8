"""Draws the checkout: what is ordered and what it costs, and beside it how it is being paid."""

from dataclasses import dataclass

from payment_cli.model.i18n import resolve
from payment_cli.model.money import to_fen
from payment_cli.model.payments.pay_type import PAY_TYPES, Argument, PayType
from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.record import Json
from payment_cli.model.shop.order_line import OrderLine
from payment_cli.model.shop.order_state import OrderStatus
from payment_cli.model.stores.session import Session
from payment_cli.services.payments.view import view_of
from payment_cli.services.shop.session_view import Bill
from payment_cli.web.envelope import payment_state
from payment_cli.web.html import data_of, format_amount, text_of
from payment_cli.web.logo import Shown, draw_shown
from payment_cli.web.payment_view import Scene, draw_live, draw_words, notice, poll_s, scene_of
from payment_cli.web.store_page import CHECKOUT, Sign, draw_clock, draw_note, draw_page
from payment_cli.web.words import Words


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whom the page is for, and whose it is.

    `in_wechat`: it is shown inside WeChat, which can pay at once. `on_phone`: on a phone, but not
    there: WeChat opens neither its own H5 page nor Alipay.
    """

    session: Session
    in_wechat: bool
    on_phone: bool
    now: int
    store: Shown


def draw_checkout(bill: Bill, visitor: Visitor, words: Words) -> bytes:
    """Return the page of an order in its present state."""
    payment = _shown_payment(bill, visitor.now)
    scene = _scene(bill, payment, visitor.now, words)
    asks_s = poll_s(view_of(payment)) if payment is not None else 0
    facts = {"order": bill.order.id, "poll": str(asks_s * 1000)}
    if payment is not None:
        facts["payment"] = payment.id
    return draw_page(
        CHECKOUT,
        words,
        title=words.says[scene.says].heading,
        up="../",
        sign=Sign(visitor.session, visitor.store),
        style=f"wide {scene.mood}",
        content=_bill(bill, visitor.store, words)
        + "\n"
        + _paying(bill, payment, scene, visitor, words),
        state=payment_state(payment, visitor.session) if payment is not None else {},
        facts=facts,
    )


def _shown_payment(bill: Bill, now: int) -> Payment | None:
    """Return the payment that waits for its payer; None: a way to pay is to be chosen."""
    payment = bill.payment
    if payment is None or payment.st is not Status.WAIT:
        return None
    is_dead = bool(bill.pay_types) and payment.is_awaited and payment.expi < now
    return None if is_dead else payment


def _scene(bill: Bill, payment: Payment | None, now: int, words: Words) -> Scene:
    order = bill.order
    if order.ord_status is OrderStatus.CANCELLED:
        return notice("bad", "cancelled")
    if not order.is_pending:
        return notice("good", "paid")
    is_held = payment is not None and payment.has_other_amount
    if order.is_overdue(now) and not is_held:
        return notice("bad", "expired")
    if payment is not None:
        return scene_of(view_of(payment), words)
    return Scene("waiting", "choose" if bill.pay_types else "no way", "")


def _bill(bill: Bill, store: Shown, words: Words) -> str:
    order, cur = bill.order, bill.order.ord_currency
    lines = "\n".join(_line(line, bill, cur) for line in order.ord_ws)
    sums = [("goods", order.total)] if order.price != order.total or order.discount else []
    rows = [_sum(words.labels[name], format_amount(fen, cur)) for name, fen in sums]
    rows += [_sum(name, f"−{format_amount(fen, cur)}") for name, fen in _taken(bill, words)]
    if order.freight:
        rows.append(_sum(words.labels["freight"], format_amount(order.freight, cur)))
    total = f"<b>{text_of(format_amount(order.fee, cur))}</b>"
    number = f"{words.labels['order']} {order.id[-8:]}"
    title = order.title  # as its buyer typed it
    return (
        f'<header class="bill">\n{draw_shown(store, "../")}\n'
        + (f'<p class="subject">{text_of(title)}</p>\n' if title != bill.title else "")
        + f'<ul class="lines">\n{lines}\n</ul>\n'
        + (f'<dl class="sums">\n{"".join(rows)}\n</dl>\n' if rows else "")
        + f'<p class="total"><span>{text_of(words.labels["total"])}</span>{total}</p>\n'
        f'<p class="number">{text_of(number)}</p>\n</header>'
    )


def _line(line: OrderLine, bill: Bill, cur: str) -> str:
    name = resolve(line.w_nm, bill.texts)
    return (
        f'<li><span class="name">{text_of(name)}</span>'
        f'<span class="count">× {line.w_buy_num}</span>'
        f'<span class="sum">{text_of(format_amount(line.subtotal, cur))}</span></li>'
    )


def _sum(name: str, amount: str) -> str:
    return f"<dt>{text_of(name)}</dt><dd>{text_of(amount)}</dd>"


def _taken(bill: Bill, words: Words) -> list[tuple[str, int]]:
    """Return what took something off, by name; one sum where the order does not say it exactly."""
    order = bill.order
    if not order.discount:
        return []
    named = [_row(row, bill) for row in (*order.ord_ds, *order.coupons)]
    rows = [(name or words.labels["discount"], fen) for name, fen in named if fen]
    if sum(fen for _, fen in rows) != order.discount:
        return [(words.labels["discount"], order.discount)]
    return rows


def _row(row: Json, bill: Bill) -> tuple[str, int]:
    if not isinstance(row, dict):
        return "", 0
    name = row.get("dis_nm") or row.get("title") or ""
    return resolve(str(name), bill.texts), to_fen(row.get("taken", 0), "taken")


def _paying(
    bill: Bill, payment: Payment | None, scene: Scene, visitor: Visitor, words: Words
) -> str:
    note = words.labels["again"] if _was_declined(bill, payment) else ""
    parts = [draw_words(scene, words), draw_note(note), _ways(bill, payment, visitor, words)]
    if payment is not None and (inside := _inside(payment, visitor, words)):
        parts.insert(1, inside)
    if bill.pay_types and bill.order.ord_expi:
        left_ms = bill.order.ord_expi - visitor.now
        label = text_of(words.labels["time left"])
        parts.append(f'<p class="left">{label} {draw_clock(left_ms, loads=True)}</p>')
    if payment is not None:
        parts.append(draw_live(words))
    return '<section aria-live="polite">\n' + "\n".join(filter(None, parts)) + "\n</section>"


def _was_declined(bill: Bill, payment: Payment | None) -> bool:
    is_failed = bill.payment is not None and bill.payment.st is Status.FAIL
    return payment is None and is_failed and bool(bill.pay_types)


def _ways(bill: Bill, payment: Payment | None, visitor: Visitor, words: Words) -> str:
    """Return a button for each way to pay; those that are not the present one, if there is one."""
    kinds = [kind for kind in bill.pay_types if _can(kind, bill.pay_types, visitor)]
    if payment is not None:
        kinds = [kind for kind in kinds if kind.name != payment.pay_tp]
    if not kinds:
        return ""
    label = words.labels["other ways"] if payment is not None else words.says["choose"].heading
    buttons = "\n".join(_way(kind, words) for kind in kinds)
    more = " other" if payment is not None else ""
    heading = f"<h2>{text_of(label)}</h2>\n" if payment is not None else ""
    return (
        f'<div class="ways{more}" role="group" aria-label="{text_of(label)}">\n'
        f"{heading}{buttons}\n</div>"
    )


def _can(kind: PayType, offered: tuple[PayType, ...], visitor: Visitor) -> bool:
    """Whether the page can do it, and no better way of the same provider stands in for it.

    Inside WeChat its own window does; on a phone, whose screen nobody can scan, the way to the
    provider's app does; elsewhere the others do for that.
    """
    can_inside = visitor.in_wechat and visitor.session.openid != ""
    if kind.argument is Argument.OPENID:
        return can_inside
    same = [other for other in offered if other.provider == kind.provider]
    if can_inside and any(other.argument is Argument.OPENID for other in same):
        return False
    rivals = [other for other in same if other.argument is Argument.NONE]
    fitting = [other for other in rivals if other.for_phones is visitor.on_phone]
    return kind in (fitting or rivals)


def _way(kind: PayType, words: Words) -> str:
    label = words.labels.get(kind.name, kind.name)
    return (
        f'<button type="button" class="way {text_of(kind.provider)}" '
        f'data-pay="{text_of(kind.name)}"><i aria-hidden="true"></i>{text_of(label)}</button>'
    )


def _inside(payment: Payment, visitor: Visitor, words: Words) -> str:
    """Return the button that opens WeChat's own window, for a payment that waits for it."""
    kind = PAY_TYPES.get(payment.pay_tp)
    is_inside = kind is not None and kind.argument is Argument.OPENID and visitor.in_wechat
    if not is_inside or not isinstance(payment.re_obj, dict):
        return ""
    parameters = data_of(payment.re_obj)
    label = text_of(words.open_link)
    return f'<button type="button" class="button" data-jsapi="{parameters}">{label}</button>'
