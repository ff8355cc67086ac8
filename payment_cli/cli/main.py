"""The entry points `pay` and `payment`, and the one door through which everything leaves.

Whatever is imported is imported inside the door, so that Ctrl-C during the start and a broken
installation also end in one line and an exit code.
"""

import sys
from collections.abc import Sequence

INTERRUPTED = 130


def pay() -> int:
    """Run `pay` with the words of this process; return the exit code."""
    return run("pay", sys.argv[1:])


def payment() -> int:
    """Run `payment` with the words of this process; return the exit code."""
    return run("payment", sys.argv[1:])


def run(program: str, words: Sequence[str]) -> int:
    """Run a program and return its exit code; errors become one line on stderr."""
    try:
        return _run_command(program, words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as stop:  # shell completion, and readers that went away, leave so
        return stop.code if isinstance(stop.code, int) else 1
    except Exception as error:  # bugs, too, leave as one line
        from payment_cli.cli.shell.failures import report

        return report(program, words, error)


def _run_command(program: str, words: Sequence[str]) -> int:
    from payment_cli.cli.programs import program_group
    from payment_cli.cli.shell.argv import check_text
    from payment_cli.cli.shell.output import flush, speak_utf8

    speak_utf8()
    check_text(words)
    code = program_group(program).main(list(words), prog_name=program, standalone_mode=False)
    flush()
    return code if isinstance(code, int) else 0


if __name__ == "__main__":  # how a detached `pay apply` is started
    sys.exit(run(sys.argv[1], sys.argv[2:]))
