"""The keys that seal web sessions: `home/<domain>/.payment/web.key`, for its owner's eyes alone.

One key a store, 256 bits in hex. A new key voids every session of that store and of no other. The
file is read for each session that is opened, so a new key rules at once, in every process.
"""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from payment_cli.config.references import read_guarded
from payment_cli.errors import ConfigError, NotFoundError, StorageError
from payment_cli.files.authored import home, make_private_dir, write_private_file
from payment_cli.files.safe_files import write_new
from payment_cli.model.secret import Secret

#: Where the file is, relative to the home of its domain.
KEY_PLACE = Path(".payment") / "web.key"

_NOT_PRIVATE = 0o077
_KEY = re.compile(rb"([0-9a-f]{64})\n?")


@dataclass(frozen=True, slots=True)
class TreeWebKeys:
    """The key files of one tree. `new_token` returns 128 random bits as 32 hex digits."""

    root: Path
    new_token: Callable[[], str]

    def place(self, domain: str) -> Path:
        """Return where the key file of a store is.

        Raises:
            InvalidValueError: the domain is not well formed.
        """
        return home(self.root, domain) / KEY_PLACE

    def load(self, domain: str) -> Secret:
        """Return the key of a store.

        Raises:
            NotFoundError: it has none.
            ConfigError: others can read the file, or it holds no key.
        """
        path = self.place(domain)
        try:
            data, _mode = read_guarded(path, _NOT_PRIVATE)
        except (FileNotFoundError, NotADirectoryError):
            raise NotFoundError("web key of", domain, hint="payment web token") from None
        except OSError as error:
            raise ConfigError(f"{path} can't be read: {error.strerror}") from error
        found = _KEY.fullmatch(data)
        if found is None:
            raise ConfigError(f"{path} is not a key file", hint="payment web rotate writes it anew")
        return Secret(found[1].decode())

    def load_or_make(self, domain: str) -> Secret:
        """Return the key of a store, made if it has none; of several makers one wins.

        Raises:
            ConfigError: as `load`. StorageError: the disk refused.
        """
        try:
            return self.load(domain)
        except NotFoundError:
            self._make(self.place(domain))
            return self.load(domain)

    def replace(self, domain: str) -> None:
        """Give a store a new key.

        Raises:
            StorageError: the disk refused; the old key rules on.
        """
        write_private_file(self.place(domain), self._new())

    def _make(self, path: Path) -> None:
        """Put a whole key in place, unless there is one by then."""
        make_private_dir(path.parent)
        part = f".{path.name}.{self.new_token()}.part"
        try:
            folder_fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.close(write_new(folder_fd, part, self._new()))
                with suppress(FileExistsError):
                    os.link(part, path.name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
                os.unlink(part, dir_fd=folder_fd)
            finally:
                os.close(folder_fd)
        except OSError as error:
            raise StorageError(f"writing {path}: {error.strerror}") from error

    def _new(self) -> bytes:
        return f"{self.new_token()}{self.new_token()}\n".encode()
