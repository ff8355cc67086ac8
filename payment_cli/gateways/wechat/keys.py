"""WeChat Pay's own keys: which serial stands for which public key, and fetching new certificates.

New merchants have one public key that never expires. Older ones have platform certificates, which
are replaced every few years: a message signed by an unknown certificate makes us ask for the list,
at most once in FETCH_PAUSE_MS whoever may have made the serial up. An account under migration
meets both kinds.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from payment_cli.clock import Clock
from payment_cli.errors import ConfigError, InvalidValueError
from payment_cli.gateways.provider import Cache
from payment_cli.gateways.wechat.account import API_V3_KEY_CHARS, WechatAccount
from payment_cli.gateways.wechat.signature import load_private_key
from payment_cli.model.codec import decode_foreign_object, encode
from payment_cli.model.record import Json, Record

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import Certificate

#: Milliseconds between two requests for the list of platform certificates.
FETCH_PAUSE_MS = 10 * 60 * 1000


class PlatformKeys:
    """The keys of one account's messages. `fetch` returns the platform's certificates (PEM)."""

    def __init__(
        self,
        account: WechatAccount,
        cache: Cache,
        clock: Clock,
        fetch: Callable[[], list[str]],
    ) -> None:
        """Know the keys of `account` and `cache`; ask `fetch` for others."""
        self._account = account
        self._cache = cache
        self._clock = clock
        self._fetch = fetch
        self._fetched_at = 0

    def find(self, serial: str) -> "RSAPublicKey | None":
        """Return the key with this serial; None if neither we nor the platform know one.

        Raises:
            ConfigError: the key or a certificate in the account is not one.
        """
        if not serial:
            return None
        if serial == self._account.public_key_id:
            return public_key(self._account.public_key)
        key = find_certificate(self._account.platform_certs, serial, self._clock())
        if key is not None or not _is_hex(serial):
            return key
        return self._cached(serial) or self._new(serial)

    def _cached(self, serial: str) -> "RSAPublicKey | None":
        try:
            return find_certificate(_certificates(self._saved()), serial, self._clock())
        except ConfigError:  # not the config's fault: what was saved is damaged
            return None

    def _new(self, serial: str) -> "RSAPublicKey | None":
        """Ask for the list, unless somebody asked a moment ago (forged serials cost nothing)."""
        now = self._clock()
        saved = self._saved()
        asked_at = saved.get("asked_at")
        for at in (self._fetched_at, asked_at if isinstance(asked_at, int) else 0):
            if 0 <= now - at < FETCH_PAUSE_MS:
                return None
        self._fetched_at = now
        self._cache.save(encode({**saved, "asked_at": now}))
        certificates = self._fetch()
        if certificates:
            self._cache.save(encode({"asked_at": now, "certificates": tuple(certificates)}))
        return find_certificate(certificates, serial, now)

    def _saved(self) -> Record:
        try:
            return decode_foreign_object(self._cache.load(), "the saved certificates")
        except InvalidValueError:
            return {}


def check_keys(account: WechatAccount) -> None:
    """See that every key of the account can be used, before anything is sent with it.

    Raises:
        ConfigError: one can't; the sentence names its key in wxpay.conf.
    """
    load_private_key(account.private_key)
    if len(account.api_v3_key.reveal().encode()) != API_V3_KEY_CHARS:
        raise ConfigError(f"wxpay.conf: api_v3_key must have {API_V3_KEY_CHARS} characters")
    if account.public_key_id:
        public_key(account.public_key)
    for pem in account.platform_certs:
        _certificate(pem)


def find_certificate(pems: Iterable[str], serial: str, now: int) -> "RSAPublicKey | None":
    """Return the key of the certificate with this serial (hex) that is valid at `now` (AMS).

    Raises:
        ConfigError: one of `pems` is not a certificate.
    """
    from cryptography.hazmat.primitives.asymmetric import rsa

    at = datetime.fromtimestamp(now // 1000, UTC)
    for certificate in map(_certificate, pems):
        if format(certificate.serial_number, "X") != serial.upper().lstrip("0"):
            continue
        key = certificate.public_key()
        is_valid = certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
        if is_valid and isinstance(key, rsa.RSAPublicKey):
            return key
    return None


def public_key(pem: str) -> "RSAPublicKey":
    """Return the WeChat Pay public key.

    Raises:
        ConfigError: it is not an RSA public key in PEM form.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        key = serialization.load_pem_public_key(pem.encode())
    except ValueError:
        raise ConfigError("wxpay.conf: public_key is not a PEM public key") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise ConfigError("wxpay.conf: public_key is not an RSA key")
    return key


def _certificate(pem: str) -> "Certificate":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise ConfigError(
            "wxpay.conf: platform_certs holds what is not a PEM certificate"
        ) from None


def _is_hex(serial: str) -> bool:
    return len(serial) <= 64 and all(digit in "0123456789abcdefABCDEF" for digit in serial)


def _certificates(saved: Record) -> list[str]:
    found: Json = saved.get("certificates")
    return [pem for pem in found if isinstance(pem, str)] if isinstance(found, list) else []
