"""What the words of a command line mean, settled before Click sees them.

Click alone would read `-stOK` as `-s -t OK`, and `-br -fee` as the brief "-fee". Here a word is

- an option's exact name, with one dash or two (`-br`, `--br`, `-brief`, `--brief`), its value in
  the next word or after `=`;
- or one dash and a cluster of declared one-letter flags (`-bish`);
- or an error, with a suggestion, when it looks like an option and is none of these;
- else an argument: text, a negative number, `-` alone. After `--` everything is an argument.

A value may be a negative number, but never a word that looks like an option: `-br -fee` is an
error. A value that does look like one is written `-br=-fee`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from payment_cli.errors import InvalidValueError

_OPTION = re.compile(r"(--?)([A-Za-z_][A-Za-z0-9_-]*)(?:=(.*))?", re.DOTALL)


class Spelling(NamedTuple):
    """One option: its names without dashes, the last being the canonical one.

    A NamedTuple like the other values of the command line: a dataclass takes ten times as long
    to make, and a command is started anew for every payment.

    `bare` is the value the option has when none follows it; None means a value must follow. A word
    that does not begin with `opens` is none.
    """

    names: tuple[str, ...]
    is_flag: bool = False
    bare: str | None = None
    opens: str = ""

    @property
    def canonical(self) -> str:
        """Return the spelling that Click is given."""
        return f"--{self.names[-1]}"


def canonical_words(
    words: Sequence[str], spellings: Iterable[Spelling], *, is_group: bool = False
) -> list[str]:
    """Rewrite a command line so that Click can only read it one way.

    Options become `--name` or `--name=value`, arguments follow behind `--`. For a group the words
    from the first argument on (its command) are left as they are.

    Raises:
        InvalidValueError: an unknown option, a value missing or given to a flag.
    """
    names = {name: spelling for spelling in spellings for name in spelling.names}
    options: list[str] = []
    arguments: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            arguments += rest
            break
        if _is_argument(word):
            arguments.append(word)
            if is_group:
                arguments += rest
                break
        else:
            options += _read_option(word, rest, names)
    return [*options, "--", *arguments] if arguments else options


def has_flag(words: Sequence[str], name: str) -> bool:
    """Say whether the flag `name` is given, before anything is parsed.

    No option swallows a word that looks like an option, so before `--` it can be nothing else.
    """
    before = words[: words.index("--")] if "--" in words else words
    return f"-{name}" in before or f"--{name}" in before


def check_text(words: Iterable[str]) -> None:
    """Refuse words that can't be stored or passed on.

    Raises:
        InvalidValueError: a word has a NUL character or is not UTF-8.
    """
    for word in words:
        if "\0" in word:
            raise InvalidValueError(f"{shown(word)} has a NUL character")
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise InvalidValueError(f"{shown(word)} is not UTF-8 text") from error


def shown(word: str) -> str:
    """Quote a word for an error message: printable, and not too long."""
    return ascii(word if len(word) <= 40 else word[:40] + "…")


def _is_argument(word: str) -> bool:
    if word.startswith("--"):
        return False
    return _OPTION.fullmatch(word) is None


def _read_option(word: str, rest: list[str], names: dict[str, Spelling]) -> list[str]:
    """Return the option `word` as Click is to see it, taking its value from `rest`."""
    found = _OPTION.fullmatch(word)
    if found is None:
        raise InvalidValueError(f"{shown(word)} is not an option")
    dashes, name, value = found.groups()
    spelling = names.get(name)
    if spelling is None:
        return _read_cluster(word, dashes, name, value, names)
    if spelling.is_flag:
        if value is not None:
            raise InvalidValueError(f"{dashes}{name} takes no value", hint=f"write {dashes}{name}")
        return [spelling.canonical]
    return [f"{spelling.canonical}={_value(f'{dashes}{name}', value, rest, spelling)}"]


def _read_cluster(
    word: str, dashes: str, name: str, value: str | None, names: dict[str, Spelling]
) -> list[str]:
    flags = [names.get(letter) for letter in name]
    if dashes == "-" and value is None and all(flag and flag.is_flag for flag in flags):
        return [flag.canonical for flag in flags if flag]
    raise InvalidValueError(f"there is no option {shown(word)}", hint=_suggestion(name, names))


def _value(option: str, value: str | None, rest: list[str], spelling: Spelling) -> str:
    if value is not None:
        return value
    if rest and _is_argument(rest[0]) and rest[0].startswith(spelling.opens):
        return rest.pop(0)
    if spelling.bare is not None:
        return spelling.bare
    if not rest or rest[0] == "--":
        raise InvalidValueError(f"{option} needs a value")
    raise InvalidValueError(
        f"{option} needs a value, but {shown(rest[0])} follows",
        hint=f"if that is meant, write {option}={rest[0][:40]}",
    )


def _suggestion(name: str, names: dict[str, Spelling]) -> str:
    from difflib import get_close_matches  # only a wrong command line pays for it

    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close and len(close[0]) > 2 and abs(len(close[0]) - len(name)) <= 2:
        return f"did you mean --{close[0]}?"
    glued = [n for n, s in names.items() if name.startswith(n) and not s.is_flag]
    if glued:
        start = max(glued, key=len)
        return f"did you mean -{start} {name[len(start) :][:40]}?"
    flags = {n for n, s in names.items() if s.is_flag and len(n) == 1}
    if len(name) > 1 and flags.issuperset(name):
        return f"did you mean -{name}?"
    return f"did you mean -{close[0]}?" if close else "--help lists the options"
