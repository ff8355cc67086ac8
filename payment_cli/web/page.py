"""Draws the cashier's page: one HTML document with its style, script and QR code in it.

Every text is escaped. The policy headers allow exactly the style and the script of the page, by
their digests, and a question to its own server; nothing else loads, frames or submits.
"""

import base64
import hashlib
import html
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from payment_cli.model.codec import encode
from payment_cli.model.payment import Status
from payment_cli.services.viewing import View
from payment_cli.web.words import Words
from payment_cli.web.wsgi import Headers

#: The longest text drawn as a QR code that phones still read from a screen.
QR_TEXT_MAX = 1024

#: How often a page asks about a payment that was not sent yet.
POLL_UNSENT_S = 3

#: What keeps an answer out of caches, frames, other origins' hands and sniffers' guesses.
DATA_HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)

_MARKS = {
    "good": "M5 17l7 7L27 9",
    "bad": "M8 8l16 16M24 8L8 24",
    "waiting": "M16 7v9l6 4M16 3a13 13 0 1 0 0 26a13 13 0 1 0 0-26",
}


@dataclass(frozen=True, slots=True)
class _Scene:
    """What one state of a payment looks like. `says` is a key of Words.says; the rest is HTML."""

    mood: str
    says: str
    figure: str
    action: str = ""


def draw_payment(view: View, words: Words) -> bytes:
    """Return the page of a payment in its present state."""
    header = (
        f'<header>\n<p class="brief">{html.escape(view.brief)}</p>\n'
        f'<p class="amount">{html.escape(format_amount(view.fee, view.cur))}</p>\n</header>'
    )
    return _draw(words, _scene(view, words), header, encode(view.to_record()), _poll_s(view))


def draw_notice(says: str, words: Words) -> bytes:
    """Return a page without a payment: `says` is a key of Words.says."""
    return _draw(words, _Scene("bad", says, _mark("bad")))


def format_amount(fee: int, cur: str) -> str:
    """Return `fee` (fen) as people read it: ¥1,234.50, or 1,234.50 USD."""
    number = f"{fee // 100:,}.{fee % 100:02d}"
    return f"¥{number}" if cur in ("RMB", "CNY") else f"{number} {cur}"


@cache
def page_headers() -> Headers:
    """Return the headers of every page."""
    policy = {
        "default-src": "'none'",
        "style-src": _digest("cashier.css"),
        "script-src": _digest("cashier.js"),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    policy_text = "; ".join(f"{name} {what}" for name, what in policy.items())
    return (
        ("Content-Security-Policy", policy_text),
        *DATA_HEADERS[1:],
        ("X-Frame-Options", "DENY"),
    )


def _scene(view: View, words: Words) -> _Scene:
    if view.st is Status.OK:
        return _Scene("good", "paid", _mark("good"))
    if view.st is Status.FAIL:
        return _Scene("bad", "failed", _mark("bad"))
    if view.st is Status.NEW or not view.re_tp:
        return _Scene("waiting", "not sent", _mark("waiting"))
    text = view.data if isinstance(view.data, str) else ""
    if view.re_tp == "QRCODE" and 0 < len(text.encode()) <= QR_TEXT_MAX:
        provider = view.pay_type.provider if view.pay_type else ""
        says = f"scan {provider}" if f"scan {provider}" in words.says else "scan"
        return _Scene("waiting", says, _qr(text, words), _button(text, words.open_app, "on-phone"))
    if view.re_tp == "LINK" and _button(text, words.open_link):
        return _Scene("waiting", "link", _mark("waiting"), _button(text, words.open_link))
    return _Scene("waiting", "confirm", _mark("waiting"))


def _poll_s(view: View) -> int:
    """Return the seconds between two questions about this payment; 0: it will not change."""
    if view.st in (Status.OK, Status.FAIL):
        return 0
    return view.pay_type.poll_s if view.pay_type else POLL_UNSENT_S


def _draw(
    words: Words, scene: _Scene, header: str = "", view: str = "{}", poll_s: int = 0
) -> bytes:
    say = words.says[scene.says]
    reload = f'<noscript><meta http-equiv="refresh" content="{poll_s}"></noscript>'
    live = f'<p class="live">{html.escape(words.live)}</p>'
    text = _template().substitute(
        lang=words.lang,
        title=html.escape(words.title),
        style=_read("cashier.css"),
        script=_read("cashier.js"),
        reload=reload if poll_s else "",
        live=live if poll_s else "",
        mood=scene.mood,
        poll=poll_s * 1000,
        view=html.escape(view),
        header=header,
        figure=scene.figure,
        heading=html.escape(say.heading),
        hint=html.escape(say.hint),
        action=scene.action,
    )
    return text.encode("utf-8", "replace")


def _mark(mood: str) -> str:
    drawing = f'<svg viewBox="0 0 32 32"><path d="{_MARKS[mood]}"/></svg>'
    return f'<div class="mark" aria-hidden="true">{drawing}</div>'


def _button(url: str, label: str, more: str = "") -> str:
    """Return a link drawn as a button; "" for anything but a web address."""
    if not url.startswith(("https://", "http://")):
        return ""
    target = 'target="_blank" rel="noopener noreferrer"'
    return f'<a class="button {more}" href="{html.escape(url)}" {target}>{html.escape(label)}</a>'


def _qr(text: str, words: Words) -> str:
    """Return `text` as a QR code: inline SVG on white, with the quiet zone readers need."""
    from qrcode.constants import ERROR_CORRECT_M
    from qrcode.image.svg import SvgPathFillImage
    from qrcode.main import QRCode

    code = QRCode(error_correction=ERROR_CORRECT_M)
    code.add_data(text)
    image = code.make_image(image_factory=SvgPathFillImage)
    drawing = image.to_string(encoding="unicode")
    return f'<div class="qr" role="img" aria-label="{html.escape(words.qr_label)}">{drawing}</div>'


@cache
def _template() -> Template:
    return Template(_read("cashier.html"))


@cache
def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")


def _digest(name: str) -> str:
    digest = hashlib.sha256(_read(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
