"""Gateway targets: `home/<domain>/.payment/<provider>/<target>/<provider>.conf` into accounts.

A config is authored: people edit it, this reads it anew in every process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from payment_cli.config.account_keys import read_value
from payment_cli.config.document import parse_document
from payment_cli.config.key_checks import check_keys
from payment_cli.config.references import References
from payment_cli.errors import ConfigError, CorruptRecordError, InvalidValueError
from payment_cli.files.guarded import read_secret
from payment_cli.files.safe_files import OTHERS_WRITE
from payment_cli.gateways.account_keys import AccountKeys
from payment_cli.gateways.provider import Provider
from payment_cli.model.names import check_name

_Account = TypeVar("_Account")


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One account of a merchant: the third word of `pay send`, where it is configured."""

    domain: str
    provider: str
    name: str

    def conf(self, root: Path) -> Path:
        """Return the path of its config.

        Raises:
            InvalidValueError: domain or name are not well formed.
        """
        check_name("target", self.name)
        return _provider_dir(root, self.domain, self.provider) / self.name / f"{self.provider}.conf"


def load_account(
    root: Path, provider: Provider[_Account], domain: str, name: str, environ: Mapping[str, str]
) -> _Account:
    """Read the account `name` of `domain` at `provider`; `environ` is where `env:NAME` looks.

    Raises:
        ConfigError: it is missing or wrong; the sentence names file and key.
        InvalidValueError: the names are not well formed.
    """
    known = provider.keys()
    if known is None:
        return provider.account({})
    conf = Target(domain, provider.name, name).conf(root)
    return provider.account(_load(root, conf, known, environ))


def list_targets(root: Path, provider: str, domain: str | None = None) -> list[Target]:
    """Return every target that has a config for `provider`, sorted; of one `domain` or of all.

    Folders whose names no command would accept are passed over.

    Raises:
        InvalidValueError: `domain` is not well formed.
    """
    domains = _names(root / "home") if domain is None else [domain]
    found = [
        Target(owner, provider, name)
        for owner in domains
        if domain is not None or _is_name("domain", owner)
        for name in _names(_provider_dir(root, owner, provider))
        if _is_name("target", name)
    ]
    return sorted(target for target in found if _exists(target.conf(root)))


def notify_url(public_url: str, configured: str, pay_tp: str, domain: str, name: str) -> str:
    """Return where the provider is to call back about a payment of this target.

    The base is the account's `configured` notify URL, else `public_url` + `/pay/re`; the rest tells
    the receiver whose keys to try. There is no query string: not every provider allows one.

    Raises:
        ConfigError: there is no base.
    """
    base = configured or (f"{public_url}/pay/re" if public_url else "")
    if not base:
        raise ConfigError(
            f"target {name} of {domain}: no notify URL",
            hint="set public_url in etc/payment.toml, or the notify URL in the target's config",
        )
    return f"{base}/{pay_tp}/{domain}/{name}"


def _load(
    root: Path, conf: Path, known: AccountKeys, environ: Mapping[str, str]
) -> dict[str, object]:
    raw, mode = _read(root, conf)
    document = parse_document(conf, raw)
    check_keys(conf, document, known.keys, known.required)
    for group in known.together:
        if any(key in document for key in group):
            check_keys(conf, document, known.keys, group)
    _check_either(conf, document, known.either)
    references = References(conf, mode, environ)
    return {name: _read_key(references, known, name, value) for name, value in document.items()}


def _check_either(
    conf: Path, document: Mapping[str, object], either: Sequence[tuple[str, ...]]
) -> None:
    found = [group for group in either if any(key in document for key in group)]
    if either and len(found) != 1:
        groups = " or ".join(" and ".join(group) for group in either)
        raise ConfigError(f"{conf}: give either {groups}")


def _read(root: Path, conf: Path) -> tuple[bytes, int]:
    try:
        return read_secret(root, str(conf.relative_to(root)), OTHERS_WRITE)
    except FileNotFoundError as error:
        others = ", ".join(_names(conf.parent.parent)) or "none"
        raise ConfigError(f"{conf}: no such file", hint=f"targets there: {others}") from error
    except CorruptRecordError as error:
        raise ConfigError(f"{conf} can't be read: {error}", hint=error.hint) from error
    except OSError as error:
        raise ConfigError(f"{conf} can't be read: {error.strerror}") from error


def _read_key(references: References, known: AccountKeys, name: str, value: object) -> object:
    try:
        return read_value(references, name, known.keys[name], value)
    except InvalidValueError as error:
        raise ConfigError(f"{references.conf}: {name} {error}") from error


def _provider_dir(root: Path, domain: str, provider: str) -> Path:
    return root / "home" / check_name("domain", domain) / ".payment" / provider


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ConfigError(f"{folder} can't be listed: {error.strerror}") from error


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # who names this target hears why it can't be read


def _is_name(kind: str, text: str) -> bool:
    try:
        check_name(kind, text)
    except InvalidValueError:
        return False
    return True
