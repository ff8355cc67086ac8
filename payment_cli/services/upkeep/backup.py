"""`payment backup`: a copy of the tree, made while it is in use."""

from dataclasses import dataclass
from pathlib import Path

from payment_cli.storage.tree.backup import backup_tree
from payment_cli.storage.tree.fsck import Progress


@dataclass(frozen=True, slots=True)
class Backup:
    """Copies the tree at `root`."""

    root: Path

    def copy(self, destination: Path, progress: Progress | None = None) -> int:
        """Copy the whole tree, in one state, to a folder that is empty or new; count its records.

        Raises:
            StorageError: the destination is not empty, the disk is full, or the database failed.
            CorruptRecordError: the journal is missing though the tree has records.
            ConfigError: the tree is a newer program's.
        """
        return backup_tree(self.root, destination, progress)
