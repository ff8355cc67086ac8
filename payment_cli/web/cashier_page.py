"""The cashier's page: one payment, for who holds its view key."""

from payment_cli.services.payments.view import View
from payment_cli.web.html import Frame, data_of, draw, format_amount, text_of
from payment_cli.web.logo import Shown, draw_shown
from payment_cli.web.payment_view import Scene, draw_live, draw_words, notice, poll_s, scene_of
from payment_cli.web.words import Words

CASHIER = Frame(styles=("page.css",), scripts=("cashier.js",))


def draw_payment(view: View, store: Shown | None, words: Words) -> bytes:
    """Return the page of a payment in its present state; `store` None is one that is gone."""
    sign = f"{draw_shown(store)}\n" if store is not None else ""
    header = (
        f'<header>\n{sign}<p class="brief">{text_of(view.brief)}</p>\n'
        f'<p class="amount">{text_of(format_amount(view.fee, view.cur))}</p>\n</header>'
    )
    return _draw(words, scene_of(view, words), header, data_of(view.to_record()), poll_s(view))


def draw_notice(says: str, words: Words) -> bytes:
    """Return a page without a payment: `says` is a key of Words.says."""
    return _draw(words, notice("bad", says))


def _draw(
    words: Words, scene: Scene, header: str = "", view: str = "{}", every_s: int = 0
) -> bytes:
    reload = f'<noscript><meta http-equiv="refresh" content="{every_s}"></noscript>'
    live = draw_live(words) if every_s else ""
    return draw(
        CASHIER,
        lang=words.lang,
        title=f"{words.says[scene.says].heading} – {words.title}",
        head=reload if every_s else "",
        body=f'<main id="payment" class="{scene.mood}" data-poll="{every_s * 1000}"'
        f' data-view="{view}">\n{header}\n<section aria-live="polite">\n'
        f"{draw_words(scene, words)}\n{live}\n</section>\n</main>",
    )
