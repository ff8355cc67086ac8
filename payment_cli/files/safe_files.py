"""Files and folders reached so that nothing typed, sent or planted leads outside the tree.

Every path is walked from the root's descriptor, folder by folder, without following symbolic
links. The one exception is `home/<domain>`, which may be a link to a real home. What is made here
is private whatever the umask: folders 0700, files 0600.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import EEXIST, ELOOP, ENOTDIR, ENXIO
from typing import TYPE_CHECKING

from payment_cli.errors import CorruptRecordError, OtherOwnerError
from payment_cli.ids import new_token

if TYPE_CHECKING:  # pathlib would cost every start some milliseconds
    from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700
#: Permission bits that no trusted file may have.
OTHERS_WRITE = 0o022

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_SIZE = 1 << 20

#: No record, and no content of one, is nearly as large. A file of holes costs nobody anything.
RECORD_MAX = 64 << 20


def open_root(root: "Path | str", *, writes: bool = False) -> int:
    """Return a descriptor of the root folder. Who `writes` below it makes it (private) if need be.

    Raises:
        FileNotFoundError: it is not there. OSError: it can't be opened or made.
        OtherOwnerError: who `writes` is not its owner.
    """
    if writes:
        check_owner(root)
    try:
        return os.open(root, _FOLDER_FLAGS)
    except FileNotFoundError:
        if not writes:
            raise
    from pathlib import Path  # making one is rare

    make_private_folder(Path(root))
    return os.open(root, _FOLDER_FLAGS)


def check_owner(root: "Path | str") -> None:
    """Refuse to write below the root folder of another user; one that is not there is nobody's.

    All that is written is for its writer's eyes only (0600), root's as well: were it written by
    whoever came last, the owner's server could not read it.

    Raises:
        OtherOwnerError: it is another user's.
    """
    try:
        owner = os.stat(root).st_uid  # noqa: PTH116 - pathlib costs a start too much
    except FileNotFoundError:
        return
    caller = os.geteuid()
    if owner != caller:
        raise OtherOwnerError(str(root), user_name(owner), user_name(caller))


def user_name(uid: int) -> str:
    """Return a user's name, or `#1000`, as sudo takes it, where the machine knows none."""
    import pwd  # only for who is refused

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def make_private_folder(path: "Path") -> None:
    """Make a folder, and those above it that are not there, private and durable.

    Raises:
        OSError: the disk refused, or something else is in its place.
    """
    if path.is_dir():
        return
    make_private_folder(path.parent)
    with suppress(FileExistsError):
        path.mkdir(FOLDER_MODE)
        path.chmod(FOLDER_MODE)
    above_fd = os.open(path.parent, _FOLDER_FLAGS)
    try:
        os.fsync(above_fd)
    finally:
        os.close(above_fd)


#: Called with the descriptor of each folder on a way, and its path below the root.
Visit = Callable[[int, tuple[str, ...]], None]


def open_folder(
    root_fd: int, parts: Sequence[str], *, create: bool = False, visit: Visit | None = None
) -> int:
    """Return a descriptor of the folder `parts` below the root; `visit` sees those on the way.

    Raises:
        FileNotFoundError: it is not there, and `create` is not set.
        CorruptRecordError: a part of the path is a symbolic link, or no folder.
        OSError: the disk refused.
    """
    folder_fd = root_fd
    try:
        for at in range(len(parts)):
            above_fd = folder_fd
            try:
                folder_fd = _step(above_fd, parts, at, create=create)
            finally:
                if above_fd != root_fd:
                    os.close(above_fd)
            if visit is not None:
                visit(folder_fd, tuple(parts[: at + 1]))
    except OSError as error:
        if error.errno in (ELOOP, ENOTDIR, EEXIST):
            raise CorruptRecordError(
                f"{'/'.join(parts)} is reached through something that is not a plain folder",
                hint="only home/DOMAIN may be a symbolic link, and only to a folder",
            ) from error
        raise
    return os.dup(root_fd) if folder_fd == root_fd else folder_fd


def _step(above_fd: int, parts: Sequence[str], at: int, *, create: bool) -> int:
    is_home = at == 1 and parts[0] == "home"
    flags = _FOLDER_FLAGS if is_home else _FOLDER_FLAGS | os.O_NOFOLLOW
    try:
        return os.open(parts[at], flags, dir_fd=above_fd)
    except FileNotFoundError:
        if not create:
            raise
    try:
        os.mkdir(parts[at], FOLDER_MODE, dir_fd=above_fd)
    except FileExistsError:
        return os.open(parts[at], flags, dir_fd=above_fd)
    folder_fd = os.open(parts[at], flags | os.O_NOFOLLOW, dir_fd=above_fd)
    os.fchmod(folder_fd, FOLDER_MODE)
    return folder_fd


@contextmanager
def folder(
    root_fd: int, parts: Sequence[str], *, create: bool = False, visit: Visit | None = None
) -> Iterator[int]:
    """Hold `open_folder` open for a block."""
    folder_fd = open_folder(root_fd, parts, create=create, visit=visit)
    try:
        yield folder_fd
    finally:
        os.close(folder_fd)


def read_path(root_fd: int, path: str, limit: int = RECORD_MAX) -> bytes:
    """Return the bytes of the file at `path` below the root; see `read_file`."""
    *parts, name = path.split("/")
    with folder(root_fd, parts) as folder_fd:
        return read_file(folder_fd, name, limit)


def read_file(folder_fd: int, name: str, limit: int = RECORD_MAX) -> bytes:
    """Return the bytes of a plain file in a folder, at most `limit` + 1 of them.

    Raises:
        FileNotFoundError: it is not there.
        CorruptRecordError: it is a symbolic link, no plain file, or larger than any of ours.
        OSError: the disk refused.
    """
    file_fd = open_plain(folder_fd, name)
    try:
        size = os.fstat(file_fd).st_size
        if size > RECORD_MAX:
            raise CorruptRecordError(f"{name} is larger than {RECORD_MAX >> 20} MiB")
        return read_all(file_fd, min(limit, size))
    finally:
        os.close(file_fd)


def open_plain(folder_fd: int, name: str) -> int:
    """Return a descriptor of a plain file in a folder, to be read.

    Raises:
        FileNotFoundError: it is not there.
        CorruptRecordError: it is a symbolic link, or no plain file.
        OSError: the disk refused.
    """
    try:
        file_fd = os.open(name, _READ_FLAGS, dir_fd=folder_fd)
    except OSError as error:
        if error.errno == ELOOP:
            raise CorruptRecordError(f"{name} is a symbolic link, not a file") from error
        if error.errno == ENXIO:
            raise CorruptRecordError(f"{name} is not a plain file") from error
        raise
    if not stat.S_ISREG(os.fstat(file_fd).st_mode):
        os.close(file_fd)
        raise CorruptRecordError(f"{name} is not a plain file")
    return file_fd


def read_all(file_fd: int, expected: int) -> bytes:
    """Return what an open file holds, at most `expected` + 1 bytes of it."""
    data = os.read(file_fd, min(expected + 1, _READ_SIZE))
    if len(data) <= expected and len(data) < _READ_SIZE:
        return data
    chunks = [data]
    left = expected + 1 - len(data)
    while left > 0 and (chunk := os.read(file_fd, min(left, _READ_SIZE))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)


def exists(folder_fd: int, name: str) -> bool:
    """Return whether the folder has anything called `name`, were it a dangling link."""
    return os.access(name, os.F_OK, dir_fd=folder_fd, follow_symlinks=False)


def write_new(folder_fd: int, name: str, data: bytes) -> int:
    """Write a file that is not there yet; return its open descriptor, for the caller to close.

    Raises:
        FileExistsError: it is there. OSError: the disk is full or refused; nothing is left.
    """
    file_fd = os.open(name, _NEW_FLAGS, FILE_MODE, dir_fd=folder_fd)
    try:
        os.fchmod(file_fd, FILE_MODE)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file_fd, rest) :]
    except BaseException:
        os.close(file_fd)
        os.unlink(name, dir_fd=folder_fd)
        raise
    return file_fd


def replace_durably(folder_fd: int, name: str, data: bytes) -> None:
    """Put `data` at `name`, the old or the new whole, on disk when this returns.

    Raises:
        OSError: the disk is full or refused; the old file stands.
    """
    part = f".{name}.{new_token()}.part"
    file_fd = write_new(folder_fd, part, data)
    try:
        try:
            os.fsync(file_fd)
        finally:
            os.close(file_fd)
        os.rename(part, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
    except BaseException:
        os.unlink(part, dir_fd=folder_fd)
        raise
    os.fsync(folder_fd)
