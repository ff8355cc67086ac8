"""What the words of a command line mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.cli.shell.argv import Spelling, canonical_words, check_text, has_flag
from payment_cli.errors import InvalidValueError

SPELLINGS = (
    Spelling(("br", "brief")),
    Spelling(("fee", "fee")),
    Spelling(("st", "status")),
    Spelling(("t", "columns")),
    Spelling(("match", "match"), bare="-"),
    Spelling(("limit", "limit")),
    Spelling(("b", "border"), is_flag=True),
    Spelling(("i", "index"), is_flag=True),
    Spelling(("s", "footer"), is_flag=True),
    Spelling(("h", "header"), is_flag=True),
    Spelling(("exit-status",), is_flag=True),
)


def settled(*words: str) -> list[str]:
    return canonical_words(words, SPELLINGS)


@pytest.mark.parametrize("name", ["-br", "--br", "-brief", "--brief"])
def test_one_dash_or_two_short_or_long_is_the_same_option(name):
    assert settled(name, "tea") == ["--brief=tea"]
    assert settled(f"{name}=tea") == ["--brief=tea"]


def test_a_cluster_sets_each_of_its_flags():
    assert settled("-bish") == ["--border", "--index", "--footer", "--header"]


def test_an_exact_name_wins_over_a_cluster():
    assert settled("-st", "OK") == ["--status=OK"]


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("-stOK", "-st OK"),
        ("-fee100", "-fee 100"),
        ("--bish", "-bish"),
        ("--brif", "--brief"),
        ("-bx", "-b"),
        ("-bt", "-t"),
        ("-tb", "-t b"),
        ("--exit-stat", "--exit-status"),
        ("-zzz", "--help"),
    ],
)
def test_a_word_that_is_nearly_an_option_is_refused_with_a_suggestion(word, suggestion):
    with pytest.raises(InvalidValueError, match="no option") as caught:
        settled(word)
    assert suggestion in caught.value.hint


@pytest.mark.parametrize("follows", ["-fee", "--fee", "-bish", "-unknown", "--", "-fee=3"])
def test_an_option_never_swallows_the_next_option(follows):
    with pytest.raises(InvalidValueError, match="-br needs a value"):
        settled("-br", follows, "100")


def test_an_option_at_the_end_needs_its_value():
    with pytest.raises(InvalidValueError, match="-br needs a value"):
        settled("-br")


@pytest.mark.parametrize(
    "value", ["-1", "-1.5", "-", "-10% off", "", "a b", "a=b", "日本", "x\ny", "-日"]
)
def test_negative_numbers_and_any_text_that_is_no_option_are_values(value):
    assert settled("-br", value) == [f"--brief={value}"]


@pytest.mark.parametrize("value", ["-fee", "--", "a=b=c", "", "x\ny", "-br=-br"])
def test_after_an_equals_sign_everything_is_the_value(value):
    assert settled(f"-br={value}") == [f"--brief={value}"]


def test_an_option_that_may_stand_alone_has_its_bare_value_then():
    assert settled("-match") == ["--match=-"]
    assert settled("-match", "-b") == ["--match=-", "--border"]
    assert settled("-match", "{st:1}") == ["--match={st:1}"]


def test_a_flag_takes_no_value():
    with pytest.raises(InvalidValueError, match="-b takes no value"):
        settled("-b=yes")


def test_arguments_may_stand_anywhere_and_all_are_arguments_after_two_dashes():
    assert settled("id1", "-b", "-2", "--", "-fee", "--") == [
        "--border", "--", "id1", "-2", "-fee", "--",
    ]  # fmt: skip


def test_a_group_reads_options_only_up_to_its_command():
    assert canonical_words(["-b", "get", "-x", "--", "y"], SPELLINGS, is_group=True) == [
        "--border", "--", "get", "-x", "--", "y",
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["---x", "--=x", "--5", "--é"])
def test_two_dashes_before_what_is_no_name_are_refused(word):
    with pytest.raises(InvalidValueError, match="is not an option"):
        settled(word)


@pytest.mark.parametrize("word", ["a\0b", "a\udcffb"])
def test_words_that_no_record_can_hold_are_refused(word):
    with pytest.raises(InvalidValueError):
        check_text(["fine", word])


def test_flags_are_seen_before_parsing_but_not_behind_two_dashes():
    assert has_flag(["get", "x", "-debug"], "debug")
    assert not has_flag(["get", "--", "--debug"], "debug")


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=8))
def test_no_words_make_click_see_anything_but_known_options_and_arguments(words):
    try:
        done = settled(*words)
    except InvalidValueError:
        return
    options = done[: done.index("--")] if "--" in done else done
    names = {f"--{spelling.names[-1]}" for spelling in SPELLINGS}
    assert {word.partition("=")[0] for word in options} <= names
