"""What holds for every command of both programs: help, spellings, examples."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from payment_cli.cli.programs import program_group
from payment_cli.cli.shell.argv import Spelling
from payment_cli.cli.shell.command import Group, Lazy, _spelling
from tests.support.cli import Runner


def commands(
    group: click.Group, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = [
    pytest.param(path, command, id=" ".join(path))
    for program in ("pay", "payment")
    for path, command in commands(program_group(program), (program,))
]


@pytest.mark.parametrize(("path", "command"), ALL)
def test_help_shows_usage_and_examples_and_exits_0(path, command, monkeypatch):
    for spelling in ("--help", "-help"):
        ran = Runner(path[0], monkeypatch)(*path[1:], spelling)
        assert ran.text.startswith(f"Usage: {' '.join(path)} ")
        assert "Examples:" in ran.text
        assert ran.err == ""


@pytest.mark.parametrize("program", ["pay", "payment"])
def test_the_help_of_a_program_lists_its_commands_with_their_own_short_helps(program):
    group = program_group(program)
    for name, lazy in group.lazy.items():
        assert isinstance(lazy, Lazy)
        assert lazy.load().short_help == lazy.short_help, name


@pytest.mark.parametrize(("path", "command"), ALL)
def test_every_option_has_a_long_spelling_and_a_help(path, command):
    for param in command.params:
        if isinstance(param, click.Option):
            assert any(name.startswith("--") for name in param.opts), param.opts
            assert param.help, param.opts


@pytest.mark.parametrize(("path", "command"), ALL)
def test_no_two_options_share_a_spelling(path, command):
    names = [name.lstrip("-") for param in command.params for name in set(param.opts)
             if isinstance(param, click.Option)]  # fmt: skip
    per_option = {
        name for param in command.params if isinstance(param, click.Option)
        for name in {spelled.lstrip("-") for spelled in param.opts}
    }  # fmt: skip
    distinct = [
        name for param in command.params if isinstance(param, click.Option)
        for name in {spelled.lstrip("-") for spelled in param.opts}
    ]  # fmt: skip
    assert len(distinct) == len(per_option), names


@pytest.mark.parametrize(("path", "command"), ALL)
def test_every_example_of_the_help_is_a_line_the_command_accepts(path, command):
    assert command.examples
    for line in command.examples:
        words = own_words(line)
        assert words is not None, line
        context = click.Context(program_group(words[0]), info_name=words[0])
        group: click.Command = context.command
        while isinstance(group, click.Group):
            settled = group.make_context(words[0], words[1:], resilient_parsing=False)
            words = [*settled._protected_args, *settled.args]
            found = group.get_command(context, words[0])
            assert found is not None, line
            group = found
        assert group.make_context(words[0], words[1:]).params is not None


def own_words(line: str) -> list[str] | None:
    """Return the words of our own command in a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&<>;")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words = list(lexer)
    starts = [n for n, word in enumerate(words) if word in ("pay", "payment", "gunicorn")]
    if not starts:
        return None
    if words[starts[-1]] == "gunicorn":
        return ["payment", "serve"]
    rest = words[starts[-1] if "|" in words else starts[0] :]
    end = next((n for n, word in enumerate(rest) if re.fullmatch(r"[|&<>;]+", word)), len(rest))
    return rest[:end]


def test_what_click_is_given_is_the_long_spelling():
    option = click.Option(["-br", "--brief", "-x"])
    assert _spelling(option) == Spelling(("br", "x", "brief"))


def test_a_group_of_lazy_commands_imports_none_for_its_help(pay):
    group = Group("g", lazy={"x": Lazy("no.such.module:x", "Does x.")})
    assert "Does x." in group.get_help(click.Context(group))


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["quer"], "did you mean query?"),
        (["xyz"], "one of create, send"),
        (["sandbox", "scn"], "scan"),
    ],
)
def test_an_unknown_command_is_refused_with_a_suggestion(pay, words, hint):
    ran = pay(*words, exit_code=2)
    assert hint in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["sandbox"]])
def test_a_program_without_a_command_shows_its_help_on_stderr(pay, words):
    ran = pay(*words, exit_code=2)
    assert ran.text == ""
    assert "Commands:" in ran.err


def test_version(pay, payment):
    assert re.fullmatch(r"payment-cli \d+\.\d+\.\d+\n", pay("--version").text)
    assert payment("-version").text == pay("--version").text
