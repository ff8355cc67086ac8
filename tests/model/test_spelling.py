"""One edit away: a letter more, less, another, or two swapped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.model.spelling import meant, resembled

KNOWN = ("price", "title", "stock", "sku", "cat")


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("pricee", "price"), ("pric", "price"), ("prise", "price"), ("pirce", "price"),
        ("PRICE", "price"), ("Stocks", "stock"), ("cats", "cat"), ("tilte", "title"),
        ("priec", "price"), ("rpice", "price"),
    ],
)  # fmt: skip
def test_a_slip_of_one_key_is_understood(word, known):
    assert meant(word, KNOWN) == known


@pytest.mark.parametrize("word", ["prices2", "pce", "ca", "skx", "colour", "", "tresh", "cprie"])
def test_what_is_further_away_or_short_is_another_word(word):
    assert meant(word, KNOWN) is None


def test_of_several_the_one_that_begins_alike_is_meant():
    assert meant("cost", ("host", "most", "coat")) == "coat"


def test_what_looks_alike_may_be_further_away():
    assert resembled("treshhold", ("threshold", "title")) == "threshold"
    assert resembled("batch", ("threshold", "title")) is None


@given(st.text("abcde", min_size=4, max_size=8), st.data())
def test_any_one_edit_is_found(word, data):
    at = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcdex"))
    edits = (
        word[:at] + letter + word[at:],
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    )
    for edited in edits:
        if len(edited) >= 4:
            assert meant(edited, (word,)) == word
