"""Records what a process does to its disk, and makes the disk that a power cut would leave.

Both halves are recorded in one order: our own calls of `os`, and SQLite's writes, truncations and
syncs, which are taken from its VFS (sqlite.org/vfs.html) where they leave the library. Nothing of
the product is changed, and no tool is needed.
"""

import ctypes
import os
import pickle
import random
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from payment_cli.storage.tree import sync
from tests.support.failpoints import fork

#: What happened: its name, a path, and what belongs to it (offset and data, size, a new path).
Op = tuple[Any, ...]

#: How what was not synced is found after the cut.
HOWS = ("kept", "dropped", "nameless", "empty", "zeroed", "torn", "mixed")
How = Literal["kept", "dropped", "nameless", "empty", "zeroed", "torn", "mixed"]

_SQLITE_OK = 0
_OPEN_CREATE = 4
_VFS_WORDS, _METHOD_WORDS = 22, 19
_X_OPEN, _X_DELETE = 5, 6
_X_WRITE, _X_TRUNCATE, _X_SYNC = 3, 4, 5

# Names go through as pointers: SQLite keeps them, and looks behind their end for a URI's options.
_Open = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.c_void_p,
)
_Delete = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_Write = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
)
_Truncate = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


def recorded(work: Callable[[Callable[[], None]], None], place: Path) -> list[Op]:
    """Run `work` in a child; return what it did to the disk, and when it acknowledged ("ack").

    `place` is a folder for the record. `work` gets the function that acknowledges.
    """
    told = place / "recorded"
    child = fork()
    if child == 0:
        status = 1
        write, opened = os.write, os.open
        try:
            ops: list[Op] = []
            record_here(ops.append)
            work(lambda: ops.append(("ack", "")))
            file = opened(told, os.O_WRONLY | os.O_CREAT)
            rest = memoryview(pickle.dumps(ops))
            while rest:
                rest = rest[write(file, rest) :]
            status = 0
        except BaseException as error:
            write(2, repr(error).encode())
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0, "the child failed"
    ops = pickle.loads(told.read_bytes())
    told.unlink()
    return ops


def record_here(tell: Callable[[Op], None]) -> None:
    """Tell of everything that this process does to files from now on. There is no way back."""
    _record_os(tell)
    _record_sqlite(tell)


class _Calls:
    """The calls of `os` that change files, each of which tells what it did."""

    def __init__(self, tell: Callable[[Op], None]) -> None:
        self.tell = tell
        self.real = {name: getattr(os, name) for name in ("readlink", *self.patched())}

    @staticmethod
    def patched() -> tuple[str, ...]:
        return ("open", "write", "pwrite", "rename", "unlink", "mkdir", "fsync")

    def path_of(self, fd: int) -> str:
        return str(self.real["readlink"](f"/proc/self/fd/{fd}"))

    def placed(self, path: Any, dir_fd: int | None) -> str:
        text = os.fspath(path)
        return str(Path(text).absolute()) if dir_fd is None else f"{self.path_of(dir_fd)}/{text}"

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        is_new = flags & os.O_CREAT and not os.path.lexists(self.placed(path, dir_fd))
        fd: int = self.real["open"](path, flags, mode, dir_fd=dir_fd)
        if is_new:
            self.tell(("create", self.placed(path, dir_fd)))
        return fd

    def write(self, fd: int, data: Any) -> int:
        is_file = stat.S_ISREG(os.fstat(fd).st_mode)
        at = os.lseek(fd, 0, os.SEEK_CUR) if is_file else 0
        count: int = self.real["write"](fd, data)
        if is_file:
            self.tell(("write", self.path_of(fd), at, bytes(data)[:count]))
        return count

    def pwrite(self, fd: int, data: bytes, at: int) -> int:
        count: int = self.real["pwrite"](fd, data, at)
        self.tell(("write", self.path_of(fd), at, bytes(data)[:count]))
        return count

    def rename(
        self, old: Any, new: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        self.real["rename"](old, new, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        self.tell(("rename", self.placed(old, src_dir_fd), self.placed(new, dst_dir_fd)))

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        self.real["unlink"](path, dir_fd=dir_fd)
        self.tell(("unlink", self.placed(path, dir_fd)))

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self.real["mkdir"](path, mode, dir_fd=dir_fd)
        self.tell(("mkdir", self.placed(path, dir_fd)))

    def fsync(self, fd: int) -> None:
        self.real["fsync"](fd)
        self.tell(("sync", self.path_of(fd)))


def _record_os(tell: Callable[[Op], None]) -> None:
    calls = _Calls(tell)
    for name in calls.patched():
        setattr(os, name, getattr(calls, name))
    sync._syncfs = lambda: lambda fd: tell(("syncfs", calls.path_of(fd)))


def _record_sqlite(tell: Callable[[Op], None]) -> None:
    """Put ourselves between SQLite and its VFS. Its index of the WAL is no file that must last."""
    import _sqlite3

    library = ctypes.CDLL(_sqlite3.__file__)  # which is linked with the library, or has it inside
    library.sqlite3_vfs_find.restype = ctypes.c_void_p
    vfs = (ctypes.c_void_p * _VFS_WORDS).from_address(library.sqlite3_vfs_find(None))
    open_there, delete_there = _Open(vfs[_X_OPEN] or 0), _Delete(vfs[_X_DELETE] or 0)
    paths: dict[int, str] = {}
    kept: list[Any] = [open_there, delete_there]

    def opening(self: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        path = ctypes.string_at(name).decode() if name else ""
        is_new = bool(path) and flags & _OPEN_CREATE and not os.path.lexists(path)
        code: int = open_there(self, name, file, flags, out)
        if code == _SQLITE_OK and path:
            paths[file] = path
            _watch(file, paths, tell, kept)
            if is_new and os.path.lexists(path):
                tell(("create", path))
        return code

    def deleting(self: int, name: int, syncs: int) -> int:
        path = ctypes.string_at(name).decode()
        code: int = delete_there(self, name, syncs)
        if code == _SQLITE_OK:
            tell(("unlink", path))
            if syncs:
                tell(("sync", _folder(path)))
        return code

    kept += [_Open(opening), _Delete(deleting)]
    vfs[_X_OPEN] = ctypes.cast(kept[2], ctypes.c_void_p).value
    vfs[_X_DELETE] = ctypes.cast(kept[3], ctypes.c_void_p).value
    _KEPT.append(kept)


#: What C code calls must not be freed.
_KEPT: list[Any] = []


def _watch(file: int, paths: dict[int, str], tell: Callable[[Op], None], kept: list[Any]) -> None:
    """Give an open file of SQLite's our own table of methods."""
    place = ctypes.c_void_p.from_address(file)
    theirs = (ctypes.c_void_p * _METHOD_WORDS).from_address(place.value or 0)
    ours = (ctypes.c_void_p * _METHOD_WORDS)(*theirs)
    write, truncate = _Write(theirs[_X_WRITE] or 0), _Truncate(theirs[_X_TRUNCATE] or 0)
    sync_there = _Sync(theirs[_X_SYNC] or 0)

    def writing(self: int, data: int, size: int, at: int) -> int:
        code: int = write(self, data, size, at)
        tell(("write", paths[self], at, ctypes.string_at(data, size)))
        return code

    def truncating(self: int, size: int) -> int:
        code: int = truncate(self, size)
        tell(("truncate", paths[self], size))
        return code

    def syncing(self: int, flags: int) -> int:
        code: int = sync_there(self, flags)
        tell(("sync", paths[self]))
        # With the first sync of a new log or journal SQLite syncs its folder (os_unix.c, DIRSYNC).
        if paths[self].endswith(("-wal", "-journal")):
            tell(("sync", _folder(paths[self])))
        return code

    calls = (_Write(writing), _Truncate(truncating), _Sync(syncing))
    for at, call in zip((_X_WRITE, _X_TRUNCATE, _X_SYNC), calls, strict=True):
        ours[at] = ctypes.cast(call, ctypes.c_void_p).value
    kept += [ours, *calls]
    place.value = ctypes.addressof(ours)


@dataclass
class _File:
    """The data of a file: what was done to it, and how much of that is on disk for sure."""

    done: list[Op] = field(default_factory=list)
    synced: int = 0


class Disk:
    """A disk after some operations: what of them is durable, and what only the cache has."""

    def __init__(self) -> None:
        self.files: list[_File] = []
        #: path -> number of a file, None for a folder: as programs see it, and as it is on disk.
        self.names: dict[str, int | None] = {}
        self.durable: dict[str, int | None] = {}
        #: Changes of names that are not on disk yet: of which folder, and what they do.
        self.pending: list[tuple[str, list[tuple[str, int | None, bool]]]] = []

    def do(self, op: Op) -> None:
        """Take one operation."""
        name, path, *rest = op
        if name in ("write", "truncate"):
            number = self.names[path]
            assert number is not None
            self.files[number].done.append((name, *rest))
        elif name == "sync":
            self._sync(path)
        elif name == "syncfs":
            for file in self.files:
                file.synced = len(file.done)
            self.pending.clear()
            self.durable = dict(self.names)
        elif name != "ack":
            self._name(path, self._named(name, path, *rest))

    def _named(self, name: str, path: str, new: str = "") -> list[tuple[str, int | None, bool]]:
        """Return what an operation does to names."""
        if name == "create":
            self.files.append(_File())
            return [(path, len(self.files) - 1, True)]
        if name == "mkdir":
            return [(path, None, True)]
        gone = (path, None, False)
        return [gone] if name == "unlink" else [(new, self.names[path], True), gone]

    def _name(self, path: str, changes: list[tuple[str, int | None, bool]]) -> None:
        _apply(self.names, changes)
        self.pending.append((_folder(path), changes))

    def _sync(self, path: str) -> None:
        number = self.names.get(path)
        if number is not None:
            self.files[number].synced = len(self.files[number].done)
            return
        for folder, changes in self.pending:
            if folder == path:
                _apply(self.durable, changes)
        self.pending = [one for one in self.pending if one[0] != path]

    def after_cut(self, root: Path, place: Path, how: How, seed: int) -> None:
        """Make at `place` what is found of `root` after the power was cut."""
        dice = random.Random(seed)
        names = self._names_after(how, dice)
        prefix = str(root)
        place.mkdir(mode=0o700)
        for path, number in sorted(names.items()):
            inside = place / path.removeprefix(prefix).lstrip("/")
            if not path.startswith(f"{prefix}/") or not inside.parent.is_dir():
                continue
            if number is None:
                inside.mkdir(mode=0o700)
            else:
                inside.write_bytes(_content(self.files[number], how, dice))
                inside.chmod(0o600)

    def _names_after(self, how: How, dice: random.Random) -> dict[str, int | None]:
        if how in ("dropped", "nameless"):
            return self.durable
        if how != "mixed":
            return self.names
        names = dict(self.durable)
        reached = {folder: dice.random() for folder, _ in self.pending}
        for folder in reached:
            mine = [changes for where, changes in self.pending if where == folder]
            for changes in mine[: round(reached[folder] * len(mine))]:
                _apply(names, changes)
        return names


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _apply(names: dict[str, int | None], changes: list[tuple[str, int | None, bool]]) -> None:
    for path, number, is_there in changes:
        if is_there:
            names[path] = number
        else:
            names.pop(path, None)


def _content(file: _File, how: How, dice: random.Random) -> bytes:
    data = bytearray()
    for op in file.done[: file.synced]:
        _change(data, op)
    for op in _survivors(file.done[file.synced :], how, dice):
        _change(data, op)
    return bytes(data)


def _survivors(ops: list[Op], how: How, dice: random.Random) -> Iterator[Op]:
    """Yield what of a file's unsynced changes reached the disk."""
    if how in ("kept", "nameless"):
        yield from ops
    elif how == "zeroed":
        yield from ((*op[:2], bytes(len(op[2]))) if op[0] == "write" else op for op in ops)
    elif how == "torn" and ops:
        last = dice.randrange(len(ops))
        yield from ops[:last]
        if ops[last][0] == "write":
            yield (*ops[last][:2], ops[last][2][: dice.randrange(len(ops[last][2]) + 1)])
    elif how == "mixed":
        yield from (op for op in ops if dice.random() < 0.5)


def _change(data: bytearray, op: Op) -> None:
    if op[0] == "truncate":
        del data[op[1] :]
        return
    _, at, written = op
    if len(data) < at:
        data.extend(bytes(at - len(data)))
    data[at : at + len(written)] = written
