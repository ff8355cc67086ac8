"""The doctor's look at the tree itself: place, owner, permissions, file system, clock."""

import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from payment_cli.clock import Clock
from payment_cli.errors import OtherOwnerError
from payment_cli.files.safe_files import check_owner, user_name
from payment_cli.model.finding import Finding, error, ok, warn

#: Where Linux lists what is mounted (proc(5)).
MOUNTS = Path("/proc/self/mountinfo")

#: File systems on which SQLite's locks and flock can't be relied on.
_NETWORK = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre",
        "ncpfs", "ocfs2", "gfs2", "beegfs", "davfs",
    }
)  # fmt: skip
#: Of FUSE's kinds those that are on a disk of this machine.
_LOCAL_FUSE = frozenset({"fuseblk", "fuse.ntfs-3g", "fuse.ext4", "fuse.zfs"})
_MEMORY = frozenset({"tmpfs", "ramfs"})

_OTHERS = 0o077

#: Where only commands write; homes may be other users' own.
_WRITTEN = ("var", "sys", ".journal")

#: How many entries are looked at for permissions; what is wrong is seldom wrong in one place only.
ENTRIES_MAX = 20_000
#: A disk with less room will soon stop every command that writes.
FREE_BYTES_MIN = 16 * 1024 * 1024
#: SQLite merges its log into the database at some MiB, and we cut it back to 16.
LOG_BYTES_MAX = 64 * 1024 * 1024
#: Milliseconds between the machine's clock and the file system's that nobody minds.
CLOCK_SLACK_MS = 5_000
#: No clock that runs shows an earlier time: 2026-01-01.
EARLIEST_MS = 1_767_225_600_000


def examine_tree(root: Path, clock: Clock, mounts: Path = MOUNTS) -> Iterator[Finding]:
    """Yield what there is to say of the folder `root`, which must exist.

    A temporary file is written into it and removed.
    """
    yield from _root_folder(root)
    yield _file_system(root, mounts)
    yield from _space(root)
    yield from _log(root)
    yield from _writing(root, clock)
    yield _permissions(root)
    yield from _owners(root)


def examine_left(paths: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each file that is older than its record: a foreign hand had changed it.

    Payments go on without their files (storage/base.py); a person must say what becomes of those.
    """
    for path in paths:
        yield warn(
            path,
            "this file was changed or removed by somebody, or can't be replaced; its record went on"
            " without it",
            "`payment fsck` says how; --restore overwrites the file with the record, --adopt may"
            " take the file's text for the record",
        )


def _root_folder(root: Path) -> Iterator[Finding]:
    facts = root.stat()
    try:
        check_owner(root)
    except OtherOwnerError as other:
        yield error("tree", str(other), other.hint)
    if facts.st_mode & _OTHERS:
        yield error("tree", f"{root} is open to other users", f"chmod 700 {root}")
    else:
        yield ok("tree", str(root))


def _file_system(root: Path, mounts: Path) -> Finding:
    kind = _file_system_kind(root, mounts)
    if not kind:
        return warn("file system", "can't tell what the tree lies on; it must be a local disk")
    is_remote_fuse = kind.startswith("fuse") and kind not in _LOCAL_FUSE
    if kind in _NETWORK or is_remote_fuse:
        return error(
            "file system",
            f"{kind} is a network file system: locks and synced writes can't be relied on",
            "move the tree to a local disk",
        )
    if kind in _MEMORY:
        return warn("file system", f"{kind} is in memory: the tree is gone after a restart")
    return ok("file system", kind)


def _file_system_kind(root: Path, mounts: Path) -> str:
    """Return the type of what is mounted at `root` or nearest above it, "" if unknown."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    place = root.resolve()
    kind, depth = "", -1
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        point = Path(_unescape(fields[4]))
        # Of two mounts at one point the later one covers the earlier.
        if place.is_relative_to(point) and len(point.parts) >= depth:
            kind, depth = right.split()[0], len(point.parts)
    return kind


def _unescape(text: str) -> str:
    r"""Undo the kernel's escapes: a space is written as \040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _space(root: Path) -> Iterator[Finding]:
    disk = os.statvfs(root)
    free = disk.f_bavail * disk.f_frsize
    if free < FREE_BYTES_MIN:
        yield error(
            "disk", f"{free // 1024} KiB are left: soon nothing can be written", "make room"
        )


def _log(root: Path) -> Iterator[Finding]:
    """Warn of a log of the database that is not merged: somebody has been reading for long."""
    try:
        size = (root / ".journal/payment.db-wal").lstat().st_size
    except OSError:
        return
    if size > LOG_BYTES_MAX:
        yield warn(
            "journal",
            f"its log has {size >> 20} MiB: a command that still reads keeps it from being merged",
            f"end it, `fuser {root}/.journal/payment.db` finds it",
        )


def _writing(root: Path, clock: Clock) -> Iterator[Finding]:
    """Write a file: that proves the folder writable, and its time is the file system's clock."""
    try:
        with tempfile.NamedTemporaryFile(dir=root, prefix=".doctor-") as file:
            written_at = os.fstat(file.fileno()).st_mtime_ns // 1_000_000
    except OSError as problem:
        yield error("tree", f"{root} can't be written: {problem.strerror}")
        return
    yield _clock(clock(), written_at, _last_change(root))


def _last_change(root: Path) -> int:
    """Return when the journal was last written, AMS; 0 if there is none."""
    try:
        return max(
            (entry.stat().st_mtime_ns // 1_000_000 for entry in os.scandir(root / ".journal")),
            default=0,
        )
    except OSError:
        return 0


def _clock(now: int, written_at: int, last_change: int) -> Finding:
    if now < EARLIEST_MS:
        return error("clock", "the clock shows a time in the past", "set the machine's clock")
    if abs(now - written_at) > CLOCK_SLACK_MS:
        away_s = abs(now - written_at) // 1000
        return error("clock", f"the machine and the tree's file system are {away_s} s apart")
    if last_change > now + CLOCK_SLACK_MS:
        away_s = (last_change - now) // 1000
        return error(
            "clock",
            f"the journal was last written {away_s} s from now: the clock was set back",
            "set the machine's clock; when it is 5 minutes off, messages of providers are refused",
        )
    return ok("clock", "agrees with the file system")


def _permissions(root: Path) -> Finding:
    count, first = 0, ""
    for entry in islice(_entries(root), ENTRIES_MAX):
        try:
            mode = entry.lstat().st_mode
        except OSError:
            continue  # gone meanwhile
        if not stat.S_ISLNK(mode) and mode & _OTHERS:
            count, first = count + 1, first or str(entry)
    if count:
        return warn(
            "permissions",
            f"{count} files or folders are open to other users, first {first}",
            "chmod go-rwx",
        )
    return ok("permissions", "files are 0600, folders 0700")


def _owners(root: Path) -> Iterator[Finding]:
    """Find what another user than the root folder's owner wrote: root's cron, of an older program.

    The owner's server can't read it, and true callbacks about it are refused.
    """
    owner = root.stat().st_uid
    count, first = 0, ""
    for entry in islice(_all_of(root / name for name in _WRITTEN), ENTRIES_MAX):
        try:
            is_own = entry.lstat().st_uid == owner
        except OSError:
            continue  # gone meanwhile
        if not is_own:
            count, first = count + 1, first or str(entry)
    if count:
        name = user_name(owner)
        yield error(
            "owner",
            f"{count} files or folders are not {name}'s, whose the tree is, first {first}",
            f"chown -R {name.removeprefix('#')} {root}",
        )


def _entries(root: Path) -> Iterator[Path]:
    """Yield what the tool keeps private; a domain's home itself may be somebody's real home."""
    yield from _all_of(root / name for name in ("etc", "var", "sys", ".journal"))
    for home in sorted(_folder(root / "home")):
        yield from _all_of(home / name for name in (".store", ".payment"))


def _all_of(entries: Iterable[Path]) -> Iterator[Path]:
    """Yield these and what is below them, but not what a web server is to show."""
    for entry in entries:
        if entry.name in ("default_home", "store_logo.jpg"):
            continue
        yield entry
        if not entry.is_symlink():
            yield from _all_of(_folder(entry))


def _folder(place: Path) -> Iterator[Path]:
    """Yield what is in a folder, one by one however full it is; nothing if it is none."""
    try:
        with os.scandir(place) as entries:
            for entry in entries:
                yield Path(entry.path)
    except OSError:
        return
