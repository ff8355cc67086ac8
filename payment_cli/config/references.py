"""What a config's value stands for: `file:NAME`, `env:NAME`, or the text itself.

`file:NAME` is relative to the config's folder. Absolute names and `..` are refused, so that a
config carried to another machine says the same there. A symlink is followed: keys often live in
a secret store and are linked in, and who may link here may edit the config anyway. The file that
is reached is the one whose permissions count. A secret must be readable by its owner alone; what
is not secret must at least not be writable by others, who could swap the provider's key for theirs.
"""

from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from payment_cli.errors import ConfigError
from payment_cli.files.guarded import OTHERS_READ, read_beside
from payment_cli.files.safe_files import OTHERS_WRITE
from payment_cli.gateways.key_material import KeyMaterial
from payment_cli.model.secret import Secret

#: A key has more characters, and in none of its forms a dot, a hyphen or an underscore.
_KEY_MIN = 24
#: No longer name is shown.
_NAME_MAX = 80


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
        return Secret(self._text(key, self._secret_bytes(key, value)))

    def text(self, key: str, value: str) -> str:
        """Return the text that `value` of `key` stands for.

        Raises:
            ConfigError: it is missing or empty, or others can write to its file.
        """
        return self._text(key, self._resolve(key, value, OTHERS_WRITE))

    def private_key(self, key: str, value: str) -> KeyMaterial:
        """Return the private key that `value` of `key` stands for, to be read when it is used.

        Raises:
            ConfigError: as `secret`.
        """
        return KeyMaterial(self._secret_bytes(key, value), self._place(key, value))

    def public_key(self, key: str, value: str) -> KeyMaterial:
        """Return the public key or certificates that `value` of `key` stands for, likewise.

        Raises:
            ConfigError: as `text`.
        """
        return KeyMaterial(self._resolve(key, value, OTHERS_WRITE), self._place(key, value))

    def _secret_bytes(self, key: str, value: str) -> bytes:
        if not _is_reference(value) and self.mode & OTHERS_READ:
            raise ConfigError(
                f"{self.conf}: {key} is a secret and others can read the file",
                hint=f"chmod 600 {self.conf}",
            )
        return self._resolve(key, value, OTHERS_READ)

    def _resolve(self, key: str, value: str, forbidden: int) -> bytes:
        kind, _, name = value.partition(":")
        if kind == "file":
            raw = self._file(key, name, forbidden)
        elif kind == "env":
            raw = self._variable(key, name).encode(errors="surrogateescape")
        else:
            raw = value.encode(errors="replace")
        if not raw.removeprefix(BOM_UTF8).strip():
            raise ConfigError(f"{self.conf}: {key} is empty")
        return raw

    def _place(self, key: str, value: str) -> str:
        if not _is_reference(value):
            return f"{self.conf}: {key}"
        kind, _, name = value.partition(":")
        return f"{self.conf}: {key} ({kind}:{name if _is_name(name) else _shown(name)})"

    def _text(self, key: str, raw: bytes) -> str:
        """Decode without what editors leave around: a byte order mark, spaces, line ends."""
        try:
            return raw.decode("utf-8-sig").strip()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.conf}: {key} must be a text in UTF-8") from error

    def _variable(self, key: str, name: str) -> str:
        text = self.environ.get(name)
        if text is None:
            raise ConfigError(f"{self.conf}: {key}: environment variable {_shown(name)} is not set")
        return text

    def _file(self, key: str, name: str, forbidden: int) -> bytes:
        parts = PurePosixPath(name)
        if not name or parts.is_absolute() or ".." in parts.parts or "\0" in name:
            raise ConfigError(
                f"{self.conf}: {key}: {_shown(name)} must be a name within the config's folder",
                hint="link or copy the file there",
            )
        path = self.conf.parent / name
        try:
            return read_beside(self.conf.parent, name, forbidden)
        except OSError as error:
            where = path if _is_name(name) else self.conf
            # Its cause quotes the name, and --debug prints causes.
            raise ConfigError(f"{where}: {key} can't be read: {error.strerror}") from None


def _is_name(name: str) -> bool:
    """Whether it may be shown: it doesn't look like a key that was written where a name goes."""
    return len(name) <= _NAME_MAX and all(
        len(part) < _KEY_MIN or not {*"._-"}.isdisjoint(part) for part in name.split("/")
    )


def _shown(name: str) -> str:
    return ascii(name) if _is_name(name) else f"that name of {len(name)} characters"


def _is_reference(value: str) -> bool:
    return value.startswith(("file:", "env:"))
