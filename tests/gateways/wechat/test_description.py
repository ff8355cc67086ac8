import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.gateways.wechat.description import DESCRIPTION_BYTES_MAX, description

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
FLAG = "🇨🇳"
THUMB = "👍🏽"
CONJUNCT = "क\u094d\u200dष"  # Devanagari, held together by a joiner
ACCENTED = "e\u0301"
KEYCAP = "1\ufe0f\u20e3"
WHOLES = [FAMILY, FLAG, THUMB, CONJUNCT, ACCENTED, KEYCAP, "茶", "a", "𠮷", "👩🏽\u200d🚀"]


@given(st.text(max_size=200))
def test_it_is_one_line_of_so_many_bytes(text):
    line = description(text)
    assert len(line.encode()) <= DESCRIPTION_BYTES_MAX == 127
    assert line.strip() == line
    assert all(char.isprintable() or char in "\u200c\u200d" for char in line)
    assert description(line) == line


@given(st.text(alphabet=st.characters(categories=["L", "N"]), max_size=200))
def test_letters_are_kept_as_long_as_they_fit(text):
    line = description(text)
    assert text.startswith(line)
    following = text[len(line) : len(line) + 1]
    assert not following or len((line + following).encode()) > DESCRIPTION_BYTES_MAX


def test_bytes_are_counted_and_not_characters():
    assert description("一" * 200) == "一" * 42
    assert description("a" * 200) == "a" * 127
    assert description("a" + "一" * 42) == "a" + "一" * 42
    assert description("ab" + "一" * 42) == "ab" + "一" * 41


@pytest.mark.parametrize("whole", [whole for whole in WHOLES if whole != "a"])
@pytest.mark.parametrize("before", range(90, 128))
def test_what_is_read_as_one_character_is_never_cut(whole, before):
    fits = before + len(whole.encode()) <= DESCRIPTION_BYTES_MAX
    line = description("a" * before + whole + "b" * 40)
    assert (whole in line) is fits
    assert line.strip("ab") in ("", whole)


@given(st.lists(st.sampled_from(WHOLES), max_size=60))
def test_a_cut_falls_between_wholes(wholes):
    line = description("".join(wholes))
    sums = {"".join(wholes[:n]) for n in range(len(wholes) + 1)}
    assert line in sums


@pytest.mark.parametrize("text", [FAMILY, CONJUNCT, "می\u200cخواهم", "tea for " + FAMILY])
def test_zero_width_joiners_stay(text):
    assert description(text) == text


def test_flags_are_cut_in_pairs():
    assert description(FLAG * 20) == FLAG * 15  # 8 bytes each
    assert description("a" * 5 + FLAG * 20) == "a" * 5 + FLAG * 15


@pytest.mark.parametrize("text", ["", " \n\x00", "\u200d", " \u200c \u200d ", "\u202e\ud800"])
def test_what_shows_nothing_is_nothing(text):
    assert description(text) == ""


def test_a_character_with_endless_marks_is_cut_after_all():
    assert len(description("e" + "\u0301" * 200).encode()) == 127


def test_control_characters_are_spaces():
    assert description("a\nb\x00c\u202e\ud800d") == "a b c d"
