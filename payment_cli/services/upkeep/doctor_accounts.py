"""The doctor's look at one gateway account: keys, certificates, mode, URLs. No network."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from payment_cli.errors import ConfigError
from payment_cli.gateways.alipay.account import AlipayAccount
from payment_cli.gateways.http import is_this_machine
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.services.upkeep.findings import Finding, error, failed, ok, warn

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

#: Days before the end of a certificate from which on the doctor warns.
EXPIRY_WARN_DAYS = 30

#: Both providers' QR codes, and WeChat Pay's prepay_id, end then whatever the order's expiry says.
CODE_LIFE_MINUTES = 120

#: WeChat Pay's longest notify URL; Alipay's is one longer.
NOTIFY_URL_MAX = 255


def examine_wechat(subject: str, account: WechatAccount, now: int) -> Iterator[Finding]:
    """Yield what there is to say of a WeChat Pay account at `now` (AMS)."""
    from payment_cli.gateways.wechat.keys import check_keys

    try:
        check_keys(account)
    except ConfigError as problem:
        yield failed(subject, problem)
        return
    yield _wechat_mode(subject, account)
    yield from _wechat_merchant(subject, account, now)
    yield from _platform_certificates(subject, account, now)
    yield from _code_life(subject, "pay_time_expire", account.pay_time_expire)
    yield from _api_url(subject, "api_base", account.api_base)


def examine_alipay(subject: str, account: AlipayAccount, now: int) -> Iterator[Finding]:
    """Yield what there is to say of an Alipay account at `now` (AMS)."""
    from payment_cli.gateways.alipay.sign import load_certificate, load_keys

    try:
        load_keys(account, thorough=True)
    except ConfigError as problem:
        yield failed(subject, problem)
        return
    if account.uses_certificates:
        yield ok(subject, "certificate mode, the keys fit")
        for key, pem in (("app_cert", account.app_cert), ("alipay_cert", account.alipay_cert)):
            yield from _expiry(subject, key, load_certificate(pem), now)
    else:
        yield ok(subject, "public-key mode, the keys fit")
    yield from _code_life(subject, "timeout_express", account.timeout_express)
    yield from _api_url(subject, "gateway_url", account.gateway_url)


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


def _code_life(subject: str, key: str, minutes: int) -> Iterator[Finding]:
    if minutes > CODE_LIFE_MINUTES:
        yield warn(
            subject,
            f"{key} is {minutes} minutes, but a code can be scanned for {CODE_LIFE_MINUTES} only",
            "who comes later needs a new payment: close the old one",
        )


def _wechat_mode(subject: str, account: WechatAccount) -> Finding:
    count = len(account.platform_certs)
    if account.public_key_id and count:
        return ok(subject, f"public key and {count} platform certificates (migrating)")
    if account.public_key_id:
        if not account.public_key_id.startswith("PUB_KEY_ID_"):
            return error(
                subject,
                "public_key_id does not begin with PUB_KEY_ID_",
                "copy it from where the merchant platform shows the WeChat Pay public key",
            )
        return ok(subject, "public-key mode")
    if count:
        return ok(subject, f"platform-certificate mode, {count} given")
    return warn(
        subject,
        "platform-certificate mode, certificates are fetched; newer merchants have none",
        "set public_key_id and public_key if the merchant platform shows them",
    )


def _wechat_merchant(subject: str, account: WechatAccount, now: int) -> Iterator[Finding]:
    """Hold key, certificate and serial number against each other, where they are there."""
    if account.scan_api == "v2" and not (account.pay_key and account.client_cert):
        yield error(
            subject, "scan_api v2 needs pay_key, client_cert and client_key to pay and to reverse"
        )
    if not account.client_cert:
        yield ok(subject, "without client_cert: serial_no can't be held against it")
        return
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificate

    try:
        certificate = load_pem_x509_certificate(account.client_cert.encode())
        owner = certificate.public_key()
        keys = {
            key: load_pem_private_key(secret.reveal().encode(), None).public_key()
            for key, secret in (
                ("private_key", account.private_key),
                ("client_key", account.client_key),
            )
        }
    except (ValueError, TypeError):
        yield error(subject, "client_cert or client_key is not PEM")
        return
    for key in (key for key, public in keys.items() if public != owner):
        yield error(subject, f"{key} is not the key of client_cert")
    if format(certificate.serial_number, "X") != account.serial_no.lstrip("0"):
        yield error(subject, "serial_no is not the serial number of client_cert")
    yield from _expiry(subject, "client_cert", certificate, now)


def _platform_certificates(subject: str, account: WechatAccount, now: int) -> Iterator[Finding]:
    from cryptography.x509 import load_pem_x509_certificate

    loaded = [load_pem_x509_certificate(pem.encode()) for pem in account.platform_certs]
    found = [
        finding
        for certificate in loaded
        for finding in _expiry(subject, "a platform certificate", certificate, now)
    ]
    # An old one beside a good one, or beside the public key, is how rotation looks.
    is_covered = account.public_key_id or len(found) < len(loaded)
    for finding in found:
        yield warn(finding.subject, finding.sentence) if is_covered else finding


def _expiry(subject: str, what: str, certificate: "Certificate", now: int) -> Iterable[Finding]:
    at = datetime.fromtimestamp(now // 1000, UTC)
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < begins:
        return [error(subject, f"{what} is not valid before {begins:%Y-%m-%d}")]
    if at > ends:
        return [error(subject, f"{what} ended on {ends:%Y-%m-%d}", "renew it")]
    if ends - at < timedelta(days=EXPIRY_WARN_DAYS):
        return [warn(subject, f"{what} ends on {ends:%Y-%m-%d}", "renew it")]
    return []


def _api_url(subject: str, key: str, url: str) -> Iterable[Finding]:
    parts = urlsplit(url)
    if is_this_machine(parts.hostname or ""):
        return [ok(subject, f"{key} is on this machine: no real money")]
    if parts.scheme != "https":
        return [error(subject, f"{key} {url} must be https")]
    return []
