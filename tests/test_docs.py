"""The documents tell the truth about commands, exit codes, settings and places."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from payment_cli import errors
from payment_cli.cli import programs
from payment_cli.config.settings import Settings
from payment_cli.model.payments.pay_type import PAY_TYPES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
MAP = (ROOT / "payment_cli" / "README.md").read_text()


def _commands(program: str) -> list[str]:
    group = programs.program_group(program)
    return list(group.list_commands(None))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("program", "command"),
    [(program, command) for program in ("pay", "payment") for command in _commands(program)],
)
def test_every_command_is_in_the_readme(program: str, command: str) -> None:
    assert re.search(rf"`{program} {command}\b", README), f"{program} {command} is missing"


def test_every_command_the_readme_shows_exists() -> None:
    shown = set(re.findall(r"^(?:\$ |\| `|\* \* \* \* \*\s+)(pay|payment) ([a-z]+)", README, re.M))
    missing = [f"{p} {c}" for p, c in shown if c not in _commands(p)]
    assert missing == []


def test_the_table_of_exit_codes_is_that_of_the_errors() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.M)}
    used = {
        error.exit_code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.PaymentError)
    }
    assert listed == used | {0, 3, 130}


def test_error_codes_mean_one_thing_each() -> None:
    classes = [
        error
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.PaymentError)
    ]
    assert len({error.code for error in classes}) == len(classes)


def test_every_setting_and_pay_type_is_in_the_readme() -> None:
    for setting in fields(Settings):
        assert f"`{setting.name}`" in README, setting.name
    for name in PAY_TYPES:
        assert f"`{name}`" in README, name


def test_every_path_the_map_names_exists() -> None:
    layers = "cli|web|app|services|config|gateways|storage|files|scripts|webhooks|model|sandbox"
    named = set(re.findall(rf"`((?:{layers})/[a-z_/]+\.py)", MAP))
    assert len(named) > 20
    missing = [name for name in named if not (ROOT / "payment_cli" / name).is_file()]
    assert missing == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("adding-*.md")), ids=lambda p: p.name)
def test_every_path_a_page_on_adding_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|md))", page.read_text())
    assert len(named) > 5
    places = (ROOT, ROOT / "payment_cli")
    assert [name for name in named if not any((place / name).is_file() for place in places)] == []


def test_nothing_says_how_or_where_it_was_written() -> None:
    words = re.compile(r"/work/|\bshared/(?!vectors)|\bLLM\b|\bassistant\b|\bGPT\b|claude", re.I)
    for path in [*ROOT.rglob("*.py"), *ROOT.rglob("*.md"), *ROOT.rglob("*.sh")]:
        if ".venv" in path.parts or path == Path(__file__):
            continue
        found = words.search(path.read_text())
        assert found is None, f"{path}: {found.group() if found else ''}"


def test_the_readmes_verifier_of_webhooks_is_the_example() -> None:
    example = (ROOT / "examples" / "verify_webhook.py").read_text()
    [shown] = re.findall(r"```python\n(.*?)```", README, re.S)
    function = shown[shown.index("def verify") :].strip()
    assert function in example
