"""WeChat Pay's own keys: which serial stands for which public key, and fetching new certificates.

New merchants have one public key that never expires. Older ones have platform certificates, which
are replaced every few years: a message signed by an unknown certificate makes us ask for the list.
Having got it we don't ask again for FETCH_PAUSE_MS, whoever may have made the serial up; after a
failure, seconds later, then twice as late each time. An account under migration meets both kinds.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from payment_cli.clock import Clock
from payment_cli.errors import ConfigError, InvalidValueError
from payment_cli.gateways.key_material import KeyMaterial, rsa_key, serial_hex
from payment_cli.gateways.provider import Cache
from payment_cli.gateways.wechat.account import API_V3_KEY_CHARS, WechatAccount
from payment_cli.model.codec import decode_foreign_object, encode
from payment_cli.model.record import Json, Record

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

#: Milliseconds from a list of platform certificates that was got to the next request for it.
FETCH_PAUSE_MS = 10 * 60 * 1000
#: Milliseconds from a request that failed to the next one, and the most that grows to.
FETCH_RETRY_MS = 2_000
FETCH_RETRY_MAX_MS = 60_000


class PlatformKeys:
    """The keys of one account's messages. `fetch` returns the platform's certificates (PEM)."""

    def __init__(
        self,
        account: WechatAccount,
        cache: Cache,
        clock: Clock,
        fetch: Callable[[], list[str]],
    ) -> None:
        """Know the keys of `account` and `cache`; ask `fetch` for others; [] is a failure."""
        self._account = account
        self._cache = cache
        self._clock = clock
        self._fetch = fetch
        self._asked_at = 0
        self._failures = 0

    def find(self, serial: str) -> "RSAPublicKey | None":
        """Return the key with this serial; None if neither we nor the platform know one.

        Raises:
            ConfigError: the key or a certificate in the account is not one.
        """
        return self.known(serial) or (self._new(serial) if _is_hex(serial) else None)

    def known(self, serial: str) -> "RSAPublicKey | None":
        """Return the key with this serial if we have it; nobody is asked.

        Raises:
            ConfigError: as `find`.
        """
        if serial and serial == self._account.public_key_id:
            return self._account.public_key.public_key
        if not _is_hex(serial):
            return None
        key = find_certificate(self._account.platform_certs, serial, self._clock())
        return key or self._cached(serial)

    def _cached(self, serial: str) -> "RSAPublicKey | None":
        try:
            return find_certificate(_certificates(self._saved()), serial, self._clock())
        except ConfigError:  # not the config's fault: what was saved is damaged
            return None

    def _new(self, serial: str) -> "RSAPublicKey | None":
        """Ask for the list, unless it was asked for a moment ago, here or in another process.

        It counts as failed until it is there, so that a process that dies holds nobody up.
        """
        now = self._clock()
        saved = self._saved()
        asked_at, failures = _number(saved, "asked_at"), _number(saved, "failures")
        for at, failed in ((self._asked_at, self._failures), (asked_at, failures)):
            if 0 <= now - at < _pause(failed):
                return None
        self._asked_at = now
        self._failures = max(self._failures, failures) + 1
        self._cache.save(encode({**saved, "asked_at": now, "failures": self._failures}))
        pems = self._fetch()
        if pems:
            self._failures = 0
            self._cache.save(encode({"asked_at": now, "certificates": tuple(pems)}))
        return find_certificate(fetched(pems), serial, now)

    def _saved(self) -> Record:
        try:
            return decode_foreign_object(self._cache.load(), "the saved certificates")
        except InvalidValueError:
            return {}


def check_keys(account: WechatAccount) -> None:
    """See that every key of the account can be used, before anything is sent with it.

    Raises:
        ConfigError: one can't; the sentence names config and key.
    """
    _ = account.private_key.private_key
    if len(account.api_v3_key.reveal().encode()) != API_V3_KEY_CHARS:
        raise ConfigError(f"wxpay.conf: api_v3_key must have {API_V3_KEY_CHARS} characters")
    if account.public_key_id:
        _ = account.public_key.public_key
    for found in account.platform_certs:
        _ = found.certificates


def find_certificate(found: Iterable[KeyMaterial], serial: str, now: int) -> "RSAPublicKey | None":
    """Return the key of the certificate with this serial (hex) that is valid at `now` (AMS).

    Raises:
        ConfigError: one of `found` is not a certificate.
    """
    at = datetime.fromtimestamp(now // 1000, UTC)
    for certificate in (one for item in found for one in item.certificates):
        if serial_hex(certificate) != serial.upper().lstrip("0"):
            continue
        if certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            return rsa_key(certificate)
    return None


def fetched(pems: Iterable[str]) -> list[KeyMaterial]:
    """Return certificates that came over the wire, to be read."""
    return [KeyMaterial(pem.encode(), "a platform certificate") for pem in pems]


def _pause(failures: int) -> int:
    if not failures:
        return FETCH_PAUSE_MS
    return min(FETCH_RETRY_MS << min(failures - 1, 16), FETCH_RETRY_MAX_MS)


def _is_hex(serial: str) -> bool:
    return 0 < len(serial) <= 64 and all(digit in "0123456789abcdefABCDEF" for digit in serial)


def _number(saved: Record, name: str) -> int:
    found: Json = saved.get(name)
    return found if isinstance(found, int) and found >= 0 else 0


def _certificates(saved: Record) -> list[KeyMaterial]:
    found: Json = saved.get("certificates")
    return fetched(pem for pem in found if isinstance(pem, str)) if isinstance(found, list) else []
