import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.gateways.wechat.description import DESCRIPTION_BYTES_MAX, description

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
CONJUNCT = "क\u094d\u200dष"  # Devanagari, held together by a joiner
WHOLES = [FAMILY, "🇨🇳", "👍🏽", CONJUNCT, "e\u0301", "1\ufe0f\u20e3", "茶", "𠮷", "👩🏽\u200d🚀"]


@given(st.text(max_size=200))
def test_it_is_one_line_of_so_many_bytes(text):
    line = description(text)
    assert len(line.encode()) <= DESCRIPTION_BYTES_MAX == 127
    assert line.strip() == line
    assert "\n" not in line
    assert description(line) == line


def test_bytes_are_counted_and_not_characters():
    assert description("一" * 200) == "一" * 42
    assert description("a" * 200) == "a" * 127
    assert description("a" + "一" * 42) == "a" + "一" * 42
    assert description("ab" + "一" * 42) == "ab" + "一" * 41


@pytest.mark.parametrize("whole", WHOLES)
def test_what_is_read_as_one_character_is_never_cut(whole):
    for before in range(90, 128):
        line = description("a" * before + whole + "b" * 40)
        assert (whole in line) is (before + len(whole.encode()) <= DESCRIPTION_BYTES_MAX)
        assert line.strip("ab") in ("", whole)


@given(st.lists(st.sampled_from(WHOLES), max_size=60))
def test_a_cut_falls_between_wholes(wholes):
    beginnings = {"".join(wholes[:n]) for n in range(len(wholes) + 1)}
    assert description("".join(wholes)) in beginnings


@pytest.mark.parametrize("text", [FAMILY, CONJUNCT, "می\u200cخواهم", "tea for " + FAMILY])
def test_zero_width_joiners_stay(text):
    assert description(text) == text


@pytest.mark.parametrize("text", ["", " \n\x00", "\u200d", " \u200c \u200d ", "\u202e\ud800"])
def test_what_shows_nothing_is_nothing(text):
    assert description(text) == ""


def test_control_characters_are_spaces():
    assert description("a\nb\x00c\u202e\ud800d") == "a b c d"
