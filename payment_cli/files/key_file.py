"""The key files of stores: `home/<domain>/.payment/<name>.key`, for their owner's eyes alone."""

import os
from codecs import BOM_UTF8
from contextlib import suppress
from pathlib import Path

from payment_cli.errors import ConfigError, CorruptRecordError, NotFoundError
from payment_cli.files.authored import home, writing_into
from payment_cli.files.guarded import read_secret
from payment_cli.files.safe_files import replace_durably, write_new
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
            data, _ = read_secret(self._root, f"home/{self._domain}/.payment/{self.path.name}")
        except FileNotFoundError:
            raise NotFoundError(self._what, self._domain, hint=hint) from None
        except CorruptRecordError as error:
            raise ConfigError(f"{self.path} can't be read: {error}", hint=error.hint) from error
        except OSError as error:
            raise ConfigError(f"{self.path} can't be read: {error.strerror}") from error
        return data.removeprefix(BOM_UTF8).strip()

    def replace(self, data: bytes) -> None:
        """Write the file anew: the old or the new whole, on disk on return.

        Raises:
            CorruptRecordError: a link is on the way. StorageError: the disk refused.
            OtherOwnerError: the tree is another user's.
        """
        with writing_into(self._root, self._domain, ".payment") as folder_fd:
            replace_durably(folder_fd, self.path.name, data)

    def make(self, data: bytes) -> None:
        """Put the file in place, whole, unless there is one by then.

        Raises:
            As `replace`.
        """
        part = f".{self.path.name}.{new_token()}.part"
        with writing_into(self._root, self._domain, ".payment") as folder_fd:
            os.close(write_new(folder_fd, part, data))
            with suppress(FileExistsError):
                os.link(part, self.path.name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
            os.unlink(part, dir_fd=folder_fd)
