"""What an error looks like to the one who typed the command: one line, one exit code."""

import errno
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import click

from payment_cli.cli.shell.argv import has_flag
from payment_cli.cli.shell.text import printable
from payment_cli.errors import InvalidValueError, PaymentError, StorageError

INTERRUPTED = 130

#: No longer sentence of Click's is shown whole.
_MESSAGE_MAX = 400

_BUG_HINT = "a bug; please report it, --debug shows where"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is shown. The codes are those of `errors.py`, and `e.pay.bug`."""

    code: str
    message: str
    hint: str
    exit_code: int

    def line(self, program: str) -> str:
        """Return the line for people."""
        hint = f" ({self.hint})" if self.hint else ""
        return printable(f"{program}: {self.code}: {self.message}{hint}")

    def envelope(self) -> str:
        """Return the line for programs, in the shop API's envelope (`--json-errors`)."""
        return json.dumps(
            {
                "ok": False,
                "errCode": self.code,
                "msg": self.message,
                "hint": self.hint,
                "exitCode": self.exit_code,
            }
        )


def report(program: str, words: Sequence[str], error: Exception) -> int:
    """Print an error to stderr as the command line asks for it; return its exit code."""
    if isinstance(error, click.exceptions.Abort):  # Click's word for Ctrl-C
        return INTERRUPTED
    failure = describe(error)
    text = failure.envelope() if has_flag(words, "json-errors") else failure.line(program)
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and error.ctx is not None:
        text = error.ctx.get_help()
    if has_flag(words, "debug"):
        from payment_cli.trace import trace

        text = f"{trace(error)}{text}"
    with suppress(OSError, ValueError):  # if nobody listens, the exit code still speaks
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - the door's own voice
    return failure.exit_code


def describe(error: Exception) -> Failure:
    """Say what an exception means to the one who typed the command."""
    if isinstance(error, PaymentError):
        return Failure(error.code, str(error), error.hint, error.exit_code)
    if isinstance(error, click.UsageError):
        hint = f"see {error.ctx.command_path} --help" if error.ctx else ""
        message = _short(error.format_message().rstrip("."))
        return Failure(InvalidValueError.code, message, hint, InvalidValueError.exit_code)
    if isinstance(error, click.ClickException):
        message = _short(error.format_message())
        return Failure(InvalidValueError.code, message, "", InvalidValueError.exit_code)
    if isinstance(error, OSError) and error.errno is not None:
        where = f": {error.filename}" if error.filename else ""
        message = f"the operating system refused{where}: {error.strerror}"
        return Failure(StorageError.code, message, "", StorageError.exit_code)
    lacking = _lacking(error)
    if lacking:
        message = f"the operating system refused: {lacking}"
        return Failure(StorageError.code, message, "", StorageError.exit_code)
    # Not the exception's own words: they may hold what was typed or sent, a secret for instance.
    return Failure("e.pay.bug", f"{type(error).__name__} in {_place(error)}", _BUG_HINT, 1)


def _short(message: str) -> str:
    """Return what Click says of an argument, which it quotes whole, without its middle if long."""
    if len(message) <= _MESSAGE_MAX:
        return message
    return f"{message[: _MESSAGE_MAX // 2]}…{message[-_MESSAGE_MAX // 2 :]}"


def _lacking(error: Exception) -> str:
    """Return what the machine had none of when a module was loaded, "" if it was not that.

    The loader of shared libraries says it in words only (dlerror(3)).
    """
    if isinstance(error, MemoryError):
        return os.strerror(errno.ENOMEM)
    if isinstance(error, ImportError):
        reasons = map(os.strerror, (errno.EMFILE, errno.ENFILE, errno.ENOMEM))
        return next((reason for reason in reasons if reason in str(error)), "")
    return ""


def _place(error: Exception) -> str:
    step = error.__traceback__
    if step is None:
        return "an unknown place"
    while step.tb_next is not None:
        step = step.tb_next
    return f"{step.tb_frame.f_globals.get('__name__', '?')}:{step.tb_lineno}"
