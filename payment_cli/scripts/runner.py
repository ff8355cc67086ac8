"""Runs a payment's script: metadata goes in as data, a bounded result comes out.

It starts processes and knows nothing of payments' states; claiming before and recording after a
run is the caller's work (services). A script that can't be started is a result, not an error: it
is certain that nothing of it ran.
"""

import os
import selectors
import shlex
import signal
import subprocess
import time
from codecs import getincrementaldecoder
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from payment_cli.model.codec import encode
from payment_cli.model.record import Record
from payment_cli.scripts.environment import script_environment, script_variables, shell_prelude

#: How much of a script's output is kept, in bytes.
OUTPUT_MAX = 64 * 1024

#: Exit codes that are ours, with the meaning they have for `timeout` and for a shell.
TIMED_OUT = 124
NOT_STARTED = 126

#: How long a script that ran out of time may tidy up before it is killed.
TERM_GRACE_S = 2.0

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

    A script that starts with `#!` is executed, any other is read by /bin/sh. It gets the record's
    fields as `$PAY_<FIELD>` (a shell script also as `${field}`, not exported) and the whole record
    as JSON on stdin. It runs in its own session, in `home`, with no descriptors of ours. When it
    ends, or after `timeout_s`, whatever is left of its process group is ended too.
    """
    try:
        with TemporaryDirectory(prefix="payment-", ignore_cleanup_errors=True) as folder:
            process = _start(Path(folder), script, record, home=home, root=root, domain=domain)
            output, timed_out = _follow(process, timeout_s)
    except _NotStartedError as error:
        return ScriptResult(NOT_STARTED, str(error))
    text = output.text()
    if timed_out:
        text = _with_note(text, f"ended after {timeout_s:g} seconds")
    code = TIMED_OUT if timed_out else _shell_code(process.returncode)
    return ScriptResult(code, text, timed_out)


class _NotStartedError(Exception):
    """Nothing of the script ran."""


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
    folder: Path, script: bytes, record: Record, *, home: Path, root: Path, domain: str
) -> subprocess.Popen[bytes]:
    variables = script_variables(record)
    try:
        # A file, not a pipe: a script that doesn't read its stdin can't block us.
        stdin = folder / "record.json"
        # An unpaired surrogate, the one thing UTF-8 can't hold, becomes its own JSON escape.
        _write(stdin, encode(record).encode("utf-8", "backslashreplace"))
        argv = _command(folder, script, list(variables))
        with stdin.open("rb") as record_file:
            return subprocess.Popen(  # noqa: S603 - a merchant's own script is what is to be run
                argv,
                stdin=record_file,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=home if home.is_dir() else "/",
                env=script_environment(variables, home=home, root=root, domain=domain),
                start_new_session=True,
                umask=0o077,
            )
    except OSError as error:
        first_line = script.partition(b"\n")[0][:80].decode("utf-8", "replace")
        raise _NotStartedError(
            f"could not start the script ({first_line}): {error.strerror}"
        ) from error


def _command(folder: Path, script: bytes, names: list[str]) -> list[str]:
    callback = folder / "callback"
    _write(callback, script, mode=0o700)
    if script.startswith(b"#!"):
        return [str(callback)]
    # Sourced, so that the line numbers of the shell's complaints are the script's own.
    start = folder / "start"
    _write(start, f"{shell_prelude(names)}. {shlex.quote(str(callback))}\n".encode())
    return ["/bin/sh", str(start)]


def _write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)


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
