"""The entry points `pay` and `payment`, and the one door through which everything leaves.

Whatever is imported is imported inside the door, so that Ctrl-C during the start and a broken
installation also end in one line and an exit code.
"""

import gc
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

INTERRUPTED = 130
#: The exit code of what the operating system refused, errors.StorageError's.
NO_RESOURCES = 30

#: So many more objects than were freed, and Python looks for cycles among them. At its own 700 a
#: command looks a dozen times before it has even read its words; servers and long imports, which
#: do leave cycles behind, still get there.
GC_THRESHOLD = 50_000


def pay() -> None:
    """Be the process `pay`: run it with the words of this process, and end. Does not return."""
    _run_and_end("pay", sys.argv[1:])


def payment() -> None:
    """Be the process `payment`: run it with the words of this process, and end. Does not return."""
    _run_and_end("payment", sys.argv[1:])


def run(program: str, words: Sequence[str]) -> int:
    """Run a program and return its exit code; errors become one line on stderr."""
    try:
        return _run_command(program, words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as stop:  # shell completion, and readers that went away, leave so
        return stop.code if isinstance(stop.code, int) else 1
    except Exception as error:  # bugs, too, leave as one line
        return _report(program, words, error)


def _report(program: str, words: Sequence[str], error: Exception) -> int:
    """Print an error, with as little as there is where even that can't be loaded."""
    try:
        from payment_cli.cli.shell.failures import report

        return report(program, words, error)
    except (ImportError, MemoryError, OSError) as second:
        with suppress(Exception):
            os.write(
                2, f"{program}: e.pay.storage: the operating system refused: {second}\n".encode()
            )
        return NO_RESOURCES


def _run_command(program: str, words: Sequence[str]) -> int:
    from payment_cli.cli.programs import program_group
    from payment_cli.cli.shell.argv import check_text
    from payment_cli.cli.shell.output import flush, speak_utf8

    speak_utf8()
    check_text(words)
    code = program_group(program).main(list(words), prog_name=program, standalone_mode=False)
    flush()
    return code if isinstance(code, int) else 0


def _run_and_end(program: str, words: Sequence[str]) -> None:
    """Run a program as this whole process, and end the process with its exit code.

    It leaves by `os._exit`: Python would first take every module and object apart, a quarter of
    the time of a short command, for memory that the kernel takes back at once. By then a command
    has closed what it opened. What Python's own way out does for others is done here: exit
    handlers run (logging and measurements of coverage count on them), and the streams are flushed.
    Where threads are left, Python's own way is taken, which waits for them.
    """
    gc.set_threshold(GC_THRESHOLD)
    code = run(program, words)
    try:
        import threading

        if threading.active_count() == 1:
            _run_exit_handlers()
            os._exit(code)
    except KeyboardInterrupt:  # the command is done, and its exit code stands
        os._exit(code)
    sys.exit(code)


def _run_exit_handlers() -> None:
    import atexit

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        # A command that ended well has flushed already; the exit code of one that failed stands.
        with suppress(OSError, ValueError, AttributeError):  # closed streams are None
            stream.flush()


if __name__ == "__main__":  # how a detached `pay apply` is started
    _run_and_end(sys.argv[1], sys.argv[2:])
