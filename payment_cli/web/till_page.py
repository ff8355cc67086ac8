"""Draws the till: what is due, the field for the customer's code, and what became of it."""

from payment_cli.model.payments.payment import Payment, Status
from payment_cli.model.record import Record
from payment_cli.services.payments.view import view_of
from payment_cli.services.shop.session_view import Offer
from payment_cli.web.envelope import payment_state
from payment_cli.web.html import data_of, draw_mark, format_amount, text_of
from payment_cli.web.logo import draw_shown
from payment_cli.web.payment_view import Scene, draw_live, draw_words, notice, poll_s, scene_of
from payment_cli.web.store_page import SCAN, Sign, draw_clock, draw_note, draw_page
from payment_cli.web.words import Words


def draw_till(sign: Sign, words: Words) -> bytes:
    """Return the page that asks what is due."""
    scene = Scene("waiting", "till", "")
    labels = words.labels
    form = (
        '<form id="due" autocomplete="off">\n'
        + _field("amount", labels["amount"], 'inputmode="decimal" placeholder="0.00" autofocus')
        + _field("brief", labels["brief"], 'maxlength="128"')
        + f'<p class="or"><span>{text_of(labels["or an order"])}</span></p>\n'
        + _field("order", labels["order number"], 'maxlength="64" spellcheck="false"')
        + f'<button class="button">{text_of(labels["next"])}</button>\n</form>'
    )
    return draw_page(
        SCAN,
        words,
        title=words.says[scene.says].heading,
        up="",
        sign=sign,
        style="till waiting",
        content=f"<header>\n{draw_shown(sign.store)}\n</header>\n"
        f"<section>\n{draw_words(scene, words)}\n{draw_note()}\n{form}\n</section>",
    )


def draw_scan(offer: Offer, sign: Sign, left_ms: int, words: Words) -> bytes:
    """Return the page of a payment at the till, in its present state.

    A scan that waits is reversed in `left_ms`.
    """
    payment = offer.payment
    scene = _scene(payment, words)
    asks_s = poll_s(view_of(payment)) if payment.st is Status.WAIT else 0
    header = (
        f"<header>\n{draw_shown(sign.store, '../')}\n"
        f'<p class="brief">{text_of(payment.brief)}</p>\n'
        f'<p class="amount">{text_of(format_amount(payment.fee, payment.cur))}</p>\n</header>'
    )
    parts = [draw_words(scene, words), draw_note(), _action(payment, left_ms, words)]
    if asks_s:
        parts.append(draw_live(words))
    body = "\n".join(filter(None, parts))
    return draw_page(
        SCAN,
        words,
        title=words.says[scene.says].heading,
        up="../",
        sign=sign,
        style=f"till {scene.mood}",
        content=f'{header}\n<section aria-live="polite">\n{body}\n</section>',
        state=payment_state(payment, sign.session),
        facts={"payment": payment.id, "poll": str(asks_s * 1000)},
    )


def _scene(payment: Payment, words: Words) -> Scene:
    if view_of(payment).flag:
        return scene_of(view_of(payment), words)
    match payment.st:
        case Status.NEW:
            return Scene("waiting", "code", "")
        case Status.OK:
            return notice("good", "taken")
        case Status.FAIL:
            return notice("bad", "declined")
        case Status.WAIT:
            view = view_of(payment)
            is_scan = view.pay_type is not None and view.pay_type.is_scan
            return (
                Scene("waiting", "hesitates", draw_mark("waiting"))
                if is_scan
                else scene_of(view, words)
            )


def _action(payment: Payment, left_ms: int, words: Words) -> str:
    if payment.has_other_amount:
        return _next(words, is_main=True)
    if payment.went_back:
        return _again(payment, words) + _next(words, is_main=False)
    match payment.st:
        case Status.NEW:
            return _code_form(words)
        case Status.OK:
            return _next(words, is_main=True)
        case Status.FAIL:
            reason = f'<p class="reason">{text_of(payment.fail_re)}</p>\n'
            return reason + _again(payment, words) + _next(words, is_main=False)
        case Status.WAIT:
            return _reversal(payment, left_ms, words)


def _code_form(words: Words) -> str:
    labels = words.labels
    rules = 'inputmode="numeric" maxlength="64" spellcheck="false" autofocus'
    return (
        '<form id="scan" autocomplete="off">\n'
        + _field("code", labels["pay code"], rules)
        + f'<button class="button">{text_of(labels["charge"])}</button>\n'
        '<video id="seen" muted playsinline hidden></video>\n'
        f'<button type="button" class="way" id="camera" hidden>{text_of(labels["camera"])}</button>'
        "\n</form>"
    )


def _reversal(payment: Payment, left_ms: int, words: Words) -> str:
    view = view_of(payment)
    if view.pay_type is None or not view.pay_type.is_scan:
        return ""
    label = text_of(words.labels["reversed in"])
    return f'<p class="left">{label} {draw_clock(left_ms, loads=False)}</p>'


def _again(payment: Payment, words: Words) -> str:
    wanted: Record = {"or_id": payment.or_id}
    if not payment.or_id:
        wanted = {"fee": payment.fee, "brief": payment.brief}
    label = text_of(words.labels["try again"])
    return (
        f'<button type="button" class="button" data-create="{data_of(wanted)}">{label}</button>\n'
    )


def _next(words: Words, *, is_main: bool) -> str:
    kind = "button" if is_main else "way"
    focus = " autofocus" if is_main else ""
    label = text_of(words.labels["next customer"])
    return f'<a class="{kind}" href="../scan"{focus}>{label}</a>'


def _field(name: str, label: str, rules: str) -> str:
    return (
        f'<label><span>{text_of(label)}</span><input name="{name}" autocomplete="off" {rules}>'
        "</label>\n"
    )
