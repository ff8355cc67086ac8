"""The keys that seal web sessions: `home/<domain>/.payment/web.key`, for its owner's eyes alone.

One key a store, 256 bits in hex. A new key voids every session of that store and of no other. The
file is read for each session that is opened, so a new key rules at once, in every process.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from payment_cli.errors import ConfigError, NotFoundError
from payment_cli.files.key_file import KeyFile
from payment_cli.model.secret import Secret

_KEY = re.compile(rb"[0-9a-f]{64}")


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
        return self._file(domain).path

    def load(self, domain: str) -> Secret:
        """Return the key of a store.

        Raises:
            NotFoundError: it has none.
            ConfigError: others can read the file, or it holds no key.
        """
        file = self._file(domain)
        found = _KEY.fullmatch(file.read("payment web token"))
        if found is None:
            hint = "payment web rotate writes it anew"
            raise ConfigError(f"{file.path} is not a key file", hint=hint)
        return Secret(found[0].decode())

    def load_or_make(self, domain: str) -> Secret:
        """Return the key of a store, made if it has none; of several makers one wins.

        Raises:
            ConfigError: as `load`. StorageError: the disk refused.
        """
        try:
            return self.load(domain)
        except NotFoundError:
            self._file(domain).make(self._new())
            return self.load(domain)

    def replace(self, domain: str) -> None:
        """Give a store a new key.

        Raises:
            StorageError: the disk refused; the old key rules on.
        """
        self._file(domain).replace(self._new())

    def _file(self, domain: str) -> KeyFile:
        return KeyFile(self.root, domain, "web")

    def _new(self) -> bytes:
        return f"{self.new_token()}{self.new_token()}\n".encode()
