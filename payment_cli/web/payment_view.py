"""What one state of a payment looks like on its payer's screen."""

from dataclasses import dataclass

from payment_cli.model.payments.payment import Status
from payment_cli.services.payments.view import View, is_web_address
from payment_cli.web.html import QR_TEXT_MAX, draw_button, draw_mark, draw_qr, text_of
from payment_cli.web.words import Words

#: How often a page asks about a payment that was not sent yet.
POLL_UNSENT_S = 3


@dataclass(frozen=True, slots=True)
class Scene:
    """A mood (good, bad, waiting), a key of Words.says, a picture and a button; both HTML."""

    mood: str
    says: str
    figure: str
    action: str = ""


def scene_of(view: View, words: Words) -> Scene:
    """Return the scene of a payment in its present state."""
    if view.flag:
        return notice("bad", view.flag)
    if view.st is Status.OK:
        return notice("good", "paid")
    if view.st is Status.FAIL:
        return notice("bad", "failed")
    if view.st is Status.NEW or not view.re_tp:
        return notice("waiting", "not sent")
    text = view.data if isinstance(view.data, str) else ""
    if view.re_tp == "QRCODE" and 0 < len(text.encode()) <= QR_TEXT_MAX:
        provider = view.pay_type.provider if view.pay_type else ""
        says = f"scan {provider}" if f"scan {provider}" in words.says else "scan"
        button = draw_button(text, words.open_app, "on-phone") if is_web_address(text) else ""
        return Scene("waiting", says, draw_qr(text, words.qr_label), button)
    if view.re_tp == "LINK" and text:
        return Scene("waiting", "link", draw_mark("waiting"), draw_button(text, words.open_link))
    return notice("waiting", "confirm")


def notice(mood: str, says: str) -> Scene:
    """Return a scene with nothing but its mark and its words."""
    return Scene(mood, says, draw_mark(mood))


def poll_s(view: View) -> int:
    """Return the seconds between two questions about a payment; 0: it won't change by itself."""
    if view.st in (Status.OK, Status.FAIL) or view.flag:
        return 0
    return view.pay_type.poll_s if view.pay_type else POLL_UNSENT_S


def draw_words(scene: Scene, words: Words) -> str:
    """Return the picture, the words and the button of a scene, as HTML."""
    say = words.says[scene.says]
    return (
        f"{scene.figure}\n<h1>{text_of(say.heading)}</h1>\n"
        f'<p class="hint">{text_of(say.hint)}</p>\n{scene.action}'
    )


def draw_live(words: Words) -> str:
    """Return the line that says that the page updates by itself."""
    return f'<p class="live">{text_of(words.live)}</p>'
