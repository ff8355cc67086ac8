"""The door: every error leaves as one line and one exit code, and stdout stays clean."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from inspect import signature
from pathlib import Path

import pytest

import payment_cli.app
from payment_cli.cli.main import run
from payment_cli.cli.shell.failures import describe
from payment_cli.errors import PaymentError

ONE_LINE = re.compile(r"pay: e\.pay\.[a-z]+: [^\n]+\n")


def failing_with(monkeypatch, error):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(payment_cli.app, "open_app", fail)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["get"], "Missing argument 'ID'"),
        (["get", "a1b2c3", "d4e5f6"], "unexpected extra argument"),
        (["get", "a1b2c3", "-stOK"], "there is no option '-stOK'"),
        (["get", "a1b2c3", "-t"], "-t needs a value"),
        (["get", "a1b2c3", "-t", "-b"], "-t needs a value, but '-b' follows"),
        (["query", "-limit", "x"], "not a valid integer"),
        (["query", "-limit", "0"], "not in the range"),
        (["query", "-skip", "-1"], "not in the range"),
        (["get", "a\0b"], "has a NUL character"),
        (["get", "a\udcff"], "is not UTF-8 text"),
        (["create", "-fee"], "-fee needs a value"),
    ],
)
def test_wrong_usage_is_one_line_with_exit_2_and_an_empty_stdout(pay, words, said):
    ran = pay(*words, exit_code=2)
    assert ONE_LINE.fullmatch(ran.err), ran.err
    assert said in ran.err
    assert ran.out == b""


def every_error(base: type[PaymentError] = PaymentError) -> list[type[PaymentError]]:
    return [cls for sub in base.__subclasses__() for cls in (sub, *every_error(sub))]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_each_of_our_errors_leaves_with_its_own_code_line_and_hint(pay, monkeypatch, kind):
    facts = [name for name in signature(kind).parameters if name not in ("hint", "message")]
    error = kind(*(facts or ["what happened"]))
    error.hint = "what to do"
    failing_with(monkeypatch, error)
    ran = pay("get", "a1b2c3", exit_code=kind.exit_code)
    assert ran.err == f"pay: {kind.code}: {error} (what to do)\n"
    assert ran.out == b""


def test_an_exit_code_has_one_code_but_where_a_caller_must_know_more():
    codes: dict[int, set[str]] = {}
    for kind in every_error():
        codes.setdefault(kind.exit_code, set()).add(kind.code)
    assert set(codes) == {2, 10, 11, 12, 20, 21, 22, 23, 24, 30, 31, 32, 40}
    assert codes.pop(10) == {"e.pay.noexists", "e.pay.ambiguous"}
    assert codes.pop(22) == {"e.pay.untrusted", "e.pay.unfit"}
    assert codes.pop(12) == {"e.pay.nopvg", "e.pay.session"}
    assert codes.pop(21) == {"e.pay.unknown", "e.pay.elsewhere"}
    assert codes.pop(40) == {"e.pay.config", "e.pay.owner", "e.pay.account"}
    assert all(len(meanings) == 1 for meanings in codes.values())


def test_json_errors_are_one_envelope_on_stderr(pay):
    ran = pay("get", "--json-errors", exit_code=2)
    assert json.loads(ran.err) == {
        "ok": False,
        "errCode": "e.pay.invalid",
        "msg": "Missing argument 'ID'",
        "hint": "see pay get --help",
        "exitCode": 2,
    }
    assert ran.err.count("\n") == 1
    assert ran.out == b""


@pytest.mark.parametrize("words", [["--json-errors", "nope"], ["get", "-x", "-json-errors"]])
def test_json_errors_holds_wherever_it_stands_and_whatever_is_wrong(pay, words):
    assert json.loads(pay(*words, exit_code=2).err)["errCode"] == "e.pay.invalid"


def test_a_bug_is_one_line_that_names_the_place_and_repeats_no_data(pay, monkeypatch):
    failing_with(monkeypatch, RuntimeError("auth code 134567890123456789"))
    ran = pay("get", "a1b2c3", exit_code=1)
    assert re.fullmatch(
        r"pay: e\.pay\.bug: RuntimeError in [\w.]+:\d+ \(a bug; please report it, .*\)\n", ran.err
    )
    assert "1345" not in ran.err


@pytest.mark.parametrize("place", [0, 2])
def test_debug_shows_the_traceback_before_the_line(pay, monkeypatch, place):
    failing_with(monkeypatch, RuntimeError("why"))
    words = ["get", "a1b2c3"]
    words.insert(place, "--debug")
    ran = pay(*words, exit_code=1)
    assert ran.err.startswith("Traceback (most recent call last):\n")
    assert ran.err.splitlines()[-1].startswith("pay: e.pay.bug: ")


def test_no_traceback_without_debug(pay, monkeypatch):
    failing_with(monkeypatch, RuntimeError("why"))
    assert "Traceback" not in pay("get", "a1b2c3", exit_code=1).err


def test_ctrl_c_is_130(pay, monkeypatch):
    failing_with(monkeypatch, KeyboardInterrupt())
    ran = pay("get", "a1b2c3", exit_code=130)
    assert ran.err.strip() == ""


def test_a_disk_that_refuses_is_a_storage_error_and_no_bug(pay, monkeypatch):
    failing_with(monkeypatch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/x/y"))
    ran = pay("get", "a1b2c3", exit_code=30)
    assert ran.err == (
        "pay: e.pay.storage: the operating system refused: /x/y: No space left on device\n"
    )


def test_control_characters_of_strangers_never_reach_the_terminal(pay, monkeypatch):
    failing_with(monkeypatch, PaymentError("gateway said \x1b[2J\x9b31m \u202eevil\nsecond line"))
    ran = pay("get", "a1b2c3", exit_code=1)
    assert ran.err[:-1].isprintable()
    assert ran.err.count("\n") == 1


def test_a_closed_stderr_changes_no_exit_code(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert run("pay", ["nope"]) == 2


def test_a_value_of_any_length_is_quoted_in_part(pay):
    said = pay("query", "-limit", "9" * 100_000, exit_code=2).err
    assert len(said) < 600
    assert "-limit" in said
    assert said.rstrip().endswith("(see pay query --help)")


def test_click_errors_without_a_context_are_described():
    import click

    assert describe(click.UsageError("Odd.")).message == "Odd"
    assert describe(click.FileError("x", "gone")).exit_code == 2


# The real programs, where only a process shows it.


def buffered(**more: str) -> dict[str, str]:
    """Return the environment in earnest: what is left in a buffer is tripped over at the end."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"} | more


def started(*words: str, **kwargs: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "payment_cli.cli.main", *words],
        capture_output=kwargs.pop("capture_output", True),
        text=True,
        check=False,
        timeout=60,
        env=buffered(),
        **kwargs,
    )


def test_the_program_is_started_by_its_module_too():
    done = started("pay", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: pay ")


def test_a_full_disk_behind_stdout_is_an_error():
    with Path("/dev/full").open("w") as full:
        done = started("pay", "sandbox", "misbehave", capture_output=False, stdout=full, stderr=-1)
    assert done.returncode == 30
    assert done.stderr == "pay: e.pay.storage: stdout can't be written: No space left on device\n"


def test_a_closed_stdout_is_an_error():
    code = 'exec "$0" -m payment_cli.cli.main pay sandbox misbehave >&-'
    done = subprocess.run(
        ["sh", "-c", code, sys.executable], capture_output=True, text=True, check=False
    )
    assert done.returncode == 30
    assert "stdout is closed" in done.stderr


def test_a_reader_that_goes_away_ends_it_silently():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        done = started("pay", "sandbox", "misbehave", capture_output=False, stdout=pipe, stderr=-1)
    assert (done.returncode, done.stderr) == (141, "")


def test_output_is_utf8_whatever_the_locale():
    env = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "payment_cli.cli.main", "pay", "sandbox", "misbehave"],
        capture_output=True,
        env=env,
        check=False,
    )
    assert done.returncode == 0
    assert "WECHATPAY/SIGNTEST/…".encode() in done.stdout


# How a process ends: at once, and what Python's own way out does for others is done.

AS_PAY = "import atexit, gc, os, signal, sys, threading\nfrom payment_cli.cli import main\n"


def ended(code: str, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Be a process that runs `code`, then the entry point of `pay` with `words`."""
    return subprocess.run(
        [sys.executable, "-c", f"{AS_PAY}{code}\nmain.pay()\nprint('it returned')", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=buffered(**env),
    )


def test_exit_handlers_run_once_and_the_last_one_first():
    handlers = "[atexit.register(print, word, file=sys.stderr) for word in ('second', 'first')]"
    done = ended(handlers, "sandbox", "misbehave")
    assert (done.returncode, done.stderr) == (0, "first\nsecond\n")
    assert "it returned" not in done.stdout


def test_a_failing_exit_handler_changes_no_exit_code():
    assert ended("atexit.register(lambda: 1 / 0)", "nope").returncode == 2


def test_what_a_command_printed_before_it_failed_is_printed():
    done = ended("main.run = lambda *_: sys.stdout.write('half a page') and 32")
    assert (done.returncode, done.stdout, done.stderr) == (32, "half a page", "")


@pytest.mark.parametrize("gone", ["sys.stdout = sys.stderr = None", "os.close(1)"])
def test_a_command_that_failed_keeps_its_exit_code_where_nobody_listens(gone):
    done = ended(f"def run(*_):\n    print('half')\n    {gone}\n    return 32\nmain.run = run")
    assert (done.returncode, done.stdout, done.stderr) == (32, "", "")


THREAD = """
def late():
    threading.main_thread().join()
    print("the thread is done")

main.run = lambda *_: threading.Thread(target=late).start() or 3
"""


def test_threads_that_are_left_are_waited_for():
    done = ended(THREAD)
    assert (done.returncode, done.stdout) == (3, "the thread is done\n")


def test_ctrl_c_while_it_ends_changes_no_exit_code():
    done = ended("threading.active_count = lambda: signal.raise_signal(signal.SIGINT)", "nope")
    assert done.returncode == 2
    assert ONE_LINE.fullmatch(done.stderr)


# A shell without a terminal starts what it puts into the background with Ctrl-C ignored.
WAITING = """
import payment_cli.app
signal.signal(signal.SIGINT, signal.default_int_handler)
payment_cli.app.open_app = lambda *_: print("ready", flush=True) or signal.pause()
main.pay()
"""


def test_ctrl_c_while_it_works_is_130():
    process = subprocess.Popen(
        [sys.executable, "-c", AS_PAY + WAITING, "get", "a1b2c3"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out, err.strip()) == (130, "", "")


@pytest.mark.usefixtures("shop")
def test_the_journal_is_closed_when_a_process_ends(root):
    done = ended("", "create", "-fee", "2300", PAYMENT_ROOT=str(root), PAYMENT_DOMAIN="demo")
    assert done.returncode == 0, done.stderr
    assert not list(root.glob(".journal/*-wal"))  # the last one to close merges and removes it


LOOKING = """
looked = []
gc.callbacks.append(lambda phase, _: looked.append(phase))
atexit.register(lambda: print(len(looked), file=sys.stderr))
"""

LONG_WORK = """
def run(*_):
    for _ in range(60_000):
        cycle = []
        cycle.append(cycle)
    return 0

main.run = run
"""


def test_a_short_command_never_looks_for_garbage_and_long_work_does():
    assert ended(LOOKING, "sandbox", "misbehave").stderr == "0\n"
    assert int(ended(LOOKING + LONG_WORK).stderr) > 0
