"""The contracts that list folders by hand list all of them."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRACTS = {
    contract["name"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
}


def folders(floor: str) -> set[str]:
    place = ROOT / "payment_cli" / floor
    return {f"payment_cli.{floor}.{init.parent.name}" for init in place.glob("*/__init__.py")}


@pytest.mark.parametrize(
    ("name", "key", "floor", "files"),
    [
        ("Providers know nothing of each other in the gateways", "modules", "gateways", {"free"}),
        ("Providers know nothing of each other in the sandbox", "modules", "sandbox", set()),
        (
            "A provider's folder is behind the registry: only that imports it",
            "protected_modules", "gateways", set(),
        ),
    ],
)  # fmt: skip
def test_every_provider_is_in_the_contract(name, key, floor, files) -> None:
    listed = set(CONTRACTS[name][key])
    assert listed == folders(floor) | {f"payment_cli.{floor}.{file}" for file in files}


#: Who may open, read and write files, and why not through `files/`. Nobody else may: what lies in a
#: file's place may be a pipe, a link or endless, and this is looked at in one place.
FILES_ARE_OPENED_IN = {
    "files/safe_files.py": "it is how files are opened",
    "files/run_lock.py": "a lock in a folder that safe_files opened",
    "files/guarded.py": "it is how files are opened that are believed or run",
    "cli/payment/goods_files.py": "a file that a user names is read as it is given, in pieces",
    "cli/shell/output.py": "/dev/null, when nobody listens any more",
    "cli/shell/rows.py": "a file without a name, when a table is larger than its memory",
    "gateways/http_session.py": "a file of its own for OpenSSL, which reads none from memory",
    "sandbox/private_file.py": "the sandbox stands alone; it is how its files are opened",
    "sandbox/server.py": "the sandbox's lock",
    "scripts/workplace.py": "a folder of its own for a run of a script",
    "services/payments/refusals.py": "a counter in a folder that safe_files opened",
    "services/upkeep/doctor_tree.py": "/proc, and a file that shows the clock of the disk",
    "storage/tinydb.py": "the reference storage, for tests",
    "storage/tree/backup.py": "a copy into folders that safe_files opened",
    "storage/tree/manifest.py": "a file of a copy in a folder that safe_files opened",
    "storage/tree/connection.py": "fsync of a file in a folder that safe_files opened",
    "storage/tree/lock.py": "/proc, and the lock in a folder that safe_files opened",
    "storage/tree/sync.py": "fsync of a file in a folder that safe_files opened",
    "web/html.py": "pages of this package",
}

FUNCTIONS = {"open", "io.open", "os.open", "os.fdopen", "codecs.open"}
MODULES = {"shutil", "tempfile", "fileinput", "linecache", "mmap"}
METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "touch"}


def bare_calls(tree: ast.Module) -> Iterator[str]:
    """Yield the calls of a module that open a file by themselves."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = _dotted(node.func)
            first, _, rest = called.partition(".")
            if _is_bare(f"{names.get(first, first)}.{rest}".rstrip("."), node):
                yield called


def _dotted(node: ast.expr) -> str:
    """Return the name of what is called; `(…).name` where it is a method of a whole expression."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "(…)"


def _is_bare(called: str, node: ast.Call) -> bool:
    if called in FUNCTIONS or called.partition(".")[0] in MODULES:
        return True
    name = called.rpartition(".")[2]
    is_method = "." in called and not called.startswith("payment_cli.")
    return is_method and (name in METHODS or _opens_path(node, name))


def _opens_path(node: ast.Call, name: str) -> bool:
    """Whether it is `Path.open`: with a mode, or of a call of Path; others open a store or so."""
    func = node.func
    if name != "open" or not isinstance(func, ast.Attribute):
        return False
    modes = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
    is_path = isinstance(func.value, ast.Call) and _dotted(func.value.func) == "Path"
    return is_path or any(isinstance(mode, str) and mode.strip("rwabx+t") == "" for mode in modes)


@pytest.mark.parametrize(
    "code",
    [
        "open('x')", "import os\nos.open('x', 0)", "from os import open as o\no('x', 0)",
        "from pathlib import Path\nPath('x').open()", "path.open('rb')", "path.read_text('utf-8')",
        "path.parent.write_bytes(b'')", "import shutil\nshutil.copy('a', 'b')", "io.open('x')",
        "from tempfile import TemporaryDirectory\nTemporaryDirectory()", "(a / 'b').read_bytes()",
    ],
)  # fmt: skip
def test_a_bare_call_is_seen(code: str) -> None:
    assert len(list(bare_calls(ast.parse(code)))) == 1


def test_only_these_modules_open_files() -> None:
    package = ROOT / "payment_cli"
    found = {
        str(path.relative_to(package)): list(bare_calls(ast.parse(path.read_text())))
        for path in package.rglob("*.py")
    }
    assert {name for name, calls in found.items() if calls} == set(FILES_ARE_OPENED_IN)
