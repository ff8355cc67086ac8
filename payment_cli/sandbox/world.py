"""What all parts of one running sandbox share."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from payment_cli.sandbox.accounts import Accounts
from payment_cli.sandbox.exchange import Request
from payment_cli.sandbox.ledger import Ledger
from payment_cli.sandbox.misbehaviour import Kind, Rules
from payment_cli.sandbox.platform_keys import Platform
from payment_cli.sandbox.private_file import make_private_dir

#: Both providers live and write times in Beijing.
BEIJING = timezone(timedelta(hours=8))


def machine_clock() -> int:
    """Return the machine's time in AMS."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class World:
    """The records, merchants, keys and clock of one sandbox.

    `speed` divides every waiting time that is the providers' own: retry schedules and the 15
    seconds before a scan may be reversed. Times a merchant set (time_expire) are real times.
    """

    ledger: Ledger
    accounts: Accounts
    platform: Platform
    rules: Rules
    clock: Callable[[], int]
    speed: float
    stopping: threading.Event

    def now(self) -> int:
        """Return the time in AMS."""
        return self.clock()

    def stop(self) -> None:
        """Wake up everything that waits, for the end."""
        with self.ledger.changed:
            self.stopping.set()
            self.ledger.changed.notify_all()

    def scaled_ms(self, seconds: float) -> int:
        """Return a waiting time of the providers in milliseconds, sped up."""
        return int(seconds * 1000 / self.speed)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a provider, and how its answer will be spoilt ("" for not at all).

    `is_unsigned`: beside that, it carries no signature.
    """

    world: World
    request: Request
    flaw: str = ""
    is_unsigned: bool = False

    @property
    def signature_flaw(self) -> str:
        """What is wrong with the answer's signature, as far as that is what is wrong."""
        return "unsigned" if self.is_unsigned else self.flaw


def open_world(
    state: Path,
    kinds: Mapping[str, Kind],
    *,
    speed: float = 1.0,
    clock: Callable[[], int] = machine_clock,
) -> World:
    """Open the sandbox whose state is in the folder `state`, making it if there is none.

    `kinds` is all it can do wrong (kinds.py).
    """
    make_private_dir(state)
    ledger = Ledger(state / "ledger.db")
    return World(
        ledger=ledger,
        accounts=Accounts(state),
        platform=Platform(state),
        rules=Rules(ledger, kinds),
        clock=clock,
        speed=speed,
        stopping=threading.Event(),
    )


def beijing(ams: int) -> datetime:
    """Return the time `ams` as Beijing reads it."""
    return datetime.fromtimestamp(ams // 1000, UTC).astimezone(BEIJING)
