"""How many requests of a server process may ask providers at once.

A provider that answers drop by drop keeps whoever asks it for as long as a call may last. Without
a bound a dozen payers who look at their pages would keep every thread of a worker, and callbacks
and polls would wait behind them. Nobody waits here: who finds no place is told so at once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import BoundedSemaphore

#: Half of the threads of the recommended server.
ASKING_MAX = 2


@dataclass(frozen=True, slots=True)
class Places:
    """The places of those who ask providers."""

    _free: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(ASKING_MAX))

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Take a place for a while; False: there is none."""
        has_place = self._free.acquire(blocking=False)
        try:
            yield has_place
        finally:
            if has_place:
                self._free.release()
