"""The writing side of a tree: the lock, the one connection that writes, and the protocol.

One write goes through these steps; a crash between any two of them loses nothing acknowledged.

1. Outside the lock: if many published files are not known to be on disk, sync them all.
2. Take the lock. Check that the tree and its journal are still those we opened (ghost.py), else
   open them anew; check their version, upgrade older ones (versions.py). BEGIN IMMEDIATE.
3. If the mark shows that its last holder died, or the machine did: publish what was committed.
4. Change rows, append to the log. Record what step 1 synced. A file that a foreign hand has is
   refused, or noted as left and not published (left.py).
5. Mark busy. Write the files aside: a full disk fails here. Check the places again. COMMIT, the one
   sync of a write. Rename the files to their places: what fails from here on is the next writer's
   to finish, the change stands. Mark up to where files are published. Check the places: a commit
   that nobody will find is no commit. Unlock. Acknowledge.

The *pending* changes, those whose files may not survive a power loss, are the log's rows above
`tree.synced`. Only changes below a mark that was written before the sync began are cleared, and a
mark is written only when all files below it are in place: a dead writer's change stays pending.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from payment_cli.errors import StorageError
from payment_cli.files.safe_files import open_root
from payment_cli.ids import new_token
from payment_cli.storage.tree import ghost, left
from payment_cli.storage.tree import journal as rows
from payment_cli.storage.tree.connection import (
    Journal,
    create_journal,
    inode_of,
    journal_path,
    open_writer,
    require_new,
)
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.layout import check_layout
from payment_cli.storage.tree.lock import UNKNOWN_BOOT, Mark, TreeLock, read_boot_id
from payment_cli.storage.tree.publish import Change, Publication, aside_of
from payment_cli.storage.tree.schema import SETTLE_EVERY
from payment_cli.storage.tree.sync import Syncer, sync_files
from payment_cli.storage.tree.versions import OldTreeError, check_version, upgrade


class _Held:
    """What is held while a transaction is open."""

    def __init__(self, journal: Journal, publication: Publication, mark: Mark, seq: int) -> None:
        """Hold a journal; `mark` is what the lock file says, `seq` the last change before it."""
        self.journal = journal
        self.publication = publication
        self.mark = mark
        self.seq = seq
        #: How many records' files are left to a foreign hand with this transaction.
        self.left = mark.left


class Writer:
    """Writes to one tree, one transaction at a time. Nothing is opened or made before the first."""

    def __init__(self, root: Path, lock_timeout_s: float) -> None:
        """Prepare to write below `root`, waiting at most `lock_timeout_s` for others."""
        self.root = root
        self._path = os.path.abspath(root)  # noqa: PTH100 - at every commit
        self._lock_timeout_s = lock_timeout_s
        self._boot = read_boot_id()
        self._token = new_token()[:16]
        self._count = 0
        self._root_fd = -1
        self._lock: TreeLock | None = None
        self._syncer: Syncer | None = None
        self._journal: Journal | None = None
        self._held: _Held | None = None
        #: The mark as we left it, good enough to tell whether a sync is due.
        self._last_mark: Mark | None = None
        #: What we have open, as it was at its place; and whether we ever had a journal open.
        self._places: ghost.Whereabouts | None = None
        self._was_open = False
        #: Why the files of the last change could not be published, "" if they could.
        self.problem = ""

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open."""
        return self._held is not None

    @property
    def conn(self) -> sqlite3.Connection:
        """The connection of the open transaction."""
        return self._open().journal.conn

    @property
    def publication(self) -> Publication:
        """The files of the open transaction."""
        return self._open().publication

    @property
    def seq(self) -> int:
        """The last change before the open transaction."""
        return self._open().seq

    @property
    def has_left(self) -> bool:
        """Whether the files of any record are left to a foreign hand."""
        return self._open().left > 0

    @property
    def root_fd(self) -> int:
        """The root folder; open from the first transaction on."""
        return self._root_fd

    def begin(self) -> None:
        """Take the lock, open the journal or make it, repair what a dead writer left.

        Raises:
            LockedError, OSError, sqlite3.Error: it can't be had; nothing is held.
            CorruptRecordError: the journal is missing though the tree has records, or it is old and
                something is in the way of its upgrade.
            ConfigError: a newer program has upgraded the tree.
        """
        if self.is_open:
            raise RuntimeError("this storage has a transaction open already")
        lock, syncer, synced = self._lock_tree()
        try:
            if self._journal is not None and not self._is_in_place():
                self._check_log()
                self._shut()
                lock, syncer, synced = self._lock_tree()
            self._begin_locked(lock, syncer, synced)
        except BaseException:
            self._release()
            raise

    def left_of(self, key: Key) -> left.Note | None:
        """Return the note of a record whose files are left."""
        return left.find(self.conn, key) if self.has_left else None

    def leave(self, key: Key, published: bytes | None) -> None:
        """Leave a record's files to a foreign hand, with this transaction; see left.py."""
        left.add(self.conn, left.Note(key, published))
        self._open().left += 1

    def end_left(self, key: Key) -> None:
        """End what `leave` began, with this transaction."""
        left.remove(self.conn, key)
        self._open().left -= 1

    def commit(self, changes: list[Change], seq: int) -> None:
        """Commit the open transaction and publish its files; `seq` is its last change.

        Where only the files could not be published, the change stands: that is said (`problem`),
        and the next writer publishes it.

        Raises:
            OSError, sqlite3.Error: nothing was changed.
            StorageError: the tree is not at its place any more, so nobody will find the change.
        """
        held, lock = self._open(), self._prepare()[0]
        try:
            if seq // SETTLE_EVERY > held.seq // SETTLE_EVERY:
                rows.settle(held.journal.conn, seq)
            if held.journal.is_copy and seq > held.seq:
                rows.end_copy(held.journal.conn)
            lock.write_mark(held.mark._replace(busy=held.publication.prefix), aside_of(changes))
            for change in changes:
                held.publication.write(change)
            self._require_place(is_committed=False)
            held.journal.conn.execute("COMMIT")
        except BaseException as error:
            if isinstance(error, Exception) or held.journal.conn.in_transaction:
                self.rollback()
            else:  # Ctrl-C came with the end of the commit, which stands
                self._publish(held, lock, seq)
            raise
        self._publish(held, lock, seq)

    def _publish(self, held: _Held, lock: TreeLock, seq: int) -> None:
        """Publish what was committed, and end the transaction.

        Raises:
            StorageError: it was committed to a tree that is not at its place any more.
        """
        try:
            held.publication.publish()
            mark = held.mark._replace(seq=seq, left=held.left)
            if self._sync_each_time(held.mark):
                mark = mark._replace(synced=seq)
            if held.publication.is_in_place():
                lock.write_mark(mark)
                self._last_mark = mark
            else:
                self._note_problem("its folder was moved or replaced")
        except OSError as error:
            self._note_problem(_named(error))
        finally:
            self._release()
        self._require_place(is_committed=True)

    def _note_problem(self, problem: str) -> None:
        import logging  # only for the rare bad news

        self.problem = problem
        logging.getLogger(__name__).warning(
            "a change is stored, but its file is not written yet: %s", problem
        )

    def _sync_each_time(self, mark: Mark) -> bool:
        """Sync what was published, if nobody could tell later that power was lost; else do not.

        Raises:
            OSError: the disk failed.
        """
        if self._boot != UNKNOWN_BOOT:
            return False
        try:
            sync_files(self.root, self._root_fd, mark.synced)
        except OSError:
            self._prepare()[1].must_rewrite = True
            raise
        return True

    def rollback(self) -> None:
        """End the open transaction without a change, if there is one."""
        if self._held is None:
            return
        self._held.publication.discard()
        with suppress(OSError):
            self._prepare()[0].write_mark(self._held.mark)
        self._release()

    def close(self) -> None:
        """Roll back what is open, and close everything."""
        self.rollback()
        self._shut()

    def _shut(self) -> None:
        """Close everything, and with it give back the locks."""
        self._disconnect()
        for part in (self._lock, self._syncer):
            if part is not None:
                part.close()
        self._lock = self._syncer = self._last_mark = None
        if self._root_fd >= 0:
            os.close(self._root_fd)
            self._root_fd = -1

    def _open(self) -> _Held:
        if self._held is None:
            raise RuntimeError("no transaction is open")
        return self._held

    def _prepare(self) -> tuple[TreeLock, Syncer]:
        if self._lock is None or self._syncer is None:
            place = journal_path(self.root)
            is_gone = inode_of(place) is None if self._was_open else not place.parent.exists()
            if is_gone:
                # Nothing is made in its place: what was moved away can be moved back.
                require_new(self.root, was_open=self._was_open)
            if self._root_fd < 0:
                self._root_fd = open_root(self.root, writes=True)
            self._lock = TreeLock(self._root_fd)
            self._syncer = Syncer(self.root, self._root_fd)
        return self._lock, self._syncer

    def _lock_tree(self) -> tuple[TreeLock, Syncer, Mark | None]:
        """Take the lock; return with it the mark below which files were synced on the way."""
        lock, syncer = self._prepare()
        try:
            synced = syncer.sync_if_due(self._last_mark or lock.read_mark(), self._boot)
            lock.acquire(self._lock_timeout_s)
        except BaseException:
            syncer.end_turn()
            raise
        return lock, syncer, synced

    def _is_in_place(self) -> bool:
        """Return whether what we have open is what is at the tree's path now."""
        return ghost.whereabouts(self._path) == self._places

    def _require_place(self, *, is_committed: bool) -> None:
        if not self._is_in_place():
            raise ghost.replaced(self.root, is_committed=is_committed)

    def _check_log(self) -> None:
        """Refuse to go on where only the database's log was taken away, or its index.

        Others would look for our commits in a new one. What is in the old one is saved into the
        database by the last process that closes it, unless somebody begins a new one before.

        Raises:
            StorageError: it was.
        """
        here, found = self._places, ghost.whereabouts(self._path)
        if here is not None and here[:3] == found[:3]:
            raise StorageError(
                f"a file of the database was removed or replaced while it is in use:"
                f" {journal_path(self.root)}-wal or -shm",
                hint="restart whatever has the tree open; never touch these two files",
            )

    def _begin_locked(self, lock: TreeLock, syncer: Syncer, synced: Mark | None) -> None:
        journal = self._connect(lock)
        journal.conn.execute("BEGIN IMMEDIATE")
        check_version(journal.conn)
        seq = rows.last_seq(journal.conn)
        mark = self._recovered(lock, syncer, journal, seq)
        known = synced.seq if synced is not None and synced.journal == journal.name else 0
        if self._boot == UNKNOWN_BOOT:
            known = mark.synced
        if known:
            rows.set_synced(journal.conn, known)
            mark = mark._replace(synced=max(mark.synced, known))
        self._held = _Held(journal, self._new_publication(), mark, seq)

    def _connect(self, lock: TreeLock) -> Journal:
        """Return the journal that is at its place; make it if the tree is new, or upgrade it.

        Raises:
            StorageError: the tree was replaced just now.
        """
        if self._journal is not None:
            return self._journal
        if inode_of(journal_path(self.root)) is None:
            check_layout(self._root_fd)
            require_new(self.root, was_open=self._was_open)
            create_journal(self.root, self._root_fd)
        try:
            self._journal = open_writer(self.root)
        except OldTreeError:
            # A program of the version before, that has the tree open, must not go on with its mark.
            lock.clear_mark()
            upgrade(self.root, self._root_fd)
            self._journal = open_writer(self.root)
        self._places = ghost.whereabouts(self._path)
        opened = (ghost.identity_of(self._root_fd), ghost.identity_of(lock.folder_fd))
        if self._places[:2] != opened:
            raise ghost.replaced(self.root, is_committed=False)
        self._was_open = True
        return self._journal

    def _recovered(self, lock: TreeLock, syncer: Syncer, journal: Journal, seq: int) -> Mark:
        """Publish what dead writers, a power loss or a failed sync left; return the new mark."""
        mark, conn = lock.read_mark(), journal.conn
        if mark is not None and (mark.boot, mark.journal) != (self._boot, journal.name):
            mark = None
        since = rows.synced_seq(conn)
        if mark is not None and mark.seq <= seq and not syncer.must_rewrite:
            if mark.busy != "-":
                since = mark.seq
            elif mark.seq == seq:
                return mark
            # Else an idle mark older than the journal was never written by anybody: what the
            # cache held was lost, with a disk that went away, and files may be lost as well.
        from payment_cli.storage.tree.recovery import Recovery  # a start pays for no repair

        with self._new_publication() as publication:
            recovery = Recovery(conn, publication, since, rewrite=syncer.must_rewrite)
            try:
                if mark is not None and mark.busy != "-":
                    recovery.sweep(mark.busy, lock.read_aside())
                else:
                    recovery.sweep_folders()
                start = Mark(self._boot, journal.name, since, rows.synced_seq(conn))
                lock.write_mark(start._replace(busy=publication.prefix), recovery.aside())
                recovery.repair()
                synced = seq if self._sync_each_time(start) else start.synced
                rows.set_synced(conn, synced)
                # What it left must stay noted, even if this transaction comes to nothing.
                conn.execute("COMMIT")
                conn.execute("BEGIN IMMEDIATE")
            finally:
                publication.discard()
        syncer.must_rewrite = False
        self.problem = ""
        mark = Mark(self._boot, journal.name, seq, synced, left=left.count(conn))
        lock.write_mark(mark)
        return mark

    def _new_publication(self) -> Publication:
        """Return a publication whose temporary names nobody has used, not even ourselves."""
        self._count += 1
        return Publication(self._root_fd, f"{self._token}-{self._count}")

    def _release(self) -> None:
        """Drop the transaction and the locks, whatever state they are in."""
        held, self._held = self._held, None
        try:
            if held is not None:
                held.publication.close()
            if self._journal is not None and self._journal.conn.in_transaction:
                self._journal.conn.execute("ROLLBACK")
        except sqlite3.Error:
            self._disconnect()
        finally:
            if self._lock is not None and self._syncer is not None:
                self._lock.release()
                self._syncer.end_turn()

    def _disconnect(self) -> None:
        if self._journal is not None:
            self._journal.conn.close()
            self._journal = None


def _named(error: OSError) -> str:
    """Say what failed, and at which file: a rename's is that of its new name."""
    name, reason = error.filename2 or error.filename, error.strerror or "the disk failed"
    return f"{name}: {reason}" if isinstance(name, str) else reason
