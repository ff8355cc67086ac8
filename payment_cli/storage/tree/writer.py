"""The writing side of a tree: the lock, the one connection that writes, and the protocol.

One write goes through these steps; a crash between any two of them loses nothing acknowledged.

1. Outside the lock: if many published files are not known to be on disk, sync them all.
2. Take the lock. Check that the journal is still the file we opened, and of our version; upgrade
   an older one (versions.py). BEGIN IMMEDIATE.
3. If the mark shows that its last holder died, or the machine did: publish what was committed.
4. Change rows, append to the log. Record what step 1 synced. A file that a foreign hand has is
   refused, or noted as left and not published (left.py).
5. Mark busy. Write the files aside: a full disk fails here. COMMIT, the one sync of a write.
   Rename the files to their places. Mark up to where files are published. Unlock. Acknowledge.

The *pending* changes, those whose files may not survive a power loss, are the log's rows above
`tree.synced`. Only changes below a mark that was written before the sync began are cleared, and a
mark is written only when all files below it are in place: a dead writer's change stays pending.
"""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from payment_cli.files.safe_files import open_root
from payment_cli.ids import new_token
from payment_cli.storage.tree import journal as rows
from payment_cli.storage.tree import left
from payment_cli.storage.tree.connection import (
    Journal,
    create_journal,
    missing_journal,
    open_writer,
)
from payment_cli.storage.tree.key import Key
from payment_cli.storage.tree.layout import check_layout
from payment_cli.storage.tree.lock import JOURNAL_NAME, Mark, TreeLock, read_boot_id
from payment_cli.storage.tree.publish import Change, Publication
from payment_cli.storage.tree.schema import SETTLE_EVERY
from payment_cli.storage.tree.sync import Syncer
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
        lock, syncer = self._prepare()
        try:
            synced = syncer.sync_if_due(self._last_mark or lock.read_mark(), self._boot)
            lock.acquire(self._lock_timeout_s)
        except BaseException:
            syncer.end_turn()
            raise
        try:
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

        Raises:
            OSError, sqlite3.Error: if COMMIT was not reached nothing was changed; after it the
            change stands, and the next writer publishes it.
        """
        held, lock = self._open(), self._prepare()[0]
        try:
            if seq // SETTLE_EVERY > held.seq // SETTLE_EVERY:
                rows.settle(held.journal.conn, seq)
            lock.write_mark(held.mark._replace(busy=self._token))
            for change in changes:
                held.publication.write(change)
            held.journal.conn.execute("COMMIT")
        except BaseException:
            self.rollback()
            raise
        try:
            held.publication.publish()
            self._last_mark = held.mark._replace(seq=seq, left=held.left)
            lock.write_mark(self._last_mark)
        finally:
            self._release()

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
        self._disconnect()
        for part in (self._lock, self._syncer):
            if part is not None:
                part.close()
        self._lock = self._syncer = None
        if self._root_fd >= 0:
            os.close(self._root_fd)
            self._root_fd = -1

    def _open(self) -> _Held:
        if self._held is None:
            raise RuntimeError("no transaction is open")
        return self._held

    def _prepare(self) -> tuple[TreeLock, Syncer]:
        if self._lock is None or self._syncer is None:
            if self._root_fd < 0:
                self._root_fd = open_root(self.root, writes=True)
            self._lock = TreeLock(self._root_fd)
            self._syncer = Syncer(self.root, self._root_fd)
        return self._lock, self._syncer

    def _begin_locked(self, lock: TreeLock, syncer: Syncer, synced: Mark | None) -> None:
        journal = self._connect(lock)
        journal.conn.execute("BEGIN IMMEDIATE")
        check_version(journal.conn)
        seq = rows.last_seq(journal.conn)
        mark = self._recovered(lock, syncer, journal, seq)
        if synced is not None and synced.journal == journal.name:
            rows.set_synced(journal.conn, synced.seq)
            mark = mark._replace(synced=max(mark.synced, synced.seq))
        self._held = _Held(journal, self._new_publication(), mark, seq)

    def _connect(self, lock: TreeLock) -> Journal:
        """Return the journal that is at its place now; make it if the tree is new, or upgrade it.

        One that was removed or replaced while open would go on acknowledging, unseen by others.
        """
        inode = lock.inode_beside(JOURNAL_NAME)
        if self._journal is not None:
            if self._journal.inode == inode:
                return self._journal
            self._disconnect()
        if inode is None:
            from payment_cli.storage.tree.scan import has_records

            check_layout(self._root_fd)
            if has_records(self._root_fd):
                raise missing_journal()
            create_journal(self.root, self._root_fd)
        try:
            self._journal = open_writer(self.root)
        except OldTreeError:
            # A program of the version before, that has the tree open, must not go on with its mark.
            lock.clear_mark()
            upgrade(self.root, self._root_fd)
            self._journal = open_writer(self.root)
        return self._journal

    def _recovered(self, lock: TreeLock, syncer: Syncer, journal: Journal, seq: int) -> Mark:
        """Publish what dead writers, a power loss or a failed sync left; return the new mark."""
        mark, conn = lock.read_mark(), journal.conn
        is_ours = mark is not None and (mark.boot, mark.journal) == (self._boot, journal.name)
        if is_ours and mark is not None and mark.seq <= seq and not syncer.must_rewrite:
            if mark.seq == seq and mark.busy == "-":
                return mark
            since = mark.seq
        else:
            since = rows.synced_seq(conn)
        from payment_cli.storage.tree.recovery import repair, sweep  # a start pays for no repair

        sweep(self._root_fd)
        with self._new_publication() as publication:
            try:
                repair(conn, publication, since, rewrite=syncer.must_rewrite)
                # What it left must stay noted, even if this transaction comes to nothing.
                conn.execute("COMMIT")
                conn.execute("BEGIN IMMEDIATE")
            finally:
                publication.discard()
        syncer.must_rewrite = False
        mark = Mark(self._boot, journal.name, seq, rows.synced_seq(conn), left=left.count(conn))
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
