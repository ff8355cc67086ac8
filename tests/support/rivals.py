"""Two actors on one tree: the first is stopped just before one of its transactions begins.

A sequential test never reaches what a service reads again inside a transaction because another
process may have been faster. Here another one is, at exactly that moment, each time.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from payment_cli.storage.base import Storage, Transaction


class StoppedStorage:
    """The storage of the first actor: `stop` says what the second one does, and when."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._meanwhile: Callable[[], object] | None = None
        self._left = 0

    def stop(self, meanwhile: Callable[[], object], *, before: int = 1) -> None:
        """Run `meanwhile` just before the `before`-th transaction from now, once."""
        self._meanwhile, self._left = meanwhile, before

    @property
    def has_stopped(self) -> bool:
        """Whether that moment came: a test that never reached it shows nothing."""
        return self._meanwhile is None

    def transaction(
        self, actor: str, *, leaves_foreign: bool = False
    ) -> AbstractContextManager[Transaction]:
        return self._stopped(actor, leaves_foreign)

    @contextmanager
    def _stopped(self, actor: str, leaves_foreign: bool) -> Iterator[Transaction]:
        self._left -= 1
        if self._left == 0 and self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        with self._storage.transaction(actor, leaves_foreign=leaves_foreign) as tx:
            yield tx

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)
