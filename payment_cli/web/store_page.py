"""What the pages of a session share: their frame, their one note, and the facts their script reads.

The script of each begins with ajax.js, which asks the server by paths relative to `up`.
"""

from collections.abc import Mapping
from typing import NamedTuple

from payment_cli.model.record import Json, Record
from payment_cli.model.stores.session import Session
from payment_cli.web.html import Frame, data_of, draw, text_of
from payment_cli.web.logo import Shown, draw_shown
from payment_cli.web.payment_view import draw_words, notice
from payment_cli.web.words import Words

STYLES = ("page.css", "store.css")

#: The frame of each page.
ENTER = Frame(STYLES, ("ajax.js", "enter.js"))
CHECKOUT = Frame(STYLES, ("ajax.js", "checkout.js"))
SCAN = Frame(STYLES, ("ajax.js", "scan.js"))

#: What the one note of a page may have to say: errors by their codes, and what no server said.
_NOTES = ("offline", "no link", "bad amount", "no camera")


class Sign(NamedTuple):
    """Whose a page is: the session it is drawn for, and the store as it is shown."""

    session: Session
    store: Shown


def draw_page(
    frame: Frame,
    words: Words,
    *,
    sign: Sign | None = None,
    title: str,
    up: str,
    style: str,
    content: str,
    state: Json = None,
    facts: Mapping[str, str] | None = None,
) -> bytes:
    """Return a page. `title` is text, `content` HTML, `style` the classes of its main element.

    A page of a session has its `sign`: by that its script names the session with whatever it asks.
    `state` is the payment as `/pay/ajax/check` shows it; `facts` are further data for the script.
    """
    said: Record = {
        name: text
        for name, text in words.labels.items()
        if name.startswith("e.pay.") or name in _NOTES
    }
    data = {"up": up, "poll": "0", **(facts or {})}
    if sign is not None:
        data |= {"session": sign.session.digest, "holder": sign.session.holder}
        content += f"\n{_moves(sign.store, up, words)}\n{_leave(words)}"
    attributes = "".join(f' data-{name}="{text_of(value)}"' for name, value in data.items())
    return draw(
        frame,
        lang=words.lang,
        title=f"{title} – {words.title}",
        body=f'<main id="page" class="{style}"{attributes} data-view="{data_of(state)}"'
        f' data-said="{data_of(said)}">\n{content}\n</main>\n'
        f'<noscript><p class="note">{text_of(words.labels["script"])}</p></noscript>',
    )


def draw_enter(order_id: str, words: Words, *, asks: bool) -> bytes:
    """Return the page that a link leads to: it takes the token out of the address, and goes on.

    It goes to the checkout of `order_id`, "" for the till. With `asks` it asks first in any case.
    """
    scene = notice("waiting", "entering")
    body = f"{draw_words(scene, words)}\n{draw_note()}"
    labels = words.labels
    places = "".join(
        f'<p id="{where}" hidden>{text_of(labels[where])} <b></b> <span></span></p>\n'
        for where in ("at", "to")
    )
    return draw_page(
        ENTER,
        words,
        title=words.says[scene.says].heading,
        up="../" if order_id else "",
        style=scene.mood,
        content=f'<section aria-live="polite">\n{body}\n</section>\n'
        + _asking("ask", "asks", places, labels["go on"], words),
        facts={
            "to": f"checkout/{order_id}" if order_id else "scan",
            "asks": "1" if asks else "",
            "buyer": labels["buyer"],
            "cashier": labels["cashier"],
        },
    )


def _leave(words: Words) -> str:
    label = text_of(words.labels["log out"])
    return f'<button type="button" class="quiet" id="leave">{label}</button>'


def _moves(shown: Shown, up: str, words: Words) -> str:
    """Return what the page says, hidden until then, when the browser's session became another.

    `moved` is for a page that finds out by asking, `arrived` for one that was opened in a tab or a
    browser that was somewhere else before.
    """
    store, labels = f"{draw_shown(shown, up)}\n", words.labels
    moved = _asking("moved", "moved", store, labels["look again"], words)
    return f"{moved}\n{_asking('arrived', 'arrived', store, labels['go on'], words)}"


def _asking(name: str, says: str, more: str, button: str, words: Words) -> str:
    say = words.says[says]
    return (
        f'<section id="{name}" class="asking" role="alert" hidden>\n'
        f"<h1>{text_of(say.heading)}</h1>\n"
        f'<p class="hint">{text_of(say.hint)}</p>\n{more}'
        f'<button type="button" class="button">{text_of(button)}</button>\n</section>'
    )


def draw_note(text: str = "") -> str:
    """Return the place where the page says what went wrong; `text` is said from the beginning."""
    hidden = "" if text else " hidden"
    return f'<p class="note" id="note" role="alert"{hidden}>{text_of(text)}</p>'


def draw_clock(left_ms: int, *, loads: bool) -> str:
    """Return a time that counts down; with `loads` the page loads anew when it is over."""
    seconds = max(0, -(-left_ms // 1000))
    then = ' data-then="load"' if loads else ""
    return (
        f'<time role="timer" data-left="{max(0, left_ms)}"{then}>'
        f"{seconds // 60}:{seconds % 60:02d}</time>"
    )
