"""What a command may import: every start pays for it, and scripts start thousands.

Whoever adds an import that a table here does not know makes these commands slower, as a rule
without meaning to: import it in the function that needs it, or under TYPE_CHECKING. `python -X
importtime` shows what a module costs, `python -m tests.bench cold_start` what a command does.
"""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.usefixtures("shop")

#: Nothing that a short command needs; each costs milliseconds. Names stand for what is in them.
HEAVY = (
    "requests", "urllib3", "cryptography", "rich", "qrcode", "re2", "pyjson5", "tinydb", "sqlite3",
    "phonenumbers", "pycountry", "gunicorn", "json", "hashlib", "ssl", "socket", "http", "asyncio",
    "multiprocessing", "concurrent", "email", "tomllib", "subprocess", "xml", "wsgiref", "logging",
    "locale", "ctypes", "dataclasses", "importlib.metadata", "encodings.ascii", "pathlib",
)  # fmt: skip

#: Ours that have much in them, or lead there.
OURS = (
    "payment_cli.model.query", "payment_cli.model.shop", "payment_cli.model.events",
    "payment_cli.model.payments.pay_type", "payment_cli.services.shop",
    "payment_cli.services.events", "payment_cli.services.upkeep",
    "payment_cli.services.consequences", "payment_cli.services.follow_up",
    "payment_cli.services.payments.ask", "payment_cli.services.payments.check",
    "payment_cli.services.payments.send", "payment_cli.services.payments.apply",
    "payment_cli.gateways", "payment_cli.config.accounts", "payment_cli.scripts",
    "payment_cli.webhooks", "payment_cli.web", "payment_cli.sandbox", "payment_cli.app.shop",
    "payment_cli.storage.tinydb", "payment_cli.storage.tree.connection",
    "payment_cli.storage.tree.plan", "payment_cli.storage.tree.writer",
    "payment_cli.storage.tree.scan", "payment_cli.storage.tree.recovery",
    "payment_cli.storage.tree.fsck",
)  # fmt: skip

#: What asks the journal needs SQLite.
JOURNAL = {"sqlite3", "pathlib", "payment_cli.storage.tree.connection"}

#: A page of records is a match, planned as SQL. The parts of a match are dataclasses.
QUERY = {*JOURNAL, "dataclasses", "payment_cli.model.query", "payment_cli.storage.tree.plan"}

#: The log keeps the digest of each file that is written.
WRITE = {*JOURNAL, "payment_cli.storage.tree.writer", "hashlib"}


def imported_by(program: str, *words: str, env: dict[str, str]) -> set[str]:
    code = (
        "import sys\nfrom payment_cli.cli.main import run\n"
        f"code = run({program!r}, {list(words)!r})\n"
        "sys.stderr.write('\\n'.join(sys.modules))\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def within(modules: set[str], names: tuple[str, ...]) -> set[str]:
    """Return which of `names` are among the modules, or have one of them in them."""
    return {name for name in names if any(m == name or m.startswith(f"{name}.") for m in modules)}


@pytest.mark.parametrize(
    ("words", "may"),
    [
        ("get ID", {"sqlite3"}),  # the record's file, and one look at what the journal has
        ("get FRAGMENT", JOURNAL),  # which ids there are, only the journal knows
        ("create -fee 2300 -br Tea", WRITE),
        ("query", QUERY),
        ("check --pending", QUERY),  # nothing is due: no gateway, no account
    ],
)
def test_a_command_imports_what_it_needs_and_nothing_else_that_is_heavy(pay, root, words, may):
    made = pay("create", "-fee", 2300).json["id"]
    named = words.replace("ID", made).replace("FRAGMENT", made[-8:]).split()
    env = {**os.environ, "PAYMENT_ROOT": str(root), "PAYMENT_DOMAIN": "demo"}
    modules = imported_by("pay", *named, env=env)
    assert within(modules, HEAVY + OURS) == may
    commands = {name for name in modules if name.startswith("payment_cli.cli.pay")}
    assert commands == {"payment_cli.cli.pay", f"payment_cli.cli.pay.{named[0]}"}


@pytest.mark.parametrize("program", ["pay", "payment"])
def test_the_help_of_a_program_imports_no_command_and_no_service(program):
    modules = imported_by(program, "--help", env={**os.environ})
    ours = {name for name in modules if name.startswith("payment_cli.")}
    assert not {name for name in ours if name.startswith("payment_cli.cli.pay")}
    assert not {name for name in ours if name.split(".")[1] in ("app", "services", "storage")}
    assert within(modules, HEAVY + OURS) <= {"locale"}  # Click asks for its words in your language
