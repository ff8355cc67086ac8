import pytest

from payment_cli.model.payments.pay_type import PAY_TYPES, ReturnType
from payment_cli.web.words import CHINESE, ENGLISH, choose_words


@pytest.mark.parametrize(
    "header",
    ["zh", "zh-CN", "zh-Hant-TW,zh;q=0.9,en;q=0.8", "fr, zh;q=0.5, en;q=0.1", "en;q=0, zh;q=0.1",
     "en;q=0.2,ZH;q=0.9", "en; q=0.899, zh; q=0.9"],
)  # fmt: skip
def test_who_prefers_chinese_gets_it(header):
    assert choose_words(header) is CHINESE


@pytest.mark.parametrize(
    "header",
    ["", "en", "fr-FR,fr;q=0.9", "en-US,en;q=0.9,zh;q=0.8", "*", ";;;,q=", "zh;q=0", "zh;q=x",
     "zh;q=²", ",".join(["de"] * 10_000) + ",zh"],
)  # fmt: skip
def test_everybody_else_gets_english(header):
    assert choose_words(header) is ENGLISH


def test_both_languages_say_the_same_things():
    assert ENGLISH.says.keys() == CHINESE.says.keys()
    assert ENGLISH.labels.keys() == CHINESE.labels.keys()


@pytest.mark.parametrize("words", [ENGLISH, CHINESE], ids=lambda words: words.lang)
def test_every_way_to_pay_that_a_page_offers_has_words_on_its_button(words):
    offered = {kind.name for kind in PAY_TYPES.values() if not kind.is_scan}
    assert offered - words.labels.keys() == set()


@pytest.mark.parametrize("words", [ENGLISH, CHINESE], ids=lambda words: words.lang)
def test_every_provider_with_codes_says_how_they_are_scanned(words):
    scanned = {kind for kind in PAY_TYPES.values() if kind.re_tp is ReturnType.QRCODE}
    assert {f"scan {kind.provider}" for kind in scanned} - words.says.keys() == set()
