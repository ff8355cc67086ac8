"""What sweeps could not do, as records: read, written and forgotten here and nowhere else."""

from collections.abc import Iterator
from dataclasses import dataclass

from payment_cli.clock import Clock
from payment_cli.errors import CorruptRecordError, NotFoundError
from payment_cli.model.actor import Actor
from payment_cli.model.events.postponed import Postponed
from payment_cli.model.query.match import between, one_of
from payment_cli.storage.base import Collection, Query, Storage

POSTPONED = Collection("postponed")


@dataclass(frozen=True, slots=True)
class Postponements:
    """What is postponed in the stores that the caller may see."""

    storage: Storage
    actor: Actor
    clock: Clock

    def all(self, *works: str) -> Iterator[Postponed]:
        """Yield all that is remembered, or that of some sweeps; a damaged one is as none."""
        query = Query(between("work", low="", low_open=True), (("work", 1), ("lm", 1)))
        if works:
            query = Query(one_of("work", works), (("lm", 1),))
        for record in self.storage.query(POSTPONED, query):
            try:
                row = Postponed.from_record(record)
            except CorruptRecordError:
                continue
            if self.actor.is_operator or row.store == self.actor.domain:
                yield row

    def new(self, work: str, what: str, store: str) -> Postponed:
        """Return what is to be remembered of a thing that was never postponed."""
        from hashlib import sha256  # mostly nothing fails

        now = self.clock()
        row_id = sha256(f"{work} {what}".encode()).hexdigest()[:32]
        return Postponed(row_id, work, what, store, now, now, 0)

    def remember(self, row: Postponed) -> None:
        """Write what is to be remembered, durably, over what another process wrote meanwhile.

        A damaged one is left as it is: what it is about is then tried every time.

        Raises:
            StorageError, LockedError: nothing can be written now.
        """
        with self.storage.transaction(self.actor.domain, leaves_foreign=True) as tx:
            try:
                rev = int(str(tx.get(POSTPONED, row.id)["rev"]))
            except NotFoundError:
                tx.insert(POSTPONED, row.to_record())
            except CorruptRecordError:
                return
            else:
                tx.put(POSTPONED, row._replace(rev=rev).to_record())

    def forget(self, *rows: Postponed) -> None:
        """Forget what is done, or is to be done no more, in one commit.

        Raises:
            StorageError, LockedError: nothing can be written now.
        """
        with self.storage.transaction(self.actor.domain, leaves_foreign=True) as tx:
            for row in rows:
                try:
                    rev = int(str(tx.get(POSTPONED, row.id)["rev"]))
                except (NotFoundError, CorruptRecordError):
                    continue
                tx.delete(POSTPONED, row.id, rev)
