"""What a config's value stands for: `file:NAME`, `env:NAME`, or the text itself.

`file:NAME` is relative to the config's folder. Absolute names and `..` are refused, so that a
config carried to another machine says the same there. A symlink is followed: keys often live in
a secret store and are linked in, and who may link here may edit the config anyway. The file that
is reached is the one whose permissions count. A secret must be readable by its owner alone; what
is not secret must at least not be writable by others, who could swap the provider's key for theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from payment_cli.errors import ConfigError
from payment_cli.files.guarded import OTHERS_READ, OTHERS_WRITE, read_guarded
from payment_cli.model.secret import Secret


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
        if not value.startswith(("file:", "env:")) and self.mode & OTHERS_READ:
            raise ConfigError(
                f"{self.conf}: {key} is a secret and others can read the file",
                hint=f"chmod 600 {self.conf}",
            )
        return Secret(self._resolve(key, value, OTHERS_READ))

    def text(self, key: str, value: str) -> str:
        """Return the text that `value` of `key` stands for.

        Raises:
            ConfigError: it is missing or empty, or others can write to its file.
        """
        return self._resolve(key, value, OTHERS_WRITE)

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
