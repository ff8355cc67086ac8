"""How a script of a store is run, as whoever runs one needs it (scripts/runner.py does it)."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from payment_cli.model.record import Record


class ScriptOutcome(Protocol):
    """How a script ended. `output` is cut by the runner."""

    @property
    def exit_code(self) -> int: ...  # noqa: D102
    @property
    def output(self) -> str: ...  # noqa: D102


#: Runs a script with a record as its data, for a seller's domain; returns when it ended. A
#: StorageError says that nothing of it ran, for a reason that passes (no memory, a full disk).
RunScript: TypeAlias = Callable[[bytes, Record, str], ScriptOutcome]
