"""`payment backup`: a copy of the tree, made while it is in use, and whether a copy is whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from payment_cli.clock import Clock
from payment_cli.errors import CorruptRecordError
from payment_cli.model.finding import Finding, error, ok, warn
from payment_cli.storage.tree.backup import backup_tree
from payment_cli.storage.tree.fsck import Progress, Report, check_copy
from payment_cli.storage.tree.manifest import Manifest, look


@dataclass(frozen=True, slots=True)
class Backup:
    """Copies the tree at `root`."""

    root: Path
    clock: Clock

    def copy(self, destination: Path, progress: Progress | None = None) -> Manifest:
        """Copy the whole tree, in one state, to a folder that is empty or new.

        What could not be reached is in the manifest's `missing`.

        Raises:
            StorageError: the destination is not empty, the disk is full, or the database failed.
            CorruptRecordError: the journal is missing though the tree has records.
            ConfigError: the tree is a newer program's.
            InvalidValueError: the destination is in the tree, or in the home of a merchant.
        """
        return backup_tree(self.root, destination, progress, now=self.clock())

    def verify(self, copy: Path, progress: Progress | None = None) -> Report:
        """Return how a copy differs from its manifest, and its files from its journal.

        Raises:
            StorageError: the disk or the database failed. NotFoundError: there is no such folder.
            ConfigError: the copy is a newer program's.
        """
        return check_copy(copy, progress)

    def examine(self) -> Iterator[Finding]:
        """Yield what the doctor says where the tree itself is a backup."""
        try:
            made = look(self.root)
        except CorruptRecordError as problem:
            yield error("backup", str(problem), problem.hint)
            return
        if made is not None:
            yield from (warn("backup", f"when it was made, {one}") for one in made.missing)
            yield ok("backup", f"this is a backup of {made.total} records, until its first change")
