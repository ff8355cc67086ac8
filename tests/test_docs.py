"""The documents tell the truth about commands, exit codes, settings and places."""

import math
import re
import tomllib
from pathlib import Path

import pytest

from payment_cli import errors
from payment_cli.cli import programs
from payment_cli.cli.main import INTERRUPTED
from payment_cli.cli.pay.results import EXIT_STATUS
from payment_cli.cli.shell.output import BROKEN_PIPE
from payment_cli.config.settings import Settings
from payment_cli.model.payments.pay_type import PAY_TYPES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PACKAGE = ROOT / "payment_cli"
MAP = (PACKAGE / "README.md").read_text()


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
    assert listed == used | {*EXIT_STATUS.values(), INTERRUPTED, BROKEN_PIPE}


def test_error_codes_mean_one_thing_each() -> None:
    classes = [
        error
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.PaymentError)
    ]
    assert len({error.code for error in classes}) == len(classes)


def test_every_setting_and_pay_type_is_in_the_readme() -> None:
    for name in Settings._fields:
        assert f"`{name}`" in README, name
    for name in PAY_TYPES:
        assert f"`{name}`" in README, name


def _folders(place: Path) -> set[str]:
    return {path.name for path in place.iterdir() if (path / "__init__.py").is_file()}


def _places(named: str) -> list[Path]:
    """Where a name on the map is; `<provider>` stands for each of them."""
    providers = _folders(PACKAGE / "gateways")
    return [PACKAGE / path for path in {named.replace("<provider>", each) for each in providers}]


def test_every_path_the_map_names_exists() -> None:
    named = set(re.findall(r"`((?:\.\./)?[\w./<>-]+(?:/|\.py|\.md|\.toml))", MAP))
    assert len(named) > 90
    missing = [name for name in named if not all(place.exists() for place in _places(name))]
    assert missing == []


def test_every_name_the_map_gives_a_file_is_in_it() -> None:
    named = re.findall(r"`([\w/<>]+\.py): (\w+)`", MAP)
    assert len(named) > 30
    missing = [
        f"{path}: {name}"
        for path, name in named
        for place in _places(path)
        if not re.search(rf"^\s*(class |def )?{name}\b", place.read_text(), re.M)
    ]
    assert missing == []


def test_every_floor_and_wing_is_on_the_map() -> None:
    floors = _folders(PACKAGE)
    assert set(re.findall(r"^\| `(\w+)/` \|", MAP, re.M)) == floors
    wings = set.union(*(_folders(PACKAGE / floor) for floor in floors))
    [table] = re.findall(r"\| wing \|.*?\n\n", MAP, re.S)
    rows = re.findall(r"^\| ([\w, ]+) \| ([\w, ]+) \|", table, re.M)
    listed = [
        (wing, floor)
        for wings, on in rows[1:]
        for wing in wings.split(", ")
        for floor in on.split(", ")
    ]
    assert {wing for wing, _ in listed} == wings
    assert [pair for pair in listed if pair[0] not in _folders(PACKAGE / pair[1])] == []


def test_the_maps_times_are_those_of_the_code() -> None:
    second = {"s": 1, "min": 60, "h": 3600, "d": 86_400}
    unit = {"_MS": 0.001, "_S": 1, "_s": 1, "_DAYS": 86_400}
    [table] = re.findall(r"\| what \| how long \|.*?\n\n", MAP, re.S)
    rows = re.findall(r"^\| .* \| [^\d\n]*(\d+) (\w+) \| `([\w/]+\.py): (\w+)` \|$", table, re.M)
    assert len(rows) == table.strip().count("\n") - 1, "a row that can't be read"
    for number, named, path, name in rows:
        [value] = re.findall(
            rf"^\s*{name}\b[^=\n]*= ([\d_.* ]+)$", (PACKAGE / path).read_text(), re.M
        )
        there = math.prod(float(part) for part in value.split("*"))
        there *= next((each for end, each in unit.items() if name.endswith(end)), 60)
        assert int(number) * second[named] == there, f"{path}: {name}"


def test_every_file_that_a_module_names_is_there() -> None:
    """From its own folder, the package, or the root; `<…>/` before a name stands for any folder."""
    missing = []
    for path in PACKAGE.rglob("*.py"):
        named = set(re.findall(r"(?<![\w.>/*])[\w/]*\w\.(?:py|js|css)\b", path.read_text()))
        places = (path.parent, PACKAGE, ROOT)
        lost = [name for name in named if not any((at / name).is_file() for at in places)]
        missing += [f"{path.relative_to(ROOT)}: {name}" for name in lost]
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


def test_every_fragment_of_the_changelog_can_be_collected() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["scriv"]
    for fragment in (ROOT / "changelog.d").glob("[0-9]*.md"):
        headings = re.findall(r"^#+ .*$", fragment.read_text(), re.M)
        assert headings, fragment
        assert {heading.removeprefix("### ") for heading in headings} <= {*settings["categories"]}


def test_every_decision_is_in_the_index_under_its_title() -> None:
    decisions = ROOT / "docs" / "decisions"
    index = (decisions / "README.md").read_text()
    pages = sorted(decisions.glob("[0-9]*.md"))
    titles = [page.read_text().splitlines()[0].removeprefix("# ") for page in pages]
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers == list(range(1, len(pages) + 1)), "a number is missing, or there twice"
    listed = re.findall(r"^(\d+\.) \[(.*)\]\((.*)\)$", index, re.M)
    assert [(f"{number} {title}", name) for number, title, name in listed] == [
        (title, page.name) for title, page in zip(titles, pages, strict=True)
    ]
