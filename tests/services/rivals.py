"""Two callers of the services on one tree, each with a connection of its own, as two processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from payment_cli.storage.tree import open_tree
from tests.services.conftest import World
from tests.support.clock import HandClock
from tests.support.gateway import ScriptedGateway
from tests.support.rivals import StoppedStorage


@dataclass(frozen=True)
class Rivals:
    """`first` is stopped where a test says; meanwhile `second` does what it does, to its end.

    They share the provider, the clock, and who counts the runs of scripts.
    """

    first: World
    second: World
    storage: StoppedStorage

    def stop(self, meanwhile: Callable[[], object], *, before: int = 1) -> None:
        """Let `meanwhile` happen just before the `before`-th transaction of `first` from now."""
        self.storage.stop(meanwhile, before=before)


@contextmanager
def two_rivals(root: Path) -> Iterator[Rivals]:
    """Yield two worlds on the tree at `root`; see that the second really came in between."""
    clock = HandClock()
    first, second = StoppedStorage(open_tree(root, clock)), open_tree(root, clock)
    world = World(first, clock, ScriptedGateway())
    try:
        yield Rivals(world, replace(world, storage=second), first)
        assert first.has_stopped, "the first actor was never stopped"
    finally:
        first.close()
        second.close()
