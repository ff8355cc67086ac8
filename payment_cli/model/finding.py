"""What an examination says: one finding a check (the doctor's, and the providers' checkups)."""

from dataclasses import dataclass
from enum import StrEnum

from payment_cli.errors import PaymentError


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"  # it works, but not as it should or not for long
    ERROR = "error"  # something will fail, or is unsafe


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen: about what, how bad, one sentence, and what to do."""

    level: Level
    subject: str
    sentence: str
    hint: str = ""


def ok(subject: str, sentence: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(Level.OK, subject, sentence)


def warn(subject: str, sentence: str, hint: str = "") -> Finding:
    """Return a finding of something that should not stay so."""
    return Finding(Level.WARN, subject, sentence, hint)


def error(subject: str, sentence: str, hint: str = "") -> Finding:
    """Return a finding of something broken or unsafe."""
    return Finding(Level.ERROR, subject, sentence, hint)


def failed(subject: str, problem: PaymentError) -> Finding:
    """Return the finding that `problem` is."""
    return Finding(Level.ERROR, subject, str(problem), problem.hint)
