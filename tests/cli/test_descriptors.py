"""A machine that has no more descriptors is no bug of ours: exit 30, whatever was being loaded."""

import subprocess
import sys

import pytest

from payment_cli.cli.shell.failures import describe

#: Runs a command with so many descriptors, once Python itself is started.
_RUN = """
import resource, sys
from payment_cli.cli.main import run
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
sys.exit(run(sys.argv[2], sys.argv[3:]))
"""

COMMANDS = [
    ("pay", "create", "-fee", "2"),
    ("pay", "query"),
    ("pay", "check", "--pending"),
    ("pay", "send", "{id}", "wx.qrcode"),
    ("payment", "w", "list"),
    ("payment", "tick"),
    ("payment", "backup", "copy"),
]


def ran(*words: str, limit: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _RUN, str(limit), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words[:3]))
@pytest.mark.parametrize(
    "limits", [(3, 6), pytest.param(range(3, 24), marks=pytest.mark.slow)], ids=["few", "all"]
)
def test_a_command_without_descriptors_exits_30_and_names_no_bug(
    pay, shop, tmp_path, monkeypatch, command, limits
):
    monkeypatch.chdir(tmp_path)
    made = pay("create", "-fee", 2300).json["id"]
    words = [word.replace("{id}", made) for word in command]
    codes = set()
    for limit in limits:
        done = ran(*words, limit=limit)
        codes.add(done.returncode)
        assert done.returncode != 1, (limit, done.stderr)
        assert "Traceback" not in done.stderr, (limit, done.stderr)
        assert len(done.stderr.splitlines()) <= 1, (limit, done.stderr)
    assert 30 in codes


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libx.so: cannot open shared object file: Too many open files"),
        ImportError("libx.so: failed to map segment: Cannot allocate memory"),
        MemoryError(),
    ],
)
def test_what_the_machine_lacks_while_loading_is_said(error):
    assert describe(error).exit_code == 30
    assert "refused" in describe(error).message


def test_a_module_that_is_missing_is_a_bug_of_the_installation():
    assert describe(ImportError("no module named x")).exit_code == 1
