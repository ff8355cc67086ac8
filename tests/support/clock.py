"""A clock and an id source that tests hold in their hands."""

from itertools import count


class HandClock:
    """Shows the time it was set to (AMS)."""

    def __init__(self, now: int = 1_790_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, *, ms: int = 0, s: int = 0, minutes: int = 0) -> None:
        self.now += ms + 1000 * s + 60_000 * minutes


class CountedIds:
    """Ids that look like ours and count up."""

    def __init__(self) -> None:
        self._count = count(1)

    def __call__(self, now: int) -> str:
        return f"{now:012x}7000{next(self._count):016x}"


class CountedTokens:
    """Tokens that count up."""

    def __init__(self) -> None:
        self._count = count(1)

    def __call__(self) -> str:
        return f"{next(self._count):032x}"
