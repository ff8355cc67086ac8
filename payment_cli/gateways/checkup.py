"""What every provider's checkup looks at: keys, expiries, addresses, how long codes live."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from payment_cli.errors import ConfigError
from payment_cli.gateways.http import is_this_machine
from payment_cli.gateways.key_material import KeyMaterial, serial_hex
from payment_cli.model.finding import Finding, error, failed, ok, warn

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: Days before the end of a certificate from which on it is warned of.
EXPIRY_WARN_DAYS = 30

#: Both providers' QR codes, and WeChat Pay's prepay_id, end then whatever the order's expiry says.
CODE_LIFE_MINUTES = 120

#: WeChat Pay's longest notify URL; Alipay's is one longer.
NOTIFY_URL_MAX = 255


def examine_notify_url(subject: str, url: str, api_url: str) -> Iterator[Finding]:
    """Yield what is wrong with the URL that `api_url`'s provider is to call."""
    parts = urlsplit(url)
    is_local = is_this_machine(parts.hostname or "")
    if not parts.scheme or not parts.hostname:
        yield error(subject, f"notify URL {url} is not absolute")
    elif parts.query or parts.fragment:
        yield error(subject, f"notify URL {url} has a query string, which WeChat Pay refuses")
    elif len(url) > NOTIFY_URL_MAX:
        yield error(subject, f"notify URL is longer than {NOTIFY_URL_MAX} characters")
    elif is_local and not is_this_machine(urlsplit(api_url).hostname or ""):
        yield warn(
            subject,
            f"notify URL {url} is on this machine, where the provider can't call",
            "set public_url in etc/payment.toml to where the world reaches the shim",
        )
    elif parts.scheme != "https" and not is_local:
        yield error(subject, f"notify URL {url} must be https")


def examine_code_life(subject: str, key: str, minutes: int) -> Iterator[Finding]:
    """Yield a warning if payments of so many `minutes` outlive their codes; `key` says so."""
    if minutes > CODE_LIFE_MINUTES:
        yield warn(
            subject,
            f"{key} is {minutes} minutes, but a code can be scanned for {CODE_LIFE_MINUTES} only",
            "who comes later needs a new payment: close the old one",
        )


def examine_keys(subject: str, *readings: Callable[[], object]) -> Iterator[Finding]:
    """Yield a finding for each key that can't be read: all of them, not the first."""
    for read in readings:
        try:
            read()
        except ConfigError as problem:
            yield failed(subject, problem)


def count_certificates(subject: str, key: str, *found: KeyMaterial) -> Finding:
    """Return how many certificates were read for `key`, and which."""
    serials = [serial_hex(certificate) for item in found for certificate in item.certificates]
    count = "1 certificate" if len(serials) == 1 else f"{len(serials)} certificates"
    others = sum(item.passed_over for item in found)
    rest = f"; {others} of another kind than RSA passed over" if others else ""
    return ok(subject, f"{key}: {count}, serial {', '.join(serials)}{rest}")


def examine_certificates(subject: str, key: str, found: KeyMaterial, now: int) -> Iterator[Finding]:
    """Yield what was read for `key`, and what is wrong with its time at `now` (AMS)."""
    yield count_certificates(subject, key, found)
    for certificate in found.certificates:
        yield from examine_expiry(subject, key, certificate, now)


def examine_expiry(
    subject: str, what: str, certificate: "Certificate", now: int
) -> Iterable[Finding]:
    """Return what is wrong with the time of a certificate at `now` (AMS)."""
    at = datetime.fromtimestamp(now // 1000, UTC)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < begins:
        return [error(subject, f"{what} is not valid before {begins:%Y-%m-%d}")]
    if at > ends:
        return [error(subject, f"{what} ended on {ends:%Y-%m-%d}", "renew it")]
    if ends - at < timedelta(days=EXPIRY_WARN_DAYS):
        return [warn(subject, f"{what} ends on {ends:%Y-%m-%d}", "renew it")]
    return []


def examine_api_url(subject: str, key: str, url: str) -> Iterable[Finding]:
    """Return what there is to say of where the provider is spoken to; `key` says where."""
    parts = urlsplit(url)
    if is_this_machine(parts.hostname or ""):
        return [ok(subject, f"{key} is on this machine: no real money")]
    if parts.scheme != "https":
        place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # a login is a secret
        return [error(subject, f"{key} {place} must be https")]
    return []
