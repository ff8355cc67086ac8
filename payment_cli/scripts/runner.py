"""Runs a payment's script: metadata goes in as data, a bounded result comes out.

It starts processes and knows nothing of payments' states; claiming before and recording after a
run is the caller's work (services). A script that names no interpreter of this machine is a result:
it failed. If it can't be started for what is not its own fault (no memory, no descriptor, a full
disk) that is an error, which passes. In both cases it is certain that nothing of it ran.

A runner may be killed itself. So every run has a watchdog, a shell in the script's own process
group that sleeps until the time limit is over and then ends the group; a run's end ends it, too.
"""

import math
import os
import selectors
import shlex
import signal
import stat
import subprocess
import time
from codecs import getincrementaldecoder
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from errno import EACCES
from pathlib import Path

from payment_cli.errors import CorruptRecordError, StorageError
from payment_cli.files.safe_files import write_new
from payment_cli.model.codec import encode
from payment_cli.model.record import Record
from payment_cli.scripts.environment import script_environment, script_variables, shell_prelude
from payment_cli.scripts.workplace import Workplace, make_workplace

#: How much of a script's output is kept, in bytes.
OUTPUT_MAX = 64 * 1024

#: Exit codes that are ours, with the meaning they have for `timeout` and for a shell.
TIMED_OUT = 124
NOT_STARTED = 126

#: How long a script that ran out of time may tidy up before it is killed.
TERM_GRACE_S = 2.0

#: How much longer than the time limit the watchdog sleeps: a runner that lives is first.
WATCHDOG_SLACK_S = 1

#: How often a silent script is looked at: its own process may have ended while something it left
#: behind keeps its output open.
TICK_S = 0.1


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """How a run ended.

    `exit_code` is the script's own, 128 + n if signal n ended it, 124 if it ran out of time, 126
    if it could not be started. `output` is stdout and stderr in the order they were written, cut
    at 64 KiB with a note.
    """

    exit_code: int
    output: str
    timed_out: bool = False


def run_script(
    script: bytes,
    record: Record,
    *,
    home: Path,
    root: Path,
    domain: str,
    timeout_s: float,
) -> ScriptResult:
    """Run `script` for `record` as `domain`, whose home is `home`, in the tree at `root`; wait.

    A script that starts with `#!` is read by that interpreter, any other by /bin/sh. It gets the
    record's fields as `$PAY_<FIELD>` (a shell script also as `${field}`, not exported) and the
    whole record as JSON on stdin. It runs in its own session, in `home`, with no descriptors of
    ours. When it ends, or after `timeout_s`, whatever is left of its process group is ended too.

    Raises:
        StorageError: nothing of it ran, for a reason that passes.
    """
    cwd = home if home.is_dir() else Path("/")
    try:
        reading = _reading(script, cwd)
    except OSError as error:
        return ScriptResult(NOT_STARTED, _not_started(script, error))
    variables = script_variables(record)
    environment = script_environment(variables, home=home, root=root, domain=domain)
    try:
        place = make_workplace(root)
    except (OSError, CorruptRecordError) as error:
        raise StorageError(_not_started(script, error)) from error
    try:
        start = _watchdog(timeout_s) + _begin(place) + reading(place, list(variables))
        files = {"callback": script, "start": start, "record.json": _as_stdin(record)}
        try:
            process = _start(place, files, cwd, environment)
        except OSError as error:
            raise StorageError(_not_started(script, error)) from error
        output, timed_out = _follow(process, timeout_s)
        if not _has_begun(place, process):
            raise StorageError(_not_started(script, output.text()))
        return _ended(process, output, timeout_s if timed_out else 0)
    finally:
        place.remove()


class _Output:
    """The first OUTPUT_MAX bytes that come out of a pipe; the rest is read and dropped."""

    def __init__(self, pipe: int) -> None:
        os.set_blocking(pipe, False)
        self._pipe = pipe
        self._kept = bytearray()
        self._is_cut = False

    def take(self) -> bool:
        """Read what is there; return whether there may be more to come."""
        try:
            data = os.read(self._pipe, OUTPUT_MAX)
        except BlockingIOError:
            return True
        room = OUTPUT_MAX - len(self._kept)
        self._kept += data[:room]
        self._is_cut |= len(data) > room
        return bool(data)

    def drain(self) -> None:
        """Take what is left in the pipe, without waiting for more."""
        before = -1
        while before < len(self._kept) and not self._is_cut:
            before = len(self._kept)
            self.take()

    def text(self) -> str:
        """Return what was kept as text; NUL, which not every storage can keep, is replaced."""
        decoder = getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(bytes(self._kept), final=not self._is_cut).replace("\0", "\ufffd")
        return _with_note(text, f"output cut after {OUTPUT_MAX} bytes") if self._is_cut else text


def _start(
    place: Workplace, files: Mapping[str, bytes], cwd: Path, environment: Mapping[str, bytes]
) -> subprocess.Popen[bytes]:
    for name, data in files.items():
        os.close(write_new(place.lock_fd, name, data))
    return subprocess.Popen(  # noqa: S603 - a merchant's own script is what is to be run
        ["/bin/sh", str(place.path / "start")],
        stdin=place.lock_fd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=environment,
        start_new_session=True,
        umask=0o077,
    )


def _as_stdin(record: Record) -> bytes:
    # A file, not a pipe: a script that doesn't read its stdin can't block us.
    # An unpaired surrogate, the one thing UTF-8 can't hold, becomes its own JSON escape.
    return encode(record).encode("utf-8", "backslashreplace")


def _ended(process: subprocess.Popen[bytes], output: _Output, ended_after_s: float) -> ScriptResult:
    """Return how a script that ran ended; `ended_after_s` is 0 if it ended by itself."""
    if not ended_after_s:
        return ScriptResult(_shell_code(process.returncode), output.text())
    text = _with_note(output.text(), f"ended after {ended_after_s:g} seconds")
    return ScriptResult(TIMED_OUT, text, timed_out=True)


def _reading(script: bytes, cwd: Path) -> Callable[[Workplace, list[str]], bytes]:
    """Return what makes the text by which a shell reads the script, given its variables.

    Raises:
        OSError: the interpreter that it names can't be run.
    """
    if not script.startswith(b"#!"):
        return _sourced
    # As the kernel reads the line; executing the file itself would fail on disks that forbid it,
    # and while another thread's child has it open (ETXTBSY).
    interpreter, *rest = script[2:].partition(b"\n")[0].strip(b" \t").split(None, 1)[:2] or [b""]
    path = os.path.join(os.fsencode(cwd), interpreter)  # noqa: PTH118 - bytes
    if not stat.S_ISREG(os.stat(path).st_mode) or not os.access(path, os.X_OK):  # noqa: PTH116
        raise PermissionError(EACCES, os.strerror(EACCES))
    words = [path, *(word.rstrip(b" \t") for word in rest)]

    def executed(place: Workplace, _names: list[str]) -> bytes:
        return b"exec " + b" ".join(map(_quoted, [*words, bytes(place.path / "callback")])) + b"\n"

    return executed


def _sourced(place: Workplace, names: list[str]) -> bytes:
    """Return the text by which the shell itself reads the script.

    Sourced, so that the line numbers of the shell's complaints are the script's own.
    """
    return shell_prelude(names).encode() + b". " + _quoted(bytes(place.path / "callback")) + b"\n"


def _watchdog(timeout_s: float) -> bytes:
    """Return the text that starts the watchdog; it inherits the lock of the folder as its stdin.

    It is nobody's child, or a script that waits for its children would wait for it.
    """
    limit, grace = math.ceil(timeout_s) + WATCHDOG_SLACK_S, math.ceil(TERM_GRACE_S)
    end = f"kill -s TERM 0; sleep {grace}; kill -s KILL 0"
    text = f"(trap '' TERM; sleep {limit} && {{ {end}; }}) <&3 >/dev/null 2>&1 &"
    return f"(exec 3<&0; {text}) || exit {NOT_STARTED}\n".encode()


def _begin(place: Workplace) -> bytes:
    """Return the text that opens the script's stdin, and says that it begins."""
    record, begun = (_quoted(bytes(place.path / name)) for name in ("record.json", "begun"))
    return b"exec <" + record + b" || exit\n: >" + begun + b" || exit\n"


def _has_begun(place: Workplace, process: subprocess.Popen[bytes]) -> bool:
    """Whether the script began to run; one may throw away its own files."""
    is_kept = (place.path / "start").exists()
    return not is_kept or not process.returncode or (place.path / "begun").exists()


def _not_started(script: bytes, why: Exception | str) -> str:
    first_line = script.partition(b"\n")[0][:80].decode("utf-8", "replace")
    words = why.strerror if isinstance(why, OSError) else why
    return f"could not start the script ({first_line}): {words}"


def _quoted(path: bytes) -> bytes:
    return os.fsencode(shlex.quote(os.fsdecode(path)))


def _follow(process: subprocess.Popen[bytes], timeout_s: float) -> tuple[_Output, bool]:
    """Collect output until the script's own process ends; return also whether time ran out."""
    assert process.stdout is not None  # noqa: S101 - it was opened with a pipe
    with process.stdout as pipe:
        output = _Output(pipe.fileno())
        try:
            _collect(process, output, pipe.fileno(), timeout_s)
            timed_out = process.poll() is None
        finally:
            _end_group(process)
        output.drain()
    return output, timed_out


def _collect(
    process: subprocess.Popen[bytes], output: _Output, pipe: int, timeout_s: float
) -> None:
    deadline = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while process.poll() is None and (left := deadline - time.monotonic()) > 0:
            if selector.select(min(left, TICK_S)) and not output.take():
                # Its output is closed: as a rule it is ending right now.
                with suppress(subprocess.TimeoutExpired):
                    process.wait(left)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _signal_group(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(TERM_GRACE_S)
    _signal_group(process, signal.SIGKILL)
    # A process that even SIGKILL can't end (it waits for a dead disk) must not hold us for ever.
    with suppress(subprocess.TimeoutExpired):
        process.wait(TERM_GRACE_S)


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    # The group's number is the script's process id: it leads its own session.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _with_note(text: str, note: str) -> str:
    separator = "" if text.endswith("\n") or not text else "\n"
    return f"{text}{separator}[{note}]\n"


def _shell_code(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode
