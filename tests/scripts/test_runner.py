import errno
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from decimal import Decimal
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from payment_cli.errors import StorageError
from payment_cli.model.codec import decode
from payment_cli.scripts import runner
from payment_cli.scripts.runner import OUTPUT_MAX, ScriptResult, run_script
from payment_cli.scripts.workplace import sweep_workplaces

#: Values that do something as soon as any shell reads them as text.
HOSTILE = [
    "'; touch PWNED; #",
    '"; touch PWNED; "',
    "$(touch PWNED)",
    "`touch PWNED`",
    "${id}$$ $((1+1)) ~ * ?",
    "a\nb\n\ntouch PWNED\n",
    "; touch PWNED &",
    "() { :;}; touch PWNED",
    "\\",
    " leading and trailing ",
    "-n",
    "茶 ¥ ✓",
]


@pytest.fixture
def run(tmp_path):
    home = tmp_path / "home"
    home.mkdir()

    def run(script, record=None, *, timeout_s=20, home=home) -> ScriptResult:
        script = script.encode() if isinstance(script, str) else script
        return run_script(
            script,
            {"id": "p1", "fee": 2300} if record is None else record,
            home=home,
            root=tmp_path,
            domain="cake",
            timeout_s=timeout_s,
        )

    run.home, run.place = home, tmp_path / ".journal/scripts"
    return run


@pytest.fixture
def out_of_time_when_ready(run, monkeypatch):
    """Let the time limit pass at the moment the script has made its file `ready`."""

    asked = count()

    def monotonic():
        # The first time asked is the start, however fast the script has been.
        return 1e9 if next(asked) and (run.home / "ready").exists() else 0

    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=monotonic))


def test_a_script_sees_the_record_as_shell_variables(run):
    result = run("echo paid ${fee} for $id")
    assert result == ScriptResult(0, "paid 2300 for p1\n", timed_out=False)


def test_shell_variables_are_not_exported_but_their_pay_names_are(run):
    result = run("env | sort", {"http_proxy": "evil", "fee": 1})
    names = [line.partition("=")[0] for line in result.output.splitlines()]
    own = {"HOME", "LANG", "PATH", "PAYMENT_DOMAIN", "PAYMENT_ROOT", "PAY_FEE", "PAY_HTTP_PROXY"}
    assert set(names) - {"PWD", "OLDPWD", "_", "SHLVL"} == own


def test_nothing_of_our_own_environment_leaks(run, monkeypatch):
    monkeypatch.setenv("SECRET_CANARY", "canary-7311")
    monkeypatch.setenv("BASH_ENV", "/dev/null")
    assert "canary-7311" not in run("env; set").output


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_data_in_every_way_it_arrives(run, value):
    result = run(
        'printf %s "$brief" > as_variable; printf %s "$PAY_BRIEF" > as_export; cat > stdin',
        {"id": "p1", "brief": value, "nested": {value: [value]}},
    )
    assert (result.exit_code, result.output) == (0, "")
    assert (run.home / "as_variable").read_bytes().decode() == value
    assert (run.home / "as_export").read_bytes().decode() == value
    stdin = json.loads((run.home / "stdin").read_bytes())
    assert stdin == {"id": "p1", "brief": value, "nested": {value: [value]}}
    assert names_in(run.home) == ["as_export", "as_variable", "stdin"]


def test_hostile_names_reach_only_stdin(run):
    record = {"$(touch PWNED)": 1, "a;touch PWNED;b": 2, "x\ntouch PWNED\n": 3, "a=b": 4}
    result = run("cat", record)
    assert json.loads(result.output) == record
    assert names_in(run.home) == []


def test_names_the_shell_and_the_loader_live_by_are_untouched(run):
    record = dict.fromkeys(
        ["PATH", "IFS", "LD_PRELOAD", "ENV", "BASH_ENV", "PS4", "HOME", "LANG", "SHELLOPTS"], "evil"
    )
    result = run("set -x; echo one two | { read a b; echo $b; env; }", record)
    assert "two" in result.output
    changed = [x for x in result.output.splitlines() if "=evil" in x and x[:4] != "PAY_"]
    assert changed == []


def test_the_whole_record_is_on_stdin_exactly(run):
    record = {"rate": Decimal("0.80"), "nul": "a\0b", "half": "\ud800", "deep": {"a": [None, True]}}
    assert decode(run("cat", record).output) == record


def test_a_value_too_large_for_an_environment_is_only_on_stdin(run):
    result = run('echo "[$big][$id]"; wc -c', {"id": "p1", "big": "x" * 300_000})
    first, size = result.output.splitlines()
    assert first == "[][p1]"
    assert int(size) > 300_000


def test_ten_thousand_fields_start_all_the_same(run):
    record = {f"field_{n}": "x" * 200 for n in range(10_000)} | {"id": "p1"}
    assert run("echo $id; /bin/true && echo started", record).output == "p1\nstarted\n"


def test_a_script_that_does_not_read_its_stdin_is_not_blocked_by_a_large_record(run):
    assert run("echo done", {"big": "x" * 1_000_000}).output == "done\n"


def test_a_script_with_an_interpreter_line_is_executed_by_it(run):
    result = run(
        "#!/usr/bin/env python3\nimport os, sys, json\n"
        "print(os.environ['PAY_FEE'], json.load(sys.stdin)['fee'], 'fee' in os.environ)\n"
    )
    assert (result.exit_code, result.output) == (0, "2300 2300 False\n")


def test_a_script_can_call_pay_and_payment(run):
    result = run("command -v pay && command -v payment")
    assert result.exit_code == 0
    assert [Path(line).name for line in result.output.splitlines()] == ["pay", "payment"]


def test_a_script_knows_where_and_for_whom_it_runs(run, tmp_path):
    result = run('echo "$PAYMENT_ROOT $PAYMENT_DOMAIN $HOME"; pwd; umask')
    home = run.home
    assert result.output == f"{tmp_path} cake {home}\n{home}\n0077\n"


def test_without_a_home_folder_it_runs_in_the_root_folder(run, tmp_path):
    assert run("pwd", home=tmp_path / "missing").output == "/\n"


def test_it_inherits_no_descriptor_and_leads_its_own_session(run):
    keeper = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(keeper, True)
    try:
        result = run("#!/bin/sh\nls /proc/self/fd | wc -l; ps -o sid= -p $$ | tr -d ' '; echo $$")
    finally:
        os.close(keeper)
    descriptors, session, process = result.output.split()
    assert descriptors == "4"  # the three standard ones and the one `ls` reads the folder with
    assert session == process


@pytest.mark.parametrize(
    ("script", "code"), [("exit 7", 7), ("false", 1), ("kill -9 $$", 137), ("if", 2), ("", 0)]
)
def test_the_exit_code_is_the_scripts_own(run, script, code):
    assert run(script).exit_code == code


def test_a_complaint_of_the_shell_names_the_scripts_own_line(run):
    result = run("true\ntrue\nnosuchcommand")
    assert result.exit_code == 127
    assert re.search(r": (line )?3: .*nosuchcommand", result.output)


def test_both_streams_are_kept_in_the_order_they_were_written(run):
    assert run("echo one; echo two >&2; echo three").output == "one\ntwo\nthree\n"


def test_endless_output_is_read_on_but_cut(run):
    result = run("head -c 3000000 /dev/zero | tr '\\0' x; echo the end >&2; exit 3")
    assert result.exit_code == 3
    kept, note = result.output.splitlines()
    assert kept == "x" * OUTPUT_MAX
    assert note == f"[output cut after {OUTPUT_MAX} bytes]"


def test_output_of_exactly_the_limit_is_whole(run):
    assert run(f"head -c {OUTPUT_MAX} /dev/zero | tr '\\0' x").output == "x" * OUTPUT_MAX


def test_output_that_is_no_text_is_made_text(run):
    assert run("printf 'a\\000b\\377'").output == "a\ufffdb\ufffd"


def test_a_character_split_by_the_cut_is_dropped(run):
    result = run(f"head -c {OUTPUT_MAX - 1} /dev/zero | tr '\\0' x; printf 茶茶")
    assert result.output.startswith("x" * (OUTPUT_MAX - 1) + "\n[output cut")


def test_a_script_that_runs_out_of_time_is_ended_with_its_children(run, out_of_time_when_ready):
    result = run("echo $$; sleep 600 & touch ready; sleep 600")
    assert (result.exit_code, result.timed_out) == (124, True)
    group, note = result.output.splitlines()
    assert note == "[ended after 20 seconds]"
    assert_group_is_gone(int(group))


def test_a_script_that_ignores_the_polite_signal_is_killed(
    run, out_of_time_when_ready, monkeypatch
):
    monkeypatch.setattr(runner, "TERM_GRACE_S", 0.2)
    result = run("trap '' TERM; echo $$; touch ready; while :; do sleep 600; done")
    assert (result.exit_code, result.timed_out) == (124, True)
    assert_group_is_gone(int(result.output.split()[0]))


def test_a_script_may_tidy_up_before_it_is_killed_but_still_has_timed_out(
    run, out_of_time_when_ready
):
    result = run("trap 'echo tidied; exit 0' TERM; touch ready; sleep 600 & wait")
    assert (result.exit_code, result.timed_out) == (124, True)
    assert result.output == "tidied\n[ended after 20 seconds]\n"


def test_a_process_left_behind_neither_holds_up_the_result_nor_survives_it(run):
    result = run("echo $$; sleep 600 &\nexit 5")
    assert result.exit_code == 5
    assert_group_is_gone(int(result.output))


def test_a_script_that_closes_its_output_early_is_still_waited_for(run):
    result = run("exec >&- 2>&-; sleep 0.2; echo late > late; exit 4")
    assert result.exit_code == 4
    assert (run.home / "late").exists()


@pytest.mark.parametrize("interpreter", ["/no/such/interpreter", ""])
def test_a_script_that_can_not_be_started_is_a_result(run, interpreter):
    result = run(f"#!{interpreter}\ntrue\n")
    assert result.exit_code == 126
    assert result.output.startswith(f"could not start the script (#!{interpreter}): ")


PASSING = [errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT]


@pytest.mark.parametrize("number", PASSING, ids=errno.errorcode.get)
@pytest.mark.parametrize("at", ["make_workplace", "write_new", "subprocess.Popen"])
def test_what_is_not_the_scripts_own_fault_passes_and_nothing_ran(run, mocker, at, number):
    mocker.patch(f"payment_cli.scripts.runner.{at}", side_effect=OSError(number, "no room"))
    with pytest.raises(StorageError) as error:
        run("touch ran")
    assert str(error.value) == "could not start the script (touch ran): no room"
    assert names_in(run.home) == []
    assert names_in(run.place) == [] if run.place.exists() else at == "make_workplace"


def test_without_descriptors_nothing_ran_and_it_may_later(run):
    kept = []
    try:
        with suppress(OSError):
            while True:
                kept.append(os.open("/dev/null", os.O_RDONLY))
        with pytest.raises(StorageError, match="Too many open files"):
            run("touch ran")
    finally:
        for descriptor in kept:
            os.close(descriptor)
    assert names_in(run.home) == []
    assert run("echo later").output == "later\n"


def test_a_shell_that_did_not_come_to_the_script_ran_nothing_of_it(run, mocker):
    mocker.patch.object(runner, "_watchdog", return_value=b"echo Cannot fork; exit 2\n")
    with pytest.raises(StorageError, match=r"\(touch ran\): Cannot fork"):
        run("touch ran")
    assert names_in(run.home) == []


def test_a_script_may_throw_its_own_files_away_and_fail(run):
    assert run("rm -r ${0%/*}; exit 3").exit_code == 3


def test_a_script_runs_though_another_process_has_its_file_open(run, mocker):
    kept = []
    real = runner.write_new

    def also_kept(folder_fd, name, data):
        written = real(folder_fd, name, data)
        kept.append(os.dup(written))
        return written

    mocker.patch.object(runner, "write_new", also_kept)
    try:
        assert run("#!/bin/sh\necho here").output == "here\n"
    finally:
        for descriptor in kept:
            os.close(descriptor)


def test_nothing_of_a_run_is_outside_the_tree(run, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    path = Path(run("echo ${0%/*}").output.strip())
    assert path.parent == run.place
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert names_in(run.place) == []


@pytest.mark.parametrize(
    "script",
    [
        "wait; echo done",
        f"#!{sys.executable}\nimport os\ntry: os.wait()\nexcept OSError: print('done')",
    ],
)
def test_a_script_that_waits_for_its_children_has_none_of_ours(run, script):
    assert run(script).output == "done\n"


RUN = """
import sys
from pathlib import Path
from payment_cli.scripts.runner import run_script
home, script, limit = Path(sys.argv[1]), sys.argv[2].encode(), float(sys.argv[3])
run_script(script, {}, home=home, root=home.parent, domain="cake", timeout_s=limit)
"""


@pytest.fixture
def killed_runner(run):
    """Start a script in a process of its own, and kill that; return the script's process group."""

    def kill(script, timeout_s=1):
        process = subprocess.Popen([sys.executable, "-c", RUN, run.home, script, str(timeout_s)])
        try:
            return int(text_of(run.home / "group"))
        finally:
            process.kill()
            process.wait()

    return kill


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_a_script_whose_runner_was_killed_still_has_a_time_limit(run, killed_runner, trap):
    group = killed_runner(f"{trap}echo $$ > new; mv new group; while :; do sleep 600; done")
    assert_group_is_gone(group)


def test_the_folder_of_a_killed_runner_is_kept_for_its_script_and_then_swept(run, killed_runner):
    os.mkfifo(run.home / "go")
    script = "echo $$ > new; mv new group; read x < go; cat $0 > new; mv new seen; sleep 600"
    group = killed_runner(script, timeout_s=600)
    sweep_workplaces(run.home.parent)
    assert len(names_in(run.place)) == 1
    (run.home / "go").write_text("now\n")
    assert "callback" in text_of(run.home / "seen")
    os.killpg(group, signal.SIGKILL)
    assert_group_is_gone(group)
    sweep_workplaces(run.home.parent)
    assert names_in(run.place) == []


def test_a_run_that_ended_leaves_no_watchdog(run):
    group = int(run("echo $$").output)
    assert_group_is_gone(group)


def test_its_files_are_private_whatever_the_umask_and_gone_afterwards(run):
    before = os.umask(0)
    try:
        result = run("stat -c '%a %n' ${0%/*} ${0%/*}/*")
    finally:
        os.umask(before)
    modes = [line.split() for line in result.output.splitlines()]
    assert [(mode, Path(name).name) for mode, name in modes[1:]] == [
        ("600", "begun"),
        ("600", "callback"),
        ("600", "record.json"),
        ("600", "start"),
    ]
    assert modes[0][0] == "700"
    assert not Path(modes[0][1]).exists()


def test_an_interrupted_run_leaves_no_script_behind(run, mocker):
    mocker.patch.object(runner, "_collect", side_effect=KeyboardInterrupt)
    started = mocker.spy(subprocess, "Popen")
    with pytest.raises(KeyboardInterrupt):
        run("sleep 600")
    assert_group_is_gone(started.spy_return.pid)


def test_scripts_run_side_by_side_in_threads(run):
    results = {}

    def one(number):
        results[number] = run("echo $n", {"n": number}).output

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: f"{number}\n" for number in range(8)}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def text_of(path: Path) -> str:
    """Return what a process writes into a file, as soon as it is there and whole."""
    deadline = time.monotonic() + 30
    while not path.exists() or not path.read_text().endswith("\n"):
        assert time.monotonic() < deadline, path
    return path.read_text()


def assert_group_is_gone(group: int) -> None:
    """Every member has been killed; what is left can only be a zombie nobody has collected."""
    deadline = time.monotonic() + 30
    while members := living_members(group):
        # A killed process may need a moment on the processor to die.
        assert time.monotonic() < deadline, members


def living_members(group: int) -> list[str]:
    listing = subprocess.run(
        ["ps", "-A", "-o", "pgid=,stat=,args="], capture_output=True, text=True, check=True
    ).stdout
    members = [line for line in listing.splitlines() if line.split()[0] == str(group)]
    return [line for line in members if "Z" not in line.split()[1]]
