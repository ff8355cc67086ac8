import json

import pytest

from payment_cli.errors import ConfigError
from payment_cli.trace import trace

CANARY = "canary-3f9c2b"


def raised(error, cause=None):
    try:
        try:
            if cause is not None:
                raise cause
        except Exception as caught:
            raise error from caught
        raise error
    except Exception as caught:
        return trace(caught)


def test_a_foreign_error_is_its_class_and_its_frames_alone():
    text = raised(ValueError(CANARY))
    assert CANARY not in text
    assert text.splitlines()[-1] == "builtins.ValueError"
    assert f'File "{__file__}", line ' in text
    assert text.splitlines()[-2].endswith(", in raised")


def test_our_own_error_keeps_its_sentence():
    assert raised(ConfigError("no such file")).endswith("ConfigError: no such file\n")


def test_causes_are_told_first_and_without_their_words():
    try:
        json.loads('{"key": "' + CANARY)
    except ValueError as error:
        cause = error
    text = raised(ConfigError("not JSON"), cause)
    assert CANARY not in text
    told = text.splitlines()
    assert told.index("json.decoder.JSONDecodeError") < told.index("which led to:")
    assert told[-1].endswith("ConfigError: not JSON")


@pytest.mark.parametrize("how", ["note", "group", "argument"])
def test_neither_notes_nor_members_nor_arguments_are_told(how):
    error: Exception = ValueError("x", {"document": CANARY})
    if how == "note":
        error.add_note(CANARY)
    if how == "group":
        error = ExceptionGroup(CANARY, [ValueError(CANARY)])
    assert CANARY not in raised(error)


def test_a_context_that_was_set_aside_is_left_out():
    error = ConfigError("x")
    error.__context__ = ValueError("y")
    error.__suppress_context__ = True
    assert "ValueError" not in trace(error)


def test_a_circle_of_causes_comes_to_an_end():
    one, other = ValueError("x"), KeyError("y")
    one.__cause__, other.__cause__ = other, one
    assert trace(one).count("builtins.") == 2


def test_what_was_typed_moves_no_cursor():
    text = trace(ConfigError("no \x1b[2J\u202efile\x9b"))
    assert "\\x1b[2J\\u202efile\\x9b" in text
    assert "\x1b" not in text
