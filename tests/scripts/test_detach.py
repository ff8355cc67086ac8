import os
import select
import subprocess
import sys

import pytest

from payment_cli.scripts.detach import start_detached

TELL = "import os, sys; open(sys.argv[1], 'w').write(eval(sys.argv[2]))"


class Fifo:
    """Where the detached command, which is nobody's child, can tell us something, once."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = str(path)
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def read(self):
        assert select.select([self._reader], [], [], 30)[0], "the command never spoke"
        return os.read(self._reader, 65536).decode()

    def close(self):
        os.close(self._reader)


@pytest.fixture
def fifo(tmp_path):
    fifo = Fifo(tmp_path / "fifo")
    yield fifo
    fifo.close()


@pytest.fixture
def ask(fifo):
    """Start a detached Python that evaluates an expression and tells us the text."""

    def ask(expression, env=None):
        start_detached([sys.executable, "-c", TELL, fifo.path, expression], env or {})
        return fifo.read()

    return ask


def test_the_command_runs_with_exactly_the_given_environment(ask):
    env = {"PAYMENT_ROOT": "/r", "HOSTILE": "'; $(touch PWNED) `x`\n"}
    seen = eval(ask("repr(dict(os.environ))", env))
    assert {k: v for k, v in seen.items() if k not in {"PWD", "OLDPWD", "LC_CTYPE", "_"}} == env


def test_arguments_arrive_as_they_are(fifo):
    hostile = ["a b", "'; touch PWNED; #", "$(touch PWNED)", "", "-n", "*", "\n"]
    code = "import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:]))"
    start_detached([sys.executable, "-c", code, fifo.path, *hostile], {})
    assert eval(fifo.read()) == hostile


def test_it_has_its_own_session_and_is_not_our_child(ask):
    session, parent = eval(ask("repr((os.getsid(0), os.getppid()))"))
    assert session != os.getsid(0)
    assert parent != os.getpid()


def test_it_inherits_no_descriptor(ask):
    keeper, other = os.pipe()
    os.set_inheritable(keeper, True)
    try:
        # 0-2 lead to /dev/null; one more is the folder being listed, one the FIFO.
        links, listing = eval(
            ask(
                "repr(([os.readlink(f'/proc/self/fd/{n}') for n in range(3)],"
                " os.listdir('/proc/self/fd')))"
            )
        )
    finally:
        os.close(keeper)
        os.close(other)
    assert links == ["/dev/null"] * 3
    assert len(listing) == 5


def test_it_leaves_no_zombie(ask):
    pid = ask("str(os.getpid())")
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(os.getpid())], capture_output=True, text=True
    ).stdout.split()
    assert pid not in children


def test_it_runs_in_the_root_folder(ask):
    assert ask("os.getcwd()") == "/"


def test_a_command_that_does_not_exist_is_not_our_trouble():
    start_detached(["/no/such/command"], {})
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # nothing of it is left to us


def test_a_shell_that_can_not_fork_is_an_error(mocker):
    mocker.patch("subprocess.run", return_value=subprocess.CompletedProcess([], 2))
    with pytest.raises(OSError, match="could not start pay"):
        start_detached(["pay", "apply", "p1"], {})
