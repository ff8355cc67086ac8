"""`payment fsck`: compare the tree's files with its journal, and make them one as a person decides.

Which side is right is never guessed. What a repair may not do (undo a payment by an old file, say)
stays a difference, and says so.
"""

from dataclasses import dataclass
from pathlib import Path

from payment_cli.clock import Clock
from payment_cli.storage.tree.fsck import Progress, Report, check_tree
from payment_cli.storage.tree.repair import adopt_files, rebuild_journal, restore_files

__all__ = ["Fsck", "Report"]


@dataclass(frozen=True, slots=True)
class Fsck:
    """Looks after the tree at `root`; each method returns what is different afterwards.

    Raises, each of them:
        StorageError: the disk or the database failed. LockedError: others hold the lock.
        ConfigError: the tree is a newer program's.
    """

    root: Path
    clock: Clock

    def check(self, progress: Progress | None = None) -> Report:
        """Name every difference. Only what a dead writer left undone is done."""
        return check_tree(self.root, progress)

    def restore(self, progress: Progress | None = None) -> Report:
        """Write the files anew from the journal."""
        return restore_files(self.root, progress)

    def adopt(self, progress: Progress | None = None) -> Report:
        """Take hand-edited and foreign files into the journal, never those that are older."""
        return adopt_files(self.root, self.clock, progress)

    def rebuild(self, progress: Progress | None = None) -> Report:
        """Make the journal anew from the files alone; its history is lost.

        Raises:
            CorruptRecordError: there is a journal, and files that are known to be older than it.
        """
        return rebuild_journal(self.root, self.clock, progress)
