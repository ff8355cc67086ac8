"""The checkup of an Alipay account: keys, certificates, mode, addresses. No network."""

from collections.abc import Callable, Iterator

from payment_cli.gateways.alipay.account import AlipayAccount
from payment_cli.gateways.alipay.sign import load_keys
from payment_cli.gateways.checkup import (
    count_certificates,
    examine_api_url,
    examine_certificates,
    examine_code_life,
    examine_keys,
)
from payment_cli.model.finding import Finding, ok


def examine(subject: str, account: AlipayAccount, now: int) -> Iterator[Finding]:
    """Yield what there is to say of an Alipay account at `now` (AMS)."""
    unreadable = list(examine_keys(subject, *_readings(account)))
    # Where each can be read, they must fit together, too.
    unreadable = unreadable or list(examine_keys(subject, lambda: load_keys(account)))
    if unreadable:
        yield from unreadable
        return
    if account.uses_certificates:
        yield ok(subject, "certificate mode, the keys fit")
        yield from examine_certificates(subject, "app_cert", account.app_cert, now)
        yield from examine_certificates(subject, "alipay_cert", account.alipay_cert, now)
        # An expired root counts for the number all the same: Alipay wants its whole bundle.
        yield count_certificates(subject, "alipay_root_cert", account.alipay_root_cert)
    else:
        yield ok(subject, "public-key mode, the keys fit")
    yield from examine_code_life(subject, "timeout_express", account.timeout_express)
    yield from examine_api_url(subject, "gateway_url", account.gateway_url)


def _readings(account: AlipayAccount) -> Iterator[Callable[[], object]]:
    yield account.private_key.prove_private_key
    if account.uses_certificates:
        for found in (account.app_cert, account.alipay_cert, account.alipay_root_cert):
            yield found.certificates_pem
    else:
        yield lambda: account.alipay_public_key.public_key
