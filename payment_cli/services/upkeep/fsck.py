"""`payment fsck`: compare the tree's files with its journal, and make them one as a person decides.

Which side is right is never guessed. What a repair may not do (undo a payment by an old file, say)
stays a difference, and says so.
"""

from dataclasses import dataclass
from pathlib import Path

from payment_cli.clock import Clock
from payment_cli.services.upkeep.adoption import why_not
from payment_cli.storage.tree.fsck import Progress, Report, check_tree
from payment_cli.storage.tree.rebuild import rebuild_journal
from payment_cli.storage.tree.repair import adopt_files, restore_files

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
        """Take hand-edited and foreign files into the journal.

        Never those that are older, nor those that undo what was paid (adoption.py).
        """
        return adopt_files(self.root, self.clock, progress, why_not=why_not)

    def rebuild(self, progress: Progress | None = None) -> Report:
        """Make a lost or damaged journal anew, of what can be read of it and of the files.

        Raises:
            CorruptRecordError: there is a whole journal, and files that are older than it.
        """
        return rebuild_journal(self.root, self.clock, progress)
