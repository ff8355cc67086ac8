"""What every page is drawn with: the frame, the headers, texts, marks and codes.

A page is one HTML document with its style, script and pictures in it. Every text that goes in is
escaped. The policy headers allow exactly the style and the script of that page, by their digests,
pictures of its own server and questions to it; nothing else loads, frames or submits.
"""

import base64
import hashlib
import html
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from string import Template

from payment_cli.model.codec import encode
from payment_cli.model.record import Json
from payment_cli.web.wsgi import Headers

#: The longest text drawn as a QR code that phones still read from a screen.
QR_TEXT_MAX = 1024

#: So many codes are kept drawn; each is some 20 KiB.
QR_KEPT = 256

_MARKS = {
    "good": "M5 17l7 7L27 9",
    "bad": "M8 8l16 16M24 8L8 24",
    "waiting": "M16 7v9l6 4M16 3a13 13 0 1 0 0 26a13 13 0 1 0 0-26",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """The style sheets and scripts of one kind of page, joined in this order."""

    styles: tuple[str, ...]
    scripts: tuple[str, ...]


def draw(frame: Frame, *, lang: str, title: str, body: str, head: str = "") -> bytes:
    """Return a whole page. `title` is text; `body` and `head` are HTML."""
    text = _template().substitute(
        lang=lang,
        title=text_of(title),
        style=_joined(frame.styles),
        script=_joined(frame.scripts),
        head=head,
        body=body,
    )
    return text.encode("utf-8", "replace")


@cache
def page_headers(frame: Frame) -> Headers:
    """Return the headers of a page in `frame`."""
    policy = {
        "default-src": "'none'",
        "style-src": _digest(frame.styles),
        "script-src": _digest(frame.scripts),
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    policy_text = "; ".join(f"{name} {what}" for name, what in policy.items())
    return (("Content-Security-Policy", policy_text),)


def text_of(text: str) -> str:
    """Return `text` as it is written in HTML, in elements and in quoted attributes."""
    return html.escape(text)


def data_of(value: Json) -> str:
    """Return `value` as JSON for a quoted attribute."""
    return html.escape(encode(value))


def format_amount(fee: int, cur: str) -> str:
    """Return `fee` (fen) as people read it: ¥1,234.50, or 1,234.50 USD."""
    number = f"{fee // 100:,}.{fee % 100:02d}"
    return f"¥{number}" if cur in ("RMB", "CNY") else f"{number} {cur}"


def draw_mark(mood: str) -> str:
    """Return the picture of a mood: good, bad or waiting."""
    drawing = f'<svg viewBox="0 0 32 32"><path d="{_MARKS[mood]}"/></svg>'
    return f'<div class="mark" aria-hidden="true">{drawing}</div>'


def draw_button(url: str, label: str, more: str = "") -> str:
    """Return a web address drawn as a button that opens a new window.

    The page there has no hold on ours, and is told our host but not our address: WeChat's H5 page
    refuses who does not come from a registered domain, and a view key is nobody's to know.
    """
    how = 'target="_blank" rel="noopener" referrerpolicy="strict-origin"'
    return f'<a class="button {more}" href="{html.escape(url)}" {how}>{html.escape(label)}</a>'


def draw_qr(text: str, label: str) -> str:
    """Return `text` as a QR code: inline SVG on white, with the quiet zone readers need."""
    return f'<div class="qr" role="img" aria-label="{html.escape(label)}">{_qr(text)}</div>'


@lru_cache(maxsize=QR_KEPT)
def _qr(text: str) -> str:
    """Draw a code, once for all the times that its page is shown: that is most of a page's work."""
    from qrcode.constants import ERROR_CORRECT_M
    from qrcode.image.svg import SvgPathFillImage
    from qrcode.main import QRCode

    code = QRCode(error_correction=ERROR_CORRECT_M)
    code.add_data(text)
    image = code.make_image(image_factory=SvgPathFillImage)
    return str(image.to_string(encoding="unicode"))


@cache
def _template() -> Template:
    return Template(_read("page.html"))


@cache
def _joined(names: tuple[str, ...]) -> str:
    return "".join(map(_read, names))


@cache
def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text("utf-8")


def _digest(names: tuple[str, ...]) -> str:
    digest = hashlib.sha256(_joined(names).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
