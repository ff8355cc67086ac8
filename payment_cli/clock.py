"""The one reader of the machine's clock; everything else is handed a `Clock`."""

import time
from collections.abc import Callable

#: Returns AMS: whole milliseconds since 1970-01-01T00:00:00Z, the time form of every record.
Clock = Callable[[], int]


def system_clock() -> int:
    """Return the machine's time as AMS (integer milliseconds since 1970)."""
    return time.time_ns() // 1_000_000
