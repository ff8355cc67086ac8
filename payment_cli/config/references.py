"""What a config's value stands for: `file:NAME`, `env:NAME`, or the text itself.

`file:NAME` is relative to the config's folder. Absolute names and `..` are refused, so that a
config carried to another machine says the same there. A symlink is followed: keys often live in
a secret store and are linked in, and who may link here may edit the config anyway. The file that
is reached is the one whose permissions count. A secret must be readable by its owner alone; what
is not secret must at least not be writable by others, who could swap the provider's key for theirs.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from payment_cli.errors import ConfigError
from payment_cli.model.secret import Secret

_OTHERS_READ = 0o077
_OTHERS_WRITE = 0o022

#: A key or a bundle of certificates; the root bundle of Alipay has 10 KiB.
_FILE_SIZE_MAX = 256 * 1024


@dataclass(frozen=True, slots=True)
class References:
    """Resolves the values of the config at `conf`; `mode` is that file's mode."""

    conf: Path
    mode: int
    environ: Mapping[str, str]

    def secret(self, key: str, value: str) -> Secret:
        """Return the secret that `value` of `key` stands for.

        Raises:
            ConfigError: it is missing or empty, or others can read where it is written.
        """
        if not value.startswith(("file:", "env:")) and self.mode & _OTHERS_READ:
            raise ConfigError(
                f"{self.conf}: {key} is a secret and others can read the file",
                hint=f"chmod 600 {self.conf}",
            )
        return Secret(self._resolve(key, value, _OTHERS_READ))

    def text(self, key: str, value: str) -> str:
        """Return the text that `value` of `key` stands for.

        Raises:
            ConfigError: it is missing or empty, or others can write to its file.
        """
        return self._resolve(key, value, _OTHERS_WRITE)

    def _resolve(self, key: str, value: str, forbidden: int) -> str:
        kind, _, name = value.partition(":")
        if kind == "file":
            text = self._file(key, name, forbidden)
        elif kind == "env":
            text = self._variable(key, name)
        else:
            text = value
        if not text.strip():
            raise ConfigError(f"{self.conf}: {key} is empty")
        return text.strip()

    def _variable(self, key: str, name: str) -> str:
        text = self.environ.get(name)
        if text is None:
            raise ConfigError(f"{self.conf}: {key}: environment variable {name!a} is not set")
        return text

    def _file(self, key: str, name: str, forbidden: int) -> str:
        parts = PurePosixPath(name)
        if not name or parts.is_absolute() or ".." in parts.parts or "\0" in name:
            raise ConfigError(
                f"{self.conf}: {key}: {name[:60]!a} must be a name within the config's folder",
                hint="link or copy the file there",
            )
        path = self.conf.parent / name
        try:
            return read_guarded(path, forbidden)[0].decode("utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(
                f"{path}: {key} must be a text file (PEM)", hint="convert DER or P12 with openssl"
            ) from error
        except OSError as error:
            raise ConfigError(f"{path}: {key} can't be read: {error.strerror}") from error


def read_guarded(path: Path, forbidden: int = _OTHERS_WRITE) -> tuple[bytes, int]:
    """Return bytes and mode of a regular file that has none of the `forbidden` permission bits.

    Raises:
        ConfigError: it is no regular file, too big, or too open.
        OSError: it can't be read.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        facts = os.fstat(file.fileno())
        if not stat.S_ISREG(facts.st_mode):
            raise ConfigError(f"{path} is not a regular file")
        if facts.st_mode & forbidden:
            _refuse_open(path, forbidden)
        if facts.st_size > _FILE_SIZE_MAX:
            raise ConfigError(f"{path} is bigger than {_FILE_SIZE_MAX} bytes")
        return file.read(), facts.st_mode


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a named pipe would wait for its writer


def _refuse_open(path: Path, forbidden: int) -> None:
    if forbidden == _OTHERS_READ:
        raise ConfigError(f"{path}: others can read this key", hint=f"chmod 600 {path}")
    raise ConfigError(f"{path}: others can write to it", hint=f"chmod go-w {path}")
