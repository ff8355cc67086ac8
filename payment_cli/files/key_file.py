"""The key files of stores: `home/<domain>/.payment/<name>.key`, for their owner's eyes alone."""

import os
from codecs import BOM_UTF8
from contextlib import suppress
from pathlib import Path

from payment_cli.errors import ConfigError, NotFoundError, StorageError
from payment_cli.files.authored import home, make_private_dir, write_private_file
from payment_cli.files.guarded import OTHERS_READ, read_guarded
from payment_cli.files.safe_files import check_owner, write_new
from payment_cli.ids import new_token


class KeyFile:
    """One key file of one store; `name` is web or webhook."""

    def __init__(self, root: Path, domain: str, name: str) -> None:
        """Name the file.

        Raises:
            InvalidValueError: the domain is not well formed.
        """
        self._root = root
        self.path = home(root, domain) / ".payment" / f"{name}.key"
        self._what = f"{name} key of"
        self._domain = domain

    def read(self, hint: str) -> bytes:
        """Return what is in the file, without what editors leave around; `hint`: how to make one.

        Raises:
            NotFoundError: there is none. ConfigError: others can read it, or it can't be read.
        """
        try:
            return read_guarded(self.path, OTHERS_READ)[0].removeprefix(BOM_UTF8).strip()
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError(self._what, self._domain, hint=hint) from None
        except OSError as error:
            raise ConfigError(f"{self.path} can't be read: {error.strerror}") from error

    def replace(self, data: bytes) -> None:
        """Write the file anew: the old or the new whole, on disk on return.

        Raises:
            StorageError: the disk refused. OtherOwnerError: the tree is another user's.
        """
        check_owner(self._root)
        write_private_file(self.path, data)

    def make(self, data: bytes) -> None:
        """Put the file in place, whole, unless there is one by then.

        Raises:
            StorageError: the disk refused. OtherOwnerError: the tree is another user's.
        """
        check_owner(self._root)
        make_private_dir(self.path.parent)
        part = f".{self.path.name}.{new_token()}.part"
        try:
            folder_fd = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.close(write_new(folder_fd, part, data))
                with suppress(FileExistsError):
                    os.link(part, self.path.name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
                os.unlink(part, dir_fd=folder_fd)
            finally:
                os.close(folder_fd)
        except OSError as error:
            raise StorageError(f"writing {self.path}: {error.strerror}") from error
