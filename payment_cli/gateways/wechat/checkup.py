"""The checkup of a WeChat Pay account: keys, certificates, mode, addresses. No network."""

from collections.abc import Callable, Iterator

from payment_cli.gateways.checkup import (
    count_certificates,
    examine_api_url,
    examine_certificates,
    examine_code_life,
    examine_expiry,
    examine_keys,
)
from payment_cli.gateways.key_material import KeyMaterial, rsa_key, serial_hex
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.model.finding import Finding, error, ok, warn


def examine(subject: str, account: WechatAccount, now: int) -> Iterator[Finding]:
    """Yield what there is to say of a WeChat Pay account at `now` (AMS)."""
    unreadable = list(examine_keys(subject, *_readings(account)))
    if unreadable:
        yield from unreadable
        return
    yield _mode(subject, account)
    own = account.private_key.private_key.public_key()
    if account.public_key and account.public_key.public_key == own:
        yield error(
            subject,
            f"{account.public_key.place} is the merchant's own public key",
            "download WeChat Pay's from the merchant platform",
        )
    yield from _merchant(subject, account, now)
    yield from _platform_certificates(subject, account, now)
    yield from examine_code_life(subject, "pay_time_expire", account.pay_time_expire)
    yield from examine_api_url(subject, "api_base", account.api_base)


def _readings(account: WechatAccount) -> Iterator[Callable[[], object]]:
    yield account.private_key.prove_private_key
    if account.public_key:
        yield lambda: account.public_key.public_key
    for found in account.platform_certs:
        yield found.certificates_pem
    if account.client_cert:
        yield account.client_cert.certificates_pem
        yield account.client_key.prove_private_key


def _mode(subject: str, account: WechatAccount) -> Finding:
    if account.public_key_id and account.platform_certs:
        return ok(subject, "public key and platform certificates (migrating)")
    if account.public_key_id:
        if not account.public_key_id.startswith("PUB_KEY_ID_"):
            return error(
                subject,
                "public_key_id does not begin with PUB_KEY_ID_",
                "copy it from where the merchant platform shows the WeChat Pay public key",
            )
        return ok(subject, "public-key mode")
    if account.platform_certs:
        return ok(subject, "platform-certificate mode")
    return warn(
        subject,
        "platform-certificate mode, certificates are fetched; newer merchants have none",
        "set public_key_id and public_key if the merchant platform shows them",
    )


def _merchant(subject: str, account: WechatAccount, now: int) -> Iterator[Finding]:
    """Hold key, certificate and serial number against each other, where they are there."""
    if account.scan_api == "v2" and not (account.pay_key and account.client_cert):
        yield error(
            subject, "scan_api v2 needs pay_key, client_cert and client_key to pay and to reverse"
        )
    if not account.client_cert:
        yield ok(subject, "without client_cert: serial_no can't be held against it")
        return
    certificate = account.client_cert.certificates[0]
    owner = rsa_key(certificate)
    keys: dict[str, KeyMaterial] = {
        "private_key": account.private_key, "client_key": account.client_key
    }  # fmt: skip
    for key, material in keys.items():
        if material.private_key.public_key() != owner:
            yield error(subject, f"{key} is not the key of client_cert")
    if serial_hex(certificate) != account.serial_no.lstrip("0"):
        yield error(subject, "serial_no is not the serial number of client_cert")
    yield from examine_certificates(subject, "client_cert", account.client_cert, now)


def _platform_certificates(subject: str, account: WechatAccount, now: int) -> Iterator[Finding]:
    if not account.platform_certs:
        return
    yield count_certificates(subject, "platform_certs", *account.platform_certs)
    loaded = [one for found in account.platform_certs for one in found.certificates]
    found = [
        finding
        for certificate in loaded
        for finding in examine_expiry(subject, "a platform certificate", certificate, now)
    ]
    # An old one beside a good one, or beside the public key, is how rotation looks.
    is_covered = account.public_key_id or len(found) < len(loaded)
    for finding in found:
        yield warn(finding.subject, finding.sentence) if is_covered else finding
