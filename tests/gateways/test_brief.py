import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.gateways.brief import cut, one_line

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
WAVE = "👋\U0001f3fd"
CHINA, SCOTLAND = "🇨🇳", "\U0001f3f4" + "".join(map(chr, (0xE0067, 0xE0062, 0xE0073, 0xE007F)))
ACCENTED = "e\u0301\u0323"
HEART = "❤\ufe0f"


def size_of(encoding):
    return lambda text: len(text.encode(encoding))


@pytest.mark.parametrize("whole", [FAMILY, WAVE, CHINA, SCOTLAND, ACCENTED, HEART, "长"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_nothing_is_cut_inside_of_what_a_reader_sees_as_one(whole, encoding):
    size = size_of(encoding)
    for limit in range(3 + size(whole)):
        assert cut(f"abc{whole}{whole}", limit, size) == "abc"[:limit]
    assert cut(f"abc{whole}{whole}", 3 + size(whole), size) == f"abc{whole}"


def test_flags_are_cut_between_and_not_within_them():
    assert cut("🇨🇳🇫🇷🇩🇪", 3 * 2, len) == "🇨🇳🇫🇷🇩🇪"
    assert cut("🇨🇳🇫🇷🇩🇪", 5, len) == "🇨🇳🇫🇷"
    assert cut("🇨🇳🇫🇷🇩🇪", 3, len) == "🇨🇳"


@given(st.text(), st.integers(0, 40))
def test_a_cut_is_a_beginning_within_the_limit(text, limit):
    size = size_of("utf-8")
    if any("\ud800" <= mark <= "\udfff" for mark in text):
        return
    shown = cut(text, limit, size)
    assert text.startswith(shown)
    assert size(shown) <= limit
    assert cut(text, 10_000, size) == text.rstrip()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  tea\tand\ncake  ", "tea and cake"),
        (f"{FAMILY} {WAVE} {HEART} {SCOTLAND}", f"{FAMILY} {WAVE} {HEART} {SCOTLAND}"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("12.00\u202e00.12", "12.00 00.12"),
        ("a\u200bb\x00c", "a b c"),
    ],
)
def test_a_line_keeps_what_joins_and_loses_what_hides(text, line):
    assert one_line(text) == line
